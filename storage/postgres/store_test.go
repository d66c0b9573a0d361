package postgres_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/postgres"
	"github.com/docuflow/docuflow/storage/postgres/postgrestest"
)

const loginPassword = "test"

func provision(ctx context.Context, superuserURL string) error {
	_, err := postgres.Provision(ctx, superuserURL, loginPassword)
	return err
}

// open gives a store on a migrated database of its own, and the superuser's URL.
func open(t testing.TB) (*postgres.Store, string) {
	t.Helper()
	admin := postgrestest.New(t, provision)
	store, err := postgres.Open(t.Context(), loginURL(t, admin), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store, admin
}

func loginURL(t testing.TB, admin string) string {
	t.Helper()
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("docuflow", loginPassword)
	return u.String()
}

func newWorkspace(t testing.TB, store *postgres.Store, name string) domain.WorkspaceID {
	t.Helper()
	workspace, _, err := store.NewWorkspace(t.Context(), name, "in.example", strings.ToLower(name)+"@owner.example")
	if err != nil {
		t.Fatal(err)
	}
	return workspace.ID
}

func newDocument(t testing.TB, store *postgres.Store, workspace domain.WorkspaceID) domain.DocumentID {
	t.Helper()
	document, err := store.AddDocument(t.Context(), workspace, domain.NewDocument{
		ID: domain.DocumentID(uuid.NewString()), Sender: "a@sender.example", FileName: "invoice.pdf", MediaType: "application/pdf",
		Size: 10, SHA256: uuid.NewString(), Original: "k", Stage: "first",
	})
	if err != nil {
		t.Fatal(err)
	}
	return document.ID
}

func claim(t testing.TB, store *postgres.Store, workspace domain.WorkspaceID, id domain.DocumentID, ttl time.Duration) (domain.Document, domain.Lease) {
	t.Helper()
	document, lease, err := store.Claim(t.Context(), workspace, id, "node", ttl)
	if err != nil {
		t.Fatal(err)
	}
	return document, lease
}

func TestSuperuserIsRefused(t *testing.T) {
	admin := postgrestest.New(t, provision)
	_, err := postgres.Open(t.Context(), admin, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "superuser") {
		t.Fatalf("opened as superuser: %v", err)
	}
}

func TestStatusOfAnEmptyDatabase(t *testing.T) {
	admin := postgrestest.New(t, nil)
	states, err := postgres.MigrationStatus(t.Context(), admin)
	if err != nil || len(states) == 0 || states[0].Applied {
		t.Fatalf("status of an empty database: %v %v", states, err)
	}
}

func TestMigrateUpAndDown(t *testing.T) {
	admin := postgrestest.New(t, nil)
	ctx := t.Context()
	if err := postgres.Migrate(ctx, admin); err != nil {
		t.Fatal(err)
	}
	states, err := postgres.MigrationStatus(ctx, admin)
	if err != nil {
		t.Fatal(err)
	}
	for range states {
		if err := postgres.MigrateDown(ctx, admin); err != nil {
			t.Fatal(err)
		}
	}
	if err := postgres.Migrate(ctx, admin); err != nil {
		t.Fatal("up again: ", err)
	}
}

func TestStageByStageToCompleted(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	id := newDocument(t, store, workspace)

	document, lease := claim(t, store, workspace, id, time.Minute)
	if document.Status != domain.Processing || document.Attempt != 1 || document.Stage != "first" {
		t.Fatalf("claimed: %+v", document)
	}
	if _, _, err := store.Claim(ctx, workspace, id, "other", time.Minute); !errors.Is(err, domain.ErrNotDue) {
		t.Fatalf("a second claim while the lease runs: %v", err)
	}

	fields := domain.Fields{domain.VendorName: {Value: "Nordlys", Confidence: 0.9}, domain.TotalAmount: {Value: "12.50"}}
	document, err := store.Advance(ctx, lease, document, domain.Outcome{
		Note: "read", Fields: fields, Review: []domain.ReviewReason{{Field: domain.TotalAmount, Message: "unclear"}},
	}, domain.StageInfo{Name: "second"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if document.Stage != "second" || document.Fields.Value(domain.VendorName) != "Nordlys" || !document.NeedsReview() {
		t.Fatalf("advanced: %+v", document)
	}
	document, err = store.Advance(ctx, lease, document, domain.Outcome{}, domain.StageInfo{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if document.Status != domain.Completed || document.CompletedAt.IsZero() {
		t.Fatalf("completed: %+v", document)
	}
	attempts, events, err := store.Timeline(ctx, workspace, id)
	if err != nil {
		t.Fatal(err)
	}
	if len(attempts) != 2 || attempts[0].Outcome != domain.AttemptDone || attempts[1].Stage != "second" || attempts[1].FinishedAt.IsZero() {
		t.Fatalf("attempts: %+v", attempts)
	}
	if len(events) != 3 || events[len(events)-1].Kind != "document.received" {
		t.Fatalf("events: %+v", events)
	}
	page, err := store.Documents(ctx, workspace, domain.DocumentQuery{Text: "nordl", Limit: 10})
	if err != nil || len(page.Documents) != 1 {
		t.Fatalf("search: %+v %v", page, err)
	}
}

func TestSupersededLeaseWritesNothing(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	id := newDocument(t, store, workspace)
	_, stale := claim(t, store, workspace, id, -time.Second) // expired at once
	_, current := claim(t, store, workspace, id, time.Minute)
	before, err := store.Document(ctx, workspace, id)
	if err != nil {
		t.Fatal(err)
	}

	failed := domain.FailedAttempt{Failure: &domain.Failure{Kind: "x", Message: "x"}}
	_, advanceErr := store.Advance(ctx, stale, before, domain.Outcome{Note: "stale"}, domain.StageInfo{}, 0)
	for name, err := range map[string]error{
		"advance": advanceErr,
		"fail":    store.Fail(ctx, stale, failed, 0),
		"renew":   store.Renew(ctx, stale, time.Minute),
		"release": store.Release(ctx, stale),
	} {
		if !errors.Is(err, domain.ErrSuperseded) {
			t.Errorf("%s under a lost lease: %v", name, err)
		}
	}
	after, err := store.Document(ctx, workspace, id)
	if err != nil || after.Seq != before.Seq || after.Status != domain.Processing {
		t.Fatalf("the stale lease changed the row: %+v, was %+v (%v)", after, before, err)
	}
	attempts, _, err := store.Timeline(ctx, workspace, id)
	if err != nil || len(attempts) != 2 || attempts[0].Outcome != domain.AttemptLost {
		t.Fatalf("attempts: %+v %v", attempts, err)
	}
	if _, err := store.Advance(ctx, current, before, domain.Outcome{}, domain.StageInfo{}, 0); err != nil {
		t.Fatal("the current lease: ", err)
	}
}

// The database may commit and then go away before it says so. The node writes
// again, as it must.
func TestAdvanceIsHarmlessToRepeat(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	id := newDocument(t, store, workspace)
	document, lease := claim(t, store, workspace, id, time.Minute)
	next := domain.StageInfo{Name: "second"}
	first, err := store.Advance(ctx, lease, document, domain.Outcome{Note: "read"}, next, 0)
	if err != nil {
		t.Fatal(err)
	}
	again, err := store.Advance(ctx, lease, document, domain.Outcome{Note: "read"}, next, 0)
	if err != nil || again.Stage != "second" || again.Seq != first.Seq {
		t.Fatalf("again: %+v, was %+v (%v)", again, first, err)
	}
	attempts, _, err := store.Timeline(ctx, workspace, id)
	if err != nil || len(attempts) != 2 || attempts[1].Stage != "second" || attempts[1].Outcome != domain.AttemptRunning {
		t.Fatalf("attempts: %+v %v", attempts, err)
	}
}

func TestUncountedFailureLeavesTheBudgetAlone(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	id := newDocument(t, store, workspace)
	away := domain.FailedAttempt{Failure: &domain.Failure{Kind: domain.KindStorage, Message: "away"}, Retry: true, RetryIn: time.Nanosecond, Uncounted: true}
	for range 3 {
		document, lease := claim(t, store, workspace, id, time.Minute)
		if document.Attempt != 1 {
			t.Fatalf("document: attempt %d", document.Attempt)
		}
		if err := store.Fail(ctx, lease, away, 0); err != nil {
			t.Fatal(err)
		}
	}
	mail := domain.Mail{ID: domain.MailID(uuid.NewString()), Workspace: workspace, Recipient: "a@in.example", Raw: "k"}
	if err := store.AddMail(ctx, mail); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		claimed, lease, err := store.ClaimMail(ctx, workspace, mail.ID, "unpack", "node", time.Minute)
		if err != nil || claimed.Attempt != 1 || claimed.Trying <= 0 {
			t.Fatalf("mail: %+v %v", claimed, err)
		}
		if err := store.FailMail(ctx, lease, away); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFailRetryAndDeadLetter(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	id := newDocument(t, store, workspace)
	failure := &domain.Failure{Kind: "damaged", Message: "The file is damaged."}

	_, lease := claim(t, store, workspace, id, time.Minute)
	if err := store.Fail(ctx, lease, domain.FailedAttempt{Failure: failure, Retry: true, RetryIn: time.Hour}, 0); err != nil {
		t.Fatal(err)
	}
	document, err := store.Document(ctx, workspace, id)
	if err != nil || document.Status != domain.Retrying || document.Error.Kind != "damaged" {
		t.Fatalf("retrying: %+v %v", document, err)
	}
	if wait := time.Until(document.NextAttemptAt); wait < 59*time.Minute {
		t.Fatalf("next attempt in %s", wait)
	}
	if due, err := store.DueWorkspaces(ctx); err != nil || len(due) != 0 {
		t.Fatalf("due before its time: %v %v", due, err)
	}
	if document, err = store.Retry(ctx, workspace, id, "me"); err != nil || document.Status != domain.Queued || document.Attempt != 0 {
		t.Fatalf("retry now: %+v %v", document, err)
	}
	_, lease = claim(t, store, workspace, id, time.Minute)
	if err := store.Fail(ctx, lease, domain.FailedAttempt{Failure: failure}, 0); err != nil {
		t.Fatal(err)
	}
	if document, err = store.Document(ctx, workspace, id); err != nil || document.Status != domain.Failed {
		t.Fatalf("dead letter: %+v %v", document, err)
	}
	if due, err := store.Due(ctx, domain.Shard{Workspace: workspace}, 10); err != nil || len(due.Work) != 0 {
		t.Fatalf("a dead letter is due: %v %v", due, err)
	}
}

func TestReleaseDoesNotBurnAnAttempt(t *testing.T) {
	store, _ := open(t)
	workspace := newWorkspace(t, store, "Acme")
	id := newDocument(t, store, workspace)
	_, lease := claim(t, store, workspace, id, time.Minute)
	if err := store.Release(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	document, _ := claim(t, store, workspace, id, time.Minute)
	if document.Attempt != 1 {
		t.Fatalf("attempt %d after a release", document.Attempt)
	}
}

func TestLockedFieldSurvivesALaterRun(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	id := newDocument(t, store, workspace)
	value := "NOK"
	if _, err := store.Edit(ctx, workspace, id, map[domain.FieldName]*string{domain.Currency: &value}, "me"); err != nil {
		t.Fatal(err)
	}
	document, lease := claim(t, store, workspace, id, time.Minute)
	document, err := store.Advance(ctx, lease, document, domain.Outcome{
		Fields: domain.Fields{domain.Currency: {Value: "SEK"}, domain.VendorName: {Value: "V"}},
		Review: []domain.ReviewReason{{Field: domain.Currency, Message: "unclear"}},
	}, domain.StageInfo{}, 0)
	if err != nil || document.Fields.Value(domain.Currency) != "NOK" || document.Fields.Value(domain.VendorName) != "V" || document.NeedsReview() {
		t.Fatalf("%+v %v", document, err)
	}
}

func TestApprovalIsTakenBack(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	id := newDocument(t, store, workspace)
	document, lease := claim(t, store, workspace, id, time.Minute)
	_, err := store.Advance(ctx, lease, document, domain.Outcome{
		Fields: domain.Fields{domain.Currency: {Value: "SEK"}, domain.VendorName: {Value: "V"}},
		Review: []domain.ReviewReason{{Field: domain.Currency, Message: "unclear"}, {Field: domain.VendorName, Message: "two fit"}},
	}, domain.StageInfo{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.TakeBack(ctx, workspace, id, "me"); !errors.Is(err, domain.ErrNotDue) {
		t.Fatalf("nothing was approved: %v", err)
	}
	for range 2 { // approving twice keeps the reasons
		if approved, err := store.Approve(ctx, workspace, id, "me"); err != nil || approved.NeedsReview() {
			t.Fatalf("%+v %v", approved.Review, err)
		}
	}
	value := "NOK"
	if _, err := store.Edit(ctx, workspace, id, map[domain.FieldName]*string{domain.Currency: &value}, "me"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.TakeBack(ctx, newWorkspace(t, store, "Other"), id, "x"); !errors.Is(err, domain.ErrNotFound) {
		t.Fatalf("another workspace: %v", err)
	}
	back, err := store.TakeBack(ctx, workspace, id, "me")
	if err != nil || len(back.Review) != 1 || back.Review[0].Field != domain.VendorName {
		t.Fatalf("%+v %v", back.Review, err)
	}
	if _, err := store.TakeBack(ctx, workspace, id, "me"); !errors.Is(err, domain.ErrNotDue) {
		t.Fatalf("twice: %v", err)
	}
}

func TestRedeliveredMailMakesNoSecondDocument(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	var dispositions []domain.Disposition
	for range 2 {
		id := domain.MailID(uuid.NewString())
		if err := store.AddMail(ctx, domain.Mail{ID: id, Workspace: workspace, Raw: "r", SHA256: "11"}); err != nil {
			t.Fatal(err)
		}
		_, lease, err := store.ClaimMail(ctx, workspace, id, "unpack", "node", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		document := domain.DocumentID(uuid.NewString())
		err = store.FinishMail(ctx, lease, domain.Unpacked{
			MessageID: "m@x", Disposition: domain.DispositionDocuments, Parts: []domain.Part{{Used: true, Document: document}},
			Documents: []domain.NewDocument{{ID: document, Mail: id, MessageID: "m@x", SHA256: "aa", Stage: "first"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		mail, err := store.Mail(ctx, workspace, id)
		if err != nil {
			t.Fatal(err)
		}
		dispositions = append(dispositions, mail.Disposition)
	}
	page, err := store.Documents(ctx, workspace, domain.DocumentQuery{Limit: 10})
	if err != nil || len(page.Documents) != 1 {
		t.Fatalf("documents: %d %v", len(page.Documents), err)
	}
	if dispositions[0] != domain.DispositionDocuments || dispositions[1] != domain.DispositionDuplicate {
		t.Fatal(dispositions)
	}
}

func TestChangesCoverEverySequence(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	first := newDocument(t, store, workspace)
	changes, err := store.Changes(ctx, workspace, 0)
	if err != nil || len(changes.Documents) != 1 || changes.Seq != 1 {
		t.Fatalf("%+v %v", changes, err)
	}
	newDocument(t, store, workspace)
	if err := store.Discard(ctx, workspace, first, "me"); err != nil {
		t.Fatal(err)
	}
	changes, err = store.Changes(ctx, workspace, changes.Seq)
	if err != nil || len(changes.Documents) != 2 || changes.Documents[1].ID != first || changes.Documents[1].DiscardedAt.IsZero() || changes.Seq != 3 {
		t.Fatalf("%+v %v", changes, err)
	}
}

func TestPlaceAndSums(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	older, newer := newDocument(t, store, workspace), newDocument(t, store, workspace)
	for id, total := range map[domain.DocumentID]string{older: "10.50", newer: "-0.25"} {
		currency := "EUR"
		if _, err := store.Edit(ctx, workspace, id, map[domain.FieldName]*string{domain.TotalAmount: &total, domain.Currency: &currency}, "me"); err != nil {
			t.Fatal(err)
		}
	}
	sums, err := store.Sums(ctx, workspace, domain.DocumentQuery{}, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	if err != nil || len(sums) != 1 || sums[0].Currency != "EUR" || sums[0].Amount.String() != "10.25" || sums[0].Documents != 2 {
		t.Fatalf("%v %v", sums, err)
	}
	place, err := store.Place(ctx, workspace, domain.DocumentQuery{}, older)
	if err != nil || place != (domain.Place{Index: 2, Of: 2, Newer: newer}) {
		t.Fatalf("%+v %v", place, err)
	}
	if _, err := store.Place(ctx, workspace, domain.DocumentQuery{Status: domain.Failed}, older); !errors.Is(err, domain.ErrNotFound) {
		t.Fatal(err)
	}
}

func TestReservationIsRepeatableAndUnique(t *testing.T) {
	store, _ := open(t)
	workspace := newWorkspace(t, store, "Acme")
	one, two := newDocument(t, store, workspace), newDocument(t, store, workspace)
	propose := func(n int) (string, error) { return "a" + strings.Repeat("+", n-1), nil }
	var references []string
	for _, id := range []domain.DocumentID{one, two} {
		first, err := store.Reserve(t.Context(), workspace, id, "folder", propose)
		if err != nil {
			t.Fatal(err)
		}
		again, err := store.Reserve(t.Context(), workspace, id, "folder", func(int) (string, error) { return "", errors.New("a repeat proposes nothing") })
		if err != nil || again != first || !first.At.IsZero() {
			t.Fatalf("%+v then %+v %v", first, again, err)
		}
		references = append(references, first.Reference)
	}
	if !slices.Equal(references, []string{"a", "a+"}) {
		t.Fatal(references)
	}
	third := newDocument(t, store, workspace)
	if got, err := store.Reserve(t.Context(), workspace, third, "folder", propose); err != nil || got.Reference != "a++" {
		t.Fatalf("third: %+v %v", got, err)
	}
	if err := store.Delivered(t.Context(), workspace, one, domain.Delivery{Destination: "folder", Link: "l"}); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Reserve(t.Context(), workspace, one, "folder", propose); err != nil || got.At.IsZero() || got.Link != "l" {
		t.Fatalf("delivered: %+v %v", got, err)
	}
}

func TestSignInLinkWorksOnce(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	link, err := store.NewSignInLink(ctx, workspace, "acme@owner.example")
	if err != nil {
		t.Fatal(err)
	}
	token, session, err := store.SignIn(ctx, link, domain.Arrival{})
	if err != nil || session.Workspace.ID != workspace {
		t.Fatalf("%+v %v", session, err)
	}
	if _, _, err := store.SignIn(ctx, link, domain.Arrival{}); !errors.Is(err, domain.ErrNotFound) {
		t.Fatalf("second use: %v", err)
	}
	if _, err := store.Session(ctx, token); err != nil {
		t.Fatal(err)
	}
	if err := store.SignOut(ctx, token); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Session(ctx, token); !errors.Is(err, domain.ErrNotFound) {
		t.Fatalf("after sign-out: %v", err)
	}
	if _, err := store.NewSignInLink(ctx, workspace, "stranger@x.example"); !errors.Is(err, domain.ErrNotFound) {
		t.Fatalf("a stranger got a link: %v", err)
	}
}

func TestResolveAddress(t *testing.T) {
	store, _ := open(t)
	_, address, err := store.NewWorkspace(t.Context(), "Lindqvist & Co", "In.Example", "m@x.example")
	if err != nil {
		t.Fatal(err)
	}
	local, host, _ := strings.Cut(address.Address, "@")
	for _, text := range []string{address.Address, strings.ToUpper(address.Address), local + "+travel@" + host} {
		if found, err := store.Resolve(t.Context(), text); err != nil || found.Address != address.Address {
			t.Errorf("%s: %+v %v", text, found, err)
		}
	}
	for _, text := range []string{"", "@", "nobody@in.example", "lindqvist-co@in.example", local, "a\x00@b"} {
		if _, err := store.Resolve(t.Context(), text); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFeedTellsOwnAndOtherNodes(t *testing.T) {
	store, admin := open(t)
	other, err := postgres.Open(t.Context(), loginURL(t, admin), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	mine, theirs := store.Feed().Subscribe(ctx), other.Feed().Subscribe(ctx)
	go store.Feed().Run(ctx)
	go other.Feed().Run(ctx)
	if got := <-theirs; got != domain.AllWorkspaces {
		t.Fatalf("after LISTEN: %q", got)
	}
	workspace := newWorkspace(t, store, "Acme")
	newDocument(t, store, workspace)
	for name, feed := range map[string]<-chan domain.WorkspaceID{"own": mine, "other": theirs} {
		for got := range feed {
			if got == workspace {
				break
			}
		}
		if ctx.Err() != nil {
			t.Fatalf("the %s node was not told", name)
		}
	}
}

// A mail that commits between the reading of documents and of mails must not
// carry the sequence past a document that committed just before it.
func TestChangesSkipNothingWhileOthersCommit(t *testing.T) {
	store, _ := open(t)
	workspace := newWorkspace(t, store, "Acme")
	const writers, each = 4, 60
	var writing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			for range each {
				newDocument(t, store, workspace)
				id := domain.MailID(uuid.NewString())
				if err := store.AddMail(t.Context(), domain.Mail{ID: id, Workspace: workspace, Raw: "r", SHA256: "11"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()
	seen := map[domain.DocumentID]bool{}
	for since, last := int64(0), false; !last; {
		select {
		case <-done:
			last = true
		default:
		}
		changes, err := store.Changes(t.Context(), workspace, since)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range changes.Documents {
			seen[d.ID] = true
		}
		since = changes.Seq
	}
	if len(seen) != writers*each {
		t.Fatalf("saw %d of %d documents", len(seen), writers*each)
	}
}
