package press

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// file is one entry of a test's archive.
type file struct {
	name    string
	content []byte
}

func zipped(t testing.TB, files ...file) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, f := range files {
		entry, err := archive.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write(f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// lockedZIP says of its entry that it is encrypted.
func lockedZIP(t testing.TB, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	entry, err := archive.CreateRaw(&zip.FileHeader{Name: "a.pdf", Flags: zipEncrypted, CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(content))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Archives in archives are opened so deep and no deeper.
func TestUnpackArchivesInArchives(t *testing.T) {
	press := newPress(t, nil)
	archive := zipped(t, file{"a.pdf", invoicePDF()})
	for i := range maxArchives {
		archive = zipped(t, file{fmt.Sprintf("%d.zip", i), archive})
	}
	message, err := press.Unpack(t.Context(), someone, write(t, "mail", sampleMail(attached("Content-Type: application/zip; name=x.zip", archive))), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(message.Parts) != 1 || message.Parts[0].Usable || message.Parts[0].Name != "0.zip" || !strings.Contains(message.Parts[0].Reason, "too many others") {
		t.Errorf("got %+v", message.Parts)
	}
}

// What a mail unpacks to is bounded as a whole, and the mail's reader is told.
func TestUnpackedSizeIsBounded(t *testing.T) {
	press := newPress(t, nil)
	noise := make([]byte, 24<<20)
	for i := range noise {
		noise[i] = byte(i * i >> 8 & 0x0f) // packs well, but no better than real files do
	}
	var files []file
	for i := range maxUnpacked/len(noise) + 1 {
		files = append(files, file{fmt.Sprintf("%d.bin", i), noise})
	}
	message, err := press.Unpack(t.Context(), someone, write(t, "mail", sampleMail(attached("Content-Type: application/zip; name=x.zip", zipped(t, files...)))), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	last := message.Parts[len(message.Parts)-1]
	if len(message.Parts) != len(files) || last.Size != 0 || !strings.Contains(last.Reason, "200 MB") {
		t.Errorf("%d parts, the last one is %+v", len(message.Parts), last)
	}
}
