package press

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/jhillyerd/enmime/v2"
)

func FuzzParseMail(f *testing.F) {
	f.Add(sampleMail(attached("Content-Type: application/pdf; name=x.pdf", invoicePDF())))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=b\n\n--b\nnonsense\nContent-Transfer-Encoding: quoted-printable\n\n=3D=\n=\n--b--"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		root, err := parseMail(raw)
		if err != nil {
			return
		}
		for _, part := range root.DepthMatchAll(func(*enmime.Part) bool { return true }) {
			if decoded := decodeTransfer(part); len(decoded) > len(part.Content) {
				t.Errorf("%d octets became %d", len(part.Content), len(decoded))
			}
		}
	})
}

func FuzzTIFFDirectories(f *testing.F) {
	f.Add(grayTIFF(4, 4, 1, 2, 3))
	f.Add(withEXIF([]byte("\xff\xd8"), 6)[12:])
	f.Fuzz(func(t *testing.T, content []byte) {
		directories, err := tiffDirectories(bytes.NewReader(content), int64(len(content)))
		if err == nil && (len(directories) == 0 || len(directories) > maxTIFFPages) {
			t.Errorf("%d directories", len(directories))
		}
		exifOrientation(jpegEXIF(content))
		exifOrientation(chunkEXIF(content, "EXIF", binary.LittleEndian, false))
		exifOrientation(chunkEXIF(content, "eXIf", binary.BigEndian, true))
	})
}
