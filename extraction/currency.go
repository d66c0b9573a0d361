package extraction

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// currencyMark is a printed sign or code of money. A sign such as $ stands
// for several currencies; the first is the usual one.
type currencyMark struct {
	codes  []string
	exact  bool // an ISO code or a sign of one currency alone
	letter bool // a sign that is a letter like any other
}

// currencyCodes are the ISO 4217 codes in use.
var currencyCodes = strings.Fields(`AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC
CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD
KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR
SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL`)

// isCurrency says that s is an ISO 4217 code.
func isCurrency(s string) bool { return slices.Contains(currencyCodes, s) }

// currencySigns are the printed signs and words, folded, longest first where
// one begins another.
var currencySigns = []struct {
	sign  string
	codes []string
}{
	{"us$", []string{"USD"}}, {"usd$", []string{"USD"}}, {"u.s.$", []string{"USD"}}, {"ca$", []string{"CAD"}}, {"cad$", []string{"CAD"}}, {"c$", []string{"CAD"}},
	{"au$", []string{"AUD"}}, {"aud$", []string{"AUD"}}, {"a$", []string{"AUD"}}, {"nz$", []string{"NZD"}}, {"hk$", []string{"HKD"}}, {"s$", []string{"SGD"}}, {"sgd$", []string{"SGD"}}, {"mx$", []string{"MXN"}},
	{"nt$", []string{"TWD"}}, {"r$", []string{"BRL"}}, {"$", []string{"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "COP", "CLP", "ARS"}},
	{"€", []string{"EUR"}}, {"euros", []string{"EUR"}}, {"euro", []string{"EUR"}}, {"£", []string{"GBP"}}, {"¥", []string{"JPY", "CNY"}}, {"￥", []string{"JPY", "CNY"}}, {"円", []string{"JPY"}}, {"元", []string{"CNY"}}, {"rmb", []string{"CNY"}},
	{"rm", []string{"MYR"}}, {"zł", []string{"PLN"}}, {"zl", []string{"PLN"}}, {"kč", []string{"CZK"}}, {"kc", []string{"CZK"}}, {"ft", []string{"HUF"}}, {"₹", []string{"INR"}}, {"rs.", []string{"INR", "PKR", "LKR"}}, {"rs", []string{"INR", "PKR", "LKR"}}, {"inr", []string{"INR"}},
	{"sfr.", []string{"CHF"}}, {"sfr", []string{"CHF"}}, {"fr.", []string{"CHF"}}, {"kr.", []string{"DKK", "NOK", "SEK"}}, {"kr", []string{"SEK", "NOK", "DKK"}}, {"₺", []string{"TRY"}}, {"tl", []string{"TRY"}}, {"₽", []string{"RUB"}}, {"руб", []string{"RUB"}}, {"₴", []string{"UAH"}},
	{"₩", []string{"KRW"}}, {"₪", []string{"ILS"}}, {"฿", []string{"THB"}}, {"₫", []string{"VND"}}, {"₱", []string{"PHP"}}, {"₦", []string{"NGN"}}, {"lei", []string{"RON"}}, {"лв", []string{"BGN"}}, {"rp", []string{"IDR"}}, {"r", []string{"ZAR"}},
}

// currencyBeside reads the currency right before or behind a place of a cell,
// or in a neighbouring cell that holds nothing else.
func currencyBeside(c *cell, start, end int) currencyMark {
	if mark, _ := currencyAtEnd(c.text[:start]); mark.codes != nil {
		return mark
	}
	if mark := currencyAtStart(c.text[end:]); mark.codes != nil {
		return mark
	}
	if start == 0 && c.index > 0 {
		if mark, length := currencyAtEnd(c.row.cells[c.index-1].text); length > 0 {
			return mark
		}
	}
	if end == len(c.text) && c.index+1 < len(c.row.cells) {
		next := c.row.cells[c.index+1].text
		if len(next) <= 5 {
			return currencyAtStart(next)
		}
	}
	return currencyMark{}
}

// currencyAtEnd reads a currency at the end of a text, before spaces and signs;
// length is how much of the text it is, with what follows it.
func currencyAtEnd(text string) (currencyMark, int) {
	trimmed := strings.TrimRight(text, " -−–(:.\u00a0")
	if trimmed == "" {
		return currencyMark{}, 0
	}
	tail := lastRunes(trimmed, 6)
	if match := codeAtEnd.FindString(tail); isCurrency(match) && !slices.Contains(wordCodes, match) {
		return currencyMark{codes: []string{match}, exact: true}, len(text) - len(trimmed) + len(match)
	}
	folded := strings.ToLower(tail)
	withPoint := lastRunes(strings.ToLower(strings.TrimRight(text, " -−–(:\u00a0")), 6)
	for _, known := range currencySigns {
		if !strings.HasSuffix(folded, known.sign) && !strings.HasSuffix(withPoint, known.sign) {
			continue
		}
		rest := strings.TrimSuffix(strings.TrimSuffix(withPoint, "."), strings.TrimSuffix(known.sign, "."))
		if last, _ := utf8.DecodeLastRuneInString(rest); startsWithLetter(known.sign) && unicode.IsLetter(last) && !gluedCurrency.MatchString(trimmed) {
			continue
		}
		if known.sign == "r" && !strings.HasSuffix(trimmed, "R") {
			continue
		}
		return currencyMark{codes: known.codes, exact: len(known.codes) == 1, letter: known.sign == "r"}, len(text) - len(trimmed) + len(known.sign)
	}
	return currencyMark{}, 0
}

var (
	codeAtEnd   = regexp.MustCompile(`\b[A-Z]{3}$`)
	codeAtStart = regexp.MustCompile(`^[A-Z]{3}\b`)
	codeAnyhow  = regexp.MustCompile(`\b[A-Z]{3}\b`)
)

func currencyAtStart(text string) currencyMark {
	text = strings.TrimLeft(text, " -.,*\u00a0\u202f")
	if match := codeAtStart.FindString(text); isCurrency(match) && !slices.Contains(wordCodes, match) {
		return currencyMark{codes: []string{match}, exact: true}
	}
	folded := strings.ToLower(text)
	for _, known := range currencySigns {
		rest, found := strings.CutPrefix(folded, known.sign)
		if !found || known.sign == "r" {
			continue
		}
		if next, _ := utf8.DecodeRuneInString(rest); startsWithLetter(known.sign) && unicode.IsLetter(next) {
			continue
		}
		return currencyMark{codes: known.codes, exact: len(known.codes) == 1}
	}
	return currencyMark{}
}

func endsWithCurrency(text string) bool {
	mark, _ := currencyAtEnd(text)
	return mark.codes != nil
}

func trimCurrency(text string) string {
	if _, length := currencyAtEnd(text); length > 0 && length <= len(text) {
		return text[:len(text)-length]
	}
	return text
}

func startsWithLetter(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r)
}

func lastRunes(s string, n int) string {
	for at := len(s); at > 0; {
		_, size := utf8.DecodeLastRuneInString(s[:at])
		at -= size
		if n--; n == 0 {
			return s[at:]
		}
	}
	return s
}
