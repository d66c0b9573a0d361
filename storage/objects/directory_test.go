package objects_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/objects"
)

func openDirectory(t *testing.T, dir string) *objects.Directory {
	t.Helper()
	d, err := objects.OpenDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on", "demand")
	testContract(t, openDirectory(t, dir))
	if left := names(t, filepath.Join(dir, ".incoming")); len(left) > 0 {
		t.Errorf("unfinished files are left: %v", left)
	}
}

func TestDirectoryIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "objects")
	d := openDirectory(t, dir)
	if err := d.Put(t.Context(), key("mail/raw"), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v: other users can read it", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDirectoryCleansUpAfterKilledWriters(t *testing.T) {
	dir := t.TempDir()
	leftover := filepath.Join(dir, ".incoming", "LEFTOVER")
	if err := os.MkdirAll(filepath.Dir(leftover), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(leftover, []byte("half of a mail"), 0o600); err != nil {
		t.Fatal(err)
	}
	first := openDirectory(t, dir)
	if left := names(t, filepath.Dir(leftover)); len(left) > 0 {
		t.Errorf("still there: %v", left)
	}

	// A second user must not take the files of one that is writing.
	source := &writing{open: func() { openDirectory(t, dir) }}
	if err := first.Put(t.Context(), key("a"), source); err != nil {
		t.Fatalf("put while another process starts: %v", err)
	}
	if got := read(t, first, key("a")); !bytes.Equal(got, []byte("first second")) {
		t.Errorf("got %q", got)
	}
}

// writing calls a function in the middle of being read.
type writing struct {
	open  func()
	reads int
}

func (w *writing) Read(p []byte) (int, error) {
	w.reads++
	switch w.reads {
	case 1:
		return copy(p, "first "), nil
	case 2:
		w.open()
		return copy(p, "second"), nil
	}
	return 0, io.EOF
}

func TestDirectoryRefusesToFollowLinksOut(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	d := openDirectory(t, dir)
	if err := os.Symlink(outside, filepath.Join(dir, workspace)); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(t.Context(), key("a"), strings.NewReader("x")); err == nil {
		t.Error("a link out of the directory was followed")
	}
	if got := names(t, outside); len(got) > 0 {
		t.Errorf("written outside: %v", got)
	}
}

func TestDirectoryOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no small file system to fill, mounting needs root: %s", out)
		}
		t.Skipf("SKIPPED: no small file system to fill, mounting needs root: %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	})
	d, err := objects.OpenDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err = d.Put(t.Context(), key("too-big"), bytes.NewReader(noise(1, 2<<20)))
	wantDiskFull(t, err)
	wantNothing(t, d, key("too-big"))
	if err := d.Put(t.Context(), key("small"), strings.NewReader("fits again")); err != nil {
		t.Errorf("after a refused one: %v", err)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return all
}

func wantDiskFull(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want a recognisable full disk", err)
	}
	if failure := domain.AsFailure(err); failure.Permanent || failure.Kind != domain.KindStorage {
		t.Errorf("kind %q, permanent %v, want a temporary one of the storage", failure.Kind, failure.Permanent)
	}
}

func BenchmarkDirectoryPut(b *testing.B) {
	d, err := objects.OpenDirectory(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	content := noise(1, 1<<20)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if err := d.Put(b.Context(), key("bench"), bytes.NewReader(content)); err != nil {
			b.Fatal(err)
		}
	}
}
