// Package ppocr reads text in pictures with the networks of PP-OCR: one finds
// lines of text, wherever they are and however they lie, one tells lines that
// stand on their heads, one reads a line. It gives characters with places; it
// knows neither files nor processes, and the networks are handed to it.
//
// The reader's alphabet has Latin letters without accents, digits and Chinese,
// and of the currency signs only $ and ¥: what else a text has must come from
// another reader.
package ppocr

import (
	"cmp"
	"fmt"
	"image"
	"slices"
	"strings"

	"golang.org/x/text/width"
)

// Model is a network that turns one tensor into another one.
type Model interface {
	Run(input []float32, shape ...int64) (output []float32, outputShape []int64, err error)
}

// Networks are the three models of PP-OCR and the alphabet of the last one.
type Networks struct {
	Detector   Model // text on a page
	Classifier Model // upright or on its head
	Reader     Model
	Alphabet   []string // by class, without the blank that is class 0
}

// Page is what stands on a picture that was turned upright.
type Page struct {
	Quarters int    `json:"quarters"` // clockwise quarter turns that made the picture upright
	Words    []Word `json:"words"`
}

// Word is text without a wide gap. Its box is in pixels of the picture that was given, turned upright.
type Word struct {
	Text       string  `json:"text"`
	X0         float64 `json:"x0"`
	Y0         float64 `json:"y0"`
	X1         float64 `json:"x1"`
	Y1         float64 `json:"y1"`
	Height     float64 `json:"height"`     // of its line, across the writing
	Confidence float64 `json:"confidence"` // 0 to 1, mean over the characters
}

// Read reads a picture.
func (n *Networks) Read(picture *image.Gray) (Page, error) {
	page := Page{}
	lines, err := n.detect(picture)
	if err != nil {
		return Page{}, err
	}
	if lyingDown(lines) {
		picture, page.Quarters = turned(picture), 1
		if lines, err = n.detect(picture); err != nil {
			return Page{}, err
		}
	}
	onItsHead, err := n.onItsHead(picture, lines)
	if err != nil {
		return Page{}, err
	}
	if onItsHead {
		picture, page.Quarters = turned(turned(picture)), page.Quarters+2
		size := picture.Rect.Size()
		for i := range lines {
			lines[i] = lines[i].turnedOver(float64(size.X), float64(size.Y))
		}
	}
	for _, line := range lines {
		words, err := n.readLine(picture, line)
		if err != nil {
			return Page{}, err
		}
		page.Words = append(page.Words, words...)
	}
	return page, nil
}

// lyingDown says that most of the text runs from top to bottom.
func lyingDown(lines []quad) bool {
	down, total := 0.0, 0.0
	for _, line := range lines {
		long, short := line.size()
		if long < 2*short {
			continue // a number or a short word says nothing
		}
		if line.steep() {
			down += long
		}
		total += long
	}
	return down > total*0.6
}

// onItsHead asks the classifier about the longest lines.
func (n *Networks) onItsHead(picture *image.Gray, lines []quad) (bool, error) {
	const asked = 9
	longest := slices.SortedFunc(slices.Values(lines), func(a, b quad) int {
		first, _ := a.size()
		second, _ := b.size()
		return cmp.Compare(second, first)
	})
	over, sure := 0, 0
	for _, line := range longest[:min(len(longest), asked)] {
		strip := line.strip(picture, classifierHeight, classifierWidth)
		output, shape, err := n.Classifier.Run(tensor(strip, classifierWidth, plainScale), 1, 3, classifierHeight, classifierWidth)
		if err != nil || len(output) != 2 {
			return false, fmt.Errorf("ask which way a line is up (%v): %w", shape, err)
		}
		if max(output[0], output[1]) < 0.8 {
			continue
		}
		sure++
		if output[1] > output[0] {
			over++
		}
	}
	return over*2 > sure, nil
}

const (
	classifierHeight = 48
	classifierWidth  = 192
)

// turned is the picture after a clockwise quarter turn.
func turned(picture *image.Gray) *image.Gray {
	width, height := picture.Rect.Dx(), picture.Rect.Dy()
	result := image.NewGray(image.Rect(0, 0, height, width))
	for y := range height {
		row := picture.Pix[y*picture.Stride:]
		for x := range width {
			result.Pix[x*result.Stride+height-1-y] = row[x]
		}
	}
	return result
}

// WesternAlphabet is an alphabet without what no Western document has, and with
// the narrow forms of the wide signs that Chinese text uses. Without it a smudge
// becomes a Chinese character.
func WesternAlphabet(alphabet []string) []string {
	western := make([]string, len(alphabet))
	for i, text := range alphabet {
		narrow := width.Fold.String(text)
		if strings.IndexFunc(narrow, func(r rune) bool { return r >= 0x2e80 }) < 0 {
			western[i] = narrow
		}
	}
	return western
}
