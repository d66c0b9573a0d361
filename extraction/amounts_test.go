package extraction

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/page"
)

func TestParseAmount(t *testing.T) {
	cases := []struct {
		printed string
		point   decimalPoint
		want    string
	}{
		{"1,234.50", '.', "1234.50"}, {"1.234,50", ',', "1234.50"}, {"1 234,50", ',', "1234.50"}, {"1'234.50", '.', "1234.50"}, {"1’234.50", '.', "1234.50"},
		{"1,23,456.00", '.', "123456.00"}, {"12,34,567", '.', "1234567"}, {"1.234.567,89", ',', "1234567.89"}, {"1234.5", '.', "1234.5"},
		{"9,00", 0, "9.00"}, {"9.00", 0, "9.00"}, {"1.234", ',', "1234"}, {"1,234", '.', "1234"}, {"1.234", 0, "1234"}, {"1.234", '.', "1.234"},
		{"0.125", 0, "0.125"}, {"1234.567", 0, "1234.567"}, {"12500", 0, "12500"}, {"0", 0, "0"}, {"007.50", 0, "7.50"}, {"1.234.56", 0, "1234.56"},
	}
	for _, c := range cases {
		got, ok := parseAmount(c.printed, c.point)
		if !ok || got.String() != c.want {
			t.Errorf("%q with decimal point %q is %v (%v), want %s", c.printed, rune(c.point), got, ok, c.want)
		}
	}
	for _, printed := range []string{"", ".", "1234567890123456", "12345678901234.00"} {
		if got, ok := parseAmount(printed, 0); ok {
			t.Errorf("%q is taken for %v", printed, got)
		}
	}
}

// found are the values and currencies in a text, without what is cut out of longer ones.
func found(text string) string {
	var values []string
	for _, a := range layOut([]page.Page{TypedPage(text)}, 0, false).amounts() {
		value := a.value.String()
		if len(a.currency.codes) > 0 {
			value += " " + a.currency.codes[0]
		}
		values = append(values, value)
	}
	return strings.Join(values, ", ")
}

func TestAmounts(t *testing.T) {
	cases := map[string]string{
		"Total EUR 1.234,50":    "1234.50 EUR",
		"Total   12.00 €":       "12.00 EUR",
		"TOTAL   RM33.90":       "33.90 MYR",
		"GRAND TOTALRM15.40":    "15.40 MYR",
		"Summe  -8,79 EUR":      "-8.79 EUR",
		"Totale EUR − 1.209,61": "-1209.61 EUR",
		"Rabatt  421,93- €":     "-421.93 EUR",
		"Refund  (12.50)":       "-12.50",
		"Total  US$ 1,250.00":   "1250.00 USD",
		"Total  A$99.95":        "99.95 AUD",
		"Razem  1 250,00 zł":    "1, 250.00 PLN, 1250.00 PLN",
		"合計  ¥12,800":           "12800 JPY",
		"14/03/2025":            "",
		"10:42":                 "",
		"Order A-1020 / B12":    "",
		"R000243654":            "",
		"Total  R 1,250.00":     "1250.00 ZAR",
		"Total  Fr. 45.50":      "45.50 CHF",
		"I alt  1.250,00 kr.":   "1250.00 DKK",
	}
	for text, want := range cases {
		if got := found(text); got != want {
			t.Errorf("%q holds %q, want %q", text, got, want)
		}
	}
}

func TestAmountsOfABadReading(t *testing.T) {
	cases := map[string]string{"TOTAL  RM 1O.5O": "10.50", "TOTAL  33 .90": "33.90", "TOTAL  33. 90": "33.90"}
	for text, want := range cases {
		values := ""
		for _, a := range layOut([]page.Page{TypedPage(text)}, 0, true).amounts() {
			values += a.value.String() + " "
		}
		if !strings.Contains(values, want) {
			t.Errorf("%q holds %q, want %s among them", text, values, want)
		}
	}
}

func FuzzAmounts(f *testing.F) {
	for _, seed := range []string{"Total 1.234,50 €", "RM33.90", "1 234 567,89-", "(12.00)", "O.5O l2.34", "€€€ 1,,2..3", "− – -", "1’2’3.4"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		for _, fuzzy := range []bool{false, true} {
			for _, a := range layOut([]page.Page{TypedPage(text)}, 0, fuzzy).amounts() {
				if a.start < 0 || a.end > len(a.cell.text) || a.start >= a.end {
					t.Fatalf("%q: the amount stands at %d to %d of %q", text, a.start, a.end, a.cell.text)
				}
				if _, err := domain.ParseAmount(a.value.String()); err != nil {
					t.Fatalf("%q: %v", text, err)
				}
			}
		}
	})
}
