// Package private runs a PostgreSQL server of one's own from installed
// binaries: for a laptop, for docuflow dev and for tests.
//
// The server listens on a loopback port only, wants a password (SCRAM) and has
// no Unix socket. It ends with the program that started it, also when that is
// killed (on Linux at once, elsewhere at the next Start on the same data). A
// data directory is used by one program at a time, and nothing that a killed
// program left behind blocks the next Start. Data is never deleted.
package private

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	superuser    = "postgres"
	startTimeout = 60 * time.Second // crash recovery of a large database included
	portAttempts = 3                // a free port may be taken before the server has it
)

// Config says which server to run and on which data.
type Config struct {
	// BinDir holds postgres and initdb; empty: searched for, see Find.
	BinDir string
	// DataDir is made when it does not exist. Two files stand beside it: the
	// superuser's password (DataDir.password, mode 0600) and DataDir.lock.
	DataDir string
	// Durable commits survive a power cut. False is for tests: faster, and a
	// crash of the machine may damage the data.
	Durable bool
	// Port on loopback; 0: one that is free. A server that is started again for
	// programs that know its address needs the same one.
	Port int
	// Log gets the server's own messages at debug level, fatal ones as warnings.
	Log *slog.Logger
}

// Server is a running PostgreSQL.
type Server struct {
	version  string
	password string
	port     int
	lock     *os.File
	process  *process
}

// Start starts a server and returns once it answers. ctx bounds the start,
// not the life of the server: Stop ends that.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	dataDir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("data directory of PostgreSQL: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(dataDir), 0o700); err != nil {
		return nil, fmt.Errorf("data directory of PostgreSQL: %w", err)
	}
	lock, err := lockData(dataDir)
	if err != nil {
		return nil, err
	}
	server, err := start(ctx, cfg, dataDir)
	if err != nil {
		lock.Close()
		return nil, err
	}
	server.lock = lock
	return server, nil
}

func start(ctx context.Context, cfg Config, dataDir string) (*Server, error) {
	install, err := installFor(cfg.BinDir, dataDir)
	if err != nil {
		return nil, err
	}
	account, err := serverAccount()
	if err != nil {
		return nil, err
	}
	if err := stopPredecessor(ctx, dataDir, cfg.Log); err != nil {
		return nil, err
	}
	cluster := cluster{dir: dataDir, account: account, install: install, durable: cfg.Durable}
	password, err := cluster.prepare(ctx)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		server, err := launch(ctx, cluster, password, cfg)
		if err == nil || attempt == portAttempts || !errors.Is(err, errPortTaken) {
			return server, err
		}
	}
}

func launch(ctx context.Context, c cluster, password string, cfg Config) (*Server, error) {
	port := cfg.Port
	if port == 0 {
		var err error
		if port, err = freePort(); err != nil {
			return nil, fmt.Errorf("find a free loopback port for PostgreSQL: %w", err)
		}
	}
	process, err := c.serve(port, cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	server := &Server{version: c.install.version, password: password, port: port, process: process}
	if err := server.awaitReady(ctx); err != nil {
		process.stop(expired()) //nolint:errcheck // why it does not answer is the error to report
		return nil, err
	}
	return server, nil
}

// URL is the superuser's connection URL for a database. It holds the password.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, s.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Version is the server's version, such as "15.18".
func (s *Server) Version() string { return s.version }

// Done is closed when the server has ended, whether asked to or not.
func (s *Server) Done() <-chan struct{} { return s.process.done }

// Stop ends the server: sessions are cut, everything committed is on disk. When
// ctx ends first the server stops without its last checkpoint, which costs
// nothing but time at the next Start. Stop may be called again.
func (s *Server) Stop(ctx context.Context) error {
	err := s.process.stop(ctx)
	s.lock.Close()
	return err
}

func (s *Server) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.process.done:
			return s.process.failure()
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}

// lockData makes this program the only user of a data directory. The kernel
// gives the lock back when the program ends, however it ends.
func lockData(dataDir string) (*os.File, error) {
	f, err := os.OpenFile(dataDir+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory of PostgreSQL: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s", ErrInUse, dataDir)
	}
	return f, nil
}

// ErrInUse means that another running program uses the data directory.
var ErrInUse = errors.New("another running program uses this PostgreSQL data, stop it or choose another data directory")

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func expired() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// readMajor gives the major version that wrote a data directory; empty when
// there is no data yet.
func readMajor(dataDir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dataDir, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the version of the PostgreSQL data: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}
