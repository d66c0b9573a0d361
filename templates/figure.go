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

// sum is one currency's total of a day.
type sum struct {
	Currency string
	Amount   domain.Amount
}

// largestFirst orders sums so that the same day always reads the same way.
func largestFirst(sums map[string]domain.Amount) []sum {
	ordered := make([]sum, 0, len(sums))
	for currency, amount := range sums {
		ordered = append(ordered, sum{currency, amount})
	}
	slices.SortFunc(ordered, func(a, b sum) int {
		return cmp.Or(b.Amount.Cmp(a.Amount), cmp.Compare(a.Currency, b.Currency))
	})
	return ordered
}

const sumsShown = 3

func listSums(sums []sum) string {
	lines := make([]string, len(sums))
	for i, s := range sums {
		lines[i] = s.Currency + " " + figureOf(s.Amount).String()
	}
	return strings.Join(lines, "\n")
}

// Sums adds up the totals of documents by currency, without failed ones and
// those that have no total or no currency yet.
func Sums(documents []domain.Document) map[string]domain.Amount {
	sums := map[string]domain.Amount{}
	for _, d := range documents {
		total, read := d.Fields.Total()
		currency := d.Fields.Value(domain.Currency)
		if !read || currency == "" || d.Status == domain.Failed {
			continue
		}
		sums[currency] = sums[currency].Add(total)
	}
	return sums
}
