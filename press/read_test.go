package press

import (
	"strings"
	"testing"

	"github.com/docuflow/docuflow/page"
)

// What is written on a picture is read, alone and as a page of a PDF without text.
func TestReadRecognises(t *testing.T) {
	press := newPress(t, nil)
	picture := write(t, "scan.png", encodedPNG(t, scanned(t, 255, 0, "INVOICE", "TOTAL EUR")))
	done, err := press.Standardize(t.Context(), someone, picture, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{picture, done.File} {
		reading, err := press.Read(t.Context(), someone, file)
		if err != nil {
			t.Fatal(err)
		}
		if reading.Document.Source != page.SourceOCR || !strings.Contains(words(reading.Document), "INVOICE TOTAL") {
			t.Errorf("%s says %q", reading.Document.Source, words(reading.Document))
		}
	}
}

func TestReadText(t *testing.T) {
	press := newPress(t, nil)
	for _, test := range []struct {
		name    string
		content []byte
		xml     string
	}{{"plain", invoicePDF(), ""}, {"e-invoice", einvoicePDF(), sampleXML}} {
		reading, err := press.Read(t.Context(), someone, write(t, "in.pdf", test.content))
		if err != nil {
			t.Fatal(err)
		}
		if reading.Document.Source != page.SourceText || !strings.Contains(words(reading.Document), "Example Limited") || string(reading.XML) != test.xml {
			t.Errorf("%s: %s says %.80q and has %q", test.name, reading.Document.Source, words(reading.Document), reading.XML)
		}
	}
	reading, err := press.Read(t.Context(), someone, write(t, "in.xml", []byte(sampleXML)))
	if err != nil || string(reading.XML) != sampleXML || len(reading.Document.Pages) != 0 {
		t.Errorf("got %+v, %v", reading, err)
	}
}

func words(document page.Document) string {
	var all []string
	for _, p := range document.Pages {
		for _, word := range p.Words {
			all = append(all, word.Text)
		}
	}
	return strings.Join(all, " ")
}
