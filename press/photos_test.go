package press

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"image"
	"image/jpeg"
	"testing"
)

// noisy is a photo: something that does not compress well.
func noisy(width, height int) *image.RGBA {
	picture := corners(width, height)
	state := uint32(1)
	for i := range picture.Pix {
		if i%4 != 3 {
			state = state*1664525 + 1013904223
			picture.Pix[i] = picture.Pix[i]/8*7 + byte(state>>27)
		}
	}
	return picture
}

func photoJPEG(t testing.TB, picture image.Image, quality int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// photoPDF is a page with one picture and what else is drawn on it.
func photoPDF(width, height int, filter string, photo []byte, more string) []byte {
	drawing := "q 595 0 0 842 0 0 cm /I Do Q " + more
	return samplePDF(
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> /XObject << /I 6 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(drawing), drawing),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
		fmt.Sprintf("<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /%s /Length %d >>\nstream\n%s\nendstream",
			width, height, filter, len(photo), photo),
		info())
}

func zlibbed(t testing.TB, picture *image.RGBA) []byte {
	t.Helper()
	var out bytes.Buffer
	writer := zlib.NewWriter(&out)
	for i := 0; i < len(picture.Pix); i += 4 {
		if _, err := writer.Write(picture.Pix[i : i+3]); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A PDF of photos is made smaller where that saves a third, and nothing else is.
func TestStandardizePDFOfPhotos(t *testing.T) {
	press := newPress(t, nil)
	const recognised = "BT 3 Tr /F 9 Tf 72 700 Td (Total 12.50) Tj ET"
	large := photoJPEG(t, noisy(2400, 3200), 95)
	for _, test := range []struct {
		name  string
		input []byte
		want  string // in the outcome
		small bool
	}{
		{"photo with recognised words", photoPDF(2400, 3200, "DCTDecode", large, recognised), "/Width 1500", true},
		{"packed without loss", photoPDF(900, 1200, "FlateDecode", zlibbed(t, noisy(900, 1200)), ""), "/Width 900", true},
		{"photo on a page with text", photoPDF(2400, 3200, "DCTDecode", large, "BT /F 9 Tf 72 700 Td (Total 12.50) Tj ET"), "/Width 2400", false},
		{"photo on a page with a drawing", photoPDF(2400, 3200, "DCTDecode", large, "0 0 9 9 re f"), "/Width 2400", false},
		{"small already", photoPDF(2050, 2500, "DCTDecode", photoJPEG(t, noisy(2050, 2500), 40), recognised), "/Width 2050", false},
		{"long receipt", photoPDF(1000, 4000, "DCTDecode", photoJPEG(t, noisy(1000, 4000), 95), recognised), "/Width 800", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			done, err := press.Standardize(t.Context(), someone, write(t, "in.pdf", test.input), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			output := read(t, done.File)
			if small := len(output)*3 <= len(test.input)*2; small != test.small || !bytes.Contains(output, []byte(test.want)) {
				t.Errorf("%d octets became %d, without %s", len(test.input), len(output), test.want)
			}
			drawn, err := press.Draw(t.Context(), someone, done.File, t.TempDir(), 1, 300)
			if err != nil {
				t.Fatal(err)
			}
			if shown := decodedPNG(t, drawn).At(200, 40); !bluish(shown) {
				t.Errorf("the upper right corner is %v", shown)
			}
		})
	}
}

func bluish(c interface{ RGBA() (r, g, b, a uint32) }) bool {
	r, _, b, _ := c.RGBA()
	return b > 2*r
}

// A copy that has lost text is not taken, however small it is.
func TestLinearizedComparesTheText(t *testing.T) {
	t.Chdir(t.TempDir())
	h := hand{limits: DefaultLimits(), cacheDir: testCache()}
	engine, err := h.pdfium()
	if err != nil {
		t.Fatal(err)
	}
	whole := invoicePDF()
	original, err := openPDF(engine, whole)
	if err != nil {
		t.Fatal(err)
	}
	defer original.close()
	silent := bytes.Replace(whole, []byte("(Line 7 of"), []byte("(Line 8 of"), 1)
	for _, test := range []struct {
		name    string
		content []byte
		want    bool
	}{{"same", whole, true}, {"other words", silent, false}} {
		source := write(t, "in.pdf", test.content)
		if got := h.linearized(t.Context(), source, original, len(whole)); got != test.want {
			t.Errorf("%s: taken %v", test.name, got)
		}
	}
}
