package extraction

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/docuflow/docuflow/page"
)

// legalForm finds the legal form that ends a company's name, on folded text.
var legalForm = regexp.MustCompile(`(?:^|[ ,(])(gmbh(?: ?& ?co\.? ?kg)?|mbh|ag|kg|kgaa|ohg|gbr|ug(?: ?\(haftungsbeschrankt\))?|e\.?k\.?|e\.? ?v\.?|eg|se|ltd\.?|limited|llc|llp|lp|plc|inc\.?|incorporated|corp\.?|corporation|co\.?|company|` +
	`sdn\.? ?bhd\.?|s/b|bhd\.?|berhad|pte\.? ?ltd\.?|pvt\.? ?ltd\.?|private limited|pty\.? ?ltd\.?|pty\.? limited|b\.?v\.?|n\.?v\.?|v\.?o\.?f\.?|s\.?a\.?s\.?u?|s\.?a\.?r\.?l\.?|s\.?a\.?|eurl|sci|snc|s\.?n\.?c\.?|s\.?r\.?l\.?s?|s\.?p\.?a\.?|s\.?a\.?s\.?|s\.?l\.?u?\.?|s\.?c\.?|` +
	`lda\.?|unipessoal|sp\.? ?z ?o\.? ?o\.?|sp\.? ?j\.?|a/s|aps|as|asa|ab|hb|oy|oyj|ky|tmi|s\.?r\.?o\.?|a\.?s\.?|kft\.?|bt\.?|zrt\.?|nyrt\.?|s\.?r\.?l|ltda\.?|cooperativa|enterprise|enterprises|trading|stiftung|verlag|kgaa|e\.?u\.?|a\.? ?g\.?|vvag|k\.?k\.?|gk|dac|i/s|ans|aktiebolag|spol\.? s ?r\.?o\.?|s\.?a\.? de c\.?v\.?|s\.? ?de r\.?l\.? de c\.?v\.?|sarl|k\.?s\.?|d\.?o\.?o\.?|eood|ood)\.?(?: ?\(.*\))?$`)

// name is a printed text that may be the vendor's.
type name struct {
	text   string
	cell   *cell
	box    page.Box
	line   int  // its place among the rows, from the top of the page
	cut    bool // a part of a longer cell
	joined bool // goes on in the cell below
	last   *cell
}

const maxNames = 500

// isHeading says that a text is a label and nothing else: "TAX INVOICE", "Bill to".
func (s *sheet) isHeading(text string) bool {
	words := tokens(fold(text))
	covered := 0
	for _, match := range findLabels(words, false, s.languages) {
		if match.labels.has(lPaid) || match.labels.has(lTotal) || match.labels.has(lShipping) {
			return false // Visa, Total and Post are companies as well
		}
		covered += match.end - match.start
	}
	return covered == len(words)
}

// names finds the texts of the first and last page that may be names: whole
// cells, parts of legal lines, and cells that go on below.
func (s *sheet) names() []name {
	var found []name
	line := 0
	for _, r := range s.rows {
		if r.page != 1 && r.page != s.pages {
			continue
		}
		for _, c := range r.cells {
			found = append(found, s.namesIn(c, line)...)
		}
		if len(found) > maxNames {
			return found[:maxNames]
		}
		line++
	}
	return found
}

func (s *sheet) namesIn(c *cell, line int) []name {
	var found []name
	add := func(text string, cut bool) {
		text = cleanName(text)
		if s.fuzzy {
			text = mendLegalForm(text)
		}
		if isName(text) {
			found = append(found, name{text: text, cell: c, box: c.box, line: line, cut: cut, last: c})
		}
	}
	add(c.text, false)
	parts := partsOfLine.Split(c.text, -1)
	for i, part := range parts {
		if len(parts) > 1 && len(parts) < 12 && (i == 0 || legalForm.MatchString(fold(strings.TrimSpace(part)))) {
			add(part, true)
		}
	}
	if label, value, cut := strings.Cut(c.text, ":"); cut && hasLetter(label) && strings.TrimSpace(value) != "" {
		add(value, true)
	}
	if end := legalFormInside(c.text); end > 0 {
		add(c.text[:end], true)
	}
	if text, box := wholeRow(c); text != "" {
		if text = cleanName(text); isName(text) {
			found = append(found, name{text: text, cell: c, box: box, line: line, joined: true, last: c})
		}
	}
	if below := s.goesOn(c); below != nil {
		text := cleanName(c.text + " " + below.text)
		if s.fuzzy {
			text = mendLegalForm(text)
		}
		if isName(text) {
			found = append(found, name{text: text, cell: c, box: c.box.Union(below.box), line: line, joined: true, last: below})
		}
	}
	return found
}

