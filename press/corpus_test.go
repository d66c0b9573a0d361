package press

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/docuflow/docuflow/domain"
)

// corpus is a folder of real and broken files that is not part of the
// repository: DOCUFLOW_CORPUS names its parent.
func corpus(t testing.TB, folder string) []string {
	t.Helper()
	parent := os.Getenv("DOCUFLOW_CORPUS")
	if parent == "" {
		t.Skip("SKIPPED: DOCUFLOW_CORPUS names no corpus")
	}
	files, err := filepath.Glob(filepath.Join(parent, folder, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s/%s: %v", parent, folder, err)
	}
	return files
}

func TestCorpusMail(t *testing.T) {
	files := corpus(t, "mail")
	press := newPress(t, nil)
	want := expectedAttachments(t, filepath.Join(filepath.Dir(files[0]), "expect.jsonl"))
	for _, file := range files {
		if filepath.Ext(file) == ".jsonl" {
			continue
		}
		message, err := press.Unpack(t.Context(), someone, file, t.TempDir())
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		expected, certain := want[filepath.Base(file)]
		if !certain {
			continue
		}
		var got []expectedAttachment
		for _, part := range message.Parts {
			if part.Disposition == "attachment" {
				got = append(got, expectedAttachment{part.Name, part.Size})
			}
		}
		if len(got) != len(expected) {
			t.Errorf("%s: got %v, want %v", filepath.Base(file), got, expected)
			continue
		}
		for i := range got {
			if got[i] != expected[i] {
				t.Errorf("%s: got %v, want %v", filepath.Base(file), got, expected)
			}
		}
	}
}

type expectedAttachment struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

func expectedAttachments(t *testing.T, file string) map[string][]expectedAttachment {
	t.Helper()
	want := map[string][]expectedAttachment{}
	lines := bufio.NewScanner(bytes.NewReader(read(t, file)))
	for lines.Scan() {
		var line struct {
			File        string                `json:"file"`
			Attachments *[]expectedAttachment `json:"attachments"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Attachments != nil {
			want[line.File] = *line.Attachments
		}
	}
	return want
}

// Every broken file gives a result or a failure in words, and leaves nothing behind.
func TestCorpusBroken(t *testing.T) {
	files := corpus(t, "broken")
	press := newPress(t, nil)
	for _, file := range files {
		done, err := press.Standardize(t.Context(), someone, file, t.TempDir())
		checkOutcome(t, file, err)
		if err == nil && done.Pages == 0 {
			t.Errorf("%s: no pages", filepath.Base(file))
		}
		t.Logf("%s: %d pages, %d octets, %s %v", filepath.Base(file), done.Pages, done.Size, done.Reason, err)
	}
	checkNothingRuns(t, press)
}

func TestCorpusBrokenRead(t *testing.T) {
	if testing.Short() {
		t.Skip("recognises text for minutes")
	}
	press := newPress(t, nil)
	for _, file := range corpus(t, "broken") {
		_, err := press.Read(t.Context(), someone, file)
		checkOutcome(t, file, err)
		t.Logf("%s: %v", filepath.Base(file), err)
	}
	checkNothingRuns(t, press)
}

func checkOutcome(t *testing.T, file string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	failure, ok := errors.AsType[*domain.Failure](err)
	if !ok || failure.Kind == domain.KindInternal || failure.Message == "" {
		t.Errorf("%s: %v", filepath.Base(file), err)
	}
}

// Every invoice of the corpus becomes a PDF with the same number of pages that is not larger.
func TestCorpusInvoices(t *testing.T) {
	press := newPress(t, nil)
	var before, after int64
	for _, file := range append(corpus(t, "invoices"), corpus(t, "supplier")...) {
		if filepath.Ext(file) != ".pdf" {
			continue
		}
		done, err := press.Standardize(t.Context(), someone, file, t.TempDir())
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		original := int64(len(read(t, file)))
		if done.Size > original || done.Pages != pagesOf(t, file) || done.Pages != pagesOf(t, done.File) {
			t.Errorf("%s: %d pages, %d of %d octets", filepath.Base(file), done.Pages, done.Size, original)
		}
		before, after = before+original, after+done.Size
	}
	t.Logf("%d octets became %d", before, after)
}

func TestCorpusEInvoices(t *testing.T) {
	press := newPress(t, nil)
	for _, file := range corpus(t, "einvoices") {
		if filepath.Ext(file) == ".jsonl" {
			continue
		}
		reading, err := press.Read(t.Context(), someone, file)
		if err != nil || len(reading.XML) == 0 {
			t.Errorf("%s: no e-invoice: %v", filepath.Base(file), err)
		}
		if filepath.Ext(file) != ".xml" {
			continue
		}
		done, err := press.Standardize(t.Context(), someone, file, t.TempDir())
		if err != nil || done.Pages == 0 || done.MediaType != typeXML {
			t.Errorf("%s: %+v: %v", filepath.Base(file), done, err)
			continue
		}
		if inside, err := press.Read(t.Context(), someone, done.File); err != nil || !bytes.Equal(inside.XML, reading.XML) {
			t.Errorf("%s: the PDF has another e-invoice: %v", filepath.Base(file), err)
		}
	}
}
