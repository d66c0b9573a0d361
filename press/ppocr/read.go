package ppocr

import (
	"fmt"
	"image"
	"slices"
	"strings"
)

const (
	lineHeight  = 48   // of a line as the reader wants it, in pixels
	widestLine  = 3200 // in pixels: about 150 characters
	linePadding = 32   // the widths of lines are multiples of this, so that few shapes occur
)

// White between characters that is wider than wideGap line heights, and than
// usualGaps times the usual white of its line, parts words: the reader leaves
// most spaces out, and headings are often stretched.
const wideGap, usualGaps = 0.19, 2.2

// character is a piece of a line with its place in the line, from 0 to 1.
type character struct {
	text       string
	at         float64
	gap        float64 // white since the last character, as a share of the line
	confidence float64
}

// readLine reads one line and parts it into words.
func (n *Networks) readLine(picture *image.Gray, line quad) ([]Word, error) {
	strip := line.strip(picture, lineHeight, widestLine)
	width := (strip.Rect.Dx() + linePadding - 1) / linePadding * linePadding
	output, shape, err := n.Reader.Run(tensor(strip, width, plainScale), 1, 3, lineHeight, int64(width))
	if err != nil {
		return nil, fmt.Errorf("read a line: %w", err)
	}
	if len(shape) != 3 || shape[2] != int64(len(n.Alphabet)+1) {
		return nil, fmt.Errorf("read a line: the model gave %v for an alphabet of %d", shape, len(n.Alphabet))
	}
	characters := n.decode(output, int(shape[1]), float64(width)/float64(strip.Rect.Dx()))
	measureGaps(characters, blankColumns(strip))
	return line.words(characters, float64(strip.Rect.Dx())/lineHeight), nil
}

// decode takes the likeliest class of each step; a repeated one is one
// character, and the blank parts those that are printed twice (CTC).
func (n *Networks) decode(output []float32, steps int, padded float64) []character {
	classes, candidates := len(n.Alphabet)+1, n.candidates()
	var characters []character
	last := 0
	for step := range steps {
		best, value := 0, float32(0)
		likely := output[step*classes : (step+1)*classes]
		for _, class := range candidates {
			if likely[class] > value {
				best, value = class, likely[class]
			}
		}
		if best != 0 && best != last {
			at := (float64(step) + 0.5) / float64(steps) * padded
			characters = append(characters, character{text: n.Alphabet[best-1], at: min(at, 1), confidence: float64(value)})
		}
		last = best
	}
	return characters
}

// candidates lists the classes that may be read.
func (n *Networks) candidates() []int {
	classes := []int{0}
	for i, text := range n.Alphabet {
		if text != "" {
			classes = append(classes, i+1)
		}
	}
	return classes
}

// words parts characters at spaces and at gaps. aspect is the line's length in heights.
func (q quad) words(characters []character, aspect float64) []Word {
	var words []Word
	var current []character
	widest := max(wideGap/aspect, usualGaps*usualGap(characters))
	flush := func() {
		if len(current) > 0 {
			words = append(words, q.word(current, aspect))
		}
		current = nil
	}
	for _, next := range characters {
		if strings.TrimSpace(next.text) == "" {
			flush()
			continue
		}
		if len(current) > 0 && next.gap > widest {
			flush()
		}
		current = append(current, next)
	}
	flush()
	return words
}

// blankColumns tells the columns of a strip without ink.
func blankColumns(strip *image.Gray) []bool {
	const margin = lineHeight / 6 // where neighbouring lines may reach in
	dark, light := byte(255), byte(0)
	darkest := make([]byte, strip.Rect.Dx())
	for x := range darkest {
		darkest[x] = 255
		for y := margin; y < lineHeight-margin; y++ {
			shade := strip.Pix[y*strip.Stride+x]
			darkest[x] = min(darkest[x], shade)
			dark, light = min(dark, shade), max(light, shade)
		}
	}
	blank := make([]bool, len(darkest))
	for x, shade := range darkest {
		blank[x] = int(shade) > int(dark)+(int(light)-int(dark))/2
	}
	return blank
}

// measureGaps finds the longest stretch of blank columns before each character.
func measureGaps(characters []character, blank []bool) {
	for i := 1; i < len(characters); i++ {
		from, to := int(characters[i-1].at*float64(len(blank))), int(characters[i].at*float64(len(blank)))
		run, longest := 0, 0
		for _, white := range blank[min(from, len(blank)):min(max(from, to), len(blank))] {
			if run++; !white {
				run = 0
			}
			longest = max(longest, run)
		}
		characters[i].gap = float64(longest) / float64(len(blank))
	}
}

// usualGap is the median white between neighbouring characters.
func usualGap(characters []character) float64 {
	if len(characters) < 4 {
		return 0
	}
	gaps := make([]float64, len(characters)-1)
	for i := range gaps {
		gaps[i] = characters[i+1].gap
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

func (q quad) word(characters []character, aspect float64) Word {
	const half = 0.25 // of a character, in line heights
	var text strings.Builder
	sum := 0.0
	for _, c := range characters {
		text.WriteString(c.text)
		sum += c.confidence
	}
	from, to := max(characters[0].at-half/aspect, 0), min(characters[len(characters)-1].at+half/aspect, 1)
	corners := []point{q[0].to(q[1], from), q[0].to(q[1], to), q[3].to(q[2], from), q[3].to(q[2], to)}
	word := Word{
		Text: text.String(), Confidence: sum / float64(len(characters)), Height: q[0].distance(q[3]),
		X0: corners[0].x, Y0: corners[0].y, X1: corners[0].x, Y1: corners[0].y,
	}
	for _, corner := range corners[1:] {
		word.X0, word.X1 = min(word.X0, corner.x), max(word.X1, corner.x)
		word.Y0, word.Y1 = min(word.Y0, corner.y), max(word.Y1, corner.y)
	}
	return word
}
