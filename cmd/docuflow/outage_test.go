package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// oneNode is a server that allows a stage two attempts, on dependencies that
// can be taken away.
func oneNode(t *testing.T, env ...string) (*chaos, *clusterNode) {
	t.Helper()
	c := newChaos(t)
	n := c.addNode(append([]string{"DOCUFLOW_ATTEMPTS=2", "DOCUFLOW_LEASE_TTL=3s", "DOCUFLOW_BACKOFF_BASE=500ms"}, env...)...)
	c.open()
	c.awaitReady(t.Context(), n)
	return c, n
}

// mail sends n documents and returns the last reply's code.
func (c *chaos) mail(documents int) (code string) {
	c.t.Helper()
	sender := newMTA(c.tally, c.doors)
	for _, l := range letters(fmt.Sprint(time.Now().UnixNano()), c.addresses[:1], documents) {
		code, _ = sender.transmit(c.t.Context(), c.doors()[0], l)
	}
	return code
}

// wantCompleted waits until that many documents are completed, and wants no
// other ones.
func (c *chaos) wantCompleted(want int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	if err := await(ctx, "all work rests", c.rests); err != nil {
		c.t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, c.database.admin())
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close(ctx)
	documents := c.readDocuments(conn)
	for _, d := range documents {
		if d.status != "COMPLETED" {
			c.t.Errorf("document: %+v", d)
		}
	}
	if len(documents) != want {
		c.t.Errorf("%d documents, want %d", len(documents), want)
	}
}

func (c *chaos) wantNeverRestarted(n *clusterNode) {
	c.t.Helper()
	if starts := n.startCount(); starts != 1 {
		c.t.Errorf("the server was started %d times: it must live through this", starts)
	}
}

func status(t *testing.T, url string) int {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// storageCheck is what /readyz says about object storage.
func storageCheck(t *testing.T, n *clusterNode) string {
	t.Helper()
	response, err := http.Get("http://" + n.admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer readiness
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer.Checks["object_storage"]
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	c, n := oneNode(t)
	reader := signIn(t, &balancer{nodes: c.nodes, ready: []*clusterNode{n}}, c.tally, c.link)
	if code := c.mail(6); code != "250" {
		t.Fatal(code)
	}
	c.database.stop(false) // with work under way
	if code := c.mail(1); code != "451" {
		t.Errorf("a mail while the database is away is answered %s, want 451", code)
	}
	if got := status(t, "http://"+n.admin+"/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d", got)
	}
	if got := status(t, "http://"+n.admin+"/readyz?exclude=database"); got != http.StatusOK {
		t.Errorf("/readyz without the database answers %d", got)
	}
	if got := status(t, "http://"+n.admin+"/healthz"); got != http.StatusOK {
		t.Errorf("/healthz answers %d: a supervisor would restart the server for nothing", got)
	}
	if got := reader.load(t.Context()); got != "503" {
		t.Errorf("the inbox answers %s, want 503", got)
	}
	c.calm(t.Context(), 4*time.Second) // longer than leases last
	c.database.start()
	c.awaitReady(t.Context(), n)
	if code := c.mail(2); code != "250" {
		t.Errorf("a mail afterwards is answered %s", code)
	}
	c.wantCompleted(8)
	c.wantNeverRestarted(n)
}

// An outage costs no document its attempts: two of them would be gone within a second.
func TestObjectStorageAway(t *testing.T) {
	t.Parallel()
	c, n := oneNode(t)
	reader := signIn(t, &balancer{nodes: c.nodes, ready: []*clusterNode{n}}, c.tally, c.link)
	if code := c.mail(6); code != "250" {
		t.Fatal(code)
	}
	c.storage.away(8 * time.Second)
	c.storage.signal(syscall.SIGKILL)
	c.calm(t.Context(), 200*time.Millisecond)
	if code := c.mail(1); code != "451" {
		t.Errorf("a mail while object storage is away is answered %s, want 451", code)
	}
	if got := status(t, "http://"+n.admin+"/readyz"); got != http.StatusOK {
		t.Errorf("/readyz answers %d: a load balancer would take the inbox away as well", got)
	}
	if got := storageCheck(t, n); got != "failed" {
		t.Errorf("/readyz says that object storage is %s", got)
	}
	if got := reader.load(t.Context()); got != "200" {
		t.Errorf("the inbox answers %s", got)
	}
	c.calm(t.Context(), 8*time.Second)
	if err := await(t.Context(), "object storage answers", func() bool { return storageCheck(t, n) == "ok" }); err != nil {
		t.Fatal(err)
	}
	if code := c.mail(2); code != "250" {
		t.Errorf("a mail afterwards is answered %s", code)
	}
	c.wantCompleted(8)
	c.wantNeverRestarted(n)
	conn, err := pgx.Connect(t.Context(), c.database.admin())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var retried int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM attempts WHERE outcome = 'retry' AND error_kind = 'storage'").Scan(&retried); err != nil {
		t.Fatal(err)
	}
	if retried < 6 {
		t.Errorf("%d attempts met the outage: too few to have been one", retried)
	}
}
