package private_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/storage/postgres/private"
)

// The test binary starts itself again as the program that gets killed.
const helperEnv = "DOCUFLOW_PRIVATE_TEST_DATA"

func TestMain(m *testing.M) {
	if dataDir := os.Getenv(helperEnv); dataDir != "" {
		os.Exit(runHelper(dataDir))
	}
	os.Exit(m.Run())
}

// runHelper starts a server, tells its URL and waits for its death.
func runHelper(dataDir string) int {
	server, err := private.Start(context.Background(), private.Config{DataDir: dataDir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(server.URL("postgres"))
	io.Copy(io.Discard, os.Stdin)
	return 0
}

func TestStartStopAndFindTheDataAgain(t *testing.T) {
	cfg := config(t)
	server := start(t, cfg)
	if !strings.HasPrefix(serverVersion(t, server.URL("postgres")), server.Version()) {
		t.Errorf("Version() = %q, the server says %q", server.Version(), serverVersion(t, server.URL("postgres")))
	}
	execute(t, server.URL("postgres"), "CREATE TABLE kept AS SELECT 42 AS answer")
	stop(t, server)
	if _, err := pgx.Connect(t.Context(), server.URL("postgres")); err == nil {
		t.Fatal("the server still answers after Stop")
	}

	if got := queryInt(t, start(t, cfg).URL("postgres"), "SELECT answer FROM kept"); got != 42 {
		t.Errorf("answer = %d after a restart, want 42", got)
	}
}

func TestDataInAClosedHome(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	cfg := config(t)
	cfg.DataDir = filepath.Join(home, "app", "postgres")
	stop(t, start(t, cfg))
	start(t, cfg)
}

func TestOnlyThePasswordOpensTheServer(t *testing.T) {
	cfg := config(t)
	server := start(t, cfg)
	info, err := os.Stat(cfg.DataDir + ".password")
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the password file = %v, want 0600", info.Mode().Perm())
	}
	connConfig, err := pgx.ParseConfig(server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	connConfig.Password = "guess"
	if _, err := pgx.ConnectConfig(t.Context(), connConfig); err == nil || !strings.Contains(err.Error(), "28P01") {
		t.Errorf("connecting with a wrong password: %v, want 28P01", err)
	}
}

func TestSecondProgramIsRefused(t *testing.T) {
	cfg := config(t)
	first := start(t, cfg)
	if _, err := private.Start(t.Context(), cfg); !errors.Is(err, private.ErrInUse) {
		t.Fatalf("second Start: %v, want ErrInUse", err)
	}
	execute(t, first.URL("postgres"), "SELECT 1")
}

func TestStartAfterTheProgramWasKilled(t *testing.T) {
	cfg := config(t)
	helper, url := startHelper(t, cfg.DataDir)
	execute(t, url, "CREATE TABLE kept AS SELECT 42 AS answer")
	kill(t, helper)

	if got := queryInt(t, start(t, cfg).URL("postgres"), "SELECT answer FROM kept"); got != 42 {
		t.Errorf("answer = %d after the kill, want 42", got)
	}
}

func TestStartStopsAServerThatWasLeftBehind(t *testing.T) {
	cfg := config(t)
	left := start(t, cfg)
	execute(t, left.URL("postgres"), "CREATE TABLE kept AS SELECT 42 AS answer")
	session := connect(t, left.URL("postgres")) // does not hold up the shutdown
	left.Abandon()

	if got := queryInt(t, start(t, cfg).URL("postgres"), "SELECT answer FROM kept"); got != 42 {
		t.Errorf("answer = %d from the next server, want 42", got)
	}
	select {
	case <-left.Done():
	default:
		t.Error("the server that was left behind still runs")
	}
	if err := session.Ping(t.Context()); err == nil {
		t.Error("its session still works")
	}
}

// A postmaster that is killed together with the program leaves its pid file.
// Its process id may be somebody else's by the time of the next start.
func TestStalePIDFileDoesNotBlock(t *testing.T) {
	cfg := config(t)
	stop(t, start(t, cfg))
	stale := fmt.Sprintf("%d\n%s\n%d\n5432\n\n127.0.0.1\n        1         1\nready\n", os.Getpid(), cfg.DataDir, time.Now().Unix())
	if err := os.WriteFile(filepath.Join(cfg.DataDir, "postmaster.pid"), []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, cfg)
}

func TestInterruptedInitIsStartedOver(t *testing.T) {
	cfg := config(t)
	leftover := filepath.Join(cfg.DataDir+".new", "base")
	if err := os.MkdirAll(leftover, 0o700); err != nil {
		t.Fatal(err)
	}
	start(t, cfg)
	if _, err := os.Stat(cfg.DataDir + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the interrupted directory is still there: %v", err)
	}
}

func TestDataOfAnotherMajorVersionIsRefused(t *testing.T) {
	cfg := config(t)
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cfg.DataDir, "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := private.Start(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "written by PostgreSQL 9") {
		t.Fatalf("Start: %v, want a refusal that names both versions", err)
	}
	if _, err := os.Stat(filepath.Join(cfg.DataDir, "PG_VERSION")); err != nil {
		t.Errorf("the data was touched: %v", err)
	}
}

func TestForeignFilesAreNotOverwritten(t *testing.T) {
	cfg := config(t)
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(cfg.DataDir, "holiday.jpg")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := private.Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Fatalf("Start: %v, want a refusal", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestFindSaysWhatToInstall(t *testing.T) {
	_, err := private.Find(t.TempDir())
	if !errors.Is(err, private.ErrNotInstalled) || strings.Contains(err.Error(), "\n") {
		t.Errorf("Find in an empty folder: %v, want one line that is ErrNotInstalled", err)
	}
}

// After a distribution's upgrade both versions are installed.
func TestDataKeepsItsVersionWhenANewerOneIsInstalled(t *testing.T) {
	cfg := config(t)
	before := start(t, cfg)
	stop(t, before)

	newer := t.TempDir()
	for name, script := range map[string]string{
		"postgres": "#!/bin/sh\necho 'postgres (PostgreSQL) 99.1'\n",
		"initdb":   "#!/bin/sh\nexit 1\n",
	} {
		if err := os.WriteFile(filepath.Join(newer, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", newer+":"+os.Getenv("PATH"))

	if bin, err := private.Find(""); err != nil || bin != newer {
		t.Errorf("Find = %q, %v, want the newest, %q", bin, err, newer)
	}
	if after := start(t, cfg); after.Version() != before.Version() {
		t.Errorf("version %s serves the data of %s", after.Version(), before.Version())
	}
}

func config(t *testing.T) private.Config {
	t.Helper()
	if _, err := private.Find(""); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("NOT TESTED:", err)
	}
	return private.Config{
		DataDir: filepath.Join(t.TempDir(), "postgres"),
		Log:     slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

func start(t *testing.T, cfg private.Config) *private.Server {
	t.Helper()
	server, err := private.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop(context.Background()) })
	return server
}

func stop(t *testing.T, server *private.Server) {
	t.Helper()
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func startHelper(t *testing.T, dataDir string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+dataDir)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal("the helper did not start: ", err)
	}
	return cmd, strings.TrimSpace(url)
}

func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func execute(t *testing.T, url, sql string) {
	t.Helper()
	if _, err := connect(t, url).Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func queryInt(t *testing.T, url, sql string) (n int) {
	t.Helper()
	if err := connect(t, url).QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func serverVersion(t *testing.T, url string) (version string) {
	t.Helper()
	if err := connect(t, url).QueryRow(t.Context(), "SHOW server_version").Scan(&version); err != nil {
		t.Fatal(err)
	}
	return version
}
