package extraction

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/docuflow/docuflow/page"
)

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

// vendors finds the candidates for the name of who issued the document.
func (d *document) vendors(s *sheet) []candidate {
	names := s.names()
	seen := map[string]int{}
	for _, n := range names {
		seen[nameKey(n.text)]++
	}
	blocks := blocksOf(s)
	headings := s.partyHeadings()
	full := fullNames(names)
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
		describeHeading(&f, headings, n)
		full.describe(&f, n)
		candidates = append(candidates, candidate{value: n.text, key: nameKey(n.text), page: n.cell.row.page, box: n.box,
			surety: n.cell.confidence(0, len(n.cell.text)), features: f.names})
	}
	return candidates
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

// partyHeading is a cell that says nothing but whose name follows.
type partyHeading struct {
	cell *cell
	name label
}

// partyHeadings finds the headings over the seller's and the buyer's names.
func (s *sheet) partyHeadings() []partyHeading {
	var headings []partyHeading
	for _, r := range s.rows {
		for _, c := range r.cells {
			covered := 0
			var set labelSet
			for _, match := range c.labels {
				covered += match.end - match.start
				set = set.with(match.labels...)
			}
			if covered < len(c.tokens) || set.has(lSeller) == set.has(lBuyer) {
				continue
			}
			if set.has(lSeller) {
				headings = append(headings, partyHeading{c, lSeller})
			} else {
				headings = append(headings, partyHeading{c, lBuyer})
			}
		}
	}
	return headings
}

// describeHeading says under which heading a name stands: the nearest above it
// that is not further right. Forms have their names in a second column.
func describeHeading(f *features, headings []partyHeading, n name) {
	const reach = 14 // rows
	var nearest *partyHeading
	for i, h := range headings {
		above := n.cell.row.index - h.cell.row.index
		if above < 0 || above > reach || h.cell.row.page != n.cell.row.page || h.cell == n.cell || h.cell.box.X0 > n.box.X0+0.02 {
			continue
		}
		if nearest == nil || h.cell.row.index > nearest.cell.row.index || h.cell.row == nearest.cell.row && h.cell.box.X0 > nearest.cell.box.X0 {
			nearest = &headings[i]
		}
	}
	if nearest == nil {
		return
	}
	f.add("under the " + string(nearest.name))
	f.bucket("rows under the "+string(nearest.name), n.cell.row.index-nearest.cell.row.index, 0, 1, 2, 4, 8)
}

// fullNameSet are the names of a document that end in a legal form.
type fullNameSet []string

func fullNames(names []name) fullNameSet {
	var full fullNameSet
	for _, n := range names {
		if folded := fold(n.text); legalForm.MatchString(folded) && !slices.Contains(full, folded) && len(full) < 60 {
			full = append(full, folded)
		}
	}
	return full
}

// describe says that a name is the beginning of a full one, or the full one of
// such a beginning: a brand and the company behind it.
func (full fullNameSet) describe(f *features, n name) {
	folded := fold(n.text)
	for _, other := range full {
		if len(folded) >= 4 && len(other) > len(folded)+1 && strings.HasPrefix(other, folded) && other[len(folded)] == ' ' {
			f.add("beginning of a full name")
			return
		}
	}
	f.when(len(full) > 0, "no beginning of a full name")
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
