package postgres_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/postgres"
)

// fail makes a new document a dead letter of its first stage.
func fail(t testing.TB, store *postgres.Store, workspace domain.WorkspaceID, kind domain.ErrorKind, message string) domain.DocumentID {
	t.Helper()
	id := newDocument(t, store, workspace)
	_, lease := claim(t, store, workspace, id, time.Minute)
	if err := store.Fail(t.Context(), lease, domain.FailedAttempt{Failure: &domain.Failure{Kind: kind, Message: message, Permanent: true}}, 0); err != nil {
		t.Fatal(err)
	}
	return id
}

// failMail makes a mail that cannot be unpacked.
func failMail(t testing.TB, store *postgres.Store, workspace domain.WorkspaceID) domain.MailID {
	t.Helper()
	id := domain.MailID(uuid.NewString())
	if err := store.AddMail(t.Context(), domain.Mail{ID: id, Workspace: workspace}); err != nil {
		t.Fatal(err)
	}
	_, lease, err := store.ClaimMail(t.Context(), workspace, id, domain.UnpackStage, "node", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.FailMail(t.Context(), lease, domain.FailedAttempt{Failure: &domain.Failure{Kind: domain.KindDamaged, Message: "This is no mail."}}); err != nil {
		t.Fatal(err)
	}
	return id
}

func statusOf(t testing.TB, store *postgres.Store, workspace domain.WorkspaceID, id domain.DocumentID) domain.Document {
	t.Helper()
	document, err := store.Document(t.Context(), workspace, id)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func sql(t testing.TB, admin, statement string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// noGaps wants every sequence number of a workspace to have its event.
func noGaps(t testing.TB, admin string, workspace domain.WorkspaceID) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var events, last int64
	err = conn.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM events WHERE workspace_id = $1), event_seq FROM workspaces WHERE id = $1", workspace).Scan(&events, &last)
	if err != nil || events != last {
		t.Fatalf("%d events, the last one is %d: %v", events, last, err)
	}
}

func checkBalance(t testing.TB, store *postgres.Store, workspace domain.WorkspaceID) domain.Balance {
	t.Helper()
	b, err := store.Balance(t.Context(), workspace)
	if err != nil {
		t.Fatal(err)
	}
	if b.Received != b.Done+b.Review+b.InProgress+b.Retrying+b.Waiting+b.Failed {
		t.Fatalf("the balance does not add up: %+v", b)
	}
	return b
}

func TestFailuresAreGroupedByStageAndKind(t *testing.T) {
	store, admin := open(t)
	workspace, other := newWorkspace(t, store, "Acme"), newWorkspace(t, store, "Other")
	first := fail(t, store, workspace, "password", "It is locked.")
	fail(t, store, workspace, "password", "It is locked too.")
	fail(t, store, workspace, "damaged", "It is damaged.")
	fail(t, store, other, "password", "Not yours.")
	mail := failMail(t, store, workspace)
	sql(t, admin, "UPDATE documents SET failed_at = clock_timestamp() - interval '150 minutes' WHERE id = $1", first)

	failures, err := store.Failures(t.Context(), workspace, false)
	if err != nil {
		t.Fatal(err)
	}
	if failures.Open != 4 || len(failures.Groups) != 3 || failures.Groups[0].Count != 2 {
		t.Fatalf("%+v", failures)
	}
	locked := failures.Groups[0]
	if locked.Stage != "first" || locked.Kind != "password" || locked.Message != "It is locked too." || len(locked.Documents) != 2 || locked.Documents[1].ID != first {
		t.Fatalf("%+v", locked)
	}
	if want := [domain.GroupHours]int{9: 1, 11: 1}; locked.Hours != want {
		t.Errorf("hours %v, want %v", locked.Hours, want)
	}
	if !locked.First.Before(locked.Last.Add(-2 * time.Hour)) {
		t.Errorf("first %s, last %s", locked.First, locked.Last)
	}
	at := slices.IndexFunc(failures.Groups, func(g domain.FailureGroup) bool { return g.Stage == domain.UnpackStage })
	if at < 0 || len(failures.Groups[at].Mails) != 1 || failures.Groups[at].Mails[0].ID != mail || failures.Groups[at].Kind != domain.KindDamaged {
		t.Fatalf("the mail is missing: %+v", failures.Groups)
	}
	if b := checkBalance(t, store, workspace); b.Failed != 3 || b.DeadMails != 1 {
		t.Fatalf("%+v", b)
	}
}

func TestReplayReleasesItsGroupAtItsPace(t *testing.T) {
	store, admin := open(t)
	ctx := t.Context()
	workspace, other := newWorkspace(t, store, "Acme"), newWorkspace(t, store, "Other")
	var ids []domain.DocumentID
	for range 5 {
		ids = append(ids, fail(t, store, workspace, "away", "Discord was away."))
	}
	untouched, foreign := fail(t, store, workspace, "damaged", "Damaged."), fail(t, store, other, "away", "Theirs.")
	replay, err := store.StartReplay(ctx, workspace, domain.DocumentQuery{Stage: "first", Kind: "away"}, 2, "me")
	if err != nil || replay.Total != 5 || !replay.Running() || replay.Released != 0 {
		t.Fatalf("%+v %v", replay, err)
	}
	if _, err := store.StartReplay(ctx, workspace, domain.DocumentQuery{Kind: "away"}, 2, "me"); !errors.Is(err, domain.ErrNotFound) {
		t.Fatalf("a second replay takes what the first one has: %v", err)
	}
	due, err := store.DueReplays(ctx)
	if err != nil || !slices.Equal(due, []domain.WorkspaceID{workspace}) {
		t.Fatalf("%v %v", due, err)
	}
	if err := store.StepReplay(ctx, workspace); err != nil {
		t.Fatal(err)
	}
	if err := store.StepReplay(ctx, workspace); !errors.Is(err, domain.ErrNotDue) {
		t.Fatalf("a second step in the same second: %v", err)
	}
	for i, id := range ids {
		want := domain.Failed
		if i < 2 {
			want = domain.Queued // the oldest first
		}
		if d := statusOf(t, store, workspace, id); d.Status != want || want == domain.Queued && (d.Attempt != 0 || d.Error != nil) {
			t.Errorf("document %d: %+v", i, d)
		}
	}
	// What fails again is not tried again, and what somebody retried by hand is skipped.
	_, lease := claim(t, store, workspace, ids[0], time.Minute)
	if err := store.Fail(ctx, lease, domain.FailedAttempt{Failure: &domain.Failure{Kind: "away"}}, 0); err != nil {
		t.Fatal(err)
	}
	document, lease := claim(t, store, workspace, ids[1], time.Minute)
	if _, err := store.Advance(ctx, lease, document, domain.Outcome{}, domain.StageInfo{}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Retry(ctx, workspace, ids[2], "by hand"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		sql(t, admin, "UPDATE replays SET next_at = clock_timestamp() - interval '1 second'")
		if err := store.StepReplay(ctx, workspace); err != nil {
			t.Fatal(err)
		}
	}
	replay, err = store.Replay(ctx, workspace, replay.ID)
	if err != nil || replay.Running() || replay.Released != 5 || replay.Done != 1 || replay.Failed != 1 {
		t.Fatalf("%+v %v", replay, err)
	}
	if statusOf(t, store, workspace, ids[0]).Status != domain.Failed || statusOf(t, store, workspace, untouched).Status != domain.Failed || statusOf(t, store, other, foreign).Status != domain.Failed {
		t.Fatal("something else was released")
	}
	if due, err := store.DueReplays(ctx); err != nil || len(due) != 0 {
		t.Fatalf("an ended replay is due: %v %v", due, err)
	}
	if _, err := store.Replay(ctx, other, replay.ID); !errors.Is(err, domain.ErrNotFound) {
		t.Fatalf("another workspace reads it: %v", err)
	}
	attempts, _, err := store.Timeline(ctx, workspace, ids[0])
	if err != nil || len(attempts) != 2 {
		t.Fatalf("the history was cut: %+v %v", attempts, err)
	}
	noGaps(t, admin, workspace)
}

func TestStoppedReplayReleasesNothingMore(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	id := fail(t, store, workspace, "away", "")
	replay, err := store.StartReplay(ctx, workspace, domain.DocumentQuery{}, 1, "me")
	if err != nil {
		t.Fatal(err)
	}
	if replay, err = store.StopReplay(ctx, workspace, replay.ID, "you"); err != nil || replay.Running() || replay.StoppedBy != "you" {
		t.Fatalf("%+v %v", replay, err)
	}
	if err := store.StepReplay(ctx, workspace); !errors.Is(err, domain.ErrNotDue) {
		t.Fatal(err)
	}
	if statusOf(t, store, workspace, id).Status != domain.Failed {
		t.Fatal("released after the stop")
	}
	if _, err := store.StartReplay(ctx, workspace, domain.DocumentQuery{}, 1, "me"); err != nil {
		t.Fatal("what was not released cannot be replayed: ", err)
	}
}

func TestReplayOfMails(t *testing.T) {
	store, _ := open(t)
	workspace := newWorkspace(t, store, "Acme")
	id := failMail(t, store, workspace)
	if _, err := store.StartReplay(t.Context(), workspace, domain.DocumentQuery{Stage: domain.UnpackStage, Kind: domain.KindDamaged}, 5, "me"); err != nil {
		t.Fatal(err)
	}
	if err := store.StepReplay(t.Context(), workspace); err != nil {
		t.Fatal(err)
	}
	mail, err := store.Mail(t.Context(), workspace, id)
	if err != nil || mail.Status != domain.MailAccepted || mail.Attempt != 0 {
		t.Fatalf("%+v %v", mail, err)
	}
	if due, err := store.Due(t.Context(), domain.Shard{Workspace: workspace}, 5); err != nil || len(due.Work) != 1 || due.Work[0].Mail != id {
		t.Fatalf("%v %v", due, err)
	}
}

func TestDiscardedFailuresCanBePutBack(t *testing.T) {
	store, admin := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	earlier := fail(t, store, workspace, "x", "")
	if _, _, err := store.DiscardFailures(ctx, workspace, domain.DocumentQuery{Kind: "x"}, "me"); err != nil {
		t.Fatal(err)
	}
	later, kept := fail(t, store, workspace, "x", ""), fail(t, store, workspace, "y", "")
	failMail(t, store, workspace)
	count, at, err := store.DiscardFailures(ctx, workspace, domain.DocumentQuery{Kind: "x"}, "me")
	if err != nil || count != 1 {
		t.Fatal(count, err)
	}
	failures, err := store.Failures(ctx, workspace, true)
	if err != nil || failures.Discarded != 2 || failures.Open != 2 || len(failures.Groups) != 1 || failures.Groups[0].Count != 2 {
		t.Fatalf("%+v %v", failures, err)
	}
	if count, err := store.RestoreFailures(ctx, workspace, domain.DocumentQuery{}, at, "me"); err != nil || count != 1 {
		t.Fatal(count, err)
	}
	for id, there := range map[domain.DocumentID]bool{earlier: false, later: true, kept: true} {
		if _, err := store.Document(ctx, workspace, id); (err == nil) != there {
			t.Errorf("%s: %v, want it there: %v", id, err, there)
		}
	}
	if count, err := store.RestoreFailures(ctx, workspace, domain.DocumentQuery{Kind: "x"}, time.Time{}, "me"); err != nil || count != 1 {
		t.Fatal(count, err)
	}
	noGaps(t, admin, workspace)
}

func TestPausedStageWaitsWithoutBurningAttempts(t *testing.T) {
	store, admin := open(t)
	ctx := t.Context()
	workspace, other := newWorkspace(t, store, "Acme"), newWorkspace(t, store, "Other")
	tried, queued, foreign := newDocument(t, store, workspace), newDocument(t, store, workspace), newDocument(t, store, other)
	coming := newDocument(t, store, workspace)
	sql(t, admin, "UPDATE documents SET stage = 'zero' WHERE id = $1", coming)
	_, lease := claim(t, store, workspace, tried, time.Minute)
	failure := domain.AsFailure(domain.NeedsPerson("signed_out", "Drive", "Google ended our access.", nil))
	if err := store.Fail(ctx, lease, domain.FailedAttempt{Failure: failure}, 0); err != nil {
		t.Fatal(err)
	}
	for _, id := range []domain.DocumentID{tried, queued} {
		d := statusOf(t, store, workspace, id)
		if d.Attempt != 0 || d.Waiting == nil || d.Waiting.Reason != "Google ended our access." || d.Waiting.Connection != "Drive" || d.Waiting.Since.IsZero() {
			t.Fatalf("%+v waiting %+v", d, d.Waiting)
		}
		if _, _, err := store.Claim(ctx, workspace, id, "node", time.Minute); !errors.Is(err, domain.ErrNotDue) {
			t.Fatalf("claimed while paused: %v", err)
		}
	}
	// One that arrives at the stage later waits as well.
	document, lease := claim(t, store, workspace, coming, time.Minute)
	d, err := store.Advance(ctx, lease, document, domain.Outcome{}, domain.StageInfo{Name: "first"}, 0)
	if err != nil || d.Status != domain.Queued || d.Waiting == nil || d.Attempt != 0 {
		t.Fatalf("%+v %v", d, err)
	}
	if due, err := store.DueWorkspaces(ctx); err != nil || !slices.Equal(due, []domain.WorkspaceID{other}) {
		t.Fatalf("due: %v %v", due, err)
	}
	if d := statusOf(t, store, other, foreign); d.Waiting != nil {
		t.Fatalf("another workspace is paused: %+v", d)
	}
	if b := checkBalance(t, store, workspace); b.Waiting != 3 || b.InProgress != 0 || b.Retrying != 0 {
		t.Fatalf("%+v", b)
	}
	failures, err := store.Failures(ctx, workspace, false)
	if err != nil || failures.Waiting != 3 || len(failures.Pauses) != 1 || failures.Pauses[0].Count != 3 || failures.Pauses[0].Oldest.IsZero() || failures.Pauses[0].Hours[domain.GroupHours-1] != 3 {
		t.Fatalf("%+v %v", failures, err)
	}

	// Changes tell the pages about documents that nobody touched.
	changes, err := store.Changes(ctx, workspace, 0)
	if err != nil {
		t.Fatal(err)
	}
	if goOn, err := store.Resume(ctx, workspace, "first", "", "me"); err != nil || goOn != 3 {
		t.Fatal(goOn, err)
	}
	after, err := store.Changes(ctx, workspace, changes.Seq)
	if err != nil || len(after.Documents) != 3 || after.Documents[0].Waiting != nil {
		t.Fatalf("%+v %v", after, err)
	}
	due, err := store.Due(ctx, domain.Shard{Workspace: workspace}, 5)
	if err != nil || len(due.Work) != 3 {
		t.Fatalf("due again: %v %v", due, err)
	}
	if d, _ := claim(t, store, workspace, tried, time.Minute); d.Attempt != 1 {
		t.Fatalf("attempt %d: the waiting cost one", d.Attempt)
	}
	if _, err := store.Resume(ctx, workspace, "first", "", "me"); !errors.Is(err, domain.ErrNotFound) {
		t.Fatalf("resumed twice: %v", err)
	}
	attempts, _, err := store.Timeline(ctx, workspace, tried)
	if err != nil || attempts[0].Outcome != domain.AttemptWaiting {
		t.Fatalf("%+v %v", attempts, err)
	}
	noGaps(t, admin, workspace)
}

func TestCancelFencesTheRunningStage(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	id := newDocument(t, store, workspace)
	_, lease := claim(t, store, workspace, id, time.Minute)
	document, err := store.Cancel(ctx, workspace, id, "me")
	if err != nil || document.Status != domain.Failed || document.Error.Kind != domain.KindCancelled {
		t.Fatalf("%+v %v", document, err)
	}
	if err := store.Renew(ctx, lease, time.Minute); !errors.Is(err, domain.ErrSuperseded) {
		t.Fatalf("the stage keeps its lease: %v", err)
	}
	if _, err := store.Advance(ctx, lease, document, domain.Outcome{}, domain.StageInfo{}, 0); !errors.Is(err, domain.ErrSuperseded) {
		t.Fatalf("the stage could commit: %v", err)
	}
	if _, err := store.Cancel(ctx, workspace, id, "me"); !errors.Is(err, domain.ErrNotDue) {
		t.Fatalf("cancelled twice: %v", err)
	}
	attempts, _, err := store.Timeline(ctx, workspace, id)
	if err != nil || len(attempts) != 1 || attempts[0].Outcome != domain.AttemptFailed || attempts[0].ErrorKind != domain.KindCancelled {
		t.Fatalf("%+v %v", attempts, err)
	}
	if document, err = store.Retry(ctx, workspace, id, "me"); err != nil || document.Status != domain.Queued {
		t.Fatalf("%+v %v", document, err)
	}
	if document, _ = claim(t, store, workspace, id, time.Minute); document.Attempt != 1 {
		t.Fatalf("%+v", document)
	}
}

func TestTryingCountsFromTheFirstAttempt(t *testing.T) {
	store, admin := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	id := newDocument(t, store, workspace)
	sql(t, admin, "UPDATE documents SET queued_at = queued_at - interval '30 hours', next_attempt_at = next_attempt_at - interval '30 hours'")
	document, lease := claim(t, store, workspace, id, time.Minute)
	if document.Trying > time.Minute {
		t.Fatalf("waiting in the queue counted: %s", document.Trying)
	}
	if err := store.Fail(ctx, lease, domain.FailedAttempt{Failure: &domain.Failure{Kind: "away"}, Retry: true}, 0); err != nil {
		t.Fatal(err)
	}
	sql(t, admin, "UPDATE documents SET tried_at = tried_at - interval '25 hours'")
	document, lease = claim(t, store, workspace, id, time.Minute)
	if document.Trying < 25*time.Hour || document.Trying > 25*time.Hour+time.Minute {
		t.Fatalf("trying for %s", document.Trying)
	}
	if document, err := store.Advance(ctx, lease, document, domain.Outcome{}, domain.StageInfo{Name: "second"}, 0); err != nil || document.Trying > time.Minute {
		t.Fatalf("the next stage inherits %s: %v", document.Trying, err)
	}
}
