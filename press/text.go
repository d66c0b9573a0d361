package press

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"unicode"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/responses"

	"github.com/docuflow/docuflow/page"
)

// Bounds on what is read of one document: an invoice is shorter, and a
// hostile file must not fill the memory.
const (
	maxTextPages = 60
	maxPageWords = 20000
)

// readText returns the text layer of a PDF as words with places, upright as
// a reader shows the pages. A page without text has no words; that is no error.
func readText(ctx context.Context, instance pdfium.Pdfium, file string) (page.Document, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return page.Document{}, err
	}
	opened, err := instance.OpenDocument(&requests.OpenDocument{File: &content})
	if err != nil {
		return page.Document{}, fmt.Errorf("open %s: %w", file, err)
	}
	defer instance.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: opened.Document}) //nolint:errcheck // the process ends with its one job
	count, err := instance.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: opened.Document})
	if err != nil {
		return page.Document{}, fmt.Errorf("count the pages of %s: %w", file, err)
	}
	document := page.Document{Source: page.SourceText}
	for index := range min(count.PageCount, maxTextPages) {
		if err := ctx.Err(); err != nil {
			return page.Document{}, err
		}
		read, err := readTextPage(instance, opened.Document, index)
		if err != nil {
			read = page.Page{Number: index + 1} // the other pages are worth reading
		}
		document.Pages = append(document.Pages, read)
	}
	return document, nil
}

func readTextPage(instance pdfium.Pdfium, document references.FPDF_DOCUMENT, index int) (page.Page, error) {
	which := requests.Page{ByIndex: &requests.PageByIndex{Document: document, Index: index}}
	size, err := instance.GetPageSize(&requests.GetPageSize{Page: which})
	if err != nil {
		return page.Page{}, fmt.Errorf("size: %w", err)
	}
	place, err := placeOn(instance, which)
	if err != nil {
		return page.Page{}, err
	}
	text, err := instance.GetPageTextStructured(&requests.GetPageTextStructured{Page: which, Mode: requests.GetPageTextStructuredModeChars})
	if err != nil {
		return page.Page{}, fmt.Errorf("text: %w", err)
	}
	read := page.Page{Number: index + 1, Width: size.Width, Height: size.Height}
	letters := make([]letter, 0, len(text.Chars))
	for _, char := range text.Chars {
		letters = append(letters, letterOf(char, place))
	}
	if quarters := quartersTurned(text.Chars, place); quarters != 0 {
		turnLetters(letters, quarters)
		if quarters%2 == 1 {
			read.Width, read.Height = read.Height, read.Width
		}
	}
	read.Words = wordsOf(letters, read.Height/max(read.Width, 1))
	return read, nil
}

// placement maps a PDF's own coordinates to shares of the page as it is
// shown: x' = a*x + b*y + c and y' = d*x + e*y + f.
type placement struct{ a, b, c, d, e, f float64 }

// placeOn asks pdfium where three points of a page are shown. That covers
// the page's rotation and its crop box alike.
func placeOn(instance pdfium.Pdfium, which requests.Page) (placement, error) {
	const device = 1 << 20 // pixels of an imagined square display
	const reach = 1000.0   // points
	shown := func(x, y float64) (float64, float64, error) {
		point, err := instance.FPDF_PageToDevice(&requests.FPDF_PageToDevice{Page: which, SizeX: device, SizeY: device, PageX: x, PageY: y})
		if err != nil {
			return 0, 0, fmt.Errorf("coordinates: %w", err)
		}
		return float64(point.DeviceX) / device, float64(point.DeviceY) / device, nil
	}
	cx, cy, err := shown(0, 0)
	if err != nil {
		return placement{}, err
	}
	ax, ay, err := shown(reach, 0)
	if err != nil {
		return placement{}, err
	}
	bx, by, err := shown(0, reach)
	if err != nil {
		return placement{}, err
	}
	return placement{a: (ax - cx) / reach, b: (bx - cx) / reach, c: cx, d: (ay - cy) / reach, e: (by - cy) / reach, f: cy}, nil
}

func (p placement) point(x, y float64) (float64, float64) {
	return p.a*x + p.b*y + p.c, p.d*x + p.e*y + p.f
}

// letter is one character where it is shown.
type letter struct {
	text string
	box  page.Box
}

func letterOf(char *responses.GetPageTextStructuredChar, place placement) letter {
	x0, y0 := place.point(char.PointPosition.Left, char.PointPosition.Top)
	x1, y1 := place.point(char.PointPosition.Right, char.PointPosition.Bottom)
	return letter{text: char.Text, box: page.Box{X0: min(x0, x1), Y0: min(y0, y1), X1: max(x0, x1), Y1: max(y0, y1)}}
}

