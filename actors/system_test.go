package actors_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/actors"
	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/pipeline"
	"github.com/docuflow/docuflow/storage/postgres"
	"github.com/docuflow/docuflow/storage/postgres/postgrestest"
)

const loginPassword = "test"

func provision(ctx context.Context, superuserURL string) error {
	_, err := postgres.Provision(ctx, superuserURL, loginPassword)
	return err
}

// stage is a stage whose work the test gives.
type stage struct {
	name domain.StageName
	run  func(context.Context, domain.Document) (domain.Outcome, error)
}

func (s stage) Info() domain.StageInfo { return domain.StageInfo{Name: s.name} }

func (s stage) Run(ctx context.Context, d domain.Document) (domain.Outcome, error) {
	return s.run(ctx, d)
}

func succeed(context.Context, domain.Document) (domain.Outcome, error) { return domain.Outcome{}, nil }

// unpacker makes no documents.
type unpacker struct {
	run func(context.Context, domain.Mail) (domain.Unpacked, error)
}

func (u unpacker) Run(ctx context.Context, m domain.Mail) (domain.Unpacked, error) {
	return u.run(ctx, m)
}

// fixture is a node on a database of its own.
type fixture struct {
	t         testing.TB
	admin     string
	store     *postgres.Store
	workspace domain.WorkspaceID
	config    actors.Config
}

func newFixture(t testing.TB, stages ...stage) *fixture {
	t.Helper()
	f := &fixture{t: t, admin: postgrestest.New(t, provision)}
	login, err := url.Parse(f.admin)
	if err != nil {
		t.Fatal(err)
	}
	login.User = url.UserPassword("docuflow", loginPassword)
	log := slog.New(slog.DiscardHandler)
	if f.store, err = postgres.Open(t.Context(), login.String(), log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.store.Close)
	workspace, _, err := f.store.NewWorkspace(t.Context(), "Acme", "in.example", "me@acme.example")
	if err != nil {
		t.Fatal(err)
	}
	f.workspace = workspace.ID
	policy := domain.RetryPolicy{Attempts: 3, Base: time.Millisecond, Cap: 4 * time.Millisecond, Timeout: 10 * time.Second}
	f.config = actors.Config{
		Node: "node", Queue: f.store, Documents: f.store, Mails: f.store, Leases: f.store,
		Unpack:       unpacker{run: func(context.Context, domain.Mail) (domain.Unpacked, error) { return domain.Unpacked{}, nil }},
		UnpackPolicy: policy, LeaseTTL: 30 * time.Second, Slots: 4, HeavySlots: 2, ScanEvery: 20 * time.Millisecond, IdleAfter: time.Minute, Log: log,
	}
	for _, s := range stages {
		f.config.Steps = append(f.config.Steps, pipeline.Step{Stage: s, Policy: policy})
	}
	return f
}

// start runs a node until the test ends.
func (f *fixture) start() *actors.System {
	f.t.Helper()
	system := actors.New(f.config)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := system.Run(ctx); err != nil {
			f.t.Error(err)
		}
	})
	f.t.Cleanup(func() {
		stop()
		running.Wait()
		ending, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		system.Stop(ending)
	})
	return system
}

