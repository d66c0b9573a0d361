package extraction

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/docuflow/docuflow/page"
)

// days are the days found in a text, each once, in order.
func days(text string, fuzzy bool) string {
	var found []string
	for _, d := range layOut([]page.Page{TypedPage(text)}, 0, fuzzy).dates() {
		found = append(found, d.day.Format(time.DateOnly))
	}
	slices.Sort(found)
	return strings.Join(slices.Compact(found), " ")
}

func TestDates(t *testing.T) {
	cases := map[string]string{
		"2025-03-14": "2025-03-14", "14.03.2025": "2025-03-14", "14/03/25": "2025-03-14", "03/14/2025": "2025-03-14", "2025/3/14": "2025-03-14", "14-3-2025": "2025-03-14",
		"03/04/2025":            "2025-03-04 2025-04-03",
		"5/5/2025":              "2025-05-05",
		"14. März 2025":         "2025-03-14",
		"7 February 2025":       "2025-02-07",
		"February 7, 2025":      "2025-02-07",
		"7th of February, 2025": "2025-02-07",
		"Feb 7 2025":            "2025-02-07",
		"1er février 2025":      "2025-02-01",
		"3 août 2025":           "2025-08-03",
		"12 de marzo de 2025":   "2025-03-12",
		"9 dicembre 2025":       "2025-12-09",
		"21 mei 2025":           "2025-05-21",
		"5 de março de 2025":    "2025-03-05",
		"17 października 2025":  "2025-10-17",
		"8 juli 2025":           "2025-07-08",
		"3. maj 2025":           "2025-05-03",
		"4. joulukuuta 2025":    "2025-12-04",
		"14-Mar-25":             "2025-03-14",
		"14MAR2025":             "2025-03-14",
		"20250314":              "2025-03-14",
		"2025年3月14日":            "2025-03-14",
		"30/02/2025":            "",
		"31.11.2025":            "",
		"12.50 13.60":           "",
		"192.168.10.12":         "",
		"99/99/9999":            "",
		"Version 3 total 2025":  "",
	}
	for text, want := range cases {
		if got := days(text, false); got != want {
			t.Errorf("%q holds %q, want %q", text, got, want)
		}
	}
}

func TestDatesOfABadReading(t *testing.T) {
	cases := map[string]string{"Dater11/03/18 21:30": "2018-03-11", "l4/O3/2025": "2025-03-14", "14/dun/2017": "2017-06-14"}
	for text, want := range cases {
		if got := days(text, true); !strings.Contains(got, want) {
			t.Errorf("%q holds %q, want %s", text, got, want)
		}
	}
}

func TestTheDocumentDecidesTheOrder(t *testing.T) {
	cases := map[string]dateOrder{"03/04/2025  14/04/2025": dayFirst, "03/04/2025  04/14/2025": monthFirst, "03/04/2025": orderUnknown}
	for text, want := range cases {
		if got := layOut([]page.Page{TypedPage(text)}, 0, false).order; got != want {
			t.Errorf("%q is in order %d, want %d", text, got, want)
		}
	}
}

func FuzzDates(f *testing.F) {
	for _, seed := range []string{"14. März 2025", "1er février 2025", "03/04/2025", "2025-13-45", "İ 14.03.2025", "ﬁ 20250314", "l4/O3/2O25"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		for _, fuzzy := range []bool{false, true} {
			for _, d := range layOut([]page.Page{TypedPage(text)}, 0, fuzzy).dates() {
				if d.start < 0 || d.end > len(d.cell.text) || d.start >= d.end {
					t.Fatalf("%q: the day stands at %d to %d of %q", text, d.start, d.end, d.cell.text)
				}
				if d.day.Year() < 1990 || d.day.Year() > 2049 {
					t.Fatalf("%q: year %d", text, d.day.Year())
				}
			}
		}
	})
}
