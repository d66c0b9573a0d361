package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/mail"
	"github.com/docuflow/docuflow/storage/postgres"
	"github.com/docuflow/docuflow/storage/postgres/postgrestest"
)

// nodes are several docuflow serve on one database and one object store.
type nodes struct {
	t     *testing.T
	dir   string
	login string // of the servers
	// within is a command that starts the next node, whose program is its last argument.
	within []string
	super  *pgx.Conn
	store  *postgres.Store
}

const testPassword = "test"

func provisionForTests(ctx context.Context, superuserURL string) error {
	_, err := postgres.Provision(ctx, superuserURL, testPassword)
	return err
}

func newNodes(t *testing.T) *nodes {
	t.Helper()
	n := &nodes{t: t, dir: newDataDir(t)}
	admin := postgrestest.New(t, provisionForTests)
	config, err := pgx.ParseConfig(admin)
	if err != nil {
		t.Fatal(err)
	}
	n.login = fmt.Sprintf("postgres://docuflow:%s@%s:%d/%s", testPassword, config.Host, config.Port, config.Database)
	if n.super, err = pgx.Connect(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.super.Close(context.Background()) })
	if n.store, err = postgres.Open(t.Context(), n.login, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.store.Close)
	if err := os.MkdirAll(filepath.Join(n.dir, "objects"), 0o700); err != nil {
		t.Fatal(err)
	}
	return n
}

// freeAddr is an address that was free a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// workspace makes a tenant and returns how scripts reach it.
func (n *nodes) workspace(name string) access {
	n.t.Helper()
	workspace, address, err := n.store.NewWorkspace(n.t.Context(), name, "in.example", strings.ToLower(name)+"@owner.example")
	if err != nil {
		n.t.Fatal(err)
	}
	token, err := n.store.NewToken(n.t.Context(), workspace.ID, "test")
	if err != nil {
		n.t.Fatal(err)
	}
	return access{Workspace: workspace.ID, Address: address.Address, Token: token}
}

// start runs a node until the test ends and waits until it is ready.
func (n *nodes) start(name string, env ...string) *program {
	n.t.Helper()
	dataDir := filepath.Join(n.dir, name)
	if err := os.MkdirAll(dataDir, 0o711); err != nil {
		n.t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(n.dir, "objects"), filepath.Join(dataDir, "objects")); err != nil && !os.IsExist(err) {
		n.t.Fatal(err)
	}
	p := &program{t: n.t, dataDir: n.dir, output: &output{}, ended: make(chan struct{})}
	p.HTTP, p.SMTP, p.Admin = freeAddr(n.t), freeAddr(n.t), freeAddr(n.t)
	p.cmd = exec.Command(os.Args[0], "serve")
	if n.within != nil {
		p.cmd = exec.Command(n.within[0], append(n.within[1:], os.Args[0])...)
	}
	p.cmd.Env = append(os.Environ(), append([]string{
		asProgram + "=1", "DATABASE_URL=" + n.login, "DOCUFLOW_COOKIE_KEY=" + "a cookie key for tests, of 32 and more", "DOCUFLOW_NODE=" + name,
		"DOCUFLOW_DATA_DIR=" + dataDir, "DOCUFLOW_FILED_DIR=" + filepath.Join(n.dir, "filed"),
		"DOCUFLOW_HTTP_ADDR=" + p.HTTP, "DOCUFLOW_SMTP_ADDR=" + p.SMTP, "DOCUFLOW_ADMIN_ADDR=" + p.Admin, "DOCUFLOW_CLUSTER_ADDR=" + freeAddr(n.t),
		"DOCUFLOW_CLUSTER_BEAT=200ms", "DOCUFLOW_CLUSTER_TTL=2s", "DOCUFLOW_LEASE_TTL=3s", "DOCUFLOW_LOG_LEVEL=DEBUG",
		"DOCUFLOW_RATE_LIMITS=off", "DOCUFLOW_BACKOFF_BASE=50ms", "DOCUFLOW_BACKOFF_CAP=100ms", "DOCUFLOW_SCAN_EVERY=100ms",
	}, env...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	go func() { p.cmd.Wait(); close(p.ended) }()
	n.t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
		if n.t.Failed() {
			n.t.Logf("node %s printed:\n%.20000s", name, p.output)
		}
	})
	p.until("node "+name+" is ready", func() bool {
		select {
		case <-p.ended:
			n.t.Fatalf("node %s ended: %s", name, p.output)
		default:
		}
		return p.readyz() == http.StatusOK
	})
	return p
}

