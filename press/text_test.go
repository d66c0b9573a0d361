package press

import (
	"fmt"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/page"
)

// pagePDF is one page with its own entries and drawing operators.
func pagePDF(entries, operators string) []byte {
	return samplePDF(
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R "+entries+" /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(operators), operators),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
		info())
}

func TestPlacesOfATextLayer(t *testing.T) {
	instance, closer, err := openPdfium(testCache())
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	const words = "BT /F 12 Tf 72 700 Td (Total EUR) Tj 200 0 Td (1 119.70) Tj 0 -40 Td /F 24 Tf (M\\374ller) Tj ET"
	const box = "/MediaBox [0 0 600 800]"
	cases := []struct {
		name    string
		entries string
		drawing string
		x, y    float64 // where "Total" begins, as a share of the page
	}{
		{"plain", box, words, 72.0 / 600, 100.0 / 800},
		{"cropped", box + " /CropBox [50 100 550 800]", words, 22.0 / 500, 100.0 / 700},
		{"origin elsewhere", "/MediaBox [-100 -50 500 750]", words, 172.0 / 600, 50.0 / 800},
		{"turned and shown upright", "/MediaBox [0 0 800 600] /Rotate 90", "q 0 1 -1 0 800 0 cm " + words + " Q", 72.0 / 600, 100.0 / 800},
		{"turned and shown lying", box + " /Rotate 90", words, 72.0 / 600, 100.0 / 800},
		{"on its head", box + " /Rotate 180", words, 72.0 / 600, 100.0 / 800},
		{"stretched", box, "BT /F 12 Tf 180 Tz 72 700 Td (Total EUR) Tj 200 0 Td (1 119.70) Tj 0 -40 Td (M\\374ller) Tj ET", 72.0 / 600, 100.0 / 800},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			document, err := readText(t.Context(), instance, write(t, "a.pdf", pagePDF(c.entries, c.drawing)))
			if err != nil {
				t.Fatal(err)
			}
			if document.Source != page.SourceText || len(document.Pages) != 1 {
				t.Fatalf("source %q, %d pages", document.Source, len(document.Pages))
			}
			// The order of the words is pdfium's; what counts is where they stand.
			if got := document.Text(); got != "Total EUR 1 119.70\nMüller\n" {
				t.Fatalf("text %q", got)
			}
			words := document.Pages[0].Words
			first := words[find(words, "Total")].Box
			if !near(first.X0, c.x) || !near(first.Y1, c.y) {
				t.Errorf("Total stands at %.3f, %.3f; want %.3f, %.3f", first.X0, first.Y1, c.x, c.y)
			}
		})
	}
}

func TestTextLayerTellsTheSizeOfTheType(t *testing.T) {
	instance, closer, err := openPdfium(testCache())
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	document, err := readText(t.Context(), instance, write(t, "a.pdf", pagePDF("/MediaBox [0 0 600 800]", "BT /F 12 Tf 72 700 Td (Item) Tj 0 -60 Td /F 36 Tf (items) Tj ET")))
	if err != nil {
		t.Fatal(err)
	}
	small, large := document.Pages[0].Words[0].FontSize, document.Pages[0].Words[1].FontSize
	if !near(small, 12.0/800) || large/small < 2.6 || large/small > 3.4 {
		t.Errorf("12 and 36 points on 800 are read as %.4f and %.4f", small, large)
	}
}

func joined(words []page.Word) string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = word.Text
	}
	return strings.Join(texts, " ")
}

func near(a, b float64) bool { return a-b < 0.012 && b-a < 0.012 }
