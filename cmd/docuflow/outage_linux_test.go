package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A full disk is answered 452, leaves nothing half-written, and is over once there is room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, 3<<20)
	c, n := oneNode(t, "DOCUFLOW_S3_ENDPOINT=", "DOCUFLOW_DATA_DIR="+disk.data)
	sender := newMTA(c.tally, c.doors)
	large := compose("large", c.addresses[0], []part{{kind: "application/pdf", name: "large.pdf", content: append(invoicePDF("C-90000"), make([]byte, 4<<20)...)}})
	if code, err := sender.transmit(t.Context(), c.doors()[0], large); code != "452" || !strings.Contains(err.Error(), "storage") {
		t.Errorf("a mail that does not fit is answered %s %v, want 452", code, err)
	}
	if files := disk.files(); len(files) > 0 {
		t.Errorf("left behind: %q", files)
	}
	if code := c.mail(2); code != "250" {
		t.Errorf("a mail that fits is answered %s", code)
	}
	c.wantCompleted(2)

	// Now with work under way: accepted, and then there is no room for results.
	filler := disk.fill(40 << 10)
	code := c.mail(1)
	c.calm(t.Context(), 3*time.Second)
	os.Remove(filler)
	if code != "250" {
		t.Errorf("a small mail on a nearly full disk is answered %s", code)
	}
	c.wantCompleted(3)
	c.wantNeverRestarted(n)
}

// smallVolume is a file system of its own, for objects alone.
type smallVolume struct {
	t             *testing.T
	data, objects string
}

func smallDisk(t *testing.T, octets int) smallVolume {
	t.Helper()
	v := smallVolume{t: t, data: newDataDir(t)}
	v.objects = filepath.Join(v.data, "objects")
	if err := os.Mkdir(v.objects, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", v.objects, "tmpfs", 0, fmt.Sprintf("size=%d", octets)); err != nil {
		missing(t, fmt.Errorf("a small file system: %w (mounting needs root)", err))
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(v.objects, syscall.MNT_DETACH); err != nil {
			t.Error("unmount: ", err)
		}
	})
	return v
}

// files lists what is stored.
func (v smallVolume) files() (files []string) {
	v.t.Helper()
	err := filepath.WalkDir(v.objects, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		v.t.Fatal(err)
	}
	return files
}

// fill leaves that much room.
func (v smallVolume) fill(room uint64) (filler string) {
	v.t.Helper()
	var stat syscall.Statfs_t
	if err := syscall.Statfs(v.objects, &stat); err != nil {
		v.t.Fatal(err)
	}
	filler = filepath.Join(v.objects, "filler")
	err := os.WriteFile(filler, make([]byte, stat.Bavail*uint64(stat.Bsize)-room), 0o600)
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		v.t.Fatal(err)
	}
	return filler
}
