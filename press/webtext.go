package press

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/jhillyerd/enmime/v2"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// maxWebText bounds the HTML of a mail that is read, in octets.
const maxWebText = 4 << 20

// webText is one HTML text of a mail, in UTF-8, and the pictures that it shows.
type webText struct {
	html  []byte
	shows pictures
}

// readText remembers a text that a mail program shows, in case that the mail
// brings nothing else.
func (u *unpacking) readText(part *enmime.Part, content []byte, mediaType string) {
	if len(content) > maxWebText || part.ContentType != "text/html" && mediaType != typeHTML {
		return
	}
	reader, err := charset.NewReader(bytes.NewReader(content), "text/html; charset="+part.Charset)
	if err != nil {
		reader = bytes.NewReader(content)
	}
	text, err := io.ReadAll(io.LimitReader(reader, maxWebText))
	if err == nil {
		u.texts = append(u.texts, webText{bytes.ToValidUTF8(text, []byte("\uFFFD")), u.shows})
	}
}

// keepText makes a document of the first text that is an invoice by itself.
func (u *unpacking) keepText() error {
	for _, text := range u.texts {
		page, said, err := text.page(u.message.Subject)
		if err != nil || !saysInvoice(u.message.Subject+"\n"+said) {
			continue
		}
		p := piece{name: cmp.Or(u.message.Subject, "Mail") + ".html", declared: typeHTML, disposition: "inline", content: page}
		if len(page) > maxDocumentSize {
			return u.keep(p, typeHTML, fmt.Sprintf("The text of this mail is larger than %d MB with its pictures.", maxDocumentSize>>20))
		}
		err = u.keep(p, typeHTML, "")
		u.message.Parts[len(u.message.Parts)-1].Fallback = true
		return err
	}
	return nil
}

// A text is an invoice if it says so, in a word of the languages that we read,
// and names an amount of money. That takes some advertisements for invoices, which a person
// discards with a click; the other way round an invoice would be missed.
var (
	invoiceWord = regexp.MustCompile(`(?i)(?:^|[^\pL])(?:invoice|receipt|bill|order (?:total|confirmation|summary)|amount (?:paid|due)|` +
		`rechnung\pL*|quittung|beleg|zahlungsbeleg|bestellbestätigung|facture|reçu|fattura|ricevuta|scontrino|factura|recibo|fatura|factuur|kassabon|bon|betaalbewijs|faktura|paragon|rachunek)(?:$|[^\pL])`)
	moneyAmount = regexp.MustCompile(`(?i)(?:[€$£¥₹]|\b(?:EUR|USD|GBP|CHF|PLN|SEK|NOK|DKK|CZK|HUF|CAD|AUD|INR|MYR|SGD)\b|\bRM|\bRs\.?)\s?-?\d[\d.,' \x{a0}]*\d?|` +
		`\d[\d.,' \x{a0}]*[.,]\d{2}\s?(?:[€$£]|zł|kr\b|(?:EUR|USD|GBP|CHF|PLN|SEK|NOK|DKK|CZK|HUF|CAD|AUD|INR|MYR|SGD)\b)`)
)

func saysInvoice(text string) bool {
	return invoiceWord.MatchString(text) && moneyAmount.MatchString(text)
}

// What of a mail's HTML is not taken into the page: everything that runs, loads,
// leads elsewhere or asks for something.
var dropped = map[atom.Atom]bool{
	atom.Script: true, atom.Noscript: true, atom.Iframe: true, atom.Frame: true, atom.Frameset: true, atom.Object: true, atom.Embed: true,
	atom.Applet: true, atom.Meta: true, atom.Base: true, atom.Link: true, atom.Input: true, atom.Button: true,
	atom.Select: true, atom.Textarea: true, atom.Audio: true, atom.Video: true, atom.Source: true, atom.Track: true, atom.Svg: true, atom.Math: true,
	atom.Template: true, atom.Title: true,
}

// pagePolicy is the second wall: what was overlooked loads nothing (Content Security Policy 3).
const pagePolicy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

const pageHead = `<!DOCTYPE html><html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="` + pagePolicy + `"><title>`

// page makes a page of a text that is complete in itself, and returns what it says.
func (t webText) page(title string) (page []byte, said string, err error) {
	root, err := html.Parse(bytes.NewReader(t.html))
	if err != nil {
		return nil, "", err
	}
	var words strings.Builder
	t.clean(root, &words, 0)
	var out bytes.Buffer
	out.WriteString(pageHead + html.EscapeString(title) + "</title></head><body>")
	for child := range root.ChildNodes() {
		if err := html.Render(&out, child); err != nil {
			return nil, "", err
		}
	}
	out.WriteString("</body></html>\n")
	return out.Bytes(), words.String(), nil
}

// maxNesting bounds the elements of a text that are in each other.
const maxNesting = 512

func (t webText) clean(node *html.Node, words *strings.Builder, depth int) {
	for child := node.FirstChild; child != nil; {
		next := child.NextSibling
		switch {
		case child.Type == html.TextNode && node.DataAtom == atom.Style:
			child.Data = strings.ReplaceAll(child.Data, "<", "") // rendered as it is
		case child.Type == html.TextNode:
			words.WriteString(child.Data + " ")
		case child.Type != html.ElementNode, dropped[child.DataAtom], child.Namespace != "", depth >= maxNesting:
			node.RemoveChild(child)
		default:
			child.Attr = t.attributes(child)
			t.clean(child, words, depth+1)
		}
		child = next
	}
}

// keptAttributes say how something looks. Those with addresses are kept for pictures alone.
var keptAttributes = map[string]bool{
	"align": true, "alt": true, "bgcolor": true, "border": true, "cellpadding": true, "cellspacing": true, "class": true, "color": true, "colspan": true,
	"dir": true, "face": true, "height": true, "hidden": true, "id": true, "lang": true, "rowspan": true, "size": true, "span": true, "start": true,
	"style": true, "title": true, "type": true, "valign": true, "width": true,
}

func (t webText) attributes(node *html.Node) (kept []html.Attribute) {
	for _, attribute := range node.Attr {
		switch {
		case attribute.Key == "src" && node.DataAtom == atom.Img:
			if source := t.picture(attribute.Val); source != "" {
				kept = append(kept, html.Attribute{Key: "src", Val: source})
			}
		case keptAttributes[attribute.Key]:
			kept = append(kept, attribute)
		}
	}
	return kept
}

// picture returns a shown picture as a data URL, "" when it is elsewhere: to
// fetch it would tell its owner that the mail was read.
func (t webText) picture(source string) string {
	if strings.HasPrefix(strings.ToLower(source), "data:image/") {
		return source
	}
	id, found := strings.CutPrefix(source, "cid:")
	content := t.shows[contentID(id)]
	if mediaType := Sniff(content); found && len(content) > 0 && isPicture(mediaType) {
		return "data:" + mediaType + ";base64," + base64.StdEncoding.EncodeToString(content)
	}
	return ""
}
