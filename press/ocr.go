package press

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docuflow/docuflow/page"
)

// pass is one way to look at a page.
type pass struct {
	mode   string  // tesseract's page segmentation mode
	letter float64 // height of a small letter in pixels
}

// The passes differ in the idea of the page and in the size of the letters, so
// that they err in different places. 6 takes the page for one block of text and
// keeps the lines of a receipt together, 4 for one column of text, 11 finds
// text anywhere.
var (
	firstPass   = pass{mode: "6", letter: 27}
	otherPasses = []pass{{mode: "4", letter: 21}, {mode: "11", letter: 24}}
	// secondPasses follow the accurate reader.
	secondPasses = []pass{firstPass, otherPasses[0]}
)

// A reading whose mean confidence is below poorReading may stand on its head.
const poorReading = 0.62

// readPage reads the words of a picture, a PNG file. The picture is turned
// upright by its text, made grey, cropped to what is printed and scaled to the
// letter size its reader reads best. It is read several times; one reading
// becomes the page's words, the others stay as alternatives: the accurate
// reader's first where there is one, else tesseract's.
//
// An image without text gives a page without words and no error.
func (o *ocrReader) readPage(ctx context.Context, file string) (page.Page, error) {
	picture, err := loadGrey(file)
	if err != nil {
		return page.Page{}, err
	}
	upright, readings, err := o.readAll(ctx, scanOf(picture))
	if err != nil {
		return page.Page{}, err
	}
	size := upright.picture.Rect.Size()
	read := page.Page{Number: 1, Width: float64(size.X), Height: float64(size.Y), Words: readings[0].words}
	for _, other := range readings[1:] {
		if len(other.words) > 0 {
			read.Readings = append(read.Readings, other.words)
		}
	}
	return read, nil
}

// readAll returns the upright scan and its readings, the one to trust first.
// When the accurate reader fails, tesseract is alone from then on.
func (o *ocrReader) readAll(ctx context.Context, first scan) (scan, []reading, error) {
	if o.accurate != nil {
		upright, readings, err := o.readAccurately(ctx, first)
		if err == nil || ctx.Err() != nil {
			return upright, readings, err
		}
		o.accurate, o.trouble = nil, err
	}
	upright, reading, err := o.readUpright(ctx, first)
	if err != nil {
		return scan{}, nil, err
	}
	readings, err := o.readAgain(ctx, upright, reading)
	return upright, readings, err
}

// ocrReader reads pictures in one directory, which is private. languages are
// tesseract's names of those that are allowed; the text itself decides which of
// them are used.
type ocrReader struct {
	dir       string
	languages []string
	accurate  *accurateReader // nil when there is none, or when it failed
	trouble   error           // why it failed
	until     time.Time       // no further pass goes on beyond this; zero: they may
	runs      int
}

// complaint says in words why the accurate reader could not be used.
func (o *ocrReader) complaint() string {
	if o.trouble == nil {
		return ""
	}
	return o.trouble.Error()
}

// reading is the result of one pass.
type reading struct {
	words    []page.Word
	language string
}

// confidence is the mean over all characters.
func (r reading) confidence() float64 {
	sum, count := 0.0, 0
	for _, word := range r.words {
		sum += word.Confidence * float64(len(word.Text))
		count += len(word.Text)
	}
	if count == 0 {
		return 0
	}
	return sum / float64(count)
}

func (r reading) text() string {
	var text strings.Builder
	for _, word := range r.words {
		text.WriteString(word.Text)
		text.WriteByte(' ')
	}
	return text.String()
}

// readUpright makes the first pass, and turns the picture when that read
// little and tesseract's orientation test says it is not upright.
func (o *ocrReader) readUpright(ctx context.Context, upright scan) (scan, reading, error) {
	language := o.firstLanguage()
	first, err := o.run(ctx, upright, firstPass, language)
	if err != nil || first.confidence() >= poorReading {
		return upright, first, err
	}
	quarters, _, err := o.quartersOff(ctx, upright.sheet(firstPass))
	if err != nil || quarters == 0 {
		return upright, first, err
	}
	turned := scanOf(turnGrey(upright.picture, quarters))
	again, err := o.further(ctx, turned, firstPass, language)
	if err != nil || again.confidence() <= first.confidence() {
		return upright, first, err
	}
	return turned, again, nil
}

// readAgain makes the other passes, in the language that the first one found,
// and returns all readings, the one to trust first.
func (o *ocrReader) readAgain(ctx context.Context, s scan, first reading) ([]reading, error) {
	language, passes := guessLanguages(first.text(), o.languages), otherPasses
	readings := []reading{first}
	if language != first.language {
		native, err := o.further(ctx, s, firstPass, language)
		if err != nil {
			return nil, err
		}
		readings, passes = []reading{native, first}, otherPasses[1:]
		if native.confidence() < first.confidence()-0.03 {
			readings = []reading{first, native}
		}
	}
	for _, other := range passes {
		again, err := o.further(ctx, s, other, language)
		if err != nil {
			return nil, err
		}
		readings = append(readings, again)
	}
	return readings, nil
}

