package press

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/pdfcpu/pdfcpu/pkg/api"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"

	"github.com/docuflow/docuflow/domain"
)

const printedName = "printed.pdf"

// printed is a PDF that was made of a document without pages.
type printed struct {
	File string `json:"file,omitempty"`
	Note string `json:"note,omitempty"` // how it was made, for people; empty when it is the original
	From string `json:"from,omitempty"` // media type of the original
}

// needsPrinting says that a document has no pages of its own. Web pages are
// documents only when unpack has made them of a mail's text.
func needsPrinting(head []byte) bool {
	return Sniff(head) == typeXML || bytes.HasPrefix(head, []byte(pageHead))
}

// withPages returns a file with pages: the original, or what is printed of the
// text of a mail or of an e-invoice into dir.
func (p *Press) withPages(ctx context.Context, workspace domain.WorkspaceID, original, dir string) (printed, error) {
	head, err := readHead(original)
	if err != nil || !needsPrinting(head) {
		return printed{File: original}, err
	}
	if Sniff(head) == typeHTML {
		made, err := p.browse(ctx, original, dir)
		if err == nil || ctx.Err() != nil {
			return made, err
		}
		p.config.Log.Warn("print a mail's text in the browser", "error", err)
	}
	answer, err := p.run(ctx, workspace, job{Task: taskPrint}, original, dir)
	return answer.Printed, err
}

// print makes a PDF of the words of the input: those of an HTML page, or the
// values of an e-invoice with the e-invoice itself as an attachment.
func (h *hand) print(ctx context.Context, browser string) (printed, error) {
	if browser != "" {
		return h.browse(ctx, browser)
	}
	content, err := os.ReadFile(inputName)
	if err != nil {
		return printed{}, err
	}
	switch mediaType := Sniff(content); {
	case mediaType == typeHTML:
		lines, err := htmlLines(content)
		if err != nil {
			return printed{}, damagedText(err)
		}
		return printed{printedName, "the words of the mail alone, its look needs Chromium", typeHTML}, printLines(lines)
	case isInvoiceXML(content):
		lines, err := xmlLines(content)
		if err != nil {
			return printed{}, damagedText(err)
		}
		if err := printLines(lines); err != nil {
			return printed{}, err
		}
		return printed{printedName, "a page with the e-invoice's content, the e-invoice attached", typeXML}, attach("invoice.xml", content)
	default:
		return printed{}, unusable(mediaType)
	}
}

// line is one line of a printed text.
type line struct {
	indent int
	text   string
}

const maxLines = 20_000

// printLines writes lines into printedName. The same lines give the same bytes.
func printLines(lines []line) error {
	const size, step, margin = 9.5, 4, 18 // points, and millimetres
	pdf := fpdf.New("P", "mm", "A4", "")
	epoch := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	pdf.SetCreationDate(epoch)
	pdf.SetModificationDate(epoch)
	pdf.SetCatalogSort(true)
	pdf.AddUTF8FontFromBytes("go", "", goregular.TTF)
	pdf.SetMargins(margin, margin, margin)
	pdf.SetAutoPageBreak(true, margin)
	pdf.SetFont("go", "", size)
	pdf.AddPage()
	for _, line := range lines[:min(len(lines), maxLines)] {
		pdf.SetLeftMargin(margin + float64(min(line.indent, 12))*step)
		pdf.SetX(margin + float64(min(line.indent, 12))*step)
		pdf.MultiCell(0, size*0.48, printable(line.text), "", "L", false)
	}
	return pdf.OutputFileAndClose(printedName)
}

// attach puts a file into the printed PDF.
func attach(name string, content []byte) error {
	if err := os.WriteFile(name, content, 0o600); err != nil {
		return err
	}
	return withoutPanic(func() error {
		api.DisableConfigDir()
		return api.AddAttachmentsFile(printedName, printedName, []string{name}, false, nil)
	})
}

// printable leaves out what the font's tables cannot hold: characters beyond the basic plane.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r > 0xffff {
			return '\uFFFD'
		}
		return r
	}, shown(text, 2000))
}

