package madeup

import (
	"strings"
	"unicode"

	"github.com/docuflow/docuflow/page"
)

// The size of a page in points.
const (
	pageWidth  = 595.0
	pageHeight = 842.0
)

// canvas is a page that is being printed.
type canvas struct {
	width, height float64
	words         []page.Word
}

// align is how a text stands to its x.
type align int

const (
	toLeft align = iota
	toRight
	centred
)

// text prints one line, its base at y, and returns where it ends.
func (c *canvas) text(x, y, size float64, side align, text string) float64 {
	width := widthOf(text) * size
	switch side {
	case toRight:
		x -= width
	case centred:
		x -= width / 2
	}
	for _, word := range strings.Fields(text) {
		wide := widthOf(word) * size
		c.words = append(c.words, page.Word{Text: word, Confidence: 1, FontSize: size / c.height, Box: page.Box{
			X0: x / c.width, X1: (x + wide) / c.width, Y0: (y - 0.72*size) / c.height, Y1: (y + 0.02*size) / c.height,
		}})
		x += wide + widthOf(" ")*size
	}
	return x
}

// widthOf is the width of a text in a sans serif face of size 1.
func widthOf(text string) float64 {
	width := 0.0
	for _, r := range text {
		switch {
		case strings.ContainsRune("iljI.,:;'|! ", r):
			width += 0.27
		case strings.ContainsRune("mwMW@%", r):
			width += 0.85
		case unicode.IsUpper(r):
			width += 0.68
		default:
			width += 0.55
		}
	}
	return width
}

func (c *canvas) page(number int) page.Page {
	return page.Page{Number: number, Width: c.width, Height: c.height, Words: c.words}
}