func (o *ocrReader) firstLanguage() string {
	if len(o.languages) == 0 || slices.Contains(o.languages, "eng") {
		return "eng"
	}
	return o.languages[0]
}

// further makes a pass that is not worth losing the others for: it reads nothing
// when time is up.
func (o *ocrReader) further(ctx context.Context, s scan, p pass, language string) (reading, error) {
	patient, cancel := ctx, func() {}
	if !o.until.IsZero() {
		patient, cancel = context.WithDeadline(ctx, o.until)
	}
	defer cancel()
	if patient.Err() != nil {
		return reading{language: language}, ctx.Err()
	}
	again, err := o.run(patient, s, p, language)
	if patient.Err() != nil {
		return reading{language: language}, ctx.Err()
	}
	return again, err
}

// run makes one pass.
func (o *ocrReader) run(ctx context.Context, s scan, p pass, language string) (reading, error) {
	prepared := s.sheet(p)
	file, err := o.save(prepared)
	if err != nil {
		return reading{}, err
	}
	defer os.Remove(file)
	output, err := tesseract(ctx, o.dir, file, "stdout", "--psm", p.mode, "-l", language, "--dpi", "200", "-c", "tessedit_do_invert=0", "tsv")
	if err != nil {
		return reading{}, err
	}
	return reading{words: parseTSV(output, prepared), language: language}, nil
}

// quartersOff asks tesseract by how many clockwise quarter turns the sheet has to
// be turned, and how sure it is of that: above 0, mostly below 10.
func (o *ocrReader) quartersOff(ctx context.Context, s sheet) (quarters int, confidence float64, err error) {
	file, err := o.save(s)
	if err != nil {
		return 0, 0, err
	}
	defer os.Remove(file)
	output, err := tesseract(ctx, o.dir, file, "stdout", "--psm", "0", "-l", "osd", "--dpi", "200")
	if ctx.Err() != nil {
		return 0, 0, ctx.Err()
	}
	if err != nil {
		return 0, 0, nil // too few letters to tell: it stays as it is
	}
	for line := range strings.Lines(string(output)) {
		if degrees, found := strings.CutPrefix(line, "Rotate: "); found {
			value, _ := strconv.Atoi(strings.TrimSpace(degrees))
			quarters = value / 90 % 4
		}
		if sure, found := strings.CutPrefix(line, "Orientation confidence: "); found {
			confidence, _ = strconv.ParseFloat(strings.TrimSpace(sure), 64)
		}
	}
	return quarters, confidence, nil
}

func (o *ocrReader) save(s sheet) (string, error) {
	o.runs++
	file := filepath.Join(o.dir, fmt.Sprintf("ocr-%d.pgm", o.runs))
	header := fmt.Sprintf("P5 %d %d 255\n", s.grey.Rect.Dx(), s.grey.Rect.Dy())
	if err := os.WriteFile(file, append([]byte(header), s.grey.Pix...), 0o600); err != nil {
		return "", fmt.Errorf("write image for tesseract: %w", err)
	}
	return file, nil
}

// tesseract runs the program on one thread: pages are read side by side, and
// its own threads cost more than they bring.
func tesseract(ctx context.Context, dir string, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, "tesseract", arguments...)
	command.Dir = dir
	command.Env = append(command.Environ(), "OMP_THREAD_LIMIT=1")
	command.SysProcAttr = tool()
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("tesseract is not installed: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("tesseract: %w: %.300s", err, stderr.String())
	}
	return output, nil
}

// parseTSV reads tesseract's table: one line a box, level 4 is a line of text
// and level 5 a word. Positions become shares of the whole page.
func parseTSV(output []byte, s sheet) []page.Word {
	var words []page.Word
	lineHeight := 0.0
	for line := range strings.Lines(string(output)) {
		columns := strings.SplitN(strings.TrimRight(line, "\n"), "\t", 12)
		if len(columns) < 12 {
			continue
		}
		var place [4]float64
		for i := range place {
			place[i], _ = strconv.ParseFloat(columns[6+i], 64)
		}
		text := strings.TrimSpace(columns[11])
		switch {
		case columns[0] == "4":
			lineHeight = place[3]
		case columns[0] == "5" && text != "":
			confidence, _ := strconv.ParseFloat(columns[10], 64)
			words = append(words, page.Word{
				Text:       text,
				Box:        s.box(place[0], place[1], place[0]+place[2], place[1]+place[3]),
				Confidence: min(max(confidence/100, 0), 1),
				FontSize:   lineHeight / s.scale / float64(s.full.Y),
			})
		}
	}
	return words
}
