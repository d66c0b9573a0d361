package extraction

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/docuflow/docuflow/page"
)

// legalForm finds the legal form that ends a company's name, on folded text.
var legalForm = regexp.MustCompile(`(?:^|[ ,(])(gmbh(?: ?& ?co\.? ?kg)?|mbh|ag|kg|kgaa|ohg|gbr|ug(?: ?\(haftungsbeschrankt\))?|e\.?k\.?|e\.? ?v\.?|eg|se|ltd\.?|limited|llc|llp|lp|plc|inc\.?|incorporated|corp\.?|corporation|co\.?|company|` +
	`sdn\.? ?bhd\.?|s/b|bhd\.?|berhad|pte\.? ?ltd\.?|pvt\.? ?ltd\.?|private limited|pty\.? ?ltd\.?|pty\.? limited|b\.?v\.?|n\.?v\.?|v\.?o\.?f\.?|s\.?a\.?s\.?u?|s\.?a\.?r\.?l\.?|s\.?a\.?|eurl|sci|snc|s\.?n\.?c\.?|s\.?r\.?l\.?s?|s\.?p\.?a\.?|s\.?a\.?s\.?|s\.?l\.?u?\.?|s\.?c\.?|` +
	`lda\.?|unipessoal|sp\.? ?z ?o\.? ?o\.?|sp\.? ?j\.?|a/s|aps|as|asa|ab|hb|oy|oyj|ky|tmi|s\.?r\.?o\.?|a\.?s\.?|kft\.?|bt\.?|zrt\.?|nyrt\.?|s\.?r\.?l|ltda\.?|cooperativa|enterprise|enterprises|trading|stiftung|verlag|kgaa|e\.?u\.?)\.?(?: ?\(.*\))?$`)

var (
	partsOfLine  = regexp.MustCompile(`\s*(?:[|·•∙–—■▪]|\s-\s|,\s|;\s|\s/\s)\s*`)
	registration = regexp.MustCompile(`(?i)\(?(?:co\.?\s*(?:reg)?\.?\s*(?:no)?\.?\s*:?\s*)?\d{5,9}\s?-\s?[a-z]\)?|\d{12}\s*\(`)
	postcode     = regexp.MustCompile(`\b(?:[A-Z]{1,2}-?)?\d{4,6}\b|\b[A-Z]{1,2}\d{1,2}[A-Z]? ?\d[A-Z]{2}\b|\b\d{4} ?[A-Z]{2}\b|\b\d{2}-\d{3}\b|\b\d{3} \d{2}\b`)
	streetWord   = regexp.MustCompile(`(?i)\b(?:street|st|road|rd|avenue|ave|lane|drive|suite|floor|jalan|jln|taman|lot|no|lorong|kawasan|rue|chemin|boulevard|bd|allee|via|viale|piazza|corso|calle|avenida|plaza|rua|ul|ulica|straat|laan|weg|plein|gata|gatan|vagen|vej|gade|katu|tie|p\.?o\.? ?box|postfach|cs|bp|singapore|selangor|johor|kuala|malaysia)\b|(?:strasse|straße|str\.|weg|platz|gasse|straat|laan|plein|vej|gade|gatan|vägen|katu)\b`)
	domainShape  = regexp.MustCompile(`(?i)(?:www\.|@|https?://(?:www\.)?)([a-z0-9][a-z0-9-]{1,60})((?:\.[a-z0-9-]{2,20}){1,3})`)
	personTitle  = regexp.MustCompile(`(?i)^(?:mr|mrs|ms|dr|herr|frau|herrn|monsieur|madame|m\.|mme|sig|sr|sra)\b\.?`)
)

// freemail are domains that say nothing about who owns the address.
var freemail = strings.Fields("gmail googlemail yahoo hotmail outlook live icloud gmx web t-online aol proton protonmail orange wanadoo free libero laposte yandex mail me msn example")

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

