package press

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
)

const (
	// maxWidth bounds a page's picture, in pixels; the height follows.
	maxWidth    = 2000
	jpegQuality = 70
)

// standardizeImage makes one PDF page of each picture.
func (h *hand) standardizeImage(ctx context.Context, mediaType string) (Standardized, error) {
	const pages = "pages.pdf"
	file, err := os.Create(pages)
	if err != nil {
		return Standardized{}, err
	}
	defer file.Close()
	writer := newImagePDF(file)
	err = eachPicture(ctx, inputName, mediaType, func(picture image.Image, turn orientation) error {
		original := picture
		picture = flat(picture, turn, maxWidth)
		if turn == untold {
			if quarters := quartersByContent(ctx, picture); quarters != 0 {
				picture = flat(original, quarterTurns[quarters], maxWidth)
			}
		}
		if writer.pages() == 0 {
			if err := writeThumbnail(shrunk(picture, thumbnailWidth, thumbnailHeight)); err != nil {
				return err
			}
		}
		if picture != original {
			return writer.add(picture, nil)
		}
		return writer.add(picture, plainJPEG(mediaType))
	})
	if err != nil {
		return Standardized{}, err
	}
	if err := writer.close(); err != nil {
		return Standardized{}, fmt.Errorf("write the pages: %w", err)
	}
	if err := qpdf(ctx, h.limits.Wall, pages, standardName); err != nil {
		return Standardized{}, err
	}
	return Standardized{File: standardName, Pages: writer.pages(), Thumbnail: thumbnailName}, nil
}

// imagePDF writes a PDF whose pages are one JPEG each (ISO 32000-1, 7.5).
type imagePDF struct {
	out     *bufio.Writer
	written int64
	offsets []int64 // of objects 1 …
	kids    []int   // object numbers of the pages
	err     error   // the first one
}

// The catalogue and the page tree come last but have the first numbers.
const (
	catalogObject = 1
	treeObject    = 2
)

func newImagePDF(file *os.File) *imagePDF {
	w := &imagePDF{out: bufio.NewWriter(file), offsets: make([]int64, treeObject)}
	w.print("%%PDF-1.5\n%%\xe2\xe3\xcf\xd3\n")
	return w
}

func (w *imagePDF) pages() int { return len(w.kids) }

// add adds a page. original is a JPEG of the same picture, nil when there is
// none: it is taken when encoding the picture again would not make it smaller.
func (w *imagePDF) add(picture image.Image, original []byte) error {
	var encoded bytes.Buffer
	if err := jpeg.Encode(&encoded, picture, &jpeg.Options{Quality: jpegQuality}); err != nil {
		return fmt.Errorf("encode a page: %w", err)
	}
	if original != nil && len(original) <= encoded.Len() {
		encoded = *bytes.NewBuffer(original)
	}
	size := picture.Bounds().Size()
	space := "DeviceRGB"
	if isGray(picture) {
		space = "DeviceGray"
	}
	width, height := pageSize(size.X, size.Y)
	drawing := fmt.Sprintf("q %.2f 0 0 %.2f 0 0 cm /I Do Q", width, height)
	pixels := w.stream(fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /%s /BitsPerComponent 8 /Filter /DCTDecode",
		size.X, size.Y, space), encoded.Bytes())
	contents := w.stream("", []byte(drawing))
	w.kids = append(w.kids, w.object(fmt.Sprintf("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %.2f %.2f] /Contents %d 0 R /Resources << /XObject << /I %d 0 R >> >> >>",
		treeObject, width, height, contents, pixels)))
	return w.err
}

// close writes what holds the pages together.
func (w *imagePDF) close() error {
	var kids bytes.Buffer
	for _, kid := range w.kids {
		fmt.Fprintf(&kids, "%d 0 R ", kid)
	}
	w.numbered(catalogObject, fmt.Sprintf("<< /Type /Catalog /Pages %d 0 R >>", treeObject))
	w.numbered(treeObject, fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(w.kids), kids.Bytes()))
	table := w.written
	w.print("xref\n0 %d\n0000000000 65535 f \n", len(w.offsets)+1)
	for _, offset := range w.offsets {
		w.print("%010d 00000 n \n", offset)
	}
	w.print("trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(w.offsets)+1, catalogObject, table)
	return errors.Join(w.err, w.out.Flush())
}

func (w *imagePDF) stream(dictionary string, content []byte) int {
	return w.object(fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dictionary, len(content), content))
}

func (w *imagePDF) object(body string) int {
	w.offsets = append(w.offsets, 0)
	w.numbered(len(w.offsets), body)
	return len(w.offsets)
}

func (w *imagePDF) numbered(number int, body string) {
	w.offsets[number-1] = w.written
	w.print("%d 0 obj\n%s\nendobj\n", number, body)
}

func (w *imagePDF) print(format string, values ...any) {
	n, err := fmt.Fprintf(w.out, format, values...)
	w.written += int64(n)
	w.err = errors.Join(w.err, err)
}

// pageSize is the paper for a picture, in points: as large as fits on A4, or
// for a long receipt 80 mm wide.
func pageSize(width, height int) (float64, float64) {
	const (
		short, long  = 595.28, 841.89 // A4
		receiptWidth = 226.77         // 80 mm
		longest      = 14400          // what PDF allows
	)
	w, h := float64(width), float64(height)
	if h > 2.2*w {
		scale := min(receiptWidth/w, longest/h)
		return w * scale, h * scale
	}
	across, down := short, long
	if w > h {
		across, down = long, short
	}
	scale := min(across/w, down/h)
	return max(w*scale, 3), max(h*scale, 3) // PDF pages have at least 3 points
}