func (p *program) readyz() int {
	response, err := http.Get("http://" + p.Admin + "/readyz")
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

func (n *nodes) members() (names []string) {
	n.t.Helper()
	members, err := n.store.Members(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	for _, member := range members {
		names = append(names, member.Node)
	}
	return names
}

// count asks the database for one number.
func (n *nodes) count(query string, args ...any) (number int) {
	n.t.Helper()
	if err := n.super.QueryRow(n.t.Context(), query, args...).Scan(&number); err != nil {
		n.t.Fatal(err)
	}
	return number
}

func (n *nodes) completed() int {
	return n.count("SELECT count(*) FROM documents WHERE status = 'COMPLETED'")
}

// mailTo sends one invoice through a node.
func (n *nodes) mailTo(p *program, to access, number string) {
	n.t.Helper()
	err := mail.Send(n.t.Context(), p.SMTP, mail.Message{
		From: "sender@example.test", To: to.Address, Subject: number, Text: "See attachment.",
		Files: []mail.File{{Name: number + ".pdf", Content: invoicePDF(number)}},
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

// Three nodes share the work; one is killed in the middle of it. Nothing is
// lost, nothing is filed twice, and the cluster goes on with two.
func TestNodesShareTheWorkAndSurviveAKill(t *testing.T) {
	n := newNodes(t)
	var tenants []access
	for _, name := range []string{"Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Gum", "Hazel"} {
		tenants = append(tenants, n.workspace(name))
	}
	a, b, c := n.start("a"), n.start("b"), n.start("c")
	if members := n.members(); !slices.Equal(members, []string{"a", "b", "c"}) {
		t.Fatalf("members: %q", members)
	}
	var sent int
	send := func(through *program) {
		for _, tenant := range tenants {
			sent++
			n.mailTo(through, tenant, fmt.Sprintf("N-%03d", sent))
		}
	}
	send(a)
	a.until("the first documents are completed", func() bool { return n.completed() == sent })
	if working := n.count("SELECT count(DISTINCT node) FROM attempts"); working < 2 {
		t.Errorf("%d nodes have worked", working)
	}
	for _, node := range []*program{a, b, c} {
		if strings.Contains(node.output.String(), "a node does not answer or drains") {
			t.Error("kicks did not reach other nodes")
		}
	}
	send(b)
	// c dies with work in its hands: the database is asked what and when.
	n.exec(`CREATE TABLE left_behind (id uuid, epoch bigint, at timestamptz)`)
	c.until("the node to be killed holds leases", func() bool {
		if n.count("SELECT count(*) FROM documents WHERE lease_node = 'c' AND lease_until > clock_timestamp()") == 0 {
			send(b)
			return false
		}
		c.cmd.Process.Signal(syscall.SIGSTOP) // it must not finish its work between the question and the end
		n.exec(`INSERT INTO left_behind SELECT id, epoch, clock_timestamp() FROM documents WHERE lease_node = 'c' AND lease_until > clock_timestamp()`)
		if n.count("SELECT count(*) FROM left_behind") == 0 {
			c.cmd.Process.Signal(syscall.SIGCONT)
			return false
		}
		return true
	})
	c.kill()
	killed := time.Now()
	send(b)
	a.until("all documents are completed", func() bool { return n.completed() == sent })
	t.Logf("all was done %s after the kill", time.Since(killed).Round(10*time.Millisecond))
	moved := n.count(`SELECT coalesce(max(extract(epoch FROM (SELECT min(started_at) FROM attempts a WHERE a.document_id = l.id AND a.epoch > l.epoch) - l.at) * 1000)::int, 0) FROM left_behind l`)
	t.Logf("its documents moved again after %d ms, the last one", moved)
	if budget := 5000; moved == 0 || moved > budget { // the leases' 3 s and 2 s
		t.Errorf("the dead node's documents moved after %d ms, at most %d are allowed", moved, budget)
	}
	if files := a.filed(); len(files) != sent {
		t.Errorf("%d mails, filed: %q", sent, files)
	}
	a.until("the others have given up the killed node", func() bool { return slices.Equal(n.members(), []string{"a", "b"}) })
	n.start("c") // takes its place again at once
	if members := n.members(); !slices.Equal(members, []string{"a", "b", "c"}) {
		t.Fatalf("members: %q", members)
	}
}

// A node that is paused for longer than the others wait must end, and say so.
func TestPausedNodeEndsItself(t *testing.T) {
	n := newNodes(t)
	a, b := n.start("a"), n.start("b")
	if err := b.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	a.until("the paused node is given up", func() bool { return slices.Equal(n.members(), []string{"a"}) })
	if err := b.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	b.until("the node ends itself", func() bool {
		select {
		case <-b.ended:
			return true
		default:
			return false
		}
	})
	if code := b.cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(b.output.String(), domain.ErrEvicted.Error()) {
		t.Errorf("exit code %d", code)
	}
}

// SIGTERM: newcomers are sent to other nodes at once, what runs may finish,
// then nothing of the node is left.
func TestDrain(t *testing.T) {
	n := newNodes(t)
	tenant, other := n.workspace("Acme"), n.workspace("Birch")
	const longLease = "DOCUFLOW_LEASE_TTL=1m" // renewals wait for the same lock
	a := n.start("a", longLease)
	n.exec(`CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(4242); RETURN NEW; END'`)
	n.exec(`CREATE TRIGGER hold BEFORE UPDATE ON documents FOR EACH ROW WHEN (OLD.stage = 'extract' AND NEW.stage <> OLD.stage) EXECUTE FUNCTION hold()`)
	n.exec("SELECT pg_advisory_lock(4242)")
	n.mailTo(a, tenant, "D-1")
	a.until("a stage is about to end", func() bool {
		return n.count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == 1
	})

	b := n.start("b", longLease)
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	a.until("the node is not ready", func() bool { return a.readyz() == http.StatusServiceUnavailable })
	a.until("newcomers are sent away", func() bool { return greeting(a.SMTP) == "421" })
	a.until("the others know", func() bool { return n.count("SELECT count(*) FROM cluster_members WHERE node = 'a' AND draining") == 1 })
	n.mailTo(b, other, "D-2")
	b.until("the other node has unpacked a mail", func() bool { return n.count("SELECT count(*) FROM documents") == 2 })
	if members := n.members(); !slices.Equal(members, []string{"a", "b"}) {
		t.Errorf("members while work runs: %q", members)
	}
	n.exec("SELECT pg_advisory_unlock(4242)")
	a.until("the node has ended", func() bool {
		select {
		case <-a.ended:
			return true
		default:
			return false
		}
	})
	if code := a.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if members := n.members(); !slices.Equal(members, []string{"b"}) {
		t.Errorf("members afterwards: %q", members)
	}
	if leases := n.count("SELECT count(*) FROM documents WHERE lease_node = 'a' AND lease_until > clock_timestamp()"); leases != 0 {
		t.Errorf("%d leases are left", leases)
	}
	b.until("both documents are completed", func() bool { return n.completed() == 2 })
	if wasted := n.count("SELECT count(*) FROM attempts WHERE stage = 'extract' AND outcome <> 'done'"); wasted != 0 {
		t.Errorf("the running stage was not allowed to finish: %d attempts wasted", wasted)
	}
}

func (n *nodes) exec(statement string) {
	n.t.Helper()
	if _, err := n.super.Exec(n.t.Context(), statement); err != nil {
		n.t.Fatal(err)
	}
}

// greeting is the code that a mail server greets with.
func greeting(addr string) string {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return ""
	}
	defer conn.Close()
	var code [3]byte
	if _, err := io.ReadFull(conn, code[:]); err != nil {
		return ""
	}
	return string(code[:])
}
