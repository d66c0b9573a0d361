package press

import (
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/page"
	"github.com/docuflow/docuflow/press/ppocr"
)

// accurateDir is where make run leaves the accurate reader. Its library and
// models come through npm, which is not everywhere.
func accurateDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../bin/ocr")
	if err != nil {
		t.Fatal(err)
	}
	if _, missing := lookForAccurate(dir); missing != "" {
		t.Skipf("SKIPPED: %s: run make setup build, with npm", missing)
	}
	return dir
}

// However the page lies, its words are read where they stand, in the sandbox.
func TestAccurateReader(t *testing.T) {
	press := newPress(t, func(c *Config) { c.OCRDir = accurateDir(t) })
	if !strings.HasPrefix(press.Recognition(), "PP-OCR") {
		t.Errorf("recognition is %q", press.Recognition())
	}
	picture := scanned(t, 235, 30, slip...)
	for quarters := range 4 {
		reading, err := press.Read(t.Context(), someone, write(t, "in.png", encodedPNG(t, turnGrey(picture, quarters))))
		if err != nil || reading.Trouble != "" || len(reading.Document.Pages) != 1 {
			t.Fatalf("%d quarters: %v %q %d pages", quarters, err, reading.Trouble, len(reading.Document.Pages))
		}
		read := reading.Document.Pages[0]
		for _, want := range []string{"Bakery", "004512", "14/03/2025", "TOTAL", "22.20"} {
			if find(read.Words, want) < 0 {
				t.Errorf("%d quarters: %q is missing in %q", quarters, want, joined(read.Words))
			}
		}
		if len(read.Readings) != len(secondPasses) {
			t.Errorf("%d quarters: %d other readings", quarters, len(read.Readings))
		}
		total := find(read.Words, "TOTAL")
		if total < 0 {
			continue
		}
		at := read.Words[total]
		if !near(at.Box.X0, 60.0/640) || !near(at.Box.Y1, 344.0/560) || at.FontSize < 0.02 || at.FontSize > 0.09 {
			t.Errorf("%d quarters: TOTAL stands at %+v, size %.3f", quarters, at.Box, at.FontSize)
		}
	}
}

func TestAccurateReaderOfAnEmptyPage(t *testing.T) {
	press := newPress(t, func(c *Config) { c.OCRDir = accurateDir(t) })
	blank := image.NewGray(image.Rect(0, 0, 600, 800))
	for i := range blank.Pix {
		blank.Pix[i] = 255
	}
	reading, err := press.Read(t.Context(), someone, write(t, "in.png", encodedPNG(t, blank)))
	if err != nil || reading.Trouble != "" || len(reading.Document.Pages) != 1 || len(reading.Document.Pages[0].Words) != 0 {
		t.Errorf("got %+v, %v", reading, err)
	}
}

// A reader that fails is reported, and tesseract reads in its place.
func TestBrokenAccurateReader(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range ppocr.Files() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho no such model >&2\nexit 3\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	press := newPress(t, func(c *Config) { c.OCRDir = dir })
	reading, err := press.Read(t.Context(), someone, write(t, "in.png", encodedPNG(t, scanned(t, 255, 0, slip...))))
	if err != nil || !strings.Contains(reading.Trouble, "no such model") || !strings.Contains(words(reading.Document), "Bakery") {
		t.Errorf("trouble %q, words %.60q, %v", reading.Trouble, words(reading.Document), err)
	}
}

func TestMissingAccurateReader(t *testing.T) {
	dir := t.TempDir()
	if got := newPress(t, func(c *Config) { c.OCRDir = dir }).Recognition(); !strings.Contains(got, "tesseract alone") || !strings.Contains(got, dir) {
		t.Errorf("got %q", got)
	}
}

func TestCompletedText(t *testing.T) {
	for _, test := range []struct{ first, second, want string }{
		{"Backerei", "Bäckerei", "Bäckerei"},
		{"StraBe", "Straße", "Straße"},
		{"Muller", "Möller", "Muller"}, // it is not the same letter
		{"Total", "Totál", "Totál"},
		{"12.50", "€12.50", "€12.50"},
		{"E12.50", "€12.50", "€12.50"},
		{"12,50E", "12,50€", "12,50€"},
		{"13.50", "€12.50", "13.50"}, // they do not agree
		{"$5.00", "£5.00", "£5.00"},
		{"22.20", "", "22.20"},
		{"22.20", "€", "22.20"},
		{"cafe", "xyzé", "cafe"},
	} {
		if got := completedText(test.first, test.second); got != test.want {
			t.Errorf("%q completed by %q is %q, want %q", test.first, test.second, got, test.want)
		}
	}
}

func TestCompletedTakesLonelySigns(t *testing.T) {
	word := func(text string, x0, x1 float64) page.Word {
		return page.Word{Text: text, Box: page.Box{X0: x0, Y0: 0.1, X1: x1, Y1: 0.2}}
	}
	got := completed([]page.Word{word("19,26", 0.5, 0.6)}, []page.Word{word("19,26", 0.5, 0.6), word("€", 0.62, 0.64), word("noise", 0.7, 0.8)})
	if joined(got) != "19,26 €" {
		t.Errorf("got %q", joined(got))
	}
}