// wholeRow is the text of a row of a few cells that are all words: a name in
// spaced type falls apart into cells. It is "" for any but the first cell.
func wholeRow(c *cell) (string, page.Box) {
	cells := c.row.cells
	if c.index > 0 || len(cells) < 2 || len(cells) > 4 || len(c.row.text) > 70 {
		return "", page.Box{}
	}
	for i, part := range cells {
		if hasDigit(part.text) || i > 0 && part.box.X0-cells[i-1].box.X1 > 5*part.size {
			return "", page.Box{}
		}
	}
	return c.row.text, c.row.box
}

// legalFormInside returns the end of the first legal form inside a text that
// goes on behind it, or 0.
func legalFormInside(text string) int {
	words := strings.Fields(text)
	if len(words) < 3 {
		return 0
	}
	at := 0
	for i, word := range words[:len(words)-1] {
		at = at + strings.Index(text[at:], word) + len(word)
		if i == 0 {
			continue
		}
		if companyEnd[strings.ToLower(strings.Trim(word, ".,()"))] {
			return at
		}
	}
	return 0
}

// companyEnd are the legal forms that no other word looks like.
var companyEnd = map[string]bool{"gmbh": true, "ltd": true, "limited": true, "llc": true, "inc": true, "bhd": true, "plc": true, "sarl": true, "s.a.r.l": true, "s.r.l": true, "srl": true,
	"s.p.a": true, "spa": true, "b.v": true, "bv": true, "n.v": true, "a/s": true, "aps": true, "oy": true, "s.r.o": true, "kft": true, "sas": true, "lda": true, "s.l": true, "s/b": true}

// goesOn finds the cell below that continues a name: close, aligned, of the
// same size, and with letters.
func (s *sheet) goesOn(c *cell) *cell {
	if c.row.index+1 >= len(s.rows) || !hasLetter(c.text) {
		return nil
	}
	next := s.rows[c.row.index+1]
	if next.page != c.row.page || len(c.words) > 7 {
		return nil
	}
	for _, below := range next.cells {
		near := below.box.Y0-c.box.Y1 < 1.2*c.size
		alike := below.size < 1.3*c.size && c.size < 1.3*below.size
		if near && alike && overlaps(c.box, below.box, 0) && !hasDigit(below.text) && hasLetter(below.text) && len(below.words) <= 6 {
			return below
		}
	}
	return nil
}

// cleanName drops what stands around a name: registration numbers, signs, labels.
func cleanName(text string) string {
	text = strings.TrimSpace(text)
	if at := registration.FindStringIndex(text); at != nil && at[0] > 3 {
		text = text[:at[0]]
	}
	text = strings.TrimRight(text, " ,;:-–|(*\"'”_=~«<>.")
	text = strings.TrimLeft(text, " ,;:-–|)*\"'“_=~»<>.©®°#")
	return strings.Join(strings.Fields(text), " ")
}

// spelledForms are legal forms that are long enough to be recognised when one
// letter is misread.
var spelledForms = []string{"SDN BHD", "GmbH", "Limited", "PTE LTD", "PTY LTD", "S.A.R.L.", "S.p.A.", "Berhad", "Enterprise", "Trading"}

// mendLegalForm mends one misread letter in the legal form at the end of a name.
func mendLegalForm(text string) string {
	for _, form := range spelledForms {
		if len(text) <= len(form) {
			continue
		}
		at := len(text) - len(form)
		tail := strings.TrimRight(text[at:], ".")
		if text[at-1] != ' ' || strings.EqualFold(tail, form) || !isPlain(text[at:]) {
			continue
		}
		if distance(strings.ToLower(strings.ReplaceAll(text[at:], ".", "")), strings.ToLower(strings.ReplaceAll(form, ".", ""))) == 1 {
			return text[:at] + form
		}
	}
	return text
}

func isName(text string) bool {
	letters := 0
	for _, r := range text {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	return letters >= 3 && len([]rune(text)) <= 90 && letters*2 >= len([]rune(text)) && !strings.Contains(text, "@")
}

// nameKey is the same for two ways to print one name.
func nameKey(text string) string {
	text = strings.TrimSpace(legalForm.ReplaceAllString(fold(text), ""))
	return strings.Join(tokens(text), "")
}
