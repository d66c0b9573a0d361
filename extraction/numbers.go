package extraction

import (
	"regexp"
	"strings"
	"unicode"
)

var (
	gluedLabel    = regexp.MustCompile(`(?i)^(?:(?:invoice|inv|bill|receipt|rechnung|facture|fattura|factuur|no|nr|n°|nº)[.:#°º]+|#)`)
	yearInside    = regexp.MustCompile(`(?:19|20)\d\d`)
	vatShape      = regexp.MustCompile(`^[A-Z]{2}[A-Z0-9]?\d{7,11}[A-Z0-9]{0,2}$`)
	ibanShape     = regexp.MustCompile(`^[A-Z]{2}\d{2}[A-Z0-9]{4,30}$`)
	amountShape   = regexp.MustCompile(`^[-+]?[\d.,']*[.,]\d{2}$`)
	unitShape     = regexp.MustCompile(`(?i)^\d+(?:[.,]\d+)?(?:kg|g|ml|l|cm|mm|m|km|%|x|pcs|h|hrs|gb|mb|kwh)$`)
	invoicePrefix = regexp.MustCompile(`(?i)^(?:inv|in|re|rg|rnr|r|fa|fac|fc|ft|fv|f|cn|cr|gs|sb|bill|rec|rc|av|nc|cs|cb|kr|fk)[-/ .#_]?\d`)
)

// number is a printed piece of text that may number a document.
type number struct {
	text       string
	cell       *cell
	start, end int
	words      int
}

const maxNumbers = 1500

// invoiceNumbers finds the candidates for the number of the invoice.
func (d *document) invoiceNumbers(s *sheet) []candidate {
	numbers := s.numbers()
	counts := map[string]int{}
	for _, n := range numbers {
		counts[numberKey(n.text)]++
	}
	var candidates []candidate
	for _, n := range numbers {
		var f features
		around := s.surroundingsOf(n.cell, n.start, n.end)
		if n.isShort() && !around.own.with(around.left...).with(around.above...).has(lInvoiceNumber) {
			continue
		}
		around.describe(&f)
		f.bucket("count", counts[numberKey(n.text)], 1, 2, 3)
		f.share("height", float64(n.cell.row.index)/float64(max(len(s.rows), 1)), 5)
		f.share("across", n.cell.box.X0, 4)
		f.when(n.cell.row.page > 1, "later page")
		f.bucket("words", n.words, 1, 2)
		n.describe(&f)
		n.describePlace(&f, around)
		candidates = append(candidates, candidate{value: n.text, key: numberKey(n.text), page: n.cell.row.page,
			box: n.cell.boxOf(n.start, n.end), surety: n.cell.confidence(n.start, n.end), features: f.names,
			cell: n.cell, start: n.start, end: n.end})
	}
	return candidates
}

// isShort says that a number has one or two digits and nothing else: a page, a
// till, a quantity, unless something says that it is the invoice's.
func (n number) isShort() bool { return len(n.text) <= 2 }

// numberKey is the same for numbers that differ in case and spaces alone.
func numberKey(s string) string { return strings.ToLower(strings.ReplaceAll(s, " ", "")) }

// numbers finds words with a digit, and pairs of neighbours that may be one number.
func (s *sheet) numbers() []number {
	var found []number
	for _, r := range s.rows {
		for _, c := range r.cells {
			found = append(found, numbersIn(c)...)
		}
		if len(found) > maxNumbers {
			return found[:maxNumbers]
		}
	}
	return found
}

func numbersIn(c *cell) []number {
	var found []number
	for i, word := range c.words {
		start, end := c.starts[i], c.starts[i]+len(word.Text)
		if n, ok := numberAt(c, start, end); ok {
			n.words = 1
			found = append(found, n)
		}
		for more := 1; more <= 2 && i+more < len(c.words); more++ {
			if last := c.words[i+more]; hasDigit(last.Text) || more == 1 && isJoint(last.Text) {
				n, ok := numberAt(c, start, c.starts[i+more]+len(last.Text))
				if ok && hasDigit(last.Text) && (hasDigit(word.Text) || isShortCode(word.Text)) && !isDate(last.Text) {
					n.words = more + 1
					found = append(found, n)
				}
			}
		}
	}
	return found
}

// isDate says that a word is a day and nothing else: "62 of 05-01-2020" is no number.
func isDate(word string) bool {
	found := scanDates(foldInPlace(word), false)
	return len(found) > 0 && found[0].start == 0 && found[0].end == len(word)
}

// isJoint says that a word joins the two parts of a number: "RE 2014 / 502".
func isJoint(s string) bool { return s == "/" || s == "-" }

