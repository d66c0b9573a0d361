package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/pipeline"
)

// The short form of the chaos test is part of the suite; make chaos runs the
// whole one.
var (
	chaosFull      = flag.Bool("chaos.full", false, "run the whole script of faults")
	chaosDocuments = flag.Int("chaos.documents", 80, "how many documents are mailed")
	chaosRate      = flag.Float64("chaos.rate", 4, "mails a second")
)

// driveAt tells the test binary, when it acts as the program, where the
// drive-like service is.
const driveAt = "DOCUFLOW_TEST_DRIVE"

// chaos is a small installation: nodes, their database and object storage, a
// sender's mail server, browsers, and somebody who breaks things.
type chaos struct {
	t         *testing.T
	dir, logs string
	database  *database
	storage   *supervised
	storageAt string
	drive     *driveLike
	tally     *tally
	balancer  *balancer
	addresses []string // one of each workspace
	watched   domain.WorkspaceID
	token     string
	link      string

	mu      sync.Mutex
	members []*clusterNode
}

// fault is one step of the script.
type fault struct {
	name string
	do   func(ctx context.Context, c *chaos)
	calm time.Duration // afterwards
}

// shortScript has one fault of each family.
func shortScript() []fault {
	return []fault{
		{"kill a node that works", func(ctx context.Context, c *chaos) { c.atWork(ctx).signal(syscall.SIGKILL) }, 3 * time.Second},
		{"stop a node that works for 5 s", func(ctx context.Context, c *chaos) { c.freeze(ctx, c.atWork(ctx), 5*time.Second) }, time.Second},
		{"restart PostgreSQL", func(_ context.Context, c *chaos) { c.restartDatabase(false, 0) }, 2 * time.Second},
	}
}

// fullScript is what docs and issue promise.
func fullScript() (script []fault) {
	calm := 12 * time.Second
	for i := range 3 {
		script = append(script, fault{fmt.Sprintf("kill node %d", i+1), func(_ context.Context, c *chaos) { c.nodes()[i].signal(syscall.SIGKILL) }, calm})
	}
	return append(script,
		fault{"stop a node for 20 s", func(ctx context.Context, c *chaos) { c.freeze(ctx, c.nodes()[0], 20*time.Second) }, calm},
		fault{"restart PostgreSQL", func(_ context.Context, c *chaos) { c.restartDatabase(false, 0) }, calm},
		fault{"object storage gone for 10 s", func(ctx context.Context, c *chaos) { c.takeStorageAway(ctx, 10*time.Second) }, calm},
		fault{"crash PostgreSQL", func(_ context.Context, c *chaos) { c.restartDatabase(true, 3*time.Second) }, calm},
		fault{"a node joins", func(ctx context.Context, c *chaos) { c.join(ctx) }, calm},
		fault{"rolling restart", func(ctx context.Context, c *chaos) { c.roll(ctx) }, calm},
	)
}

