package press

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
)

func TestJobsThatExceedTheirLimits(t *testing.T) {
	text := write(t, "in.png", encodedPNG(t, image.NewNRGBA(image.Rect(0, 0, 5000, 5000))))
	for _, test := range []struct {
		name   string
		limits func(*Limits)
		kind   domain.ErrorKind
	}{
		{"wall clock", func(l *Limits) { l.Wall = 300 * time.Millisecond }, domain.KindTimeout},
		{"memory", func(l *Limits) { l.Data = 200 << 20 }, domain.KindKilled},
	} {
		t.Run(test.name, func(t *testing.T) {
			if raced && test.name == "memory" {
				t.Skip("SKIPPED: no memory limits under the race detector")
			}
			limits := DefaultLimits()
			test.limits(&limits)
			press := newPress(t, func(c *Config) { c.Limits = limits })
			_, err := press.Read(t.Context(), someone, text)
			failure, ok := errors.AsType[*domain.Failure](err)
			if !ok || failure.Kind != test.kind || failure.Permanent {
				t.Errorf("got %v", err)
			}
			checkNothingRuns(t, press)
		})
	}
}

func TestCancel(t *testing.T) {
	press := newPress(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	_, err := press.Read(ctx, someone, write(t, "in.png", encodedPNG(t, image.NewGray(image.Rect(0, 0, 5000, 5000)))))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	checkNothingRuns(t, press)
}

// bombs are small files that grow when they are opened.
func bombs(t *testing.T) map[string][]byte {
	zero := strings.NewReader(strings.Repeat("\x00", 256<<20))
	packed := deflated(t, zero, 2)
	stream := func(dictionary string) string {
		return fmt.Sprintf("<< %s /Filter [/FlateDecode /FlateDecode] /Length %d >>\nstream\n%s\nendstream", dictionary, len(packed), packed)
	}
	content := invoiceObjects("")
	content[3] = stream("")
	attachment := append(invoiceObjects("/Names << /EmbeddedFiles << /Names [(a.xml) 6 0 R] >> >>"),
		"<< /Type /Filespec /F (a.xml) /UF (a.xml) /EF << /F 7 0 R >> >>", stream("/Type /EmbeddedFile"))
	form := "<< /Type /XObject /Subtype /Form /BBox [0 0 600 900] /Resources << /XObject << /A 6 0 R >> >> /Length 12 >>\nstream\n/A Do /A Do \nendstream"
	circle := invoiceObjects("")
	circle[2] = strings.Replace(circle[2], "/Font", "/XObject << /A 6 0 R >> /Font", 1)
	circle[3] = "<< /Length 5 >>\nstream\n/A Do\nendstream"
	return map[string][]byte{
		"page":               samplePDF(append(content, info())...),
		"attachment":         samplePDF(append(attachment, info())...),
		"drawing in circles": samplePDF(append(circle, form, info())...),
	}
}

// While bombs go off, a neighbour's document is processed as ever.
func TestBombs(t *testing.T) {
	if raced {
		t.Skip("SKIPPED: no memory limits under the race detector")
	}
	limits := DefaultLimits()
	limits.Data = 400 << 20
	press := newPress(t, func(c *Config) { c.Limits, c.Jobs = limits, 2 })
	neighbour := write(t, "neighbour.pdf", invoicePDF())
	var jobs sync.WaitGroup
	for name, bomb := range bombs(t) {
		if len(bomb) > 8<<10 {
			t.Errorf("%s: a bomb of %d octets is not small", name, len(bomb))
		}
		file := write(t, "bomb.pdf", bomb)
		jobs.Go(func() {
			done, err := press.Standardize(t.Context(), someone, file, t.TempDir())
			checkOutcome(t, name, err)
			if err == nil && !done.Kept {
				t.Errorf("%s: was rewritten: %+v", name, done)
			}
			_, err = press.Read(t.Context(), someone, file)
			checkOutcome(t, name, err)
			t.Logf("%s: %d octets, %v", name, len(bomb), err)
		})
		jobs.Go(func() {
			if _, err := press.Standardize(t.Context(), someone, neighbour, t.TempDir()); err != nil {
				t.Errorf("the neighbour of %s: %v", name, err)
			}
		})
	}
	jobs.Wait()
	checkNothingRuns(t, press)
}

// checkNothingRuns finds processes and files of jobs that are over. Idle
// children have an empty directory each.
func checkNothingRuns(t *testing.T, press *Press) {
	t.Helper()
	press.workers.close()
	if entries, err := os.ReadDir(press.area.path); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
	if running := jobsIn(press.area.path); len(running) > 0 {
		t.Errorf("still running: %q", running)
	}
}

func TestLeftoversOfTheDead(t *testing.T) {
	parent := t.TempDir()
	dead := filepath.Join(parent, areaPrefix+"dead", "job-1")
	if err := os.MkdirAll(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	first := newPress(t, func(c *Config) { c.TempDir = parent })
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("the leftovers are still there: %v", err)
	}
	newPress(t, func(c *Config) { c.TempDir = parent })
	if _, err := os.Stat(first.area.path); err != nil {
		t.Errorf("a living neighbour lost its directory: %v", err)
	}
}

func TestMissingTool(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := New(Config{TempDir: t.TempDir(), CacheDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "apt-get install qpdf") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

// A child that was taken over can name any file and make any link.
func TestCollectTakesPlainFilesOnly(t *testing.T) {
	from, out := t.TempDir(), t.TempDir()
	secret := write(t, "secret", []byte("secret"))
	if err := errors.Join(os.Symlink(secret, filepath.Join(from, "symbolic")), os.Link(secret, filepath.Join(from, "hard"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"symbolic", "hard", "../" + filepath.Base(from), secret, "..", "."} {
		answer := result{Standardized: Standardized{File: name}}
		if err := collect(&answer, from, out); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
	if entries, _ := os.ReadDir(out); len(entries) > 0 {
		t.Errorf("got %v", entries)
	}
}

// tryNetwork is what a confined child answers when it tries to reach out.
func tryNetwork() {
	first := setup{Limits: DefaultLimits(), User: nobodyOrSelf(), Seccomp: true}
	if err := confine(first); err != nil {
		fmt.Println("confine:", err)
		os.Exit(1)
	}
	_, err := net.Listen("tcp", "127.0.0.1:0")
	fmt.Println("listen:", err)
	fmt.Println("uid:", os.Getuid())
	out, err := exec.Command("cat", "/proc/self/limits").CombinedOutput()
	fmt.Println(string(out), err)
}
