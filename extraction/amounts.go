package extraction

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/docuflow/docuflow/domain"
)

// decimalPoint is the sign before the cents of a document, 0 when unknown.
type decimalPoint rune

// amount is a printed number that may be money.
type amount struct {
	value      domain.Amount
	cell       *cell
	start, end int // in the cell's text
	currency   currencyMark
	cents      bool // printed with exactly two decimals
	joined     bool // its groups are parted by spaces
	repaired   bool // letters or spaces of a bad reading were mended
	percent    bool
	negative   bool
}

var (
	amountPattern = regexp.MustCompile(`\d{1,3}(?:[.,'’]\d{3})+(?:[.,]\d{1,4})?|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d{1,4})?|\d+(?:[.,]\d{1,4})?`)
	spacedPattern = regexp.MustCompile(`\d{1,3}(?:[ \x{a0}\x{202f}\x{2009}]\d{3})+(?:[.,]\d{1,4})?`)
	brokenPattern = regexp.MustCompile(`\d+(?:,\d{3})*(?: [.,] ?|[.,] )\d{2}\b`)
	gluedCurrency = regexp.MustCompile(`[A-Za-z](?:RM|EUR|USD|GBP|CHF|MYR|SGD)$`) // GRAND TOTALRM15.40
	centsPattern  = regexp.MustCompile(`\d([.,])\d\d(?:\D|$)`)
)

// maxAmounts bounds the candidates of one document.
const maxAmounts = 1500

// decimalPointOf tells the decimal point of a document from its amounts with
// two decimals.
func decimalPointOf(s *sheet) decimalPoint {
	points, commas := 0, 0
	for _, r := range s.rows {
		for _, match := range centsPattern.FindAllStringSubmatch(r.text, -1) {
			if match[1] == "." {
				points++
			} else {
				commas++
			}
		}
	}
	switch {
	case points > commas:
		return '.'
	case commas > points:
		return ','
	}
	return 0
}

// amounts finds every number of a sheet that may be money.
func (s *sheet) amounts() []amount {
	var found []amount
	for _, r := range s.rows {
		for _, c := range r.cells {
			if !hasDigit(c.text) {
				continue
			}
			found = append(found, s.amountsIn(c)...)
		}
		if len(found) > maxAmounts {
			return found[:maxAmounts]
		}
	}
	return found
}

func (s *sheet) amountsIn(c *cell) []amount {
	var found []amount
	for _, place := range amountPattern.FindAllStringIndex(c.text, -1) {
		if a, ok := s.amountAt(c, place[0], place[1]); ok {
			found = append(found, a)
		}
	}
	for _, place := range spacedPattern.FindAllStringIndex(c.text, -1) {
		if a, ok := s.amountAt(c, place[0], place[1]); ok && s.closeTogether(c, place[0], place[1]) {
			a.joined = true
			found = append(found, a)
		}
	}
	if s.fuzzy {
		for _, place := range brokenPattern.FindAllStringIndex(c.text, -1) {
			if a, ok := s.amountAt(c, place[0], place[1]); ok {
				a.repaired = true
				found = append(found, a)
			}
		}
		found = append(found, s.mendedAmounts(c)...)
	}
	return found
}

// closeTogether says that the words of a number stand as close as the groups
// of one number do: a quantity before a price stands further off.
func (s *sheet) closeTogether(c *cell, start, end int) bool {
	first, last := c.wordAt(start), c.wordAt(end-1)
	for i := first; i < last; i++ {
		if c.words[i+1].Box.X0-c.words[i].Box.X1 > 0.6*c.size*c.row.tall {
			return false
		}
	}
	return true
}

// mendedAmounts finds amounts in words where the reader took digits for letters.
func (s *sheet) mendedAmounts(c *cell) []amount {
	var found []amount
	for i, word := range c.words {
		mended := mendDigits(word.Text)
		if mended == word.Text {
			continue
		}
		place := centsWord.FindStringIndex(mended)
		if place == nil {
			continue
		}
		value, ok := parseAmount(mended[place[0]:place[1]], s.points)
		if !ok {
			continue
		}
		start := c.starts[i]
		found = append(found, amount{value: value, cell: c, start: start, end: start + len(word.Text), cents: true, repaired: true,
			currency: currencyBeside(c, start, start+len(word.Text))})
	}
	return found
}

var centsWord = regexp.MustCompile(`\d[\d,]*[.,]\d\d$`)

// mendDigits turns letters that look like digits into digits, in words that
// are digits for the most part.
func mendDigits(word string) string {
	digits, letters := 0, 0
	for _, r := range word {
		if unicode.IsDigit(r) {
			digits++
		} else if unicode.IsLetter(r) {
			letters++
		}
	}
	if digits < 2 || letters == 0 || letters > digits {
		return word
	}
	return digitMender.Replace(word)
}

