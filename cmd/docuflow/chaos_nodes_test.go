package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/docuflow/docuflow/storage/postgres"
	"github.com/docuflow/docuflow/storage/postgres/private"
)

// portsTaken counts the ports that this process has given away.
var portsTaken atomic.Int64

// takePort gives a loopback port that nobody else gets by chance while its owner is
// being started again: it lies below those that the system hands out.
func takePort(t *testing.T) string {
	t.Helper()
	for range 200 {
		port := 12000 + os.Getpid()%150*120 + int(portsTaken.Add(1))
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if listener, err := net.Listen("tcp", address); err == nil {
			listener.Close()
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

// supervised is a process with a supervisor: whenever it ends, it is started
// again on the same addresses and data.
type supervised struct {
	name    string
	command func() *exec.Cmd
	pause   time.Duration // before it is started again
	log     *os.File

	mu       sync.Mutex
	process  *os.Process
	down     bool // not to be started again
	starts   int
	asked    bool // to end
	troubles []string
	ended    chan struct{} // the supervisor
}

func supervise(t *testing.T, name, logs string, pause time.Duration, command func() *exec.Cmd) *supervised {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(logs, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s := &supervised{name: name, command: command, pause: pause, log: log, ended: make(chan struct{})}
	go s.run()
	t.Cleanup(s.stop)
	return s
}

func (s *supervised) run() {
	defer close(s.ended)
	defer s.log.Close()
	for first := true; ; first = false {
		if !first {
			s.mu.Lock()
			pause := s.pause
			s.mu.Unlock()
			time.Sleep(pause)
		}
		cmd := s.begin()
		if cmd == nil {
			return
		}
		err := cmd.Wait()
		s.mu.Lock()
		if s.asked && err != nil {
			s.troubles = append(s.troubles, fmt.Sprintf("%s was asked to stop and ended with: %v", s.name, err))
		}
		s.asked = false
		s.mu.Unlock()
	}
}

func (s *supervised) begin() *exec.Cmd {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return nil
	}
	cmd := s.command()
	cmd.Stdout, cmd.Stderr = s.log, s.log
	endWithUs(cmd)
	if err := cmd.Start(); err != nil {
		s.troubles = append(s.troubles, fmt.Sprintf("start %s: %v", s.name, err))
		return nil
	}
	s.process = cmd.Process
	s.starts++
	return cmd
}

// signal reaches the process that runs now.
func (s *supervised) signal(signal syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if signal == syscall.SIGTERM {
		s.asked = true
	}
	if s.process != nil {
		s.process.Signal(signal) // it may have ended by itself
	}
}

// away makes the next start wait that long.
func (s *supervised) away(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pause = d
}

// stop ends the process for good.
func (s *supervised) stop() {
	s.mu.Lock()
	s.down = true
	s.mu.Unlock()
	s.signal(syscall.SIGCONT)
	s.signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(30 * time.Second):
		s.mu.Lock()
		s.troubles = append(s.troubles, s.name+" did not stop within 30 s")
		s.mu.Unlock()
		s.signal(syscall.SIGKILL)
		<-s.ended
	}
}

func (s *supervised) startCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts
}

func (s *supervised) complaints() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.troubles...)
}

// clusterNode is a docuflow serve with data of its own.
type clusterNode struct {
	*supervised
	http, smtp, admin string
}

// ready asks what a load balancer asks.
func (n *clusterNode) ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.admin+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// database is a durable PostgreSQL that can be taken away.
type database struct {
	t      *testing.T
	config private.Config
	server *private.Server
	login  string // what the nodes use
}

func startDatabase(t *testing.T, dir string, address string) *database {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	d := &database{t: t, config: private.Config{DataDir: filepath.Join(dir, "postgres"), Durable: true}}
	if d.config.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	d.start()
	t.Cleanup(func() { d.stop(false) })
	if d.login, err = provision(t.Context(), d.server); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *database) start() {
	var err error
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if d.server, err = private.Start(d.t.Context(), d.config); err == nil {
			return
		}
		if d.t.Context().Err() != nil || time.Now().After(deadline) {
			d.t.Errorf("start PostgreSQL again: %v", err)
			return
		}
	}
}

// stop ends the server; a crash leaves it to recover from its log.
func (d *database) stop(crash bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	if crash {
		cancel()
	}
	defer cancel()
	if d.server == nil {
		return
	}
	if err := d.server.Stop(ctx); err != nil && !crash {
		d.t.Errorf("stop PostgreSQL: %v", err)
	}
	d.server = nil
}

// admin is a connection past all rules.
func (d *database) admin() string { return d.server.URL("docuflow") }

const (
	storageUser     = "chaos"
	storagePassword = "only-for-tests"
)

// startStorage runs a real S3 server.
func startStorage(t *testing.T, dir, logs, address string) *supervised {
	t.Helper()
	binary := versitygw(t)
	data := filepath.Join(dir, "s3")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	storage := supervise(t, "storage", logs, 0, func() *exec.Cmd {
		return exec.Command(binary, "--port", address, "--access", storageUser, "--secret", storagePassword, "--quiet", "posix", data)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := await(ctx, "object storage answers", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return storage
}

func versitygw(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("DOCUFLOW_TEST_VERSITYGW"); path != "" {
		return path
	}
	if path, err := filepath.Abs("../../.cache/tools/versitygw"); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath("versitygw")
	if err != nil {
		missing(t, "an S3 server: versitygw is not in $DOCUFLOW_TEST_VERSITYGW, .cache/tools or PATH")
	}
	return path
}

// openStore opens the nodes' database as one of them.
func (d *database) openStore() *postgres.Store {
	d.t.Helper()
	store, err := postgres.Open(d.t.Context(), d.login, quiet())
	if err != nil {
		d.t.Fatal(err)
	}
	return store
}

// await polls a condition until ctx ends.
func await(ctx context.Context, what string, condition func() bool) error {
	for !condition() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain until %s: %w", what, context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}
