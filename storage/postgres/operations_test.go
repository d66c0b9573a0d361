package postgres_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
)

func TestOperationsCountAllWorkspaces(t *testing.T) {
	store, admin := open(t)
	ctx := t.Context()
	one, two := newWorkspace(t, store, "One"), newWorkspace(t, store, "Two")
	for _, workspace := range []domain.WorkspaceID{one, two} {
		done := newDocument(t, store, workspace)
		document, lease := claim(t, store, workspace, done, time.Minute)
		if _, err := store.Advance(ctx, lease, document, domain.Outcome{}, domain.StageInfo{}, 0); err != nil {
			t.Fatal(err)
		}
		fail(t, store, workspace, "x", "")
		newDocument(t, store, workspace)
	}
	running := newDocument(t, store, one)
	claim(t, store, one, running, time.Minute)
	failMail(t, store, two)
	o, err := store.Operations(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if o.Done[domain.OperationsMinutes-1] != 2 || o.Accepted[domain.OperationsMinutes-1] != 1 || o.Typical <= 0 || o.Slowest < o.Typical || o.At.IsZero() {
		t.Errorf("%+v", o)
	}
	at := slices.IndexFunc(o.Stages, func(l domain.StageLoad) bool { return l.Stage == "first" })
	if at < 0 {
		t.Fatalf("%+v", o.Stages)
	}
	if l := o.Stages[at]; l.Queued != 2 || l.Running != 1 || l.Failed != 2 || l.Done[domain.StageSlices-1] != 2 || l.Typical <= 0 || l.Oldest.IsZero() {
		t.Errorf("%+v", l)
	}

	sql(t, admin, "UPDATE documents SET lease_until = clock_timestamp() - interval '1 second' WHERE id = $1", running)
	_, lease := claim(t, store, one, running, time.Minute)
	if err := store.Fail(ctx, lease, domain.FailedAttempt{Failure: &domain.Failure{Kind: "x", Person: true, Message: "Secret account"}}, 0); err != nil {
		t.Fatal(err)
	}
	if o, err = store.Operations(ctx); err != nil || len(o.Pauses) != 1 || o.Pauses[0].Stage != "first" || o.Pauses[0].Workspaces != 1 {
		t.Errorf("%+v %v", o, err)
	}
	queue, err := store.Queue(ctx)
	if err != nil || queue.DocumentsDue != 1 {
		t.Errorf("what waits for a person is not due: %+v %v", queue, err)
	}
}

func TestOperatorIsAFlagOfAUser(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	signIn := func() domain.Session {
		link, err := store.NewSignInLink(ctx, workspace, "acme@owner.example")
		if err != nil {
			t.Fatal(err)
		}
		_, session, err := store.SignIn(ctx, link, domain.Arrival{})
		if err != nil {
			t.Fatal(err)
		}
		return session
	}
	if signIn().User.Operator {
		t.Fatal("everybody is an operator")
	}
	if err := store.MakeOperator(ctx, "Acme@owner.example"); err != nil {
		t.Fatal(err)
	}
	if !signIn().User.Operator {
		t.Fatal("the flag is not read")
	}
	if err := store.MakeOperator(ctx, "stranger@x.example"); !errors.Is(err, domain.ErrNotFound) {
		t.Fatal(err)
	}
}