var digitMender = strings.NewReplacer("O", "0", "o", "0", "Q", "0", "D", "0", "l", "1", "I", "1", "|", "1", "Z", "2", "S", "5", "s", "5", "B", "8")

// amountAt reads the number at a place of a cell, if it can be money there.
func (s *sheet) amountAt(c *cell, start, end int) (amount, bool) {
	if !s.standsAlone(c.text, start, end) {
		return amount{}, false
	}
	value, ok := parseAmount(c.text[start:end], s.points)
	if !ok {
		return amount{}, false
	}
	a := amount{value: value, cell: c, start: start, end: end, cents: hasCents(c.text[start:end])}
	after := strings.TrimLeft(c.text[end:], " ")
	a.percent = strings.HasPrefix(after, "%")
	a.currency = currencyBeside(c, start, end)
	if a.currency.letter && !a.cents {
		return amount{}, false // R000123 is a number, R 12.50 is money
	}
	if isNegative(c.text[:start], c.text[end:]) {
		a.value, a.negative = value.Neg(), true
	}
	return a, true
}

// standsAlone says that a number is no part of a longer word, a date or a time.
func (s *sheet) standsAlone(text string, start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:start])
	after, _ := utf8.DecodeRuneInString(text[end:])
	switch {
	case unicode.IsDigit(before), unicode.IsDigit(after):
		return false
	case strings.ContainsRune("./,", before) && start > 1 && unicode.IsDigit(rune(text[start-2])):
		return false
	case strings.ContainsRune("/:", before), strings.ContainsRune("/", after):
		return before == ':' && (start <= 1 || !unicode.IsDigit(rune(text[start-2])))
	case strings.ContainsRune("-.,:", after) && end+1 < len(text) && unicode.IsDigit(rune(text[end+1])):
		return false
	case before == '-' && start > 1 && (unicode.IsDigit(rune(text[start-2])) || unicode.IsLetter(rune(text[start-2]))):
		return false
	case unicode.IsLetter(before):
		return endsWithCurrency(text[:start]) || gluedCurrency.MatchString(text[:start]) && hasCents(text[start:end])
	}
	return true
}

// isNegative looks for a minus sign before or behind a number, across a
// currency, and for the accountants' parentheses.
func isNegative(before, after string) bool {
	before = strings.TrimRight(before, " ")
	if endsWithMinus(before) {
		return true
	}
	before = strings.TrimRight(trimCurrency(before), " ")
	if strings.HasSuffix(before, "(") && strings.HasPrefix(strings.TrimLeft(after, " "), ")") {
		return true
	}
	if endsWithMinus(before) {
		return true
	}
	return strings.HasPrefix(after, "-") && !strings.HasPrefix(after, "--") && (len(after) == 1 || after[1] == ' ')
}

// endsWithMinus tells a minus sign from a dash: a dash has text right before it.
func endsWithMinus(before string) bool {
	for _, sign := range []string{"-", "−", "–"} {
		if rest, found := strings.CutSuffix(before, sign); found {
			return rest == "" || strings.ContainsAny(rest[len(rest)-1:], " :(") || endsWithCurrency(rest)
		}
	}
	return false
}

func hasCents(printed string) bool {
	at := strings.LastIndexAny(printed, ".,")
	return at >= 0 && len(printed)-at == 3
}

// parseAmount reads a printed number without its sign. point is the
// document's decimal point; it decides what a lone separator before three
// digits means. The value has the decimals that are printed.
func parseAmount(printed string, point decimalPoint) (domain.Amount, bool) {
	digits := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) && r < utf8.RuneSelf || r == '.' || r == ',' {
			return r
		}
		return -1
	}, printed)
	at := decimalsAt(digits, point)
	whole, decimals := digits, ""
	if at >= 0 {
		whole, decimals = digits[:at], digits[at+1:]
	}
	whole = strings.NewReplacer(".", "", ",", "").Replace(whole)
	if whole == "" || len(whole) > 12 || strings.ContainsAny(decimals, ".,") {
		return domain.Amount{}, false
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if decimals != "" {
		whole += "." + decimals
	}
	value, err := domain.ParseAmount(whole)
	return value, err == nil
}

// decimalsAt finds the decimal point in a number of digits, points and
// commas, or -1 when it has no decimals.
func decimalsAt(digits string, point decimalPoint) int {
	last := strings.LastIndexAny(digits, ".,")
	if last < 0 || last == len(digits)-1 {
		return -1
	}
	behind := len(digits) - last - 1
	first := strings.IndexAny(digits, ".,")
	switch {
	case digits[first] != digits[last]: // both signs: the last one is it
		return last
	case first != last: // one sign, several times: it parts thousands
		if behind == 3 {
			return -1
		}
		return last
	case behind != 3:
		return last
	case first > 3 || digits[0] == '0': // 0.125, 1234.567
		return last
	case point == decimalPoint(digits[last]):
		// The document's decimal point before three digits: a quantity or a rate.
		return last
	}
	return -1
}
