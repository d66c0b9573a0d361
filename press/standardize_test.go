package press

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/domain"
)

func TestStandardizePDF(t *testing.T) {
	press := newPress(t, nil)
	for _, test := range []struct {
		name  string
		input []byte
		kept  string // a word of the reason, "" when the file must be rewritten
	}{
		{"plain", invoicePDF(), ""},
		{"junk before the header", append([]byte("HTTP/1.1 200 OK\r\n\r\n"), invoicePDF()...), ""},
		{"owner password alone", encrypted(t, "", "owner"), ""},
		{"signed", signedPDF(), "signed"},
		{"e-invoice", einvoicePDF(), "e-invoice"},
		{"nothing to gain", optimal(t), "smaller"},
	} {
		t.Run(test.name, func(t *testing.T) {
			done, err := press.Standardize(t.Context(), someone, write(t, "in.pdf", test.input), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			output := read(t, done.File)
			if done.Size != int64(len(output)) || done.Size > int64(len(test.input)) {
				t.Errorf("size %d, file has %d, original %d", done.Size, len(output), len(test.input))
			}
			if done.Pages != 1 || done.MediaType != "application/pdf" {
				t.Errorf("%d pages of %s", done.Pages, done.MediaType)
			}
			if done.Kept != (test.kept != "") || !strings.Contains(done.Reason, test.kept) {
				t.Errorf("kept %v, reason %q", done.Kept, done.Reason)
			}
			if done.Kept && !bytes.Equal(output, test.input) {
				t.Error("the kept file is another one")
			}
			if !done.Kept && !bytes.Contains(output[:min(1024, len(output))], []byte("/Linearized")) {
				t.Error("not linearized")
			}
			thumbnail := decodedPNG(t, done.Thumbnail)
			if thumbnail.Bounds().Dx() != thumbnailWidth {
				t.Errorf("the thumbnail is %v", thumbnail.Bounds())
			}
		})
	}
}

func TestStandardizeDropsMetadata(t *testing.T) {
	press := newPress(t, nil)
	input := invoicePDF()
	if !bytes.Contains(input, []byte(secretTitle)) {
		t.Fatal("the sample has no title")
	}
	done, err := press.Standardize(t.Context(), someone, write(t, "in.pdf", input), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(t.TempDir(), "plain.pdf")
	if output, err := exec.Command("qpdf", "--qdf", "--object-streams=disable", done.File, plain).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if content := read(t, plain); bytes.Contains(content, []byte(secretTitle)) || bytes.Contains(content, []byte("Somebody")) {
		t.Error("the metadata is still there")
	}
}

func TestStandardizeRepairs(t *testing.T) {
	press := newPress(t, nil)
	whole := invoicePDF()
	cut := whole[:bytes.Index(whole, []byte("startxref"))] // the trailer is there, its place is lost
	cut = bytes.Replace(cut, []byte("xref\n0 7"), []byte("xxxx\n0 7"), 1)
	done, err := press.Standardize(t.Context(), someone, write(t, "in.pdf", cut), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if done.Pages != 1 || done.Thumbnail == "" {
		t.Errorf("got %+v", done)
	}
}

func TestStandardizeImage(t *testing.T) {
	press := newPress(t, nil)
	photo := corners(600, 400)
	for _, test := range []struct {
		name, mediaType string
		input           []byte
		pages           int
	}{
		{"JPEG", "image/jpeg", encodedJPEG(t, photo), 1},
		{"PNG", "image/png", encodedPNG(t, photo), 1},
		{"palette", "image/png", encodedPNG(t, paletted(photo)), 1},
		{"16 bits", "image/png", encodedPNG(t, deep(photo)), 1},
		{"transparent", "image/png", encodedPNG(t, transparent(photo)), 1},
		{"TIFF of three pages", "image/tiff", grayTIFF(60, 80, 255, 128, 0), 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			done, err := press.Standardize(t.Context(), someone, write(t, "in", test.input), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if done.MediaType != test.mediaType || done.Pages != test.pages {
				t.Errorf("%d pages of %s", done.Pages, done.MediaType)
			}
			if pages := pagesOf(t, done.File); pages != test.pages {
				t.Errorf("the file has %d pages", pages)
			}
			if test.mediaType != "image/tiff" {
				checkCorners(t, decodedPNG(t, done.Thumbnail))
			}
		})
	}
}

// Pictures as print shops, scanners and telephones write them.
func TestStandardizeForeignPictures(t *testing.T) {
	press := newPress(t, nil)
	for _, test := range []struct {
		name, tool, mediaType string
		pages                 int
	}{
		{"cmyk.jpg", "", typeJPEG, 1},
		{"cmyk.tif", "tiff2rgba", typeTIFF, 2},
		{"cmyk-turned.tif", "tiff2rgba", typeTIFF, 1},
		{"photo.tif", "tiff2rgba", typeTIFF, 1},
		{"photo.heic", "heif-convert", typeHEIC, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.tool != "" {
				need(t, test.tool)
			}
			done, err := press.Standardize(t.Context(), someone, filepath.Join("testdata/pictures", test.name), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if done.MediaType != test.mediaType || done.Pages != test.pages || pagesOf(t, done.File) != test.pages {
				t.Errorf("%d pages of %s", done.Pages, done.MediaType)
			}
			checkCorners(t, decodedPNG(t, done.Thumbnail))
		})
	}
}

func TestHEICWithoutItsDecoder(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := eachOfHEIC(t.Context(), "testdata/pictures/photo.heic", func(image.Image, orientation) error { return nil })
	checkFailure(t, err, domain.KindRejected, "Send the photo as JPEG")
}

// Whatever the orientation says, the upper left quarter ends up red and the upper right one blue.
func TestStandardizeTurnsPhotos(t *testing.T) {
	press := newPress(t, nil)
	want := corners(480, 320)
	for turn := upright; turn <= 8; turn++ {
		stored := encodedJPEG(t, undo(turn, want))
		if turn%2 == 0 {
			stored = encodedJPEG(t, undo(turn, corners(2405, 1605))) // to be shrunk, too
		}
		done, err := press.Standardize(t.Context(), someone, write(t, "in.jpg", withEXIF(stored, turn)), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		thumbnail := decodedPNG(t, done.Thumbnail)
		if thumbnail.Bounds().Dx() < thumbnail.Bounds().Dy() {
			t.Errorf("orientation %d: lies on its side: %v", turn, thumbnail.Bounds())
		}
		checkCorners(t, thumbnail)
	}
}

// A transparent pixel of WebP, for which there is no encoder here, becomes white paper.
func TestStandardizeWebP(t *testing.T) {
	press := newPress(t, nil)
	content, err := base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	if err != nil {
		t.Fatal(err)
	}
	done, err := press.Standardize(t.Context(), someone, write(t, "in.webp", content), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if done.MediaType != "image/webp" || pagesOf(t, done.File) != 1 {
		t.Errorf("got %+v", done)
	}
	if r, g, b, _ := decodedPNG(t, done.Thumbnail).At(0, 0).RGBA(); r>>8 != 255 || g>>8 != 255 || b>>8 != 255 {
		t.Errorf("the paper is %d %d %d", r>>8, g>>8, b>>8)
	}
}

// Print shops' JPEGs come as CMYK.
func TestFlatCMYK(t *testing.T) {
	picture := image.NewCMYK(image.Rect(0, 0, 2, 1))
	picture.SetCMYK(1, 0, color.CMYK{0, 255, 255, 0})
	got := flat(picture, upright, maxWidth)
	for x, want := range []color.RGBA{{255, 255, 255, 255}, {255, 0, 0, 255}} {
		if got.At(x, 0) != want {
			t.Errorf("pixel %d is %v, want %v", x, got.At(x, 0), want)
		}
	}
}

func TestStandardizeShrinksPhotos(t *testing.T) {
	press := newPress(t, nil)
	for _, test := range []struct {
		width, height int
		want          string
	}{
		{3000, 600, "/Width 2000"},
		{1200, 2600, "/Width 1200"},
	} {
		done, err := press.Standardize(t.Context(), someone, write(t, "in.jpg", encodedJPEG(t, corners(test.width, test.height))), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		checkCorners(t, decodedPNG(t, done.Thumbnail))
		if !bytes.Contains(read(t, done.File), []byte(test.want)) {
			t.Errorf("%d × %d: no %s", test.width, test.height, test.want)
		}
	}
}

// A JPEG that is small already keeps its bytes, without what tells of its owner.
func TestStandardizeKeepsSmallJPEGs(t *testing.T) {
	press := newPress(t, nil)
	var small bytes.Buffer
	if err := jpeg.Encode(&small, corners(800, 1200), &jpeg.Options{Quality: 30}); err != nil {
		t.Fatal(err)
	}
	scan := small.Bytes()[bytes.Index(small.Bytes(), []byte("\xff\xda")):]
	done, err := press.Standardize(t.Context(), someone, write(t, "in.jpg", withEXIF(small.Bytes(), upright)), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	output := read(t, done.File)
	if !bytes.Contains(output, scan) {
		t.Error("the picture was encoded again")
	}
	if bytes.Contains(output, []byte("Exif")) {
		t.Error("the EXIF data is still there")
	}
	checkCorners(t, decodedPNG(t, done.Thumbnail))
	if over := done.Size - int64(small.Len()); over > 2000 {
		t.Errorf("grew by %d octets", over)
	}
}

func FuzzWithoutApplicationData(f *testing.F) {
	f.Add(withEXIF(encodedJPEG(f, corners(8, 8)), 6))
	f.Fuzz(func(t *testing.T, content []byte) {
		if plain := withoutApplicationData(content); len(plain) > len(content) {
			t.Errorf("%d octets became %d", len(content), len(plain))
		}
	})
}

func TestBadInput(t *testing.T) {
	press := newPress(t, nil)
	whole, photo := invoicePDF(), encodedJPEG(t, corners(600, 400))
	for _, test := range []struct {
		name  string
		input []byte
		kind  domain.ErrorKind
		words string
	}{
		{"empty", nil, domain.KindDamaged, "empty"},
		{"web page named .pdf", []byte("<!DOCTYPE html><html><body>Sign in</body></html>"), domain.KindRejected, "web page"},
		{"text", []byte("Dear all, the invoice follows."), domain.KindRejected, "plain text"},
		{"password", encrypted(t, "user", "owner"), domain.KindPassword, "password"},
		{"cut PDF", whole[:60], domain.KindDamaged, "damaged"},
		{"PDF without anything", []byte("%PDF-1.7\n%%EOF\n"), domain.KindDamaged, "damaged"},
		{"page tree in circles", samplePDF("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 2 /Kids [2 0 R 2 0 R] >>", info()), domain.KindDamaged, "damaged"},
		{"cut JPEG", photo[:len(photo)/2], domain.KindDamaged, "damaged"},
		{"cut PNG", encodedPNG(t, corners(600, 400))[:200], domain.KindDamaged, "damaged"},
		{"garbage PNG", append([]byte("\x89PNG\r\n\x1a\n"), "nonsense"...), domain.KindDamaged, "damaged"},
		{"50,000 × 50,000", claimingPNG(50_000, 50_000), domain.KindTooLarge, "megapixels"},
		{"TIFF without pages", []byte("II*\x00\x00\x00\x00\x00"), domain.KindDamaged, "damaged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := write(t, "in", test.input)
			_, err := press.Standardize(t.Context(), someone, file, t.TempDir())
			checkFailure(t, err, test.kind, test.words)
			_, err = press.Read(t.Context(), someone, file)
			checkFailure(t, err, test.kind, test.words)
		})
	}
}

func checkFailure(t *testing.T, err error, kind domain.ErrorKind, words string) {
	t.Helper()
	failure, ok := errors.AsType[*domain.Failure](err)
	if !ok {
		t.Fatalf("no failure but %v", err)
	}
	if failure.Kind != kind || !failure.Permanent || !strings.Contains(failure.Message, words) {
		t.Errorf("got %s, permanent %v: %s", failure.Kind, failure.Permanent, failure.Error())
	}
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func decodedPNG(t *testing.T, file string) image.Image {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(read(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

func checkCorners(t *testing.T, picture image.Image) {
	t.Helper()
	size := picture.Bounds().Size()
	for _, corner := range []struct {
		x, y int
		want color.RGBA
	}{
		{size.X / 4, size.Y / 4, color.RGBA{255, 0, 0, 255}},
		{size.X * 3 / 4, size.Y / 4, color.RGBA{0, 0, 255, 255}},
		{size.X / 2, size.Y * 3 / 4, color.RGBA{255, 255, 255, 255}},
	} {
		got := color.RGBAModel.Convert(picture.At(corner.x, corner.y)).(color.RGBA)
		if distance(got.R, corner.want.R)+distance(got.G, corner.want.G)+distance(got.B, corner.want.B) > 30 {
			t.Errorf("%v at %d, %d, want %v", got, corner.x, corner.y, corner.want)
		}
	}
}

func distance(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }

// undo returns how a camera held like this stores the picture.
func undo(turn orientation, picture *image.RGBA) *image.RGBA {
	// Where the first row and the first column of what is stored belong: EXIF 2.3, 4.6.4.
	sides := [][2]string{{}, {"top", "left"}, {"top", "right"}, {"bottom", "right"}, {"bottom", "left"},
		{"left", "top"}, {"right", "top"}, {"right", "bottom"}, {"left", "bottom"}}[turn]
	width, height := picture.Rect.Dx(), picture.Rect.Dy()
	stored := image.NewRGBA(image.Rect(0, 0, width, height))
	if sides[0] == "left" || sides[0] == "right" {
		stored = image.NewRGBA(image.Rect(0, 0, height, width))
	}
	for y := range stored.Rect.Dy() {
		for x := range stored.Rect.Dx() {
			far := map[string]int{}
			far[sides[0]], far[sides[1]] = y, x
			if from, ok := far["right"]; ok {
				far["left"] = width - 1 - from
			}
			if from, ok := far["bottom"]; ok {
				far["top"] = height - 1 - from
			}
			stored.SetRGBA(x, y, picture.RGBAAt(far["left"], far["top"]))
		}
	}
	return stored
}

func paletted(picture *image.RGBA) image.Image {
	out := image.NewPaletted(picture.Rect, color.Palette{color.White, color.RGBA{255, 0, 0, 255}, color.RGBA{0, 0, 255, 255}})
	for y := range picture.Rect.Dy() {
		for x := range picture.Rect.Dx() {
			out.Set(x, y, picture.At(x, y))
		}
	}
	return out
}

func deep(picture *image.RGBA) image.Image {
	out := image.NewNRGBA64(picture.Rect)
	for y := range picture.Rect.Dy() {
		for x := range picture.Rect.Dx() {
			out.Set(x, y, picture.At(x, y))
		}
	}
	return out
}

// transparent takes the white away.
func transparent(picture *image.RGBA) image.Image {
	out := image.NewNRGBA(picture.Rect)
	for y := range picture.Rect.Dy() {
		for x := range picture.Rect.Dx() {
			if c := picture.RGBAAt(x, y); c.G == 0 {
				out.Set(x, y, c)
			}
		}
	}
	return out
}

func encrypted(t testing.TB, user, owner string) []byte {
	t.Helper()
	return qpdfed(t, invoicePDF(), "--stream-data=uncompress", "--encrypt", user, owner, "256", "--")
}

// optimal is a PDF that is as small as it gets already.
func optimal(t testing.TB) []byte {
	t.Helper()
	return qpdfed(t, invoicePDF(), "--object-streams=generate", "--compression-level=9", "--recompress-flate")
}

func qpdfed(t testing.TB, content []byte, options ...string) []byte {
	t.Helper()
	need(t, "qpdf")
	output := filepath.Join(t.TempDir(), "out.pdf")
	if complaint, err := exec.Command("qpdf", append(options, write(t, "in.pdf", content), output)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, complaint)
	}
	return read(t, output)
}

func pagesOf(t *testing.T, file string) int {
	t.Helper()
	output, err := exec.Command("qpdf", "--show-npages", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var pages int
	for _, digit := range bytes.TrimSpace(output) {
		pages = pages*10 + int(digit-'0')
	}
	return pages
}