// vendors finds the candidates for the name of who issued the document.
func (d *document) vendors(s *sheet) []candidate {
	names := s.names()
	seen := map[string]int{}
	for _, n := range names {
		seen[nameKey(n.text)]++
	}
	blocks := blocksOf(s)
	largest := 0.0
	for _, n := range names {
		if n.cell.row.page == 1 {
			largest = max(largest, n.cell.size)
		}
	}
	var candidates []candidate
	for i, n := range names {
		if d.isOwn(n.text) || s.isHeading(n.text) {
			continue
		}
		var f features
		start := max(strings.Index(n.cell.text, n.text), 0)
		around := s.surroundingsOf(n.cell, start, min(start+len(n.text), len(n.cell.text)))
		around.describe(&f)
		n.describe(&f, s.languages)
		s.describeNext(&f, n)
		describeBlock(&f, blocks[n.cell], n)
		f.bucket("line", n.line, 0, 1, 2, 3, 5, 8, 14)
		f.bucket("names before it", i, 0, 1, 2, 4, 8)
		f.share("height", n.box.Y0, 10)
		f.share("left", n.box.X0, 4)
		f.share("right", n.box.X1, 4)
		f.when(n.cell.row.page > 1, "later page")
		f.bucket("count", seen[nameKey(n.text)], 1, 2, 3)
		size := n.cell.size / max(s.size, 1e-6)
		f.when(size > 1.2, "larger type")
		f.when(size > 1.6, "much larger type")
		f.when(n.cell.size >= largest*0.95, "largest type")
		f.when(s.namedElsewhere(n), "part of a longer line elsewhere")
		d.describeDomain(&f, n)
		candidates = append(candidates, candidate{value: n.text, key: nameKey(n.text), page: n.cell.row.page, box: n.box,
			surety: n.cell.confidence(0, len(n.cell.text)), features: f.names})
	}
	return candidates
}

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

func (n name) describe(f *features, languages languageSet) {
	folded := fold(n.text)
	words := strings.Fields(n.text)
	f.when(legalForm.MatchString(folded), "legal form")
	f.when(n.cut, "cut")
	f.when(n.joined, "joined")
	f.when(n.joined && legalForm.MatchString(folded), "joined up to a legal form")
	f.when(n.cut && legalForm.MatchString(folded), "cut at a legal form")
	f.bucket("words", len(words), 1, 2, 3, 5, 7)
	f.bucket("letters", len(n.text), 4, 8, 14, 24, 40)
	f.when(hasDigit(n.text), "digits")
	f.when(n.text == strings.ToUpper(n.text), "capitals")
	first, _ := firstRune(n.text)
	f.when(unicode.IsLower(first), "begins with a small letter")
	f.when(streetWord.MatchString(n.text), "street")
	f.when(postcode.MatchString(n.text), "postcode")
	f.when(domainShape.MatchString(n.text) || strings.HasPrefix(folded, "www"), "web address")
	f.when(strings.HasSuffix(strings.TrimSpace(n.cell.text), ":"), "ends with a colon")
	f.when(strings.Contains(n.text, ":"), "colon inside")
	f.when(personTitle.MatchString(n.text), "person")
	if len(n.cell.row.cells) == 1 {
		f.add("alone in its row")
	}
	var set labelSet
	covered := 0
	for _, match := range findLabels(tokens(folded), false, languages) {
		set = set.with(match.labels...)
		covered += match.end - match.start
	}
	f.labels("says", set)
	f.when(covered == 0, "no label inside")
	f.bucket("small words", smallWords(words), 0, 1, 2)
}

// smallWords counts the words that begin with a small letter: sentences have many.
func smallWords(words []string) int {
	count := 0
	for _, word := range words {
		if first, _ := firstRune(word); unicode.IsLower(first) {
			count++
		}
	}
	return count
}

// describeNext says what follows below: a registration number, an address.
func (s *sheet) describeNext(f *features, n name) {
	below := 0
	for i := n.last.row.index + 1; i < len(s.rows) && below < 3 && s.rows[i].page == n.last.row.page; i++ {
		text := ""
		for _, c := range s.rows[i].cells {
			if overlaps(c.box, n.box, 0) {
				text += " " + c.text
				for _, name := range c.labelSet() {
					if name == lIdentifier || name == lContact || name == lInvoice || name == lBuyer {
						f.add("below:" + string(name))
					}
				}
			}
		}
		if text == "" {
			continue
		}
		below++
		where := "soon below"
		if below == 1 {
			where = "right below"
		}
		f.when(registration.MatchString(text), where+": registration")
		f.when(streetWord.MatchString(text), where+": street")
		f.when(postcode.MatchString(text), where+": postcode")
		f.when(legalForm.MatchString(fold(strings.TrimSpace(text))), where+": legal form")
	}
	f.when(below == 0, "nothing below")
	f.when(registration.MatchString(n.cell.text), "registration beside it")
	f.when(len(n.cell.text) > len(n.text) && postcode.MatchString(n.cell.text), "address beside it")
}

