package templates

import (
	"cmp"
	"slices"
	"strings"

	"github.com/docuflow/docuflow/domain"
)

// figure is an amount taken apart at the decimal point, so that a column of
// them can be aligned there.
type figure struct {
	Whole    string // with a true minus and separators: −1,284
	Decimals string // with the point: .50, empty without decimals
	Minus    bool
}

func figureOf(a domain.Amount) figure {
	whole, decimals, pointed := strings.Cut(a.Abs().String(), ".")
	f := figure{Whole: grouped(whole), Minus: a.Sign() < 0}
	if pointed {
		f.Decimals = "." + decimals
	}
	if f.Minus {
		f.Whole = "\u2212" + f.Whole
	}
	return f
}

func (f figure) String() string { return f.Whole + f.Decimals }

func grouped(digits string) string {
	var b strings.Builder
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	return b.String()
}

// commonestFirst puts the currency of most documents first, so that the main
// currency leads whatever the size of its unit.
func commonestFirst(sums []domain.Sum) []domain.Sum {
	return slices.SortedFunc(slices.Values(sums), func(a, b domain.Sum) int {
		return cmp.Or(cmp.Compare(b.Documents, a.Documents), b.Amount.Abs().Cmp(a.Amount.Abs()), cmp.Compare(a.Currency, b.Currency))
	})
}

const sumsShown = 3

func listSums(sums []domain.Sum) string {
	lines := make([]string, len(sums))
	for i, s := range sums {
		lines[i] = s.Currency + " " + figureOf(s.Amount).String()
	}
	return strings.Join(lines, "\n")
}

// Sums adds up the totals of documents by currency, without failed ones,
// possible duplicates and those that have no total or no currency yet.
func Sums(documents []domain.Document) []domain.Sum {
	at := map[string]int{}
	var sums []domain.Sum
	for _, d := range documents {
		total, read := d.Fields.Total()
		currency := d.Fields.Value(domain.Currency)
		if !read || currency == "" || d.Status == domain.Failed || d.DuplicateOf != "" {
			continue
		}
		i, known := at[currency]
		if !known {
			i = len(sums)
			at[currency], sums = i, append(sums, domain.Sum{Currency: currency})
		}
		sums[i].Amount = sums[i].Amount.Add(total)
		sums[i].Documents++
	}
	return sums
}