// xmlLines shows every value of an XML document under the names of its elements.
func xmlLines(content []byte) ([]line, error) {
	decoder := xml.NewDecoder(bytes.NewReader(utf8Text(content)))
	decoder.CharsetReader = charset.NewReaderLabel
	lines := []line{{0, "E-invoice. This page shows what it says; what counts is the XML, which is attached to this PDF."}, {0, ""}}
	depth, open := 0, ""
	for len(lines) < maxLines {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if open != "" {
				lines = append(lines, line{depth - 1, open})
			}
			open = spaced(token.Name.Local)
			depth++
		case xml.CharData:
			if text := strings.TrimSpace(string(token)); text != "" && len(text) <= 2000 { // longer: a file within the invoice
				lines = append(lines, line{depth - 1, strings.TrimPrefix(open+": "+text, ": ")})
				open = ""
			}
		case xml.EndElement:
			depth--
			open = ""
		}
	}
	return lines, nil
}

// spaced writes an element's name in words: InvoiceTypeCode is "Invoice Type Code".
func spaced(name string) string {
	var out strings.Builder
	var before rune
	for _, r := range name {
		if before >= 'a' && before <= 'z' && r >= 'A' && r <= 'Z' {
			out.WriteByte(' ')
		}
		out.WriteRune(r)
		before = r
	}
	return out.String()
}

// htmlLines are the words of a page, a line for each block.
func htmlLines(content []byte) ([]line, error) {
	root, err := html.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	writeText(root, &text)
	var lines []line
	for row := range strings.Lines(text.String()) {
		if words := strings.Join(strings.Fields(row), " "); words != "" {
			lines = append(lines, line{0, words})
		}
	}
	return lines, nil
}

func writeText(node *html.Node, text *strings.Builder) {
	switch {
	case node.Type == html.TextNode:
		text.WriteString(strings.Join(strings.FieldsFunc(node.Data, func(r rune) bool { return r == '\n' || r == '\r' }), " "))
		return
	case node.DataAtom == atom.Style, node.DataAtom == atom.Script, node.DataAtom == atom.Head:
		return
	}
	for child := range node.ChildNodes() {
		writeText(child, text)
	}
	switch node.DataAtom {
	case atom.P, atom.Div, atom.Tr, atom.Br, atom.Li, atom.H1, atom.H2, atom.H3, atom.H4, atom.Table, atom.Pre, atom.Blockquote:
		text.WriteString("\n")
	case atom.Td, atom.Th:
		text.WriteString("  ")
	}
}

// browse prints an HTML page with the browser.
func (p *Press) browse(ctx context.Context, original, dir string) (printed, error) {
	if p.browser == nil {
		return printed{}, errors.New("chromium is not installed")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.workers.quit, func() { cancel(closing()) })()
	select {
	case p.browser.slot <- struct{}{}:
		defer func() { <-p.browser.slot }()
	case <-ctx.Done():
		return printed{}, context.Cause(ctx)
	}
	worker, err := p.startBrowsing()
	if err != nil {
		return printed{}, err
	}
	answer, err := p.runIn(ctx, worker, job{Task: taskPrint, Browser: p.browser.path}, original, dir)
	return answer.Printed, errors.Join(err, worker.end())
}

// startBrowsing starts a child that may run the browser: with more memory, and
// without a bound on addresses, of which the browser reserves tens of gigabytes.
// It sees one page and is ended.
func (p *Press) startBrowsing() (*child, error) {
	dir, err := p.browser.area.newDir()
	if err != nil {
		return nil, err
	}
	limits := p.config.Limits
	limits.AddressSpace = 0
	limits.Data = max(limits.Data, browserData)
	first := setup{Limits: limits, User: p.sandbox.user, Seccomp: p.sandbox.seccomp, Browser: true}
	started, err := p.launcher.do(func() (*child, error) { return startChild(p.config.Executable, p.tools, dir, p.sandbox, first) })
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return started, nil
}

func damagedText(cause error) error {
	return domain.Permanent(domain.KindDamaged, "This text is damaged and could not be printed. Ask its sender for a PDF.", cause)
}
