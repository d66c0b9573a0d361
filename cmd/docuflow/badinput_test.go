package main

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/mail"
	"github.com/docuflow/docuflow/pipeline"
)

// TestBadInput mails what programs and strangers send by mistake or in bad
// faith, and checks the state in which each ends, that good documents do not wait for
// them, and that the program's memory stays bounded.
func TestBadInput(t *testing.T) {
	p := start(t, newDataDir(t), "DOCUFLOW_ATTEMPTS=1", "DOCUFLOW_STAGE_TIMEOUTS=standardize=60s;extract=60s")
	photo := picture()
	good := invoicePDF("B-1")
	longName := strings.Repeat("very long name ", 280) + ".pdf"

	documents := []struct {
		name    string
		content []byte
		status  []string // any of
		kind    []string // any of, when failed
		stored  string   // the document's name, when another one
	}{
		{name: "no-pages.pdf", content: []byte("%PDF-1.7\n%%EOF\n"), status: []string{"FAILED"}, kind: []string{"damaged"}},
		{name: "truncated.pdf", content: good[:len(good)/2], status: []string{"COMPLETED", "FAILED"}, kind: []string{"damaged"}},
		{name: "truncated.jpg", content: encodeJPEG(t, photo)[:2000], status: []string{"FAILED"}, kind: []string{"damaged"}},
		{name: "png-named.pdf", content: encodePNG(t, photo), status: []string{"COMPLETED"}},
		{name: "password.pdf", content: encrypted(t, good), status: []string{"FAILED"}, kind: []string{"password"}},
		{name: "huge.png", content: hugePNG(), status: []string{"FAILED"}, kind: []string{"too_large"}},
		{name: "bomb.pdf", content: bombPDF(t), status: []string{"COMPLETED", "FAILED"}, kind: []string{"killed", "timeout", "too_large", "damaged"}},
		{name: "loop.pdf", content: loopPDF(), status: []string{"COMPLETED", "FAILED"}, kind: []string{"killed", "timeout", "damaged"}},
		{name: "../../../etc/pa\x01ss\u202ewd.pdf", content: invoicePDF("B-2"), status: []string{"COMPLETED"}, stored: "passwd.pdf"},
		{name: longName, content: invoicePDF("B-3"), status: []string{"COMPLETED"}, stored: longName},
	}
	for _, d := range documents {
		if err := p.send("bad input", mail.File{Name: d.name, Content: d.content}); err != nil {
			t.Fatalf("%.40s: %v", d.name, err)
		}
	}
	unusable := map[string][]mail.File{
		"without attachment": nil,
		"html named pdf":     {{Name: "page.pdf", MediaType: "application/pdf", Content: []byte("<!DOCTYPE html><html><body>invoice</body></html>")}},
		"zero bytes":         {{Name: "empty.pdf", MediaType: "application/pdf"}},
		"too large":          {{Name: "large.pdf", MediaType: "application/pdf", Content: append([]byte("%PDF-1.7\n"), make([]byte, pipeline.MaxDocument)...)}},
	}
	for subject, files := range unusable {
		if err := p.send(subject, files...); err != nil {
			t.Fatalf("%s: %v", subject, err)
		}
	}
	if err := p.send("good", mail.File{Name: "good.pdf", Content: good}, mail.File{Name: "photo.jpg", Content: encodeJPEG(t, photo)}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"good.pdf", "photo.jpg"} {
		if d := p.rest(name); d.Status != "COMPLETED" {
			t.Errorf("%s: %+v", name, d)
		}
	}

	for _, d := range documents {
		stored := d.stored
		if stored == "" {
			stored = d.name
		}
		if stored == longName {
			stored = p.longest()
		}
		got := p.rest(stored)
		if !slices.Contains(d.status, got.Status) {
			t.Errorf("%.40s: %s, error %+v", d.name, got.Status, got.Error)
		}
		if got.Status == "FAILED" && (got.Error == nil || !slices.Contains(d.kind, got.Error.Kind) || len(got.Error.Message) < 20) {
			t.Errorf("%.40s: error %+v", d.name, got.Error)
		}
	}
	for subject := range unusable {
		disposition, reason := p.mail(subject)
		if disposition != "nothing_usable" || len(reason) < 20 {
			t.Errorf("mail %q: %s, %q", subject, disposition, reason)
		}
	}
	for _, file := range p.filed() {
		if len(filepath.Base(file)) > 255 || strings.Contains(file, "..") || !strings.HasPrefix(file, "my-books"+string(filepath.Separator)) {
			t.Errorf("filed as %q", file)
		}
	}
	if peak := p.peakMemory(); peak > 512<<20 {
		t.Errorf("the program took %d MB", peak>>20)
	}
}

