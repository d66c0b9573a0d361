package extraction

import (
	"strings"
	"unicode/utf8"

	"github.com/docuflow/docuflow/page"
)

// Typed makes a page model of text as a typewriter would print it: one line a
// line, two spaces or more part columns.
func Typed(text string) page.Document {
	return page.Document{Source: page.SourceText, Pages: []page.Page{TypedPage(text)}}
}

// TypedPage does the same for one page.
func TypedPage(text string) page.Page {
	const column, line = 0.0095, 0.017
	p := page.Page{Number: 1, Width: 595, Height: 842}
	for y, row := range strings.Split(strings.Trim(text, "\n"), "\n") {
		for at := 0; at < len(row); {
			if row[at] == ' ' {
				at++
				continue
			}
			end := strings.IndexByte(row[at:], ' ')
			if end < 0 {
				end = len(row) - at
			}
			x := float64(utf8.RuneCountInString(row[:at]))*column + 0.02
			p.Words = append(p.Words, page.Word{Text: row[at : at+end], Confidence: 1, FontSize: 0.0125, Box: page.Box{
				X0: x, X1: x + float64(utf8.RuneCountInString(row[at:at+end]))*column,
				Y0: 0.03 + float64(y)*line, Y1: 0.03 + float64(y)*line + 0.01,
			}})
			at += end
		}
	}
	return p
}
