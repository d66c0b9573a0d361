package folder_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/integrations/folder"
)

var acme = domain.Workspace{Slug: "acme"}

func document(fields map[domain.FieldName]string) domain.Document {
	d := domain.Document{ID: "id", FileName: "scan 1.pdf", Fields: domain.Fields{}, CreatedAt: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)}
	for name, value := range fields {
		d.Fields[name] = domain.Field{Value: value}
	}
	return d
}

func open(t *testing.T) (*folder.Folder, string) {
	t.Helper()
	dir := t.TempDir()
	f, err := folder.Open(dir, folder.DefaultPattern)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, dir
}

func TestNames(t *testing.T) {
	f, _ := open(t)
	for want, fields := range map[string]map[domain.FieldName]string{
		"acme/2026/2026-03-04 scan 1.pdf": nil,
		"acme/2025/2025-11-22 Nordlys Hosting AS 2490.00 NOK.pdf": {
			domain.VendorName: "Nordlys Hosting AS", domain.InvoiceDate: "2025-11-22", domain.TotalAmount: "2490.00", domain.Currency: "NOK",
		},
		"acme/2026/2026-03-04 -.-etc-passwd.pdf":                   {domain.VendorName: "/../etc/passwd"},
		"acme/2026/2026-03-04 A-B-.pdf":                            {domain.VendorName: "A:B?\x00\u202e"},
		"acme/2026/2026-03-04 Ünïcode.pdf":                         {domain.VendorName: "U\u0308nïcode. "},
		"acme/2026/2026-03-04 " + strings.Repeat("é", 50) + ".pdf": {domain.VendorName: strings.Repeat("é", 4000)},
	} {
		if got := f.Propose(acme, document(fields), 1); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPatternsAreChecked(t *testing.T) {
	for _, pattern := range []string{"", "/", "{vendr}", "{vendor", "../{vendor}"} {
		if _, err := folder.Open(t.TempDir(), pattern); err == nil {
			t.Errorf("pattern %q was taken", pattern)
		}
	}
}

func TestRepeatedDeliveryChangesNothing(t *testing.T) {
	f, dir := open(t)
	reference := f.Propose(acme, document(nil), 1)
	for range 2 {
		if _, err := f.Deliver(t.Context(), reference, strings.NewReader("pdf")); err != nil {
			t.Fatal(err)
		}
	}
	if got := files(t, dir); len(got) != 1 || got[0] != reference {
		t.Fatalf("files: %q", got)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	f, dir := open(t)
	reference := f.Propose(acme, document(nil), 1)
	if _, err := f.Deliver(t.Context(), reference, strings.NewReader("first")); err != nil {
		t.Fatal(err)
	}
	_, err := f.Deliver(t.Context(), reference, strings.NewReader("second"))
	if failure := domain.AsFailure(err); err == nil || !failure.Permanent {
		t.Fatalf("over another file: %v", err)
	}
	content, err := os.ReadFile(filepath.Join(dir, reference))
	if err != nil || string(content) != "first" {
		t.Fatalf("%q %v", content, err)
	}
	if again := f.Propose(acme, document(nil), 1); again != strings.Replace(reference, ".pdf", " (2).pdf", 1) {
		t.Fatalf("the next document is proposed %q", again)
	}
	if got := files(t, dir); len(got) != 1 {
		t.Fatalf("left behind: %q", got)
	}
}

func files(t *testing.T, dir string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			relative, _ := filepath.Rel(dir, name)
			found = append(found, filepath.ToSlash(relative))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
