package press

import (
	"bytes"
	"encoding/binary"
	"image"
	"io"
)

// orientation is EXIF's and TIFF's tag 274: where the picture's first row and
// column belong. 1 is upright.
type orientation uint16

const (
	untold  orientation = 0 // the file does not say
	upright orientation = 1
)

// swaps says that width and height change places.
func (o orientation) swaps() bool { return o >= 5 && o <= 8 }

// apply returns the picture upright.
func (o orientation) apply(picture *image.RGBA) *image.RGBA {
	if o <= upright || o > 8 {
		return picture
	}
	width, height := picture.Rect.Dx(), picture.Rect.Dy()
	turned := image.NewRGBA(image.Rect(0, 0, width, height))
	if o.swaps() {
		turned = image.NewRGBA(image.Rect(0, 0, height, width))
	}
	for y := range height {
		row := picture.Pix[y*picture.Stride:]
		for x := range width {
			tx, ty := o.place(x, y, width, height)
			copy(turned.Pix[ty*turned.Stride+tx*4:][:4], row[x*4:][:4])
		}
	}
	return turned
}

// place says where a stored pixel belongs in the upright picture.
func (o orientation) place(x, y, width, height int) (int, int) {
	right, bottom := width-1-x, height-1-y
	switch o {
	case 2:
		return right, y
	case 3:
		return right, bottom
	case 4:
		return x, bottom
	case 5:
		return y, x
	case 6:
		return bottom, x
	case 7:
		return bottom, right
	case 8:
		return y, right
	}
	return x, y
}

// maxEXIF bounds how far into a file the EXIF data is looked for, in octets.
const maxEXIF = 256 << 10

// readOrientation finds the EXIF orientation of a JPEG, PNG or WebP. Without
// one, or with a damaged one, it is untold.
func readOrientation(file io.ReaderAt, size int64, mediaType string) orientation {
	head := make([]byte, min(size, maxEXIF))
	if _, err := file.ReadAt(head, 0); err != nil {
		return untold
	}
	switch mediaType {
	case typeJPEG:
		return exifOrientation(jpegEXIF(head))
	case typePNG:
		return exifOrientation(chunkEXIF(head[min(8, len(head)):], "eXIf", binary.BigEndian, true))
	case typeWebP:
		whole := make([]byte, size) // the EXIF chunk comes last
		if _, err := file.ReadAt(whole, 0); err != nil {
			return untold
		}
		return exifOrientation(chunkEXIF(whole[min(12, len(whole)):], "EXIF", binary.LittleEndian, false))
	}
	return untold
}

// jpegEXIF returns the TIFF structure in the APP1 segment of a JPEG.
func jpegEXIF(head []byte) []byte {
	for at := 2; at+4 <= len(head) && head[at] == 0xff; {
		marker, length := head[at+1], int(binary.BigEndian.Uint16(head[at+2:]))
		end := at + 2 + length
		if marker == 0xda || length < 2 || end > len(head) { // the scan begins
			return nil
		}
		if exif, ok := bytes.CutPrefix(head[at+4:end], []byte("Exif\x00\x00")); ok && marker == 0xe1 {
			return exif
		}
		at = end
	}
	return nil
}

// chunkEXIF returns a chunk of a PNG (length before the name, checksum after
// the data) or of a RIFF file (length after the name, data padded to even).
func chunkEXIF(chunks []byte, name string, order binary.ByteOrder, png bool) []byte {
	for len(chunks) >= 8 {
		label, length := chunks[:4], order.Uint32(chunks[4:])
		rest := uint64(length) + uint64(length&1)
		if png {
			label, length = chunks[4:8], order.Uint32(chunks)
			rest = uint64(length) + 4
		}
		chunks = chunks[8:]
		if string(label) == name && uint64(length) <= uint64(len(chunks)) {
			return bytes.TrimPrefix(chunks[:length], []byte("Exif\x00\x00"))
		}
		if rest > uint64(len(chunks)) {
			return nil
		}
		chunks = chunks[rest:]
	}
	return nil
}

func exifOrientation(exif []byte) orientation {
	directories, err := tiffDirectories(bytes.NewReader(exif), int64(len(exif)))
	if err != nil {
		return untold
	}
	return directories[0].turn
}
