package postgres_test

import (
	"maps"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/postgres"
)

// recount counts now, whoever has counted before.
func recount(t testing.TB, store *postgres.Store, admin string) domain.BalanceCheck {
	t.Helper()
	sql(t, admin, "UPDATE balance_checks SET next_at = clock_timestamp() - interval '1 second'")
	if checked, err := store.CheckBalance(t.Context(), time.Minute); err != nil || !checked {
		t.Fatalf("did not count: %v %v", checked, err)
	}
	check, err := store.LastBalanceCheck(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return check
}

func TestEverythingIsInExactlyOneState(t *testing.T) {
	store, admin := open(t)
	ctx := t.Context()
	if check, err := store.LastBalanceCheck(ctx); err != nil || !check.At.IsZero() {
		t.Fatalf("counted before the first count: %+v %v", check, err)
	}
	for _, name := range []string{"One", "Two"} {
		workspace := newWorkspace(t, store, name)
		newDocument(t, store, workspace)
		claim(t, store, workspace, newDocument(t, store, workspace), time.Minute)
		fail(t, store, workspace, "x", "")
		document, lease := claim(t, store, workspace, newDocument(t, store, workspace), time.Minute)
		if _, err := store.Advance(ctx, lease, document, domain.Outcome{}, domain.StageInfo{}, 0); err != nil {
			t.Fatal(err)
		}
		failMail(t, store, workspace)
	}
	check := recount(t, store, admin)
	if want := map[string]int{"queued": 2, "processing": 2, "failed": 2, "completed": 2}; !maps.Equal(check.Documents, want) {
		t.Errorf("documents: %v", check.Documents)
	}
	if want := map[string]int{"failed": 2}; !maps.Equal(check.Mails, want) {
		t.Errorf("mails: %v", check.Mails)
	}
	if check.Unbalanced() != 0 || check.Counted() != 10 || check.At.IsZero() {
		t.Errorf("%+v", check)
	}
	if again, err := store.CheckBalance(ctx, time.Minute); err != nil || again {
		t.Errorf("counted twice within a minute: %v %v", again, err)
	}
	if o, err := store.Operations(ctx); err != nil || o.Count.Counted() != 10 {
		t.Errorf("operators see %+v %v", o.Count, err)
	}
}

// Each rule is broken once, by hand: the code has no way to do it.
func TestWhatIsOutOfBalanceIsFound(t *testing.T) {
	for rule, damage := range map[string]string{
		"mail_lost":              "DELETE FROM attempts WHERE mail_id IS NOT NULL; DELETE FROM mails",
		"document_lost":          "DELETE FROM attempts WHERE document_id IS NOT NULL; DELETE FROM documents",
		"mail_without_outcome":   "UPDATE mails SET status = 'UNPACKED', disposition = ''",
		"mail_without_documents": "UPDATE mails SET status = 'UNPACKED', disposition = 'documents'",
		"mail_abandoned":         "UPDATE mails SET status = 'ACCEPTED', lease_until = now() - interval '1 hour', next_attempt_at = now() - interval '1 hour'",
		"document_abandoned":     "UPDATE documents SET status = 'PROCESSING', lease_until = now() - interval '1 hour'",
		"document_done_never":    "UPDATE documents SET status = 'COMPLETED', completed_at = NULL",
		"document_failed_never":  "UPDATE documents SET status = 'FAILED', failed_at = NULL",
	} {
		t.Run(rule, func(t *testing.T) {
			store, admin := open(t)
			workspace := newWorkspace(t, store, "One")
			fail(t, store, workspace, "x", "")
			failMail(t, store, workspace)
			if check := recount(t, store, admin); check.Unbalanced() != 0 {
				t.Fatalf("out of balance before anything happened: %+v", check)
			}
			sql(t, admin, damage)
			if check := recount(t, store, admin); !maps.Equal(check.Problems, map[string]int{rule: 1}) {
				t.Errorf("found %v", check.Problems)
			}
		})
	}
}