// blocksOf maps each cell to its block.
func blocksOf(s *sheet) map[*cell]*block {
	byBox := map[page.Box]*cell{}
	var rows []page.Row
	for _, r := range s.rows {
		if r.page != 1 {
			break
		}
		made := page.Row{Box: r.box}
		for _, c := range r.cells {
			made.Cells = append(made.Cells, page.Cell{Words: c.words, Box: c.box})
			byBox[c.box] = c
		}
		rows = append(rows, made)
	}
	blocks := map[*cell]*block{}
	for _, group := range page.Blocks(rows) {
		b := &block{}
		for _, part := range group.Cells {
			if c := byBox[part.Box]; c != nil {
				b.cells = append(b.cells, c)
				blocks[c] = b
			}
		}
	}
	return blocks
}

// block is an address, a letterhead, a legal footer.
type block struct {
	cells []*cell
}

func describeBlock(f *features, b *block, n name) {
	if b == nil {
		f.add("no block")
		return
	}
	f.when(b.cells[0] == n.cell, "first of its block")
	f.bucket("lines in block", len(b.cells), 1, 2, 4, 7)
	var set labelSet
	before := labelSet{}
	street := false
	for i, c := range b.cells {
		set = set.with(c.labelSet()...)
		street = street || streetWord.MatchString(c.text) || postcode.MatchString(c.text)
		if c == n.cell && i > 0 {
			before = b.cells[i-1].labelSet()
			f.when(i == 1, "second of its block")
		}
	}
	for _, name := range set {
		switch name {
		case lBuyer, lSeller, lIdentifier, lContact, lOtherNumber:
			f.add("block:" + string(name))
		}
	}
	f.labels("block before", before)
	f.when(street, "block with an address")
	f.when(b.cells[0].labelSet().has(lBuyer), "block of the buyer")
	f.when(b.cells[0].labelSet().has(lSeller), "block of the seller")
}

// namedElsewhere says that another line holds the name and more, as a legal
// footer or a bank account does.
func (s *sheet) namedElsewhere(n name) bool {
	key := strings.ToLower(n.text)
	if len(key) < 5 {
		return false
	}
	for _, r := range s.rows {
		for _, c := range r.cells {
			if c != n.cell && len(c.text) > len(key) && strings.Contains(strings.ToLower(c.text), key) {
				return true
			}
		}
	}
	return false
}

// describeDomain compares a name with the web and mail domains of the
// document and of the mail it came with.
func (d *document) describeDomain(f *features, n name) {
	key := nameKey(n.text)
	initials := initialsOf(n.text)
	for _, domain := range d.facts.domains {
		switch {
		case len(key) >= 3 && (strings.Contains(domain, key) || len(domain) >= 4 && strings.Contains(key, domain)):
			f.add("named like a domain")
			return
		case len(initials) >= 2 && strings.HasPrefix(domain, initials):
			f.add("initials of a domain")
		case sharesWord(n.text, domain):
			f.add("shares a word with a domain")
			return
		}
	}
	f.when(len(d.facts.domains) == 0, "no domain")
}

func initialsOf(text string) string {
	var initials strings.Builder
	for _, word := range strings.Fields(fold(text)) {
		if first, _ := firstRune(word); unicode.IsLetter(first) {
			initials.WriteRune(first)
		}
	}
	return initials.String()
}

func sharesWord(text, domain string) bool {
	for _, word := range tokens(fold(text)) {
		if len(word) >= 5 && strings.Contains(domain, word) {
			return true
		}
	}
	return false
}

// isOwn says that a name is one of the workspace's own.
func (d *document) isOwn(text string) bool {
	key := nameKey(text)
	for _, own := range d.input.Own {
		if other := nameKey(own); other != "" && (key == other || len(other) > 5 && strings.Contains(key, other)) {
			return true
		}
	}
	return false
}

// domainsOf finds the names in web and mail addresses: "acme" of info@acme.co.uk.
func domainsOf(text string) []string {
	var domains []string
	for _, match := range domainShape.FindAllStringSubmatch(text, 100) {
		labels := strings.Split(strings.ToLower(match[1]+match[2]), ".")
		at := len(labels) - 2
		if at > 0 && len(labels[at]) <= 3 && len(labels[at+1]) == 2 {
			at--
		}
		name := labels[max(at, 0)]
		compact := strings.ReplaceAll(name, "-", "")
		if !slices.Contains(freemail, name) && !slices.Contains(domains, compact) {
			domains = append(domains, compact)
		}
	}
	return domains
}
