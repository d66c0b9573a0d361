package press

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
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

// FuzzAnswer hears what a child says that was taken over: an answer or an error,
// and no file from outside the job's directory.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"standardized":{"file":"standard.pdf","thumbnail":"../../etc/passwd"}}` + "\n"))
	f.Add([]byte(`{"failure":{"kind":"damaged","permanent":true,"message":"x"}}` + "\n{}\n"))
	f.Add([]byte(`{"message":{"parts":[{"file":"/etc/passwd"}]},"worn":true}` + "\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		from, out := t.TempDir(), t.TempDir()
		if err := os.WriteFile(filepath.Join(from, standardName), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		ended := &child{answers: newLines(1 << 16), stderr: &bounded{limit: 1 << 10}, done: make(chan struct{})}
		if n, err := ended.answers.Write(said); n != len(said) || err != nil {
			t.Fatalf("took %d of %d octets: %v", n, len(said), err)
		}
		close(ended.done)
		answer, err := ended.answer(DefaultLimits())
		if err != nil {
			return
		}
		if err := collect(&answer, from, out); err != nil {
			return
		}
		for _, name := range []string{answer.Standardized.File, answer.Standardized.Thumbnail, answer.Drawn, answer.Printed.File} {
			if name != "" && filepath.Dir(name) != out {
				t.Errorf("took %q", name)
			}
		}
	})
}

// FuzzSniff gives one of the known types, and words for those that make no document.
func FuzzSniff(f *testing.F) {
	f.Add(invoicePDF())
	f.Add([]byte("\xff\xfe<\x00?\x00x\x00m\x00l\x00"))
	f.Add([]byte("<!--"))
	f.Add([]byte("\x00\x00\x00\x18ftypheic"))
	f.Fuzz(func(t *testing.T, content []byte) {
		found := Sniff(content)
		if found == "" || Sniff(content[:min(len(content), SniffLength)]) != found {
			t.Errorf("%q is %q", content[:min(len(content), 40)], found)
		}
		isInvoiceXML(content)
	})
}
