package press

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/docuflow/docuflow/domain"
)

const (
	// maxAnswer bounds what a child may answer: the page model of some thousand pages.
	maxAnswer = 64 << 20
	// maxComplaint bounds what is kept of a child's standard error.
	maxComplaint = 16 << 10
)

// child is a process that does jobs of one workspace, one after the other, seen from the parent.
type child struct {
	command *exec.Cmd
	dir     string // ours, with a directory for each job
	user    int    // who it is after its start; 0: who we are
	input   io.WriteCloser
	answers *lines
	stderr  *bounded
	done    chan struct{} // closed when the process has ended
	err     error         // how it ended; set before done is closed

	workspace domain.WorkspaceID // whose files it has seen; empty at first
	jobs      int                // that were begun
}

// startChild starts a confined process and hands it its setup. The caller
// must call end.
func startChild(executable string, tools []string, dir string, confined sandbox, first setup) (*child, error) {
	c := &child{dir: dir, user: confined.user, answers: newLines(maxAnswer), stderr: &bounded{limit: maxComplaint}, done: make(chan struct{})}
	c.command = exec.Command(executable, "press-child")
	c.command.Dir = dir
	c.command.Env = childEnvironment(tools, first.Limits)
	c.command.SysProcAttr = confined.attributes()
	c.command.Stdout, c.command.Stderr = c.answers, c.stderr
	c.command.WaitDelay = time.Second // a grandchild may hold the pipes for that long
	input, err := c.command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("open a pipe to a child: %w", err)
	}
	c.input = input
	if err := c.command.Start(); err != nil {
		return nil, fmt.Errorf("start a child: %w", err)
	}
	go func() {
		c.err = c.command.Wait()
		close(c.done)
	}()
	if err := c.send(first); err != nil {
		return nil, errors.Join(fmt.Errorf("set a child up: %w", err), c.end())
	}
	return c, nil
}

func childEnvironment(tools []string, limits Limits) []string {
	path := append(tools[:len(tools):len(tools)], "/usr/local/bin", "/usr/bin", "/bin")
	environment := []string{
		"PATH=" + strings.Join(path, string(filepath.ListSeparator)),
		"LC_ALL=C.UTF-8",
		"TMPDIR=.",
		"HOME=.",
		"OMP_THREAD_LIMIT=1", // there are as many jobs as processors
	}
	if limits.Data > 0 {
		environment = append(environment, fmt.Sprintf("GOMEMLIMIT=%d", limits.Data/4*3))
	}
	return environment
}

func (c *child) send(line any) error { return json.NewEncoder(c.input).Encode(line) }

// alive says that the process has not ended yet.
func (c *child) alive() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// trusted says that an idle child has given no reason for doubt: it lives and
// has said nothing that it was not asked for.
func (c *child) trusted() bool { return c.alive() && c.stderr.empty() && c.answers.empty() }

// kill ends the process and everything it started.
func (c *child) kill() {
	_ = syscall.Kill(-c.command.Process.Pid, syscall.SIGKILL)
}

// end kills the process, waits for its end, and removes its directory.
func (c *child) end() error {
	c.kill()
	<-c.done
	_ = c.input.Close()
	return os.RemoveAll(c.dir)
}

// ask hands the child a job and waits for the answer, but not longer than a job
// may take. After an error the child must be ended.
func (c *child) ask(ctx context.Context, work job, limits Limits) (result, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limits.Wall, tookTooLong(limits.Wall, errors.New("wall clock limit")))
	defer cancel()
	defer context.AfterFunc(ctx, c.kill)()
	if err := c.send(work); err != nil && c.alive() {
		return result{}, failed("hand a job to a child", err)
	}
	answer, err := c.answer(limits)
	if ctx.Err() != nil {
		return result{}, context.Cause(ctx)
	}
	return answer, err
}

// answer waits for the answer to a job.
func (c *child) answer(limits Limits) (result, error) {
	var line []byte
	select {
	case line = <-c.answers.complete:
	case <-c.done:
		select {
		case line = <-c.answers.complete: // its last words
		default:
			return result{}, c.verdict(limits)
		}
	}
	var answer result
	if err := json.Unmarshal(line, &answer); err != nil {
		return result{}, failed("read a child's answer", err)
	}
	if answer.Failure != nil {
		return result{}, answer.Failure.err()
	}
	return answer, nil
}

// verdict says why a child ended without an answer.
func (c *child) verdict(limits Limits) error {
	complaint := c.stderr.String()
	reason, _, _ := strings.Cut(complaint, "\n") // what follows is a dump of the runtime
	cause := fmt.Errorf("child: %w: %.300s", c.err, reason)
	if c.err == nil {
		cause = errors.New("child: ended without an answer")
	}
	switch {
	case strings.Contains(complaint, cpuExceeded), c.signalled(syscall.SIGXCPU):
		return tookTooLong(limits.CPU, cause)
	case strings.Contains(complaint, "out of memory"), strings.Contains(complaint, "cannot allocate memory"),
		strings.Contains(complaint, "pthread_create failed"), c.signalled(syscall.SIGKILL):
		return neededTooMuch(limits.Data, cause)
	}
	return crashed(cause)
}

func (c *child) signalled(signal syscall.Signal) bool {
	exit, ok := errors.AsType[*exec.ExitError](c.err)
	if !ok {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == signal
}

// bounded keeps the beginning of what is written to it. The writer does not
// notice: one that is told goes away before it has said how it ends.
type bounded struct {
	turn  sync.Mutex
	kept  bytes.Buffer
	limit int
}

func (b *bounded) Write(p []byte) (int, error) {
	b.turn.Lock()
	defer b.turn.Unlock()
	b.kept.Write(p[:min(len(p), b.limit-b.kept.Len())])
	return len(p), nil
}

func (b *bounded) empty() bool { return b.String() == "" }

func (b *bounded) String() string {
	b.turn.Lock()
	defer b.turn.Unlock()
	return b.kept.String()
}

// lines hands on the lines that are written to it. One that is longer than
// limit is cut; one that nobody waits for stays in complete, and those behind
// it are lost.
type lines struct {
	complete chan []byte
	turn     sync.Mutex
	begun    []byte
	limit    int
}

func newLines(limit int) *lines { return &lines{complete: make(chan []byte, 1), limit: limit} }

func (l *lines) Write(p []byte) (int, error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	for part := range bytes.Lines(p) {
		l.begun = append(l.begun, part[:min(len(part), l.limit-len(l.begun))]...)
		if !bytes.HasSuffix(part, []byte("\n")) {
			continue
		}
		select {
		case l.complete <- l.begun:
		default:
		}
		l.begun = nil
	}
	return len(p), nil
}

func (l *lines) empty() bool {
	l.turn.Lock()
	defer l.turn.Unlock()
	return len(l.complete) == 0 && len(l.begun) == 0
}
