package pipeline_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/pipeline"
	"github.com/docuflow/docuflow/storage/postgres"
	"github.com/docuflow/docuflow/storage/postgres/postgrestest"
)

func provision(ctx context.Context, superuserURL string) error {
	_, err := postgres.Provision(ctx, superuserURL, "test")
	return err
}

// world is a workspace whose connections are told by a script instead of services.
type world struct {
	t         *testing.T
	store     *postgres.Store
	outside   *pipeline.Outside
	teller    *pipeline.Teller
	workspace domain.WorkspaceID

	mu    sync.Mutex
	reply map[string]func() error // by the connection's name
	told  []string                // name and event of each call
}

func newWorld(t *testing.T) *world {
	t.Helper()
	u, err := url.Parse(postgrestest.New(t, provision))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("docuflow", "test")
	w := &world{t: t, reply: map[string]func() error{}}
	if w.store, err = postgres.Open(t.Context(), u.String(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.store.Close)
	workspace, _, err := w.store.NewWorkspace(t.Context(), "Alpha", "in.example", "a@owner.example")
	if err != nil {
		t.Fatal(err)
	}
	w.workspace = workspace.ID
	kind := pipeline.Kind{
		ConnectionKind: domain.ConnectionKind{Name: "told", Title: "Told", Fields: []domain.ConnectionField{{Name: pipeline.PatternSetting, Pattern: true}}},
		Open: func(c domain.Connection, _ string, _ domain.Secrets) (pipeline.Client, error) {
			return scripted{w, c.Name}, nil
		},
	}
	w.outside = pipeline.NewOutside([]pipeline.Kind{kind}, w.store, w.store, w.store, open{}, slog.New(slog.DiscardHandler))
	w.teller = pipeline.NewTeller(w.outside, w.store, w.store, "http://docuflow.example", "node")
	return w
}

type open struct{}

func (open) Unseal(domain.WorkspaceID, domain.ConnectionID, []byte) (domain.Secrets, error) {
	return nil, nil
}

type scripted struct {
	world *world
	name  string
}

func (s scripted) Test(context.Context) domain.ConnectionTest { return domain.ConnectionTest{} }

func (s scripted) Announce(_ context.Context, notice domain.Notice) (string, string, error) {
	s.world.mu.Lock()
	s.world.told = append(s.world.told, s.name+" "+notice.Event)
	reply := s.world.reply[s.name]
	s.world.mu.Unlock()
	if reply != nil {
		if err := reply(); err != nil {
			return "", "", err
		}
	}
	return s.name + "-" + string(notice.Document.ID), "http://" + s.name, nil
}

func (w *world) connect(name string, events ...string) domain.ConnectionID {
	w.t.Helper()
	id := domain.ConnectionID(uuid.NewString())
	err := w.store.AddConnection(w.t.Context(), domain.Connection{
		ID: id, Workspace: w.workspace, Kind: "told", Name: name, State: domain.ConnectionActive, Settings: map[string]string{}, Events: events,
	}, "me")
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) document() domain.Document {
	w.t.Helper()
	d, err := w.store.AddDocument(w.t.Context(), w.workspace, domain.NewDocument{
		ID: domain.DocumentID(uuid.NewString()), FileName: "a.pdf", SHA256: "00", Original: "k", Stage: "announce",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// run runs the announce stage once; told are the calls that it made.
func (w *world) run(d domain.Document) (outcome domain.Outcome, told []string, err error) {
	w.told = nil
	outcome, err = pipeline.NewAnnounce(w.teller, w.store).Run(w.t.Context(), d)
	slices.Sort(w.told)
	return outcome, w.told, err
}

func fails(err error) func() error { return func() error { return err } }

func TestNobodyIsConnected(t *testing.T) {
	w := newWorld(t)
	outcome, _, err := w.run(w.document())
	if err != nil || !outcome.Skipped {
		t.Fatalf("%+v %v", outcome, err)
	}
}

func TestOneThatFailsNeitherHoldsUpNorRepeatsTheOthers(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"good", "busy"} {
		w.connect(name, domain.EventFiled)
	}
	w.connect("other", domain.EventFailed)
	d := w.document()
	w.reply["busy"] = fails(&domain.Failure{Kind: domain.KindBusy, Message: "Later.", RetryAfter: 3 * time.Second})
	_, told, err := w.run(d)
	if failure := domain.AsFailure(err); err == nil || failure.Permanent || failure.RetryAfter != 3*time.Second {
		t.Fatalf("%+v", err)
	}
	if !slices.Equal(told, []string{"busy document.filed", "good document.filed"}) {
		t.Fatal(told)
	}
	w.reply["busy"] = nil
	outcome, told, err := w.run(d)
	if err != nil || !slices.Equal(told, []string{"busy document.filed"}) || outcome.Note != "Told “good”, Told “busy”" {
		t.Fatalf("%+v %v %v", outcome, told, err)
	}
	if _, told, err = w.run(d); err != nil || len(told) != 0 {
		t.Fatalf("told again: %v %v", told, err)
	}
	stored, err := w.store.Document(t.Context(), w.workspace, d.ID)
	if err != nil || len(stored.Deliveries) != 2 || stored.Deliveries[0].Reference != "good-"+string(d.ID) {
		t.Fatalf("%+v %v", stored.Deliveries, err)
	}
}

func TestRefusalIsFinalUntilSomebodyRetries(t *testing.T) {
	w := newWorld(t)
	w.connect("no", domain.EventFiled)
	d := w.document()
	w.reply["no"] = fails(domain.Permanent(domain.KindRejected, "Refused.", nil))
	if _, _, err := w.run(d); !domain.AsFailure(err).Permanent {
		t.Fatalf("%v", err)
	}
	w.reply["no"] = nil
	if _, told, err := w.run(d); err != nil || len(told) != 1 {
		t.Fatalf("%v %v", told, err)
	}
}

func TestConnectionThatNeedsAPersonIsOwedItsNotices(t *testing.T) {
	w := newWorld(t)
	broken := w.connect("broken", domain.EventFiled)
	w.connect("good", domain.EventFiled)
	w.reply["broken"] = fails(domain.NeedsPerson("gone", "", "The webhook is gone.", nil))
	first, second := w.document(), w.document()
	for _, d := range []domain.Document{first, second} {
		if outcome, _, err := w.run(d); err != nil || outcome.Note != "Told “good”" {
			t.Fatalf("the document does not go on: %+v %v", outcome, err)
		}
	}
	c, err := w.store.Connection(t.Context(), w.workspace, broken)
	if err != nil || c.State != domain.ConnectionBroken || c.Reason != "The webhook is gone." {
		t.Fatalf("%+v %v", c, err)
	}
	if _, err := w.teller.Claim(t.Context(), w.workspace, ""); !errors.Is(err, domain.ErrNotDue) {
		t.Fatalf("a broken connection is used: %v", err)
	}
	w.reply["broken"], w.told = nil, nil
	if err := w.store.SwitchConnection(t.Context(), w.workspace, broken, "Told “broken”", domain.ConnectionActive, "", "me"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		claimed, err := w.teller.Claim(t.Context(), w.workspace, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.teller.Tell(t.Context(), claimed); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(w.told, []string{"broken document.filed", "broken document.filed"}) {
		t.Fatal(w.told)
	}
	reports, err := w.store.ConnectionReports(t.Context(), w.workspace, w.outside.Title)
	if err != nil || len(reports) != 2 || len(reports[0].Calls) != 3 || reports[0].Today != 2 || reports[0].LastError != "" || reports[0].Calls[0].Outcome != domain.CallFailed {
		t.Fatalf("%+v %v", reports, err)
	}
}

func TestNoticeIsToldOnceAmongMany(t *testing.T) {
	w := newWorld(t)
	w.connect("slow", domain.EventReceived)
	w.document()
	var telling sync.WaitGroup
	claims := make(chan domain.ClaimedNotice, 8)
	for range 8 {
		telling.Go(func() {
			if claimed, err := w.teller.Claim(t.Context(), w.workspace, ""); err == nil {
				claims <- claimed
			}
		})
	}
	telling.Wait()
	if len(claims) != 1 {
		t.Fatalf("%d claims of one notice", len(claims))
	}
	stale := <-claims
	stale.Epoch--
	if err := w.store.SettleNotice(t.Context(), stale, domain.NoticeEnd{Title: "x"}); !errors.Is(err, domain.ErrSuperseded) {
		t.Fatalf("%v", err)
	}
}
