package press

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// maxAnswer bounds what a child may answer: the page model of some thousand pages.
	maxAnswer = 64 << 20
	// maxComplaint bounds what is kept of a child's standard error.
	maxComplaint = 16 << 10
)

// child is a process that does one job, seen from the parent.
type child struct {
	command *exec.Cmd
	dir     string
	input   io.WriteCloser
	answer  *bounded
	stderr  *bounded
	done    chan struct{} // closed when the process has ended
	err     error         // how it ended; set before done is closed
}

// startChild starts a confined process and hands it its setup. The caller
// must call end.
func startChild(executable string, tools []string, dir string, confined sandbox, first setup) (*child, error) {
	c := &child{dir: dir, answer: &bounded{limit: maxAnswer}, stderr: &bounded{limit: maxComplaint}, done: make(chan struct{})}
	c.command = exec.Command(executable, "press-child")
	c.command.Dir = dir
	c.command.Env = childEnvironment(tools, first.Limits)
	c.command.SysProcAttr = confined.attributes()
	c.command.Stdout, c.command.Stderr = c.answer, c.stderr
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
		c.end()
		return nil, fmt.Errorf("set a child up: %w", err)
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

// result reads the answer of a child that has ended.
func (c *child) result(limits Limits) (result, error) {
	var answer result
	if c.err != nil {
		return result{}, c.verdict(limits)
	}
	if err := json.Unmarshal(c.answer.Bytes(), &answer); err != nil {
		return result{}, failed("read a child's answer", err)
	}
	if answer.Failure != nil {
		return result{}, answer.Failure.err()
	}
	return answer, nil
}

// verdict says why a child ended without an answer.
func (c *child) verdict(limits Limits) error {
	cause := fmt.Errorf("child: %w: %s", c.err, c.stderr.Bytes())
	complaint := c.stderr.String()
	switch {
	case strings.Contains(complaint, "cpu limit exceeded"), c.signalled(syscall.SIGXCPU):
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
	bytes.Buffer
	limit int
}

func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), b.limit-b.Len())])
	return len(p), nil
}