func (f *fixture) newDocument() domain.DocumentID {
	f.t.Helper()
	document, err := f.store.AddDocument(f.t.Context(), f.workspace, domain.NewDocument{
		ID: domain.DocumentID(uuid.NewString()), FileName: "a.pdf", SHA256: "00", Original: "k", Stage: f.config.Steps[0].Info().Name,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return document.ID
}

// await polls until the document is as the condition wants it.
func (f *fixture) await(id domain.DocumentID, condition func(domain.Document) bool) domain.Document {
	f.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		document, err := f.store.Document(f.t.Context(), f.workspace, id)
		if err != nil {
			f.t.Fatal(err)
		}
		if condition(document) {
			return document
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("the document stays %+v", document)
		}
	}
}

func (f *fixture) attempts(id domain.DocumentID) (outcomes []string) {
	f.t.Helper()
	attempts, _, err := f.store.Timeline(f.t.Context(), f.workspace, id)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, a := range attempts {
		outcomes = append(outcomes, fmt.Sprintf("%s %d %s", a.Stage, a.Number, a.Outcome))
	}
	return outcomes
}

// sql changes rows behind the program's back.
func (f *fixture) sql(statement string, args ...any) {
	f.t.Helper()
	conn, err := pgx.Connect(f.t.Context(), f.admin)
	if err != nil {
		f.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(f.t.Context(), statement, args...); err != nil {
		f.t.Fatal(err)
	}
}

func is(status domain.Status) func(domain.Document) bool {
	return func(d domain.Document) bool { return d.Status == status }
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
}

// No test but one kicks: the scan alone must find all work.

func TestStagesRunInOrder(t *testing.T) {
	f := newFixture(t, stage{"one", succeed}, stage{"two", succeed}, stage{"three", succeed})
	f.start()
	id := f.newDocument()
	f.await(id, is(domain.Completed))
	expect(t, f.attempts(id), "one 1 done", "two 1 done", "three 1 done")
}

func TestKickNeedsNoScan(t *testing.T) {
	f := newFixture(t, stage{"one", succeed})
	f.config.ScanEvery = time.Hour
	system := f.start()
	id := f.newDocument()
	system.Kick(f.workspace)
	f.await(id, is(domain.Completed))
}

func TestTemporaryFailureIsRetriedUntilTheBudgetIsSpent(t *testing.T) {
	f := newFixture(t, stage{"one", func(context.Context, domain.Document) (domain.Outcome, error) {
		return domain.Outcome{}, domain.Temporary("flaky", "It did not work.", errors.New("internal detail"))
	}})
	f.start()
	id := f.newDocument()
	document := f.await(id, is(domain.Failed))
	expect(t, f.attempts(id), "one 1 retry", "one 2 retry", "one 3 failed")
	if *document.Error != (domain.StageError{Stage: "one", Kind: "flaky", Message: "It did not work."}) {
		t.Fatalf("%+v", document.Error)
	}
}

func TestPermanentFailureIsFinalAndRetryGivesAFreshBudget(t *testing.T) {
	var mended atomic.Bool
	f := newFixture(t, stage{"one", func(context.Context, domain.Document) (domain.Outcome, error) {
		if mended.Load() {
			return domain.Outcome{}, nil
		}
		return domain.Outcome{}, fmt.Errorf("wrapped: %w", domain.Permanent(domain.KindPassword, "Locked.", nil))
	}})
	f.start()
	id := f.newDocument()
	f.await(id, is(domain.Failed))
	expect(t, f.attempts(id), "one 1 failed")
	mended.Store(true)
	if _, err := f.store.Retry(t.Context(), f.workspace, id, "me"); err != nil {
		t.Fatal(err)
	}
	f.await(id, is(domain.Completed))
	expect(t, f.attempts(id), "one 1 failed", "one 1 done")
}

func TestPanicIsOneFailedAttempt(t *testing.T) {
	var calls atomic.Int32
	f := newFixture(t, stage{"one", func(context.Context, domain.Document) (domain.Outcome, error) {
		if calls.Add(1) == 1 {
			panic("boom")
		}
		return domain.Outcome{}, nil
	}})
	f.start()
	id := f.newDocument()
	f.await(id, is(domain.Completed))
	expect(t, f.attempts(id), "one 1 retry", "one 2 done")
}

func TestTimeoutCancelsTheStage(t *testing.T) {
	f := newFixture(t, stage{"one", func(ctx context.Context, _ domain.Document) (domain.Outcome, error) {
		<-ctx.Done()
		return domain.Outcome{}, ctx.Err()
	}})
	f.config.Steps[0].Policy.Timeout = 10 * time.Millisecond
	f.start()
	document := f.await(f.newDocument(), is(domain.Failed))
	if document.Error.Kind != domain.KindTimeout {
		t.Fatalf("%+v", document.Error)
	}
}

func TestLostLeaseCancelsTheWorkAndWritesNothing(t *testing.T) {
	started, cancelled := make(chan struct{}), make(chan struct{})
	f := newFixture(t, stage{"one", func(ctx context.Context, _ domain.Document) (domain.Outcome, error) {
		close(started)
		<-ctx.Done()
		close(cancelled)
		return domain.Outcome{Note: "stale"}, nil
	}})
	f.config.LeaseTTL = 300 * time.Millisecond
	f.start()
	id := f.newDocument()
	<-started
	f.sql("UPDATE documents SET epoch = epoch + 1, lease_node = 'other', lease_until = now() + interval '1 hour' WHERE id = $1", id)
	select {
	case <-cancelled:
	case <-time.After(10 * time.Second):
		t.Fatal("the stage goes on without its lease")
	}
	document := f.await(id, is(domain.Processing))
	expect(t, f.attempts(id), "one 1 ")
	if document.Stage != "one" {
		t.Fatalf("%+v", document)
	}
}

func TestLongStageKeepsItsLease(t *testing.T) {
	finish := make(chan struct{})
	var runs atomic.Int32
	f := newFixture(t, stage{"one", func(ctx context.Context, _ domain.Document) (domain.Outcome, error) {
		runs.Add(1)
		select {
		case <-finish:
			return domain.Outcome{}, nil
		case <-ctx.Done():
			return domain.Outcome{}, ctx.Err()
		}
	}})
	f.config.LeaseTTL = time.Second
	f.start()
	id := f.newDocument()
	f.await(id, is(domain.Processing))
	time.Sleep(3 * f.config.LeaseTTL) // longer than the lease: only renewals keep it
	close(finish)
	f.await(id, is(domain.Completed))
	if runs.Load() != 1 {
		t.Fatalf("ran %d times", runs.Load())
	}
}

func TestWorkOfADeadNodeIsTakenUp(t *testing.T) {
	f := newFixture(t, stage{"one", succeed})
	id := f.newDocument()
	if _, _, err := f.store.Claim(t.Context(), f.workspace, id, "dead", 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	f.start()
	f.await(id, is(domain.Completed))
	expect(t, f.attempts(id), "one 1 lost", "one 2 done")
}

func TestDocumentThatKillsNodesIsGivenUp(t *testing.T) {
	f := newFixture(t, stage{"one", succeed})
	id := f.newDocument()
	for range f.config.Steps[0].Policy.Attempts {
		if _, _, err := f.store.Claim(t.Context(), f.workspace, id, "dead", -time.Second); err != nil {
			t.Fatal(err)
		}
	}
	f.start()
	document := f.await(id, is(domain.Failed))
	if document.Error.Kind != domain.KindKilled {
		t.Fatalf("%+v", document.Error)
	}
}

func TestSlotsBoundAWorkspace(t *testing.T) {
	var now, most atomic.Int32
	f := newFixture(t, stage{"one", func(context.Context, domain.Document) (domain.Outcome, error) {
		defer now.Add(-1)
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(time.Millisecond)
		return domain.Outcome{}, nil
	}})
	f.config.Slots = 2
	f.start()
	var ids []domain.DocumentID
	for range 12 {
		ids = append(ids, f.newDocument())
	}
	for _, id := range ids {
		f.await(id, is(domain.Completed))
	}
	if most.Load() > 2 {
		t.Fatalf("%d at a time", most.Load())
	}
}

func TestStopGivesTheClaimBack(t *testing.T) {
	started := make(chan struct{}, 1)
	f := newFixture(t, stage{"one", func(ctx context.Context, _ domain.Document) (domain.Outcome, error) {
		started <- struct{}{}
		<-ctx.Done()
		return domain.Outcome{}, ctx.Err()
	}})
	system := f.start()
	id := f.newDocument()
	<-started
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := system.Stop(ctx); !errors.Is(err, actors.ErrCutOff) {
		t.Fatalf("a stage was cut off and Stop says %v", err)
	}
	document := f.await(id, is(domain.Queued))
	if document.Attempt != 0 {
		t.Fatalf("the cut cost %d attempts", document.Attempt)
	}
	due, err := f.store.Due(t.Context(), domain.Shard{Workspace: f.workspace}, 1)
	if err != nil || len(due.Work) != 1 {
		t.Fatalf("not due at once: %v %v", due, err)
	}
}

func TestMailIsUnpackedAndItsDocumentsFollow(t *testing.T) {
	f := newFixture(t, stage{"one", succeed})
	document := domain.DocumentID(uuid.NewString())
	var calls atomic.Int32
	f.config.Unpack = unpacker{run: func(_ context.Context, m domain.Mail) (domain.Unpacked, error) {
		if calls.Add(1) == 1 {
			return domain.Unpacked{}, errors.New("storage did not answer")
		}
		return domain.Unpacked{MessageID: "m", Disposition: domain.DispositionDocuments, Documents: []domain.NewDocument{
			{ID: document, Mail: m.ID, MessageID: "m", SHA256: "00", Stage: "one"},
		}}, nil
	}}
	f.start()
	id := domain.MailID(uuid.NewString())
	if err := f.store.AddMail(t.Context(), domain.Mail{ID: id, Workspace: f.workspace}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		mail, err := f.store.Mail(t.Context(), f.workspace, id)
		if err != nil {
			t.Fatal(err)
		}
		if mail.Status == domain.MailUnpacked {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", mail)
		}
	}
	f.await(document, is(domain.Completed))
}
