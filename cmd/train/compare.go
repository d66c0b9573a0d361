package main

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/docuflow/docuflow/domain"
)

// right says that a value is one of the accepted answers of a field.
func right(name domain.FieldName, value string, accepted []string) bool {
	for _, answer := range accepted {
		if answer == "" {
			if value == "" {
				return true
			}
			continue
		}
		if value != "" && same(name, value, answer) {
			return true
		}
	}
	return false
}

func same(name domain.FieldName, value, answer string) bool {
	switch name {
	case domain.TotalAmount:
		a, errA := domain.ParseAmount(value)
		b, errB := domain.ParseAmount(answer)
		return errA == nil && errB == nil && a.Cmp(b) == 0
	case domain.VendorName:
		return sameVendor(value, answer)
	case domain.InvoiceNumber:
		plain := func(s string) string {
			return strings.Trim(strings.ToLower(strings.Join(strings.Fields(s), "")), "#:.,")
		}
		return plain(value) == plain(answer)
	}
	return value == answer
}

var legalWords = strings.Fields(`gmbh mbh kg kgaa ohg ag ug eg ev gbr co se ltd limited llc llp plc inc incorporated corp corporation
company sdn bhd berhad pte pvt private pty bv nv sa sas sarl sasu eurl srl spa sl slu lda oy ab as aps sp zoo z o kft sro`)

var (
	bracketed = regexp.MustCompile(`\([^()]*\d[^()]*\)`)
	noSpace   = strings.NewReplacer("’", "", "'", "", "`", "", ".", "", "ß", "ss")
)

// plainName is a name as a list of words without accents, case, punctuation and legal forms.
func plainName(s string) []string {
	var plain strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if !unicode.Is(unicode.Mn, r) {
			plain.WriteRune(unicode.ToLower(r))
		}
	}
	text := noSpace.Replace(bracketed.ReplaceAllString(plain.String(), " "))
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	kept := slices.DeleteFunc(slices.Clone(words), func(word string) bool { return slices.Contains(legalWords, word) })
	if len(kept) == 0 {
		return words
	}
	return kept
}

// sameVendor follows the matching rule of the corpus: equal, nearly equal, or
// the same words in another order and no mere fragment.
func sameVendor(value, answer string) bool {
	a, b := plainName(value), plainName(answer)
	x, y := strings.Join(a, ""), strings.Join(b, "")
	if x == "" || y == "" {
		return false
	}
	if x == y || similarity(x, y) >= 0.9 {
		return true
	}
	return 2*min(len(x), len(y)) >= max(len(x), len(y)) && wordSimilarity(a, b) >= 0.9
}

func wordSimilarity(a, b []string) float64 {
	var common, onlyA, onlyB []string
	for _, word := range unique(a) {
		if slices.Contains(b, word) {
			common = append(common, word)
		} else {
			onlyA = append(onlyA, word)
		}
	}
	for _, word := range unique(b) {
		if !slices.Contains(a, word) {
			onlyB = append(onlyB, word)
		}
	}
	shared := strings.Join(common, " ")
	p := strings.TrimSpace(shared + " " + strings.Join(onlyA, " "))
	q := strings.TrimSpace(shared + " " + strings.Join(onlyB, " "))
	best := similarity(p, q)
	if shared != "" {
		best = max(best, similarity(shared, p), similarity(shared, q))
	}
	return best
}

func unique(words []string) []string { return slices.Compact(slices.Sorted(slices.Values(words))) }

// similarity is twice the longest common subsequence over both lengths.
func similarity(a, b string) float64 {
	x, y := []rune(a), []rune(b)
	if len(x)+len(y) == 0 {
		return 1
	}
	before := make([]int, len(y)+1)
	for _, r := range x {
		row := make([]int, len(y)+1)
		for j, other := range y {
			if r == other {
				row[j+1] = before[j] + 1
			} else {
				row[j+1] = max(before[j+1], row[j])
			}
		}
		before = row
	}
	return 2 * float64(before[len(y)]) / float64(len(x)+len(y))
}
