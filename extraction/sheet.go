package extraction

import (
	"strings"

	"github.com/docuflow/docuflow/page"
)

// Bounds on what is looked at: the fields of an invoice stand on its first
// and last pages.
const (
	maxPages = 12
	maxRows  = 1200
)

// sheet is one reading of a document, in rows and cells that know their labels.
type sheet struct {
	rows      []*row
	fuzzy     bool // read by OCR: single letters may be wrong
	pages     int
	size      float64 // usual size of the type
	order     dateOrder
	points    decimalPoint
	languages languageSet
}

// row is a row of the page with its place in the document.
type row struct {
	page  int
	index int // in the whole document
	cells []*cell
	box   page.Box
	text  string
	tall  float64 // height of its page in widths of the page
}

// cell is a part of a row.
type cell struct {
	row    *row
	index  int
	words  []page.Word
	box    page.Box
	size   float64
	text   string // words with one space between them
	starts []int  // offset of each word in text
	tokens []string
	labels []labelMatch
}

// labelSet returns all labels of the cell.
func (c *cell) labelSet() labelSet {
	var set labelSet
	for _, match := range c.labels {
		set = set.with(match.labels...)
	}
	return set
}

// wordAt returns the index of the word that covers an offset of the cell's text.
func (c *cell) wordAt(offset int) int {
	at := 0
	for i, start := range c.starts {
		if start <= offset {
			at = i
		}
	}
	return at
}

// boxOf is the place of a part of the cell's text.
func (c *cell) boxOf(start, end int) page.Box {
	first, last := c.wordAt(start), c.wordAt(max(end-1, start))
	box := c.words[first].Box
	for _, word := range c.words[first : last+1] {
		box = box.Union(word.Box)
	}
	return box
}

// confidence is the lowest confidence of the words in a part of the cell's text.
func (c *cell) confidence(start, end int) float64 {
	lowest := 1.0
	for i := c.wordAt(start); i <= c.wordAt(max(end-1, start)); i++ {
		lowest = min(lowest, c.words[i].Confidence)
	}
	return lowest
}

// readings lays out a document: the first sheet is made of the words of its
// pages, the others of their alternative readings.
func readings(document page.Document) []*sheet {
	pages := document.Pages
	if len(pages) > maxPages {
		pages = append(append([]page.Page{}, pages[:maxPages/2]...), pages[len(pages)-maxPages/2:]...)
	}
	most := 0
	for _, p := range pages {
		most = max(most, len(p.Readings))
	}
	sheets := make([]*sheet, 0, most+1)
	for reading := range most + 1 {
		sheets = append(sheets, layOut(pages, reading, document.Source == page.SourceOCR))
	}
	return sheets
}

func layOut(pages []page.Page, reading int, fuzzy bool) *sheet {
	s := &sheet{fuzzy: fuzzy, pages: len(pages)}
	sizes := 0.0
	count := 0.0
	for number, p := range pages {
		words := p.Words
		if reading > 0 && reading <= len(p.Readings) {
			words = p.Readings[reading-1]
		}
		for _, r := range p.RowsOf(words) {
			if len(s.rows) >= maxRows {
				break
			}
			s.addRow(r, number+1, p.Height/max(p.Width, 1))
		}
		for _, word := range words {
			sizes += word.FontSize * float64(len(word.Text))
			count += float64(len(word.Text))
		}
	}
	if count > 0 {
		s.size = sizes / count
	}
	s.label()
	s.points = decimalPointOf(s)
	s.order = dateOrderOf(s)
	return s
}

// label finds the labels of all cells in the languages of the document.
func (s *sheet) label() {
	var texts [][]string
	for _, r := range s.rows {
		for _, c := range r.cells {
			texts = append(texts, c.tokens)
		}
	}
	s.languages = languagesOf(texts, s.fuzzy)
	for _, r := range s.rows {
		for _, c := range r.cells {
			c.labels = findLabels(c.tokens, s.fuzzy, s.languages)
		}
	}
}

func (s *sheet) addRow(from page.Row, number int, tall float64) {
	r := &row{page: number, index: len(s.rows), box: from.Box, text: from.Text(), tall: tall}
	for _, part := range from.Cells {
		c := &cell{row: r, index: len(r.cells), words: part.Words, box: part.Box, size: part.Size()}
		var text strings.Builder
		for i, word := range part.Words {
			if i > 0 {
				text.WriteByte(' ')
			}
			c.starts = append(c.starts, text.Len())
			text.WriteString(word.Text)
		}
		c.text = text.String()
		c.tokens = tokens(fold(c.text))
		r.cells = append(r.cells, c)
	}
	s.rows = append(s.rows, r)
}

// above returns the rows of the same page above a row, nearest first, at most n.
func (s *sheet) above(r *row, n int) []*row {
	var rows []*row
	for i := r.index - 1; i >= 0 && len(rows) < n && s.rows[i].page == r.page; i-- {
		rows = append(rows, s.rows[i])
	}
	return rows
}

// overlaps says that two boxes share a part of the page's width.
func overlaps(a, b page.Box, slack float64) bool {
	return min(a.X1, b.X1)-max(a.X0, b.X0) > -slack
}
