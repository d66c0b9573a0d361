package extraction

import (
	"slices"
	"strings"

	"github.com/docuflow/docuflow/domain"
)

// currencies finds the candidates for the currency of the total. earlier holds
// the total that was chosen.
func (d *document) currencies(s *sheet, earlier domain.Fields) []candidate {
	total := earlier.Value(domain.TotalAmount)
	evidence := map[string]*currencyEvidence{}
	for _, a := range s.amounts() {
		for rank, code := range a.currency.codes {
			e := evidenceOf(evidence, code)
			e.beside++
			e.usual = e.usual || rank == 0
			e.exact = e.exact || a.currency.exact
			if a.value.String() == total {
				e.total = true
			}
			e.keep(a.cell, a.start, a.end)
		}
	}
	d.printedCodes(s, evidence)
	if code := currencyOf[d.facts.country]; code != "" {
		evidenceOf(evidence, code).home = true
	}
	marks := 0
	for _, e := range evidence {
		marks += e.beside + e.printed
	}
	var candidates []candidate
	for code, e := range outspoken(evidence) {
		c := candidate{value: code, key: code, surety: 1, features: e.describe(marks, d.facts.country != "")}
		if e.cell != nil {
			c.page, c.box = e.cell.row.page, e.cell.boxOf(e.start, e.end)
			c.surety = e.cell.confidence(e.start, e.end)
		}
		candidates = append(candidates, c)
	}
	slices.SortFunc(candidates, func(a, b candidate) int { return strings.Compare(a.value, b.value) })
	return candidates
}

// outspoken drops what better evidence overrules: a sign of one currency alone
// beside the total settles it, and what is printed anywhere beats the country.
func outspoken(evidence map[string]*currencyEvidence) map[string]*currencyEvidence {
	settled, printed := false, false
	for _, e := range evidence {
		settled = settled || e.total && e.exact
		printed = printed || e.beside+e.printed > 0
	}
	kept := map[string]*currencyEvidence{}
	for code, e := range evidence {
		if settled && !e.total || printed && e.beside+e.printed == 0 {
			continue
		}
		kept[code] = e
	}
	return kept
}

// currencyEvidence is what speaks for one currency.
type currencyEvidence struct {
	beside     int  // amounts with its sign or code beside them
	printed    int  // its code or word anywhere else
	usual      bool // the first that its sign stands for
	exact      bool // a sign or code of this currency alone
	total      bool // beside the total
	totalRow   bool // in a row that says total, or names the currency
	home       bool // the currency of the country
	cell       *cell
	start, end int
}

func evidenceOf(all map[string]*currencyEvidence, code string) *currencyEvidence {
	if all[code] == nil {
		all[code] = &currencyEvidence{}
	}
	return all[code]
}

func (e *currencyEvidence) keep(c *cell, start, end int) {
	if e.cell == nil {
		e.cell, e.start, e.end = c, start, end
	}
}

func (e *currencyEvidence) describe(marks int, countryKnown bool) []string {
	var f features
	f.when(e.beside > 0, "beside an amount")
	f.when(e.beside > 0 && e.exact, "beside an amount, exact")
	f.when(e.total, "beside the total")
	f.when(e.total && e.exact, "beside the total, exact")
	f.when(e.total && e.home, "beside the total, at home")
	f.when(e.beside > 0 && !e.exact && e.home, "ambiguous, at home")
	f.when(e.beside > 0 && !e.exact && !e.home && countryKnown, "ambiguous, not at home")
	f.when(e.usual, "usual meaning")
	f.when(e.usual && !countryKnown, "usual meaning, country unknown")
	f.when(e.printed > 0, "printed")
	f.when(e.printed > 1, "printed more than once")
	f.when(e.totalRow, "in the row of a total")
	f.when(e.home, "at home")
	f.when(e.home && e.beside+e.printed == 0, "at home, never printed")
	f.when(e.home && marks == 0, "at home, none printed")
	if marks > 0 {
		f.share("share of marks", float64(e.beside+e.printed)/float64(marks), 4)
	}
	return f.names
}

// printedCodes finds ISO codes and currency words away from amounts.
func (d *document) printedCodes(s *sheet, evidence map[string]*currencyEvidence) {
	for _, r := range s.rows {
		for _, c := range r.cells {
			labels := c.labelSet()
			totals := labels.has(lTotal) || labels.has(lAmount) || labels.has(lDue) || strings.Contains(fold(c.text), "curr") || strings.Contains(fold(c.text), "wahrung") ||
				strings.Contains(fold(c.text), "devise") || strings.Contains(fold(c.text), "valuta") || strings.Contains(fold(c.text), "moneda") || strings.Contains(fold(c.text), "divisa")
			for _, place := range codeAnyhow.FindAllStringIndex(c.text, -1) {
				code := c.text[place[0]:place[1]]
				// Codes that are words or abbreviations of other things count beside a label alone.
				if !isCurrency(code) || !totals && slices.Contains(commonAbbreviations, code) {
					continue
				}
				e := evidenceOf(evidence, code)
				e.printed++
				e.exact = true
				e.totalRow = e.totalRow || totals
				e.keep(c, place[0], place[1])
			}
			d.printedSigns(c, totals, evidence)
		}
	}
}

// printedSigns finds signs that stand in labels: "Total (€)", "Amount in RM".
func (d *document) printedSigns(c *cell, totals bool, evidence map[string]*currencyEvidence) {
	for _, word := range strings.FieldsFunc(c.text, func(r rune) bool { return strings.ContainsRune(" ()[]/", r) }) {
		trimmed := strings.Trim(fold(word), ":.,")
		for _, known := range currencySigns {
			plain := strings.TrimSuffix(known.sign, ".")
			if trimmed != plain || known.sign == "r" || startsWithLetter(plain) && len(plain) < 3 && !strings.Contains(c.text, "("+word+")") && !totals && plain != "rm" {
				continue
			}
			for rank, code := range known.codes {
				e := evidenceOf(evidence, code)
				e.printed++
				e.usual = e.usual || rank == 0
				e.exact = e.exact || len(known.codes) == 1
				e.totalRow = e.totalRow || totals
				e.keep(c, 0, len(c.text))
			}
			break
		}
	}
}

// commonAbbreviations are codes that mean other things as well; they count
// beside an amount or a label that speaks of money.
var commonAbbreviations = []string{"TRY", "AMD", "LAK", "MAD", "STN", "VES", "RON", "ANG", "CAD", "DOP", "BTN", "SAR", "ALL", "TOP", "CUP", "PEN", "BHD", "GEL", "MOP", "SOS", "COP", "BAM"}

// wordCodes are codes that are words or legal forms; they count beside a label
// that speaks of money alone.
var wordCodes = []string{"ALL", "TOP", "CUP", "PEN", "BHD", "GEL", "MOP", "SOS", "COP", "BAM"}
