package page_test

import (
	"strings"
	"testing"

	"github.com/docuflow/docuflow/page"
)

// word is a word at a place, in points of a page of 600 by 800, in type of 10 points.
func word(text string, x, y float64) page.Word {
	wide := float64(len([]rune(text))) * 5
	return page.Word{Text: text, Confidence: 1, FontSize: 10.0 / 800, Box: page.Box{X0: x / 600, Y0: y / 800, X1: (x + wide) / 600, Y1: (y + 8) / 800}}
}

func rowTexts(rows []page.Row) string {
	var lines []string
	for _, row := range rows {
		var cells []string
		for _, cell := range row.Cells {
			cells = append(cells, cell.Text())
		}
		lines = append(lines, strings.Join(cells, " | "))
	}
	return strings.Join(lines, "\n")
}

func TestRows(t *testing.T) {
	// The words come in no order, and the second row climbs to the right as on a skewed scan.
	p := page.Page{Width: 600, Height: 800, Words: []page.Word{
		word("119.70", 500, 92), word("Total", 50, 100), word("EUR", 450, 93), word("amount", 80, 99), word("due", 115, 98),
		word("in", 200, 97), word("your", 260, 96), word("currency", 330, 95), word("Invoice", 50, 50), word("No.", 90, 50), word("4711", 400, 51),
	}}
	want := "Invoice No. | 4711\nTotal amount due | in | your | currency | EUR | 119.70"
	if got := rowTexts(p.Rows()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRowsKeepAHeadlineFromItsNeighbours(t *testing.T) {
	headline := page.Word{Text: "INVOICE", Confidence: 1, FontSize: 0.06, Box: page.Box{X0: 0.5, Y0: 0.05, X1: 0.9, Y1: 0.09}}
	p := page.Page{Width: 600, Height: 800, Words: []page.Word{headline, word("Street", 40, 42), word("Town", 40, 62)}}
	if rows := p.Rows(); len(rows) < 2 {
		t.Errorf("two lines beside a headline became %q", rowTexts(rows))
	}
}

func TestRowsOfNothing(t *testing.T) {
	if rows := (page.Page{}).Rows(); len(rows) != 0 {
		t.Errorf("an empty page has %d rows", len(rows))
	}
}

func TestBlocks(t *testing.T) {
	p := page.Page{Width: 600, Height: 800, Words: []page.Word{
		word("Seller", 50, 100), word("Street", 50, 112), word("Town", 50, 124), word("Buyer", 300, 112), word("Lane", 300, 124), word("Total", 50, 300),
	}}
	var texts []string
	for _, block := range page.Blocks(p.Rows()) {
		var lines []string
		for _, cell := range block.Cells {
			lines = append(lines, cell.Text())
		}
		texts = append(texts, strings.Join(lines, "/"))
	}
	if got, want := strings.Join(texts, " "), "Seller/Street/Town Buyer/Lane Total"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDocumentText(t *testing.T) {
	document := page.Document{Pages: []page.Page{
		{Number: 1, Width: 600, Height: 800, Words: []page.Word{word("beta", 200, 50), word("alpha", 50, 50), word("gamma", 50, 80)}},
		{Number: 2, Width: 600, Height: 800, Words: []page.Word{word("delta", 50, 50)}},
	}}
	if got, want := document.Text(), "alpha beta\ngamma\ndelta\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
