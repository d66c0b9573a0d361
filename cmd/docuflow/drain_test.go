package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// docuflow runs a command on the nodes' database and returns what it prints.
func (n *nodes) docuflow(args ...string) string {
	n.t.Helper()
	n.t.Setenv("DATABASE_URL", n.login)
	var out, log bytes.Buffer
	if err := run(n.t.Context(), args, &out, &log); err != nil {
		n.t.Fatalf("docuflow %q: %v", args, err)
	}
	return out.String()
}

// hold makes the commit of every document's reading wait until the returned
// function is called.
func (n *nodes) hold() (letGo func()) {
	n.t.Helper()
	n.exec(`CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(4242); RETURN NEW; END'`)
	n.exec(`CREATE TRIGGER hold BEFORE UPDATE ON documents FOR EACH ROW WHEN (OLD.stage = 'extract' AND NEW.stage <> OLD.stage) EXECUTE FUNCTION hold()`)
	n.exec("SELECT pg_advisory_lock(4242)")
	return func() { n.exec("SELECT pg_advisory_unlock(4242)") }
}

// docuflow cluster status lists who runs, what each one has in work, and what
// waits for how long.
func TestClusterStatus(t *testing.T) {
	n := newNodes(t)
	tenant := n.workspace("Acme")
	a := n.start("a", "DOCUFLOW_LEASE_TTL=1m", "DOCUFLOW_CLUSTER_TTL=30s")
	n.start("b", "DOCUFLOW_LEASE_TTL=1m", "DOCUFLOW_CLUSTER_TTL=30s")
	letGo := n.hold()
	n.mailTo(a, tenant, "S-1")
	status := ""
	line := func(pattern string) bool { return regexp.MustCompile("(?m)^" + pattern + "$").MatchString(status) }
	a.until("a node has the document in work", func() bool {
		status = n.docuflow("cluster", "status")
		return line(`[ab] +127\.0\.0\.1:\d+ +works +.* ago +.* ago +0 +1`) && line(`extract +processing +1`)
	})
	for _, pattern := range []string{
		`NODE +ADDRESS +STATE +STARTED +LAST BEAT +MAILS +DOCUMENTS`, `a +127\.0\.0\.1:\d+ +works .*`, `b +127\.0\.0\.1:\d+ +works .*`,
		`due now: 0 mails, 0 documents`, `not unpacked yet: 0 mails; could not be unpacked: 0`,
	} {
		if !line(pattern) {
			t.Errorf("no line %q in:\n%s", pattern, status)
		}
	}
	letGo()
	a.until("the document is completed", func() bool { return n.completed() == 1 })
	n.docuflow("cluster", "drain", "a")
	n.docuflow("cluster", "drain", "b")
	a.until("nobody takes work", func() bool { return strings.Count(n.docuflow("cluster", "status"), "drained") == 2 })
	n.exec("UPDATE documents SET status = 'QUEUED', completed_at = NULL, stage = 'nobody knows', next_attempt_at = clock_timestamp() - interval '90 seconds'")
	if status = n.docuflow("cluster", "status"); !line(`due now: 0 mails, 1 documents; the oldest since 1m3\d(\.\d)?s ago`) {
		t.Errorf("the oldest row is not told:\n%s", status)
	}
}

// A node that a person drains finishes its work, takes no mail and no new work,
// keeps its pages and stays up; afterwards it works again as before.
func TestPersonDrainsANode(t *testing.T) {
	n := newNodes(t)
	tenants := []access{n.workspace("Alder"), n.workspace("Birch"), n.workspace("Cedar"), n.workspace("Dogwood"), n.workspace("Elm"), n.workspace("Fir")}
	const patient = "DOCUFLOW_CLUSTER_TTL=30s" // a busy machine must not make the others give a node up
	a, b := n.start("a", patient), n.start("b", patient)
	sent := 0
	mailAll := func() {
		t.Helper()
		for _, tenant := range tenants {
			sent++
			n.mailTo(a, tenant, fmt.Sprintf("D-%d", sent))
		}
		a.until("all documents are completed", func() bool { return n.completed() == sent })
	}
	attempts := func() int { return n.count("SELECT count(*) FROM attempts WHERE node = 'b'") }
	mailAll()
	before := attempts()
	if before == 0 {
		t.Fatal("the node did not work before")
	}

	if said := n.docuflow("cluster", "drain", "b"); !strings.HasPrefix(said, "b drains") {
		t.Errorf("%q", said)
	}
	b.until("the node is drained", func() bool {
		return regexp.MustCompile(`(?m)^b .* drained `).MatchString(n.docuflow("cluster", "status"))
	})
	if code, checks := b.ready(""); code != http.StatusServiceUnavailable || checks["work"] != "failed" || checks["database"] != "ok" {
		t.Errorf("/readyz answers %d %v", code, checks)
	}
	b.until("mail is sent elsewhere", func() bool { return greeting(b.SMTP) == "421" })
	if response, err := http.Get("http://" + b.HTTP + "/sign-in"); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("pages: %v %v", response, err)
	} else {
		response.Body.Close()
	}
	mailAll()
	if now := attempts(); now != before {
		t.Errorf("the drained node began %d attempts", now-before)
	}
	if members := n.members(); !slices.Equal(members, []string{"a", "b"}) {
		t.Errorf("members: %q", members)
	}

	n.docuflow("cluster", "undrain", "b")
	b.until("the node is ready again", func() bool { return b.readyz() == http.StatusOK })
	b.until("it takes mail again", func() bool { return greeting(b.SMTP) == "220" })
	a.until("the other node knows", func() bool { return n.count("SELECT count(*) FROM cluster_members WHERE draining") == 0 })
	missed := func() int { return strings.Count(a.output.String(), "a node does not answer or drains") }
	b.until("kicks reach it and it works again", func() bool {
		worked, before := attempts(), missed()
		mailAll()
		return attempts() > worked && missed() == before
	})
	var out bytes.Buffer
	if err := run(t.Context(), []string{"cluster", "drain", "nobody"}, &out, &out); err == nil || !strings.Contains(err.Error(), "cluster status") {
		t.Errorf("%v", err)
	}

	n.docuflow("cluster", "drain", "b")
	b.until("the node is drained again", func() bool { return b.readyz() == http.StatusServiceUnavailable })
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-b.ended
	if code := b.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// ready asks /readyz, which is JSON.
func (p *program) ready(query string) (code int, checks map[string]string) {
	p.t.Helper()
	response, err := http.Get("http://" + p.Admin + "/readyz" + query)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer readiness
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		p.t.Fatal(err)
	}
	if answer.Ready != (response.StatusCode == http.StatusOK) {
		p.t.Errorf("%d with %+v", response.StatusCode, answer)
	}
	return response.StatusCode, answer.Checks
}