// quartersTurned says by how many clockwise quarter turns the page as shown
// has to be turned for most of its text to be upright.
func quartersTurned(chars []*responses.GetPageTextStructuredChar, place placement) int {
	shown := math.Atan2(place.d, place.a) // the page's own turn; both are clockwise
	var counts [4]int
	for _, char := range chars {
		turned := int(math.Round((char.Angle + shown) / (math.Pi / 2)))
		counts[((-turned)%4+4)%4]++
	}
	best := 0
	for quarters, count := range counts {
		if count > counts[best] {
			best = quarters
		}
	}
	return best
}

func turnLetters(letters []letter, quarters int) {
	for range quarters {
		for i, l := range letters {
			letters[i].box = page.Box{X0: 1 - l.box.Y1, Y0: l.box.X0, X1: 1 - l.box.Y0, Y1: l.box.X1}
		}
	}
}

// wordsOf joins letters, which come in reading order, into words. A word ends
// at white space, at a gap and where the line does. aspect is the page's
// height in page widths.
func wordsOf(letters []letter, aspect float64) []page.Word {
	var words []page.Word
	var current wordBuilder
	for _, l := range letters {
		blank := strings.TrimFunc(l.text, notPrinted) == ""
		if blank || !current.continues(l, aspect) {
			words = current.appendTo(words)
		}
		if !blank {
			current.add(l)
		}
		if len(words) >= maxPageWords {
			return words
		}
	}
	return current.appendTo(words)
}

func notPrinted(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\u00ad' || r == '\ufeff' || r == '\ufffe'
}

// widestGap is the widest gap inside a word, in heights of its type. pdfium
// marks ordinary spaces itself; this parts columns that touch. It is wide
// because a 1 is narrow and stands alone in stretched type.
const widestGap = 0.8

// wordBuilder collects the letters of one word.
type wordBuilder struct {
	text strings.Builder
	box  page.Box
	last page.Box
	size float64
}

// continues says that a letter stands right behind the last one.
func (w *wordBuilder) continues(next letter, aspect float64) bool {
	if w.text.Len() == 0 || next.box.Y1 <= next.box.Y0 {
		return true
	}
	height := max(w.size, fontSize(next)) * aspect // in page widths, as the gap
	gap := next.box.X0 - w.last.X1
	if gap > widestGap*height || gap < -1.2*height {
		return false
	}
	middle := (next.box.Y0 + next.box.Y1) / 2
	reach := w.size * 0.6
	return middle > w.box.Y0-reach && middle < w.box.Y1+reach
}

func (w *wordBuilder) add(l letter) {
	if w.text.Len() == 0 {
		w.box = l.box
	}
	w.text.WriteString(strings.TrimFunc(l.text, notPrinted))
	w.last = l.box
	w.size = max(w.size, fontSize(l))
	w.box = page.Box{X0: min(w.box.X0, l.box.X0), Y0: min(w.box.Y0, l.box.Y0), X1: max(w.box.X1, l.box.X1), Y1: max(w.box.Y1, l.box.Y1)}
}

func (w *wordBuilder) appendTo(words []page.Word) []page.Word {
	if w.text.Len() > 0 {
		words = append(words, page.Word{Text: w.text.String(), Box: clamp(w.box), Confidence: 1, FontSize: w.size})
	}
	*w = wordBuilder{}
	return words
}

// fontSize estimates the size of the type from the printed height of one
// letter, in page heights: capitals and digits are about 0.72 of it, small
// letters about 0.52; signs say nothing.
func fontSize(l letter) float64 {
	height := l.box.Y1 - l.box.Y0
	r := []rune(l.text)
	switch {
	case len(r) == 0:
		return 0
	case unicode.IsDigit(r[0]) || unicode.IsUpper(r[0]) && r[0] < unicode.MaxASCII || strings.ContainsRune("bdfhkliß", r[0]):
		return height / 0.72
	case strings.ContainsRune("gpqy", r[0]):
		return height / 0.74
	case strings.ContainsRune("acemnorsuvwxz", r[0]):
		return height / 0.53
	}
	return 0
}

func clamp(b page.Box) page.Box {
	inside := func(v float64) float64 { return min(max(v, 0), 1) }
	return page.Box{X0: inside(b.X0), Y0: inside(b.Y0), X1: inside(b.X1), Y1: inside(b.Y1)}
}
