package press

import (
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/docuflow/docuflow/page"
)

// scanned draws lines of text on paper, as a scanner would see them.
func scanned(t *testing.T, paper, ink uint8, lines ...string) *image.Gray {
	t.Helper()
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: 26, DPI: 72})
	if err != nil {
		t.Fatal(err)
	}
	picture := image.NewGray(image.Rect(0, 0, 640, 120+44*len(lines)))
	draw.Draw(picture, picture.Rect, image.NewUniform(color.Gray{Y: paper}), image.Point{}, draw.Src)
	drawer := font.Drawer{Dst: picture, Src: image.NewUniform(color.Gray{Y: ink}), Face: face}
	for i, line := range lines {
		drawer.Dot = fixed.P(60, 80+44*i)
		drawer.DrawString(line)
	}
	return picture
}

func recognise(t *testing.T, picture *image.Gray) page.Page {
	t.Helper()
	if _, err := exec.LookPath("tesseract"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("tesseract is not installed")
		}
		t.Skip("NOT TESTED: tesseract is not installed")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "scan.png")
	opened, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(opened, picture); err != nil {
		t.Fatal(err)
	}
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	reader := ocrReader{dir: dir, languages: DefaultLanguages()}
	read, err := reader.readPage(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 {
		t.Errorf("%d files are left behind", len(left)-1)
	}
	return read
}

var slip = []string{"Harbour Street Bakery Ltd", "12 Harbour Street, Whitby", "Receipt no. 004512", "Date 14/03/2025", "Two loaves of rye bread 9.40", "Apple cake 12.80", "TOTAL 22.20", "Cash 25.00", "Change 2.80", "Thank you for your visit"}

func TestReadOCR(t *testing.T) {
	upright := scanned(t, 250, 20, slip...)
	onItsHead := turnGrey(upright, 2)
	pictures := map[string]*image.Gray{"upright": upright, "on its head": onItsHead, "faint on grey paper": scanned(t, 170, 95, slip...)}
	for name, picture := range pictures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := recognise(t, picture)
			for _, want := range []string{"Bakery", "004512", "14/03/2025", "TOTAL", "22.20"} {
				if find(read.Words, want) < 0 {
					t.Errorf("%q is missing in %q", want, joined(read.Words))
				}
			}
			if len(read.Readings) == 0 {
				t.Error("there is no other reading")
			}
			total, amount := find(read.Words, "TOTAL"), find(read.Words, "22.20")
			if total < 0 || amount < 0 {
				return
			}
			at := read.Words[total]
			// The seventh line begins at 60 of 640 and stands at 344 of 560 pixels.
			if !near(at.Box.X0, 60.0/640) || !near(at.Box.Y1, 344.0/560) {
				t.Errorf("TOTAL stands at %+v", at.Box)
			}
			if at.Confidence < 0.5 || at.Confidence > 1 || at.FontSize < 0.02 || at.FontSize > 0.09 {
				t.Errorf("TOTAL has confidence %.2f and size %.3f", at.Confidence, at.FontSize)
			}
		})
	}
}

func TestReadOCRInTheLanguageOfTheText(t *testing.T) {
	t.Parallel()
	read := recognise(t, scanned(t, 255, 0, "Bäckerei Müller und Söhne", "Königstraße 7, 70173 Stuttgart", "Rechnung Nr. 2025-118 vom 3. März", "Menge und Betrag der Ware", "Summe netto 18,00", "zuzüglich 7 % MwSt. 1,26", "Gesamtbetrag 19,26 €"))
	for _, want := range []string{"Müller", "Königstraße", "19,26", "€"} {
		if find(read.Words, want) < 0 {
			t.Errorf("%q is missing in %q", want, joined(read.Words))
		}
	}
}

func TestReadOCROfAnEmptyPage(t *testing.T) {
	t.Parallel()
	read := recognise(t, scanned(t, 255, 0))
	if len(read.Words) != 0 {
		t.Errorf("an empty page says %q", joined(read.Words))
	}
}

func TestGuessLanguages(t *testing.T) {
	cases := map[string]string{
		"Thank you for your payment, total due":          "eng",
		"Rechnung Datum Betrag MwSt und Summe":           "deu+eng",
		"Facture du client, montant TVA et prix":         "fra+eng",
		"Fattura con importo e imponibile, partita IVA":  "ita+eng",
		"Factuur met BTW en het totaal bedrag":           "nld+eng",
		"Faktura VAT: sprzedawca, nabywca, kwota, razem": "pol+eng",
		"": "eng",
	}
	for text, want := range cases {
		if got := guessLanguages(text, DefaultLanguages()); got != want {
			t.Errorf("%q is read in %s, want %s", text, got, want)
		}
	}
	if got := guessLanguages("Rechnung Datum Betrag MwSt", []string{"eng", "fra"}); got != "eng" {
		t.Errorf("a language that is not allowed was chosen: %s", got)
	}
}

// find returns the first word that contains the text, or -1.
func find(words []page.Word, text string) int {
	return slices.IndexFunc(words, func(word page.Word) bool { return strings.Contains(word.Text, text) })
}
