package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// An operator's pause holds all workspaces, also one that comes later; their
// people see it and cannot lift it; lifting it lets everything go on at once.
func TestOperatorPausesAStageEverywhere(t *testing.T) {
	store, admin := open(t)
	ctx := t.Context()
	one, two := newWorkspace(t, store, "One"), newWorkspace(t, store, "Two")
	first, second := newDocument(t, store, one), newDocument(t, store, two)
	coming := newDocument(t, store, one)
	sql(t, admin, "UPDATE documents SET stage = 'zero' WHERE id = $1", coming)
	before, err := store.Changes(ctx, one, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := store.PauseStage(ctx, "first", "op@x.example"); err != nil {
			t.Fatal(err)
		}
	}
	later := newWorkspace(t, store, "Later")
	third := newDocument(t, store, later)
	for _, d := range []struct {
		workspace domain.WorkspaceID
		id        domain.DocumentID
	}{{one, first}, {two, second}, {later, third}} {
		if got := statusOf(t, store, d.workspace, d.id); got.Waiting == nil || !got.Waiting.Everywhere || got.Waiting.Reason == "" {
			t.Fatalf("%+v waiting %+v", got, got.Waiting)
		}
		if _, _, err := store.Claim(ctx, d.workspace, d.id, "node", time.Minute); !errors.Is(err, domain.ErrNotDue) {
			t.Fatalf("claimed while paused: %v", err)
		}
		if _, err := store.Resume(ctx, d.workspace, "first", "", "me"); !errors.Is(err, domain.ErrNotFound) {
			t.Fatalf("a workspace has lifted an operator's pause: %v", err)
		}
	}
	arriving, lease := claim(t, store, one, coming, time.Minute)
	if d, err := store.Advance(ctx, lease, arriving, domain.Outcome{}, domain.StageInfo{Name: "first"}, 0); err != nil || d.Status != domain.Queued || d.Waiting == nil {
		t.Fatalf("%+v %v", d, err)
	}
	if due, err := store.DueWorkspaces(ctx); err != nil || len(due) != 0 {
		t.Fatalf("due: %v %v", due, err)
	}
	if queue, err := store.Queue(ctx); err != nil || queue.DocumentsDue != 0 {
		t.Fatalf("%+v %v", queue, err)
	}
	if b := checkBalance(t, store, one); b.Waiting != 2 {
		t.Fatalf("%+v", b)
	}
	failures, err := store.Failures(ctx, one, false)
	if err != nil || len(failures.Pauses) != 1 || !failures.Pauses[0].Everywhere || failures.Pauses[0].Count != 2 {
		t.Fatalf("%+v %v", failures.Pauses, err)
	}
	if o, err := store.Operations(ctx); err != nil || len(o.Pauses) != 1 || !o.Pauses[0].Everywhere || o.Pauses[0].Workspaces != 0 {
		t.Fatalf("%+v %v", o.Pauses, err)
	}
	if changes, err := store.Changes(ctx, one, before.Seq); err != nil || len(changes.Documents) != 2 {
		t.Fatalf("pages do not hear of it: %+v %v", changes, err)
	}
	if err := store.ResumeStage(ctx, "first", "op@x.example"); err != nil {
		t.Fatal(err)
	}
	if due, err := store.DueWorkspaces(ctx); err != nil || len(due) != 3 {
		t.Fatalf("due again: %v %v", due, err)
	}
	if err := store.ResumeStage(ctx, "first", "op@x.example"); !errors.Is(err, domain.ErrNotFound) {
		t.Fatalf("resumed twice: %v", err)
	}
	var deeds int
	if err := connect(t, admin).QueryRow(ctx, "SELECT count(*) FROM operator_audit WHERE actor = 'op@x.example' AND subject = 'first'").Scan(&deeds); err != nil || deeds != 3 {
		t.Fatalf("%d deeds are kept: %v", deeds, err)
	}
	noGaps(t, admin, one)
}

// A workspace's own pause outlives an operator's.
func TestOperatorsResumeLeavesAWorkspacesOwnPause(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	id := newDocument(t, store, workspace)
	_, lease := claim(t, store, workspace, id, time.Minute)
	if err := store.Fail(ctx, lease, domain.FailedAttempt{Failure: &domain.Failure{Kind: "signed_out", Person: true, Message: "Sign in."}}, 0); err != nil {
		t.Fatal(err)
	}
	if err := store.PauseStage(ctx, "first", "op"); err != nil {
		t.Fatal(err)
	}
	if err := store.ResumeStage(ctx, "first", "op"); err != nil {
		t.Fatal(err)
	}
	if d := statusOf(t, store, workspace, id); d.Waiting == nil || d.Waiting.Everywhere || d.Waiting.Reason != "Sign in." {
		t.Fatalf("%+v", d.Waiting)
	}
}

func TestAskToDrain(t *testing.T) {
	store, admin := open(t)
	ctx := t.Context()
	a := join(t, store, "a", "127.0.0.1:1")
	ask := func(drain bool) domain.Member {
		t.Helper()
		if err := store.AskToDrain(ctx, "a", drain, "op"); err != nil {
			t.Fatal(err)
		}
		members, err := store.Beat(ctx, a, memberTTL)
		if err != nil {
			t.Fatal(err)
		}
		return members[0]
	}
	if m := ask(true); !m.Asked || m.Returns != 0 {
		t.Fatalf("%+v", m)
	}
	for range 2 { // the second time there is nothing to return from
		if m := ask(false); m.Asked || m.Returns != 1 {
			t.Fatalf("%+v", m)
		}
	}
	if err := store.AskToDrain(ctx, "stranger", true, "op"); !errors.Is(err, domain.ErrNotFound) {
		t.Fatal(err)
	}
	var deeds int
	if err := connect(t, admin).QueryRow(ctx, "SELECT count(*) FROM operator_audit WHERE subject IN ('a', 'stranger')").Scan(&deeds); err != nil || deeds != 3 {
		t.Fatalf("%d deeds are kept: %v", deeds, err)
	}
}