func TestUnknownAddressIsRefused(t *testing.T) {
	p := start(t, newDataDir(t))
	p.Address = "nobody@in.docuflow.localhost"
	err := p.send("to nobody", mail.File{Name: "a.pdf", Content: invoicePDF("U-1")})
	if err == nil || !strings.Contains(err.Error(), "550") || !strings.Contains(err.Error(), "5.1.1") {
		t.Fatalf("%v", err)
	}
}

// longest is the longest file name among the documents: a name that was cut.
func (p *program) longest() (name string) {
	p.until("the document with the long name is there", func() bool {
		for candidate := range p.documents() {
			if len(candidate) > len(name) {
				name = candidate
			}
		}
		return len(name) > 100
	})
	return name
}

// mail tells what became of a mail.
func (p *program) mail(subject string) (disposition, reason string) {
	p.t.Helper()
	conn := p.superuser()
	p.until("the mail is unpacked: "+subject, func() bool {
		err := conn.QueryRow(p.t.Context(), "SELECT disposition, reason FROM mails WHERE subject = $1", subject).Scan(&disposition, &reason)
		return err == nil && disposition != ""
	})
	return disposition, reason
}

// peakMemory is the most memory that the program itself has held, in octets.
func (p *program) peakMemory() int64 {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Skip("this system does not tell the memory of processes: ", err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return kilobytes << 10
}

// picture has soft colours and a few lines, as a photo of a paper has.
func picture() image.Image {
	picture := image.NewRGBA(image.Rect(0, 0, 640, 480))
	for y := range 480 {
		for x := range 640 {
			shade := uint8(255 - (x*x+y*y)/8000)
			if y%60 == 30 && x > 60 && x < 400 {
				shade = 20
			}
			picture.SetRGBA(x, y, color.RGBA{shade, shade, shade - uint8(x/16), 255})
		}
	}
	return picture
}

func encodeJPEG(t *testing.T, picture image.Image) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := jpeg.Encode(&file, picture, nil); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func encodePNG(t *testing.T, picture image.Image) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func encrypted(t *testing.T, pdf []byte) []byte {
	t.Helper()
	if _, err := exec.LookPath("qpdf"); err != nil {
		missing(t, err)
	}
	dir := t.TempDir()
	plain, locked := filepath.Join(dir, "plain.pdf"), filepath.Join(dir, "locked.pdf")
	if err := os.WriteFile(plain, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.CommandContext(context.Background(), "qpdf", "--encrypt", "secret", "secret", "256", "--", plain, locked).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, said)
	}
	content, err := os.ReadFile(locked)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// hugePNG claims 50,000 by 50,000 pixels: 10 GB decoded.
func hugePNG() []byte {
	file := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		body := append([]byte(kind), data...)
		file = binary.BigEndian.AppendUint32(file, uint32(len(data)))
		file = append(file, body...)
		file = binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(body))
	}
	header := binary.BigEndian.AppendUint32(nil, 50000)
	header = binary.BigEndian.AppendUint32(header, 50000)
	chunk("IHDR", append(header, 8, 6, 0, 0, 0))
	chunk("IDAT", deflate(make([]byte, 1000)))
	chunk("IEND", nil)
	return file
}

// bombPDF is a few kilobytes that unpack to 512 MB.
func bombPDF(t *testing.T) []byte {
	t.Helper()
	bomb := deflate(deflate(make([]byte, 512<<20)))
	if len(bomb) > 8<<10 {
		t.Fatalf("the bomb has %d octets", len(bomb))
	}
	return pdfOf(
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>",
		fmt.Sprintf("<< /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n%s\nendstream", len(bomb), bomb),
	)
}

func deflate(content []byte) []byte {
	var packed bytes.Buffer
	writer := zlib.NewWriter(&packed)
	writer.Write(content)
	writer.Close()
	return packed.Bytes()
}

// loopPDF has a page tree that contains itself.
func loopPDF() []byte {
	return pdfOf(
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R 2 0 R] /Count 1000000 /Parent 3 0 R >>",
		"<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 1000000 /Parent 2 0 R >>",
	)
}