// TestChaos breaks things while mail comes in, and then counts: every mail
// that was answered 250 is there, and everything was filed exactly once.
func TestChaos(t *testing.T) {
	script, leaseTTL, patience := shortScript(), "3s", 2*time.Minute
	if *chaosFull {
		script, leaseTTL, patience = fullScript(), "15s", 10*time.Minute
	} else if testing.Short() {
		t.Skip("NOT TESTED: chaos, by -short")
	}
	c := newChaos(t)
	for range 3 {
		c.addNode("DOCUFLOW_LEASE_TTL=" + leaseTTL)
	}
	c.open()

	begun := time.Now()
	working, stop := context.WithCancel(t.Context())
	defer stop()
	ready, cancelReady := context.WithTimeout(working, time.Minute)
	defer cancelReady()
	go c.balancer.run(working)
	if err := await(ready, "all nodes are ready", func() bool { return len(c.balancer.order()) == 3 }); err != nil {
		t.Fatal(err)
	}
	reader := signIn(t, c.balancer, c.tally, c.link)
	watcher := &watcher{balancer: c.balancer, token: c.token, tally: c.tally, states: map[string]string{}}
	sender := newMTA(c.tally, c.doors)
	all := letters(fmt.Sprint(begun.UnixNano()), c.addresses, *chaosDocuments)
	var clients sync.WaitGroup
	clients.Go(func() { reader.run(working) })
	clients.Go(func() { watcher.run(working) })
	clients.Go(func() { sender.run(working) })
	clients.Go(func() { sender.submit(working, *chaosRate, all) })
	defer clients.Wait()
	defer stop()

	c.calm(working, 3*time.Second)
	for _, f := range script {
		t.Logf("%5.1f s  %s", time.Since(begun).Seconds(), f.name)
		c.tally.enter(f.name)
		f.do(working, c)
		c.calm(working, f.calm)
	}
	c.tally.enter("rest")
	t.Logf("%5.1f s  the script is over", time.Since(begun).Seconds())

	resting, cancel := context.WithTimeout(working, patience+time.Duration(float64(len(all)) / *chaosRate)*time.Second)
	defer cancel()
	if err := await(resting, "all mails are accepted", func() bool { n, _, bounced, _ := sender.counts(); return n+len(bounced) == len(all) }); err != nil {
		t.Error(err)
	}
	if err := await(resting, "all work rests", c.rests); err != nil {
		t.Error(err)
	}
	took := time.Since(begun)
	ledger := c.audit(sender)
	seeing, cancelSeeing := context.WithTimeout(working, 30*time.Second)
	defer cancelSeeing()
	if err := await(seeing, "the browser has seen everything", func() bool { return len(watcher.unaware(ledger.watched)) == 0 }); err != nil {
		t.Errorf("%v: %q", err, watcher.unaware(ledger.watched))
	}
	stop()
	clients.Wait()
	t.Log("\n" + ledger.table(c, sender, watcher, took))
	ledger.judge(c)
}

func newChaos(t *testing.T) *chaos {
	t.Helper()
	c := &chaos{t: t, dir: newDataDir(t), logs: t.ArtifactDir(), tally: newTally()}
	c.balancer = &balancer{nodes: c.nodes}
	c.database = startDatabase(t, c.dir, takePort(t))
	c.storageAt = takePort(t)
	c.storage = startStorage(t, c.dir, c.logs, c.storageAt)
	c.drive = startDriveLike(t)
	return c
}

// open makes workspaces, so that there is work for several nodes, and what the
// owner of the first one and their programs need.
func (c *chaos) open() {
	c.t.Helper()
	store := c.database.openStore()
	defer store.Close()
	for i := range 4 {
		owner := fmt.Sprintf("owner%d@example.test", i)
		workspace, address, err := store.NewWorkspace(c.t.Context(), fmt.Sprintf("Chaos %d", i), "in.docuflow.localhost", owner)
		if err != nil {
			c.t.Fatal(err)
		}
		c.addresses = append(c.addresses, address.Address)
		if i > 0 {
			continue
		}
		c.watched = workspace.ID
		if c.token, err = store.NewToken(c.t.Context(), workspace.ID, "watcher"); err != nil {
			c.t.Fatal(err)
		}
		if c.link, err = store.NewSignInLink(c.t.Context(), workspace.ID, owner); err != nil {
			c.t.Fatal(err)
		}
	}
	c.enlarge()
}

// enlarge gives the first workspace a plan whose work is shared by nodes.
func (c *chaos) enlarge() {
	c.t.Helper()
	conn, err := pgx.Connect(c.t.Context(), c.database.admin())
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(c.t.Context(), "UPDATE workspaces SET plan = 'PRO' WHERE id = $1", c.watched); err != nil {
		c.t.Fatal(err)
	}
}

