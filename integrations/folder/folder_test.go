package folder_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/integrations/destinationtest"
	"github.com/docuflow/docuflow/integrations/folder"
)

func open(t *testing.T) (*folder.Folder, string) {
	t.Helper()
	dir := t.TempDir()
	f, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, dir
}

func TestRepeatedDeliveryChangesNothing(t *testing.T) {
	f, dir := open(t)
	reference := propose(t, f)
	for range 2 {
		if err := deliver(t, f, reference, "pdf"); err != nil {
			t.Fatal(err)
		}
	}
	if got := files(t, dir); len(got) != 1 || got[0] != reference {
		t.Fatalf("files: %q", got)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	f, dir := open(t)
	reference := propose(t, f)
	if err := deliver(t, f, reference, "first"); err != nil {
		t.Fatal(err)
	}
	err := deliver(t, f, reference, "second")
	if failure := domain.AsFailure(err); err == nil || !failure.Permanent {
		t.Fatalf("over another file: %v", err)
	}
	content, err := os.ReadFile(filepath.Join(dir, reference))
	if err != nil || string(content) != "first" {
		t.Fatalf("%q %v", content, err)
	}
	if again := propose(t, f); again != strings.Replace(reference, ".pdf", " (2).pdf", 1) {
		t.Fatalf("the next document is proposed %q", again)
	}
	if got := files(t, dir); len(got) != 1 {
		t.Fatalf("left behind: %q", got)
	}
}

func propose(t *testing.T, f *folder.Folder) string {
	t.Helper()
	reference, err := f.Propose(t.Context(), domain.Filing{Name: "acme/2026/2026-03-04 scan 1.pdf"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return reference
}

func deliver(t *testing.T, f *folder.Folder, reference, content string) error {
	t.Helper()
	_, err := f.Deliver(t.Context(), domain.Filing{Reference: reference, Size: int64(len(content)), Body: strings.NewReader(content)})
	return err
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

func TestContract(t *testing.T) {
	destinationtest.Run(t, func(t *testing.T) (destinationtest.Destination, destinationtest.Shelf) {
		f, dir := open(t)
		return f, destinationtest.Shelf{
			Content: func(reference string) []byte {
				content, _ := os.ReadFile(filepath.Join(dir, reference)) // nil when there is none
				return content
			},
			Count: func() int { return len(files(t, dir)) },
		}
	})
}
