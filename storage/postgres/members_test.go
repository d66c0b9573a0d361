package postgres_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/postgres"
)

const memberTTL = 10 * time.Second

func join(t *testing.T, store *postgres.Store, node, address string) domain.Member {
	t.Helper()
	member := domain.Member{ID: uuid.NewString(), Node: node, Address: address}
	if err := store.Join(t.Context(), member); err != nil {
		t.Fatal(err)
	}
	return member
}

func nodes(members []domain.Member) (names []string) {
	for _, member := range members {
		names = append(names, member.Node)
	}
	return names
}

// age moves a member's times into the past, as silence would.
func age(t *testing.T, super *pgx.Conn, member domain.Member, beat, steady time.Duration) {
	t.Helper()
	_, err := super.Exec(t.Context(), `UPDATE cluster_members SET beat_at = clock_timestamp() - $2::interval, steady_since = clock_timestamp() - $3::interval WHERE id = $1`,
		member.ID, beat, steady)
	if err != nil {
		t.Fatal(err)
	}
}

func expectNodes(t *testing.T, store *postgres.Store, want ...string) {
	t.Helper()
	members, err := store.Members(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	expect(t, nodes(members), want...)
}

func TestSilentMemberIsEvictedAndLearnsIt(t *testing.T) {
	store, admin := open(t)
	super := connect(t, admin)
	a, b := join(t, store, "a", "127.0.0.1:1"), join(t, store, "b", "127.0.0.1:2")
	a.Documents, a.Mails, a.Draining = 3, 2, true
	members, err := store.Beat(t.Context(), a, memberTTL)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, nodes(members), "a", "b")
	if got := members[0]; got.Documents != 3 || got.Mails != 2 || !got.Draining || got.Address != "127.0.0.1:1" || got.StartedAt.IsZero() {
		t.Errorf("%+v", got)
	}
	age(t, super, a, time.Second, 2*memberTTL)
	age(t, super, b, memberTTL+time.Second, 2*memberTTL)
	if members, err = store.Beat(t.Context(), a, memberTTL); err != nil {
		t.Fatal(err)
	}
	expect(t, nodes(members), "a")
	if _, err := store.Beat(t.Context(), b, memberTTL); !errors.Is(err, domain.ErrEvicted) {
		t.Fatalf("the evicted member's beat: %v", err)
	}
	expectNodes(t, store, "a")
}

// When the database was away, every member is late. The first one to come
// back must not throw out the others.
func TestPauseOfTheDatabaseEvictsNobody(t *testing.T) {
	store, admin := open(t)
	super := connect(t, admin)
	a, b := join(t, store, "a", "127.0.0.1:1"), join(t, store, "b", "127.0.0.1:2")
	for _, member := range []domain.Member{a, b} {
		age(t, super, member, 6*memberTTL, 10*memberTTL)
	}
	for _, member := range []domain.Member{a, a, b} {
		if _, err := store.Beat(t.Context(), member, memberTTL); err != nil {
			t.Fatal(err)
		}
	}
	expectNodes(t, store, "a", "b")
}

func TestNewProcessTakesTheNameOrTheAddress(t *testing.T) {
	store, _ := open(t)
	named := join(t, store, "a", "")
	join(t, store, "a", "127.0.0.1:1")
	if _, err := store.Beat(t.Context(), named, memberTTL); !errors.Is(err, domain.ErrEvicted) {
		t.Fatalf("two processes with one name: %v", err)
	}
	join(t, store, "b", "127.0.0.1:1")
	last := join(t, store, "c", "")
	join(t, store, "d", "")
	expectNodes(t, store, "b", "c", "d")
	for range 2 {
		if err := store.Leave(t.Context(), last); err != nil {
			t.Fatal(err)
		}
	}
	expectNodes(t, store, "b", "d")
}

func TestQueueCountsAllWorkspaces(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	if queue, err := store.Queue(ctx); err != nil || !queue.OldestDue.IsZero() || queue.DocumentsDue != 0 || len(queue.Stages) != 0 {
		t.Fatalf("empty: %+v %v", queue, err)
	}
	alpha, beta := newWorkspace(t, store, "Alpha"), newWorkspace(t, store, "Beta")
	newDocument(t, store, alpha)
	working, failed := newDocument(t, store, beta), newDocument(t, store, beta)
	claim(t, store, beta, working, time.Minute)
	_, lease := claim(t, store, beta, failed, time.Minute)
	if err := store.Fail(ctx, lease, domain.FailedAttempt{Failure: &domain.Failure{Kind: "x"}}, 0); err != nil {
		t.Fatal(err)
	}
	if err := store.AddMail(ctx, domain.Mail{ID: domain.MailID(uuid.NewString()), Workspace: alpha}); err != nil {
		t.Fatal(err)
	}
	queue, err := store.Queue(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if queue.DocumentsDue != 1 || queue.MailsDue != 1 || queue.MailsWaiting != 1 || queue.MailsFailed != 0 || queue.OldestDue.IsZero() {
		t.Errorf("%+v", queue)
	}
	got := map[domain.StageCount]bool{}
	for _, count := range queue.Stages {
		got[count] = true
	}
	for _, want := range []domain.StageCount{{Stage: "first", Status: domain.Queued, Documents: 1}, {Stage: "first", Status: domain.Processing, Documents: 1}, {Stage: "first", Status: domain.Failed, Documents: 1}} {
		if !got[want] || len(got) != 3 {
			t.Errorf("%+v, want %+v among them", queue.Stages, want)
		}
	}
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
}
