package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// oneNode is a server that allows a stage two attempts, on dependencies that
// can be taken away.
func oneNode(t *testing.T, env ...string) (*chaos, *clusterNode) {
	t.Helper()
	c := newChaos(t)
	n := c.addNode(append([]string{"DOCUFLOW_ATTEMPTS=2", "DOCUFLOW_LEASE_TTL=3s", "DOCUFLOW_BACKOFF_BASE=500ms"}, env...)...)
	c.open()
	c.awaitReady(t.Context(), n)
	return c, n
}

// mail sends n documents and returns the last reply's code.
func (c *chaos) mail(documents int) (code string) {
	c.t.Helper()
	sender := newMTA(c.address, c.tally, c.doors)
	for _, l := range letters(fmt.Sprint(time.Now().UnixNano()), c.address, documents) {
		code, _ = sender.transmit(c.t.Context(), c.doors()[0], l.raw)
	}
	return code
}

// wantCompleted waits until that many documents are completed, and wants no
// other ones.
func (c *chaos) wantCompleted(want int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	if err := await(ctx, "all work rests", c.rests); err != nil {
		c.t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, c.database.admin())
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close(ctx)
	documents := c.readDocuments(conn)
	for _, d := range documents {
		if d.status != "COMPLETED" {
			c.t.Errorf("document: %+v", d)
		}
	}
	if len(documents) != want {
		c.t.Errorf("%d documents, want %d", len(documents), want)
	}
}

func (c *chaos) wantNeverRestarted(n *clusterNode) {
	c.t.Helper()
	if starts := n.startCount(); starts != 1 {
		c.t.Errorf("the server was started %d times: it must live through this", starts)
	}
}

func status(t *testing.T, url string) int {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

func TestDatabaseAway(t *testing.T) {
	c, n := oneNode(t)
	reader := signIn(t, &balancer{nodes: c.nodes, ready: []*clusterNode{n}}, c.tally, c.link)
	if code := c.mail(6); code != "250" {
		t.Fatal(code)
	}
	c.database.stop(false) // with work under way
	if code := c.mail(1); code != "451" {
		t.Errorf("a mail while the database is away is answered %s, want 451", code)
	}
	if got := status(t, "http://"+n.admin+"/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d", got)
	}
	if got := status(t, "http://"+n.admin+"/healthz"); got != http.StatusOK {
		t.Errorf("/healthz answers %d: a supervisor would restart the server for nothing", got)
	}
	if got := reader.load(t.Context()); got != "503" {
		t.Errorf("the inbox answers %s, want 503", got)
	}
	c.calm(t.Context(), 4*time.Second) // longer than leases last
	c.database.start()
	c.awaitReady(t.Context(), n)
	if code := c.mail(2); code != "250" {
		t.Errorf("a mail afterwards is answered %s", code)
	}
	c.wantCompleted(8)
	c.wantNeverRestarted(n)
}

// An outage costs no document its attempts: two of them would be gone within a second.
func TestObjectStorageAway(t *testing.T) {
	c, n := oneNode(t)
	if code := c.mail(6); code != "250" {
		t.Fatal(code)
	}
	c.storage.away(8 * time.Second)
	c.storage.signal(syscall.SIGKILL)
	c.calm(t.Context(), 200*time.Millisecond)
	if code := c.mail(1); code != "451" {
		t.Errorf("a mail while object storage is away is answered %s, want 451", code)
	}
	if got := status(t, "http://"+n.admin+"/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d", got)
	}
	c.calm(t.Context(), 8*time.Second)
	c.awaitReady(t.Context(), n)
	if code := c.mail(2); code != "250" {
		t.Errorf("a mail afterwards is answered %s", code)
	}
	c.wantCompleted(8)
	c.wantNeverRestarted(n)
	conn, err := pgx.Connect(t.Context(), c.database.admin())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var retried int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM attempts WHERE outcome = 'retry' AND error_kind = 'storage'").Scan(&retried); err != nil {
		t.Fatal(err)
	}
	if retried < 6 {
		t.Errorf("%d attempts met the outage: too few to have been one", retried)
	}
}

// A full disk is answered 452, leaves nothing half-written, and is over once there is room.
func TestDiskFull(t *testing.T) {
	disk := smallDisk(t, 3<<20)
	c, n := oneNode(t, "DOCUFLOW_S3_ENDPOINT=", "DOCUFLOW_DATA_DIR="+disk.data)
	sender := newMTA(c.address, c.tally, c.doors)
	large := compose("large", c.address, []part{{kind: "application/pdf", name: "large.pdf", content: append(invoicePDF("C-90000"), make([]byte, 4<<20)...)}})
	if code, err := sender.transmit(t.Context(), c.doors()[0], large.raw); code != "452" || !strings.Contains(err.Error(), "storage") {
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
