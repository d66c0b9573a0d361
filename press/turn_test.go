package press

import (
	"image"
	"testing"
)

// However a scan lies, as a picture or in a PDF, its page is shown upright. A
// photo that says how the camera was held is believed.
func TestStandardizeTurnsScansByContent(t *testing.T) {
	press := newPress(t, nil)
	scan := scanned(t, 245, 20, append(slip, slip...)...)
	want := thumbnailOf(t, press, encodedPNG(t, scan))
	for quarters := range 4 {
		lying := turnGrey(scan, quarters)
		size := lying.Rect.Size()
		if got := thumbnailOf(t, press, encodedPNG(t, lying)); !alikePictures(got, want) {
			t.Errorf("a picture that was turned by %d quarters is shown as %v", quarters, got.Bounds())
		}
		colours := image.NewRGBA(lying.Rect)
		for i, shade := range lying.Pix {
			copy(colours.Pix[4*i:], []byte{shade, shade, shade, 255})
		}
		pdf := photoPDF(size.X, size.Y, "FlateDecode", zlibbed(t, colours), "")
		if got := thumbnailOf(t, press, pdf); (got.Bounds().Dx() < got.Bounds().Dy()) != (quarters%2 == 0) {
			t.Errorf("a page that was turned by %d quarters is shown as %v", quarters, got.Bounds())
		} else if quarters == 2 && !alikeTops(got, want) {
			t.Error("a page that stood on its head still does")
		}
	}
	onItsHead := withEXIF(encodedJPEG(t, turnGrey(scan, 2)), upright)
	if got := thumbnailOf(t, press, onItsHead); alikePictures(got, want) {
		t.Error("a photo was turned against its camera's word")
	}
}

func thumbnailOf(t *testing.T, press *Press, content []byte) image.Image {
	t.Helper()
	done, err := press.Standardize(t.Context(), someone, write(t, "in", content), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return decodedPNG(t, done.Thumbnail)
}

func alikePictures(a, b image.Image) bool {
	size := a.Bounds().Size().Sub(b.Bounds().Size())
	if size.X*size.X > 4 || size.Y*size.Y > 4 {
		return false
	}
	return alikeTops(a, b)
}

// alikeTops compares where the ink is along the left edge: lines begin there, and are ragged on the right.
func alikeTops(a, b image.Image) bool { return inkLeft(a) == inkLeft(b) }

// inkLeft says whether there is more ink in the left half than in the right one.
func inkLeft(picture image.Image) bool {
	bounds := picture.Bounds()
	balance := 0
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, _, _, _ := picture.At(x, y).RGBA()
			if dark := int(0xffff - r); x < (bounds.Min.X+bounds.Max.X)/2 {
				balance += dark
			} else {
				balance -= dark
			}
		}
	}
	return balance > 0
}
