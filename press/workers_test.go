package press

import (
	"image"
	"os"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
)

const neighbour = domain.WorkspaceID("7b1f2c44-93d5-4a0e-8a55-1d9a2b7f0c11")

// A child is used again, but never for a second workspace.
func TestChildrenSeeFilesOfOneWorkspace(t *testing.T) {
	press := newPress(t, func(c *Config) { c.Jobs = 1 })
	mail := write(t, "mail", sampleMail())
	pids := map[domain.WorkspaceID]int{}
	for _, workspace := range []domain.WorkspaceID{someone, neighbour, someone, someone, neighbour} {
		if _, err := press.Unpack(t.Context(), workspace, mail, t.TempDir()); err != nil {
			t.Fatal(err)
		}
		last := lastKept(t, press)
		pid := last.command.Process.Pid
		if last.workspace != workspace || pids[workspace] != 0 && pids[workspace] != pid {
			t.Errorf("process %d of %q worked for %q, whose process is %d", pid, last.workspace, workspace, pids[workspace])
		}
		if left, err := os.ReadDir(last.dir); err != nil || len(left) > 0 {
			t.Errorf("the job left %v %v", left, err)
		}
		pids[workspace] = pid
	}
	if pids[someone] == pids[neighbour] {
		t.Errorf("process %d has seen files of both", pids[someone])
	}
}

func TestNoJobWithoutWorkspace(t *testing.T) {
	if _, err := newPress(t, nil).Read(t.Context(), "", write(t, "in.pdf", invoicePDF())); err == nil {
		t.Error("a file of nobody was read")
	}
}

// More workspaces than children may be kept: the one that waited longest goes.
func TestIdleChildrenAreFew(t *testing.T) {
	press := newPress(t, func(c *Config) { c.Jobs = 1 })
	mail := write(t, "mail", sampleMail())
	for _, workspace := range []domain.WorkspaceID{"a", "b", "c", "d"} {
		if _, err := press.Unpack(t.Context(), workspace, mail, t.TempDir()); err != nil {
			t.Fatal(err)
		}
	}
	if kept := press.workers.kept; len(kept) != keptPerJob || kept[0].workspace != "c" || kept[1].workspace != "d" {
		t.Errorf("%d are kept: %+v", len(kept), kept)
	}
}

func TestChildrenAreReplaced(t *testing.T) {
	mail, broken := write(t, "mail", sampleMail()), write(t, "in.pdf", []byte("%PDF-1.4 nothing"))
	for _, test := range []struct {
		name  string
		after func(press *Press, used *child)
	}{
		{"after an error", func(press *Press, _ *child) {
			if _, err := press.Read(t.Context(), someone, broken); err == nil {
				t.Error("a broken file was read")
			}
		}},
		{"after enough jobs", func(press *Press, used *child) {
			used.jobs = maxJobs - 1
			if _, err := press.Unpack(t.Context(), someone, mail, t.TempDir()); err != nil {
				t.Error(err)
			}
		}},
		{"when one has ended by itself", func(_ *Press, used *child) { used.kill(); <-used.done }},
		{"when one complains", func(_ *Press, used *child) { _, _ = used.stderr.Write([]byte("fault")) }},
		{"when one talks unasked", func(_ *Press, used *child) { _, _ = used.answers.Write([]byte("{}\n")) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			press := newPress(t, func(c *Config) { c.Jobs = 1 })
			unpack := func() *child {
				if _, err := press.Unpack(t.Context(), someone, mail, t.TempDir()); err != nil {
					t.Fatal(err)
				}
				return lastKept(t, press)
			}
			first := unpack()
			test.after(press, first)
			if second := unpack(); second == first {
				t.Error("the child was used again")
			}
			if _, err := os.Stat(first.dir); !os.IsNotExist(err) || first.alive() {
				t.Errorf("the old child is still there: %v", err)
			}
		})
	}
}

// The kernel's count of processor time goes on over all jobs of a process.
func TestProcessorTimeIsPerJob(t *testing.T) {
	limits := DefaultLimits()
	limits.CPU = time.Second
	press := newPress(t, func(c *Config) { c.Limits, c.Jobs = limits, 1 })
	large := write(t, "in.png", encodedPNG(t, image.NewNRGBA(image.Rect(0, 0, 7000, 7000))))
	_, err := press.Read(t.Context(), someone, large)
	if failure := domain.AsFailure(err); err == nil || failure.Kind != domain.KindTimeout {
		t.Errorf("got %v", err)
	}
	for range 3 {
		if _, err := press.Standardize(t.Context(), someone, write(t, "in.pdf", invoicePDF()), t.TempDir()); err != nil {
			t.Error(err)
		}
	}
}

func lastKept(t *testing.T, press *Press) *child {
	t.Helper()
	press.workers.turn.Lock()
	defer press.workers.turn.Unlock()
	if len(press.workers.kept) == 0 {
		t.Fatal("no child was kept")
	}
	return press.workers.kept[len(press.workers.kept)-1]
}
