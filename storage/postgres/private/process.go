package private

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// PostgreSQL's ways to stop. Its third, SIGTERM, waits for all clients to leave.
const (
	fastShutdown      = syscall.SIGINT  // cuts sessions, writes a checkpoint
	immediateShutdown = syscall.SIGQUIT // recovers from the log at the next start
)

const immediateGrace = 5 * time.Second

var errPortTaken = errors.New("the port was taken meanwhile")

// process is the running server.
type process struct {
	cmd    *exec.Cmd
	output *output
	done   chan struct{} // closed when it has ended
}

// startProcess starts cmd from a thread that lives as long as the server: the
// kernel sends the parent's death signal when the starting thread ends.
func startProcess(cmd *exec.Cmd, log *slog.Logger) (*process, error) {
	out := &output{log: log}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = immediateGrace // for sessions that keep the pipe open after the server died
	p := &process{cmd: cmd, output: out, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		cmd.Wait() //nolint:errcheck // ProcessState and the output tell more
		close(p.done)
	}()
	return p, <-started
}

func (p *process) stop(ctx context.Context) error {
	p.cmd.Process.Signal(fastShutdown) //nolint:errcheck // fails only when it has ended
	select {
	case <-p.done:
		return p.exit()
	case <-ctx.Done():
	}
	p.cmd.Process.Signal(immediateShutdown) //nolint:errcheck // as above
	select {
	case <-p.done:
	case <-time.After(immediateGrace):
		p.cmd.Process.Kill() //nolint:errcheck // as above
		<-p.done
	}
	return nil
}

func (p *process) exit() error {
	if p.cmd.ProcessState.Success() {
		return nil
	}
	return p.failure()
}

// failure says why the server ended by itself.
func (p *process) failure() error {
	last := p.output.failure()
	if strings.Contains(last, "listen socket") || strings.Contains(last, "TCP/IP sockets") {
		return fmt.Errorf("start PostgreSQL: %w", errPortTaken)
	}
	return fmt.Errorf("PostgreSQL ended: %s: %s", p.cmd.ProcessState, last)
}

// output turns what the server prints into log records and remembers why it failed.
type output struct {
	log *slog.Logger

	mu      sync.Mutex
	partial []byte
	fatal   string // the last fatal line
	last    string
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.partial = append(o.partial, b...)
	for {
		line, rest, found := bytes.Cut(o.partial, []byte("\n"))
		if !found {
			return len(b), nil
		}
		o.partial = rest
		o.record(strings.TrimSpace(string(line)))
	}
}

func (o *output) record(line string) {
	if line == "" {
		return
	}
	o.last = line
	// A session's FATAL (a wrong password, or cut by a shutdown) is no trouble
	// of the server's; its own is reported by whoever waits for it.
	if strings.HasPrefix(line, "FATAL:") || strings.HasPrefix(line, "PANIC:") {
		o.fatal = line
	}
	level := slog.LevelDebug
	if strings.HasPrefix(line, "PANIC:") {
		level = slog.LevelWarn
	}
	o.log.Log(context.Background(), level, "postgres", slog.String("line", line))
}

func (o *output) failure() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fatal != "" {
		return o.fatal
	}
	return o.last
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
