package extraction

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold makes text comparable: lower case, no accents, compatibility forms
// resolved (№, ﬁ, full width).
func fold(s string) string {
	if isPlain(s) {
		return strings.ToLower(s)
	}
	var folded strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch r = unicode.ToLower(r); {
		case unicode.Is(unicode.Mn, r):
		case r == 'ß':
			folded.WriteString("ss")
		case r == 'ł':
			folded.WriteByte('l')
		case r == 'ø':
			folded.WriteByte('o')
		case r == 'æ':
			folded.WriteString("ae")
		case r == 'œ':
			folded.WriteString("oe")
		case r == 'đ', r == 'ð':
			folded.WriteByte('d')
		case r == 'ı':
			folded.WriteByte('i')
		case r == '°', r == 'º':
			folded.WriteByte('o')
		case r == '\u2019', r == '\u2018', r == '`', r == '´':
			folded.WriteByte('\'')
		default:
			folded.WriteRune(r)
		}
	}
	return folded.String()
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// tokens splits folded text into words of letters and digits; "#" and "%" are
// words of their own. Letters and digits that touch are parted.
func tokens(s string) []string {
	var words []string
	start, kind := 0, 0
	flush := func(end int) {
		if kind != 0 && end > start {
			words = append(words, s[start:end])
		}
	}
	for i, r := range s {
		next := 0
		switch {
		case unicode.IsLetter(r):
			next = 1
		case unicode.IsDigit(r):
			next = 2
		case r == '#', r == '%':
			next = 3
		}
		if next != kind || next == 3 {
			flush(i)
			start, kind = i, next
		}
	}
	flush(len(s))
	return words
}
