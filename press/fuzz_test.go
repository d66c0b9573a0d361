package press

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"github.com/jhillyerd/enmime/v2"

	"github.com/docuflow/docuflow/domain"
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

// FuzzUnpack takes a mail apart as a child does, archives and mails within included.
// Its seeds are in testdata/fuzz.
func FuzzUnpack(f *testing.F) {
	f.Add(sampleMail(attached("Content-Type: application/zip; name=x.zip", zipped(f, file{"a.pdf", invoicePDF()}))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		t.Chdir(t.TempDir())
		if err := os.WriteFile(inputName, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		message, err := unpack(inputName)
		if err != nil {
			if domain.AsFailure(err).Kind != domain.KindDamaged {
				t.Fatal(err)
			}
			return
		}
		usable := 0
		for i, part := range message.Parts {
			checkPart(t, part, i)
			if part.Usable {
				usable++
			}
		}
		if len(message.Parts) > maxParts+1 || usable > maxAttachments {
			t.Errorf("%d of %d parts are usable", usable, len(message.Parts))
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
