package actors_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docuflow/docuflow/actors"
	"github.com/docuflow/docuflow/domain"
)

func TestStageThatNeedsAPersonIsPausedAndResumesByItself(t *testing.T) {
	var mended atomic.Bool
	var runs atomic.Int32
	f := newFixture(t, stage{"one", succeed}, stage{"two", func(context.Context, domain.Document) (domain.Outcome, error) {
		runs.Add(1)
		if mended.Load() {
			return domain.Outcome{}, nil
		}
		return domain.Outcome{}, domain.NeedsPerson("signed_out", "Drive", "Sign in again.", nil)
	}})
	f.start()
	waits := func(d domain.Document) bool { return d.Waiting != nil }
	first := f.newDocument()
	f.await(first, waits)
	tried := runs.Load()
	var ids []domain.DocumentID
	for range 5 {
		ids = append(ids, f.newDocument())
	}
	for _, id := range ids {
		if d := f.await(id, waits); d.Attempt != 0 || d.Stage != "two" {
			t.Fatalf("%+v", d)
		}
		expect(t, f.attempts(id), "one 1 done")
	}
	if runs.Load() != tried {
		t.Fatalf("the paused stage ran %d times more", runs.Load()-tried)
	}
	mended.Store(true)
	if _, err := f.store.Resume(t.Context(), f.workspace, "two", "Drive", "me"); err != nil {
		t.Fatal(err)
	}
	for _, id := range append(ids, first) {
		f.await(id, is(domain.Completed))
	}
	expect(t, f.attempts(first), "one 1 done", "two 1 waiting", "two 1 done")
}

func TestCancelStopsTheRunningStage(t *testing.T) {
	started, cancelled := make(chan struct{}), make(chan struct{})
	f := newFixture(t, stage{"one", func(ctx context.Context, _ domain.Document) (domain.Outcome, error) {
		close(started)
		<-ctx.Done()
		close(cancelled)
		return domain.Outcome{}, ctx.Err()
	}})
	f.config.LeaseTTL = 300 * time.Millisecond
	f.start()
	id := f.newDocument()
	<-started
	if _, err := f.store.Cancel(t.Context(), f.workspace, id, "me"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-cancelled:
	case <-time.After(10 * time.Second):
		t.Fatal("the stage goes on")
	}
	if d := f.await(id, is(domain.Failed)); d.Error.Kind != domain.KindCancelled {
		t.Fatalf("%+v", d.Error)
	}
	expect(t, f.attempts(id), "one 1 failed")
}

func TestReplayRunsByItself(t *testing.T) {
	var mended atomic.Bool
	f := newFixture(t, stage{"one", func(context.Context, domain.Document) (domain.Outcome, error) {
		if mended.Load() {
			return domain.Outcome{}, nil
		}
		return domain.Outcome{}, domain.Permanent("away", "Away.", nil)
	}})
	system := f.start()
	var ids []domain.DocumentID
	for range 6 {
		ids = append(ids, f.newDocument())
	}
	for _, id := range ids {
		f.await(id, is(domain.Failed))
	}
	mended.Store(true)
	replay, err := f.store.StartReplay(t.Context(), f.workspace, domain.DocumentQuery{Kind: "away"}, 4, "me")
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	var nodes sync.WaitGroup
	t.Cleanup(func() { stop(); nodes.Wait() })
	for range 3 { // any number of nodes keep the pace together
		nodes.Go(func() {
			actors.Replayer{Replays: f.store, Kick: system.Kick, Every: 20 * time.Millisecond, Log: f.config.Log}.Run(ctx)
		})
	}
	for _, id := range ids {
		f.await(id, is(domain.Completed))
	}
	if took := time.Since(begin); took < 900*time.Millisecond {
		t.Errorf("6 at 4 a second took %s", took)
	}
	if replay, err = f.store.Replay(t.Context(), f.workspace, replay.ID); err != nil || replay.Running() || replay.Done != 6 {
		t.Fatalf("%+v %v", replay, err)
	}
}

func TestBudgetOfTimeIsSpentByTheDatabasesClock(t *testing.T) {
	var runs atomic.Int32
	f := newFixture(t, stage{"one", func(context.Context, domain.Document) (domain.Outcome, error) {
		runs.Add(1)
		return domain.Outcome{}, domain.Temporary("away", "The service is away.", nil)
	}})
	f.config.Steps[0].Policy.Attempts, f.config.Steps[0].Policy.Budget = 2, time.Hour
	f.start()
	id := f.newDocument()
	document := f.await(id, func(d domain.Document) bool { return d.Attempt >= 6 })
	if document.Status == domain.Failed {
		t.Fatalf("given up after %d attempts within the hour", document.Attempt)
	}
	f.sql("UPDATE documents SET tried_at = tried_at - interval '61 minutes' WHERE id = $1", id)
	f.await(id, is(domain.Failed))
	if _, err := f.store.Retry(t.Context(), f.workspace, id, "me"); err != nil {
		t.Fatal(err)
	}
	if document = f.await(id, func(d domain.Document) bool { return d.Attempt >= 3 }); document.Status == domain.Failed {
		t.Fatal("a retry does not begin a new budget")
	}
}