// isShortCode says that a word may be the letters before a number: RE, INV, FA.
func isShortCode(s string) bool {
	if len(s) > 4 {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsUpper(r) && !strings.ContainsRune("-/", r) }) < 0
}

func numberAt(c *cell, start, end int) (number, bool) {
	text := c.text[start:end]
	if at := strings.LastIndexAny(text, ":#"); at >= 0 && at < len(text)-1 && hasLetter(text[:at]) {
		start += at + 1
	} else if glued := gluedLabel.FindString(text); glued != "" && len(glued) < len(text) {
		start += len(glued)
	}
	text = c.text[start:end]
	trimmed := strings.TrimLeft(text, "#:.,;()[]*'\"“”|=-_ ")
	start += len(text) - len(trimmed)
	text = strings.TrimRight(trimmed, "#:.,;()[]*'\"“”|=-_ ")
	if len(text) > 34 || !hasDigit(text) || strings.ContainsAny(text, "@€$£") {
		return number{}, false
	}
	return number{text: text, cell: c, start: start, end: start + len(text)}, true
}

// describe says what the number looks like.
func (n number) describe(f *features) {
	digits, letters, signs := 0, 0, 0
	for _, r := range n.text {
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.IsLetter(r):
			letters++
		default:
			signs++
		}
	}
	f.bucket("digits", digits, 1, 2, 3, 4, 6, 8, 10, 13)
	f.bucket("letters", letters, 0, 1, 3, 5)
	f.bucket("signs", signs, 0, 1, 2, 3)
	f.when(digits+signs == len(n.text) && signs == 0, "digits alone")
	f.when(letters > digits, "more letters than digits")
	upper := strings.ToUpper(strings.ReplaceAll(n.text, " ", ""))
	f.when(vatShape.MatchString(upper), "shape of a VAT number")
	f.when(ibanShape.MatchString(upper) && validIBAN(upper), "an IBAN")
	f.when(amountShape.MatchString(n.text), "shape of an amount")
	f.when(unitShape.MatchString(n.text), "shape of a quantity")
	f.when(invoicePrefix.MatchString(n.text), "prefix of an invoice")
	f.when(yearInside.MatchString(n.text) && len(n.text) > 4, "a year inside")
	f.when(yearInside.MatchString(n.text) && len(n.text) == 4, "a year")
	f.when(len(scanDates(foldInPlace(n.text), false)) > 0, "a date")
	f.when(timePattern.MatchString(n.text), "a time")
	f.when(strings.HasSuffix(n.text, "%"), "a share")
	f.when(strings.HasPrefix(n.text, "0") && digits > 8, "shape of a telephone")
	first, _ := firstRune(n.text)
	f.when(unicode.IsLower(first), "begins with a small letter")
}

// describePlace says where in its cell the number stands.
func (n number) describePlace(f *features, around surroundings) {
	fills := n.start == 0 && n.end == len(n.cell.text)
	f.when(fills, "fills its cell")
	behind := len(around.own) > 0 && around.ownGap == 0
	f.when(behind && n.end == len(n.cell.text), "all that follows its label")
	f.when(behind && n.end == len(n.cell.text) && around.own.has(lInvoiceNumber), "all that follows the invoice number")
	f.when(fills && around.left.has(lInvoiceNumber), "all beside the invoice number")
	f.when(fills && len(around.left) == 0 && around.above.has(lInvoiceNumber), "all below the invoice number")
	f.when(behind && around.own.has(lInvoice), "right behind the title")
	f.when(n.end == len(n.cell.text), "ends its cell")
	before := strings.TrimRight(n.cell.text[:n.start], " ")
	f.when(strings.HasSuffix(before, ":"), "behind a colon")
	f.when(strings.HasSuffix(before, "#"), "behind a hash")
	f.when(before != "" && hasDigit(before), "digits before it in its cell")
	f.when(strings.ContainsAny(n.cell.row.text, "@"), "mail address in its row")
}

func firstRune(s string) (rune, bool) {
	for _, r := range s {
		return r, true
	}
	return 0, false
}

// validIBAN checks the check digits of ISO 13616.
func validIBAN(iban string) bool {
	if len(iban) < 15 || len(iban) > 34 {
		return false
	}
	remainder := 0
	for _, r := range iban[4:] + iban[:4] {
		switch {
		case r >= '0' && r <= '9':
			remainder = (remainder*10 + int(r-'0')) % 97
		case r >= 'A' && r <= 'Z':
			remainder = (remainder*100 + int(r-'A') + 10) % 97
		default:
			return false
		}
	}
	return remainder == 1
}
