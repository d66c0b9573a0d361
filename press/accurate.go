package press

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/docuflow/docuflow/page"
	"github.com/docuflow/docuflow/press/ppocr"
)

// accuratePass is how the accurate reader wants its letters.
var accuratePass = pass{letter: 22}

// lookForAccurate returns dir when the accurate reader is there, and else why it is not.
func lookForAccurate(dir string) (found, missing string) {
	for _, name := range ppocr.Files() {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return "", fmt.Sprintf("%s has no %s", dir, name)
		}
	}
	return dir, ""
}

// accurateReader runs docuflow-ocr.
type accurateReader struct {
	home *os.File // its directory, opened while we could still enter it
}

// openAccurate returns nil when there is no accurate reader.
func openAccurate(dir string) (*accurateReader, error) {
	if dir == "" {
		return nil, nil
	}
	home, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open the accurate reader's directory: %w", err)
	}
	return &accurateReader{home: home}, nil
}

func (a *accurateReader) read(ctx context.Context, file string) (ppocr.Page, error) {
	home := inherited(a.home)
	command := exec.CommandContext(ctx, filepath.Join(home, ppocr.ProgramFile), home, file)
	command.ExtraFiles = []*os.File{a.home}
	command.SysProcAttr = tool()
	var output, complaint bytes.Buffer
	command.Stdout, command.Stderr = &output, &complaint
	if err := command.Run(); err != nil {
		return ppocr.Page{}, fmt.Errorf("read with %s: %w: %.300s", ppocr.ProgramFile, err, complaint.String())
	}
	var read ppocr.Page
	if err := json.Unmarshal(output.Bytes(), &read); err != nil {
		return ppocr.Page{}, fmt.Errorf("read with %s: %w", ppocr.ProgramFile, err)
	}
	return read, nil
}

// readAccurately reads a page with the accurate reader and then, upright, with tesseract.
func (o *ocrReader) readAccurately(ctx context.Context, first scan) (scan, []reading, error) {
	prepared := first.sheet(accuratePass)
	file, err := o.save(prepared)
	if err != nil {
		return scan{}, nil, err
	}
	defer os.Remove(file)
	found, err := o.accurate.read(ctx, file)
	if err != nil {
		return scan{}, nil, err
	}
	upright := first
	if found.Quarters%4 != 0 {
		prepared = prepared.turned(found.Quarters)
		upright = scanOf(turnGrey(first.picture, found.Quarters))
	}
	accurate := reading{words: prepared.words(found.Words)}
	if len(accurate.words) == 0 {
		return upright, []reading{accurate}, nil
	}
	language := guessLanguages(accurate.text(), o.languages)
	readings := []reading{accurate}
	for _, p := range secondPasses {
		again, err := o.further(ctx, upright, p, language)
		if err != nil {
			return scan{}, nil, err
		}
		readings = append(readings, again)
	}
	readings[0].words = completed(accurate.words, readings[1].words)
	return upright, readings, nil
}

// words places what the accurate reader found on the sheet.
func (s sheet) words(found []ppocr.Word) []page.Word {
	words := make([]page.Word, len(found))
	for i, word := range found {
		words[i] = page.Word{
			Text:       word.Text,
			Box:        s.box(word.X0, word.Y0, word.X1, word.Y1),
			Confidence: min(max(word.Confidence, 0), 1),
			FontSize:   word.Height * typeShare / s.scale / float64(s.full.Y),
		}
	}
	return words
}

// typeShare is the height of the type in that of the strip the accurate reader reads.
const typeShare = 0.75

// completed takes from a second reading what the first one's alphabet has not:
// letters with accents and signs of currency.
func completed(words, second []page.Word) []page.Word {
	result := make([]page.Word, 0, len(words))
	used := make([]bool, len(second))
	for _, word := range words {
		var beside strings.Builder
		for i, other := range second {
			if mostlyInside(other.Box, word.Box) {
				used[i] = true
				beside.WriteString(other.Text)
			}
		}
		word.Text = completedText(word.Text, beside.String())
		result = append(result, word)
	}
	for i, other := range second {
		if !used[i] && strings.TrimFunc(other.Text, isCurrency) == "" && !touches(words, other.Box) {
			result = append(result, other)
		}
	}
	return result
}

func isCurrency(r rune) bool { return unicode.Is(unicode.Sc, r) }

// mostlyInside says that at least half of the inner box lies in the outer one.
func mostlyInside(inner, outer page.Box) bool {
	width := min(inner.X1, outer.X1) - max(inner.X0, outer.X0)
	height := min(inner.Y1, outer.Y1) - max(inner.Y0, outer.Y0)
	return width > 0 && height > 0 && width*height >= (inner.X1-inner.X0)*(inner.Y1-inner.Y0)/2
}

func touches(words []page.Word, box page.Box) bool {
	for _, word := range words {
		if min(word.Box.X1, box.X1) > max(word.Box.X0, box.X0) && min(word.Box.Y1, box.Y1) > max(word.Box.Y0, box.Y0) {
			return true
		}
	}
	return false
}

// completedText returns the first text with the accents and the currency sign
// of the second one, where both agree about the rest.
func completedText(text, second string) string {
	bare := strings.Map(func(r rune) rune {
		if isCurrency(r) {
			return -1
		}
		return r
	}, second)
	if bare != second && bare != "" {
		first := []rune(strings.TrimFunc(text, isCurrency))
		for _, core := range []string{string(first), string(first[min(1, len(first)):]), string(first[:max(len(first)-1, 0)])} {
			if core == bare {
				return second
			}
		}
	}
	first, other := []rune(text), []rune(second)
	if len(first) != len(other) {
		return text
	}
	same := 0
	for i, r := range other {
		if plainLetter(r) == plainLetter(first[i]) {
			same++
			if r > unicode.MaxASCII && unicode.IsLetter(r) {
				first[i] = r
			}
		}
	}
	if same*3 < len(other)*2 {
		return text
	}
	return string(first)
}

// alike are letters that the accurate reader takes for others.
var alike = map[rune]rune{'ß': 'B', 'ø': 'o', 'Ø': 'O', 'ł': 'l', 'Ł': 'L', 'ı': 'i', 'æ': 'a', 'œ': 'o'}

// plainLetter is a letter without its accents.
func plainLetter(r rune) rune {
	if plain, ok := alike[r]; ok {
		return plain
	}
	for _, first := range norm.NFD.String(string(r)) {
		return first
	}
	return r
}