func (c *chaos) addNode(env ...string) *clusterNode {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	name := fmt.Sprintf("node-%d", len(c.members)+1)
	n := &clusterNode{http: takePort(c.t), smtp: takePort(c.t), admin: takePort(c.t)}
	dataDir := filepath.Join(c.dir, name)
	if err := os.Mkdir(dataDir, 0o711); err != nil {
		c.t.Fatal(err)
	}
	settings := append(os.Environ(), append([]string{
		asProgram + "=1", driveAt + "=" + c.drive.URL, "DATABASE_URL=" + c.database.login, "DOCUFLOW_DATA_DIR=" + dataDir,
		"DOCUFLOW_HTTP_ADDR=" + n.http, "DOCUFLOW_SMTP_ADDR=" + n.smtp, "DOCUFLOW_ADMIN_ADDR=" + n.admin,
		"DOCUFLOW_FILED_DIR=" + filepath.Join(c.dir, "filed"), "DOCUFLOW_FILED_NAMES={workspace}/{date} {vendor} {number}",
		"DOCUFLOW_S3_ENDPOINT=" + c.storageAt, "DOCUFLOW_S3_INSECURE=true", "DOCUFLOW_S3_ACCESS_KEY=" + storageUser, "DOCUFLOW_S3_SECRET_KEY=" + storagePassword,
		"DOCUFLOW_NODE=" + name, "DOCUFLOW_CLUSTER_ADDR=" + takePort(c.t), "DOCUFLOW_COOKIE_KEY=the same on all nodes of this test", "DOCUFLOW_JOBS=2",
	}, env...)...)
	n.supervised = supervise(c.t, name, c.logs, 500*time.Millisecond, func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "serve")
		cmd.Env = settings
		return cmd
	})
	c.members = append(c.members, n)
	return n
}

// mainWithDrive is the program with the drive-like destination beside the folder.
func mainWithDrive(url string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	line := &commands{Serve: serveCommand{also: []pipeline.Destination{driveClient{url}}}}
	if err := runLine(ctx, line, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "docuflow:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (c *chaos) nodes() []*clusterNode {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*clusterNode(nil), c.members...)
}

// atWork is the node that holds the most leases at this moment. It waits until
// one holds any: a fault that hits nobody's work shows nothing.
func (c *chaos) atWork(ctx context.Context) *clusterNode {
	var name string
	var leases int
	err := await(ctx, "a node has work", func() bool {
		conn, err := pgx.Connect(ctx, c.database.admin())
		if err != nil {
			return false
		}
		defer conn.Close(ctx)
		return conn.QueryRow(ctx, `SELECT lease_node, count(*) FROM (
				SELECT lease_node, lease_until FROM documents UNION ALL SELECT lease_node, lease_until FROM mails) work
			WHERE lease_until > clock_timestamp() GROUP BY lease_node ORDER BY count(*) DESC LIMIT 1`).Scan(&name, &leases) == nil
	})
	for _, n := range c.nodes() {
		if err == nil && n.name == name {
			c.t.Logf("%s holds %d leases", name, leases)
			return n
		}
	}
	c.t.Errorf("no node to break: %q %v", name, err)
	return c.nodes()[0]
}

// doors lists where mail can be delivered.
func (c *chaos) doors() (doors []string) {
	for _, n := range c.nodes() {
		doors = append(doors, n.smtp)
	}
	return doors
}

func (c *chaos) calm(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// freeze stops a process as a paused virtual machine stops, and lets it go on.
func (c *chaos) freeze(ctx context.Context, n *clusterNode, d time.Duration) {
	n.signal(syscall.SIGSTOP)
	c.calm(ctx, d)
	n.signal(syscall.SIGCONT)
}

func (c *chaos) restartDatabase(crash bool, away time.Duration) {
	c.database.stop(crash)
	time.Sleep(away)
	c.database.start()
}

func (c *chaos) takeStorageAway(ctx context.Context, d time.Duration) {
	c.storage.away(d)
	c.storage.signal(syscall.SIGKILL)
	c.calm(ctx, d)
}

func (c *chaos) join(ctx context.Context) {
	joined := c.addNode()
	c.awaitReady(ctx, joined)
}

func (c *chaos) awaitReady(ctx context.Context, n *clusterNode) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := await(ctx, n.name+" is ready", func() bool { return n.ready(ctx) }); err != nil && ctx.Err() == nil {
		c.t.Error(err)
	}
}

// roll restarts one node after the other, each when the one before is back.
func (c *chaos) roll(ctx context.Context) {
	for _, n := range c.nodes() {
		n.signal(syscall.SIGTERM)
		stopping, cancel := context.WithTimeout(ctx, time.Minute)
		if err := await(stopping, n.name+" stops", func() bool { return !n.ready(stopping) }); err != nil && ctx.Err() == nil {
			c.t.Error(err)
		}
		cancel()
		c.awaitReady(ctx, n)
		c.calm(ctx, time.Second) // until the balancer has noticed
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

var _ pipeline.Destination = driveClient{}
