package main

import (
	"testing"

	"github.com/docuflow/docuflow/mail"
)

// TestKilledInEveryStage kills the program when a stage has done its work and
// has not been able to write that down: the moment at which work is repeated.
// Afterwards every document must be completed once and filed once.
func TestKilledInEveryStage(t *testing.T) {
	dataDir := newDataDir(t)
	moments := []struct{ name, table, condition string }{
		{"unpack", "mails", "NEW.status = 'UNPACKED'"},
		{"standardize", "documents", "OLD.stage = 'standardize' AND NEW.stage <> OLD.stage"},
		{"extract", "documents", "OLD.stage = 'extract' AND NEW.stage <> OLD.stage"},
		{"categorize", "documents", "OLD.stage = 'categorize' AND NEW.stage <> OLD.stage"},
		{"deliver", "documents", "OLD.stage = 'deliver' AND NEW.stage <> OLD.stage"},
		{"announce", "documents", "NEW.status = 'COMPLETED' AND OLD.status <> 'COMPLETED'"},
	}
	for i, moment := range moments {
		p := start(t, dataDir)
		for _, earlier := range moments[:i] {
			p.rest(earlier.name + ".pdf")
		}
		hold(p, moment.table, moment.condition)
		if err := p.send(moment.name, mail.File{Name: moment.name + ".pdf", Content: invoicePDF("K-" + moment.name)}); err != nil {
			t.Fatal(err)
		}
		p.until("the commit after "+moment.name+" is held", func() bool { return held(p) })
		p.kill()
	}
	p := start(t, dataDir)
	for _, moment := range moments {
		document := p.rest(moment.name + ".pdf")
		if document.Status != "COMPLETED" || len(document.Deliveries) != 1 {
			t.Errorf("%s: %+v", moment.name, document)
		}
		checkAttempts(p, document.ID, moment.name)
	}
	if documents := p.documents(); len(documents) != len(moments) {
		t.Errorf("%d documents, want %d", len(documents), len(moments))
	}
	if files := p.filed(); len(files) != len(moments) {
		t.Errorf("filed: %q", files)
	}
}

// hold makes the database wait for a lock of ours when a row is about to
// change in a certain way.
func hold(p *program, table, condition string) {
	p.t.Helper()
	conn := p.superuser()
	for _, statement := range []string{
		"DROP TRIGGER IF EXISTS hold ON mails", "DROP TRIGGER IF EXISTS hold ON documents",
		`CREATE OR REPLACE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(4242); RETURN NEW; END'`,
		"CREATE TRIGGER hold BEFORE UPDATE ON " + table + " FOR EACH ROW WHEN (" + condition + ") EXECUTE FUNCTION hold()",
		"SELECT pg_advisory_lock(4242)",
	} {
		if _, err := conn.Exec(p.t.Context(), statement); err != nil {
			p.t.Fatal(err)
		}
	}
}

// held says whether somebody waits for our lock.
func held(p *program) (waiting bool) {
	p.t.Helper()
	err := p.superuser().QueryRow(p.t.Context(), "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").Scan(&waiting)
	if err != nil {
		p.t.Fatal(err)
	}
	return waiting
}

// checkAttempts wants to see that the kill was noticed, and that no other
// stage ran twice.
func checkAttempts(p *program, id, killed string) {
	p.t.Helper()
	var timeline struct {
		Attempts []struct{ Stage, Outcome string } `json:"attempts"`
	}
	p.get("/api/v1/documents/"+id+"/timeline", &timeline)
	done, lost := map[string]int{}, map[string]int{}
	for _, attempt := range timeline.Attempts {
		if attempt.Outcome == "lost" {
			lost[attempt.Stage]++
		} else {
			done[attempt.Stage]++
		}
	}
	for _, stage := range []string{"standardize", "extract", "categorize", "deliver", "announce"} {
		want := 0
		if stage == killed {
			want = 1
		}
		if done[stage] != 1 || lost[stage] != want {
			p.t.Errorf("killed in %s: %s was done %d times and lost %d times", killed, stage, done[stage], lost[stage])
		}
	}
}
