package actors_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuflow/docuflow/domain"
)

// gated is a heavy stage that does one piece of work each time the test says so.
type gated struct {
	step    chan struct{}
	mu      sync.Mutex
	order   []domain.WorkspaceID // of the work that has begun
	waiting atomic.Int32
}

func (g *gated) run(ctx context.Context, d domain.Document) (domain.Outcome, error) {
	g.mu.Lock()
	g.order = append(g.order, d.Workspace)
	g.mu.Unlock()
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	select {
	case <-g.step:
		return domain.Outcome{}, nil
	case <-ctx.Done():
		return domain.Outcome{}, ctx.Err()
	}
}

func (f *fixture) newWorkspace(name string) domain.WorkspaceID {
	f.t.Helper()
	workspace, _, err := f.store.NewWorkspace(f.t.Context(), name, "in.example", name+"@owner.example")
	if err != nil {
		f.t.Fatal(err)
	}
	return workspace.ID
}

func (f *fixture) newDocumentIn(workspace domain.WorkspaceID) domain.DocumentID {
	f.t.Helper()
	document, err := f.store.AddDocument(f.t.Context(), workspace, domain.NewDocument{
		ID: domain.DocumentID(uuid.NewString()), FileName: "a.pdf", SHA256: "00", Original: "k", Stage: f.config.Steps[0].Info().Name,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return document.ID
}

// One workspace has 200 documents waiting; another one's single document is
// begun next, although there is one heavy slot alone.
func TestFloodDelaysOthersByOneDocument(t *testing.T) {
	g := &gated{step: make(chan struct{})}
	defer close(g.step)
	f := newFixture(t, stage{"one", g.run})
	f.config.Steps[0].Heavy = true
	f.config.HeavySlots = 1
	for range 200 {
		f.newDocument()
	}
	f.start()
	f.until("the flood is at work", func() bool { return g.waiting.Load() == 1 })
	other := f.newWorkspace("other")
	f.newDocumentIn(other)
	f.until("the other document waits for its turn", func() bool { return f.claimed(other) })
	time.Sleep(50 * time.Millisecond) // from its claim to its place in the pool
	g.step <- struct{}{}
	f.until("the next work has begun", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.order) == 2 })
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.order[1] != other {
		t.Fatal("the other workspace was not next")
	}
}

// The same by the clock: while a workspace floods the node's only heavy slot,
// another one's documents take at most twice as long as on an idle node.
func TestFloodCostsOthersAtMostTheirIdleTime(t *testing.T) {
	const work = 60 * time.Millisecond
	toil := func(ctx context.Context, _ domain.Document) (domain.Outcome, error) {
		time.Sleep(work) // it stands for work that fills the slot
		return domain.Outcome{}, ctx.Err()
	}
	f := newFixture(t, stage{"one", toil}, stage{"two", toil}, stage{"three", toil})
	for i := range f.config.Steps {
		f.config.Steps[i].Heavy = true
	}
	f.config.HeavySlots = 1
	system := f.start()
	other := f.newWorkspace("other")
	typical := func() time.Duration {
		var times []time.Duration
		for range 5 {
			begun, id := time.Now(), f.newDocumentIn(other)
			system.Kick(other)
			f.until("the document is done", func() bool {
				d, err := f.store.Document(t.Context(), other, id)
				return err == nil && d.Status == domain.Completed
			})
			times = append(times, time.Since(begun))
		}
		slices.Sort(times)
		return times[len(times)/2]
	}
	idle := typical()
	for range 200 {
		f.newDocument()
	}
	system.Kick(f.workspace)
	f.until("the flood is at work", func() bool { return f.claimed(f.workspace) })
	flooded := typical()
	t.Logf("idle %s, flooded %s: %.2f", idle, flooded, float64(flooded)/float64(idle))
	if flooded > 2*idle {
		t.Errorf("a document takes %s on an idle node and %s beside a flood", idle, flooded)
	}
	if !f.claimed(f.workspace) {
		t.Error("the flood was over before it was measured")
	}
}

func (f *fixture) claimed(workspace domain.WorkspaceID) bool {
	f.t.Helper()
	balance, err := f.store.Documents(f.t.Context(), workspace, domain.DocumentQuery{Status: domain.Processing, Limit: 1})
	if err != nil {
		f.t.Fatal(err)
	}
	return len(balance.Documents) == 1
}

func (f *fixture) until(what string, condition func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// Two systems that both look after the same workspace, as after a double
// activation: each stage is done once, and its keyed effect is there once.
func TestDoubleActivationChangesNothing(t *testing.T) {
	var mu sync.Mutex
	effects, runs := map[string]int{}, 0
	effect := func(_ context.Context, d domain.Document) (domain.Outcome, error) {
		mu.Lock()
		defer mu.Unlock()
		runs++
		effects[string(d.ID)+"/"+string(d.Stage)] = d.Attempt
		return domain.Outcome{}, nil
	}
	f := newFixture(t, stage{"one", effect}, stage{"two", effect}, stage{"three", effect})
	var ids []domain.DocumentID
	for range 60 {
		ids = append(ids, f.newDocument())
	}
	for _, node := range []string{"a", "b"} {
		f.config.Node = node
		system := f.start()
		for range 20 {
			system.Kick(f.workspace)
		}
	}
	nodes := map[string]bool{}
	for _, id := range ids {
		f.await(id, is(domain.Completed))
		attempts, _, err := f.store.Timeline(t.Context(), f.workspace, id)
		if err != nil {
			t.Fatal(err)
		}
		if len(attempts) != 3 {
			t.Errorf("document %s: %d attempts", id, len(attempts))
		}
		for _, attempt := range attempts {
			nodes[attempt.Node] = true
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(effects) != 3*len(ids) || runs != 3*len(ids) || len(nodes) != 2 {
		t.Errorf("%d effects and %d runs of %d stages on %d nodes", len(effects), runs, 3*len(ids), len(nodes))
	}
}

// A plan's pace holds back what begins, and goes on by itself.
func TestPlanBoundsThePace(t *testing.T) {
	f := newFixture(t, stage{"one", succeed})
	f.sql("INSERT INTO plans VALUES ('TEST', 4, 60, 1)")
	f.sql("UPDATE workspaces SET plan = 'TEST'")
	for range 61 {
		f.newDocument()
	}
	f.config.ScanEvery = time.Hour
	began := time.Now()
	f.start().Kick(f.workspace)
	f.until("the first minute's documents are done", func() bool { return f.done() >= 60 })
	f.until("the next one follows", func() bool { return f.done() == 61 })
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("61 documents at 60 a minute took %s", took)
	}
}

func (f *fixture) done() int {
	f.t.Helper()
	balance, err := f.store.Balance(f.t.Context(), f.workspace)
	if err != nil {
		f.t.Fatal(err)
	}
	return balance.Done
}

// All shards of a large tenant are found through the first one, and share
// its slots.
func TestShardsShareAPlan(t *testing.T) {
	g := &gated{step: make(chan struct{})}
	f := newFixture(t, stage{"one", g.run})
	f.sql("INSERT INTO plans VALUES ('TEST', 6, 6000, 3)")
	f.sql("UPDATE workspaces SET plan = 'TEST'")
	f.config.Slots, f.config.ScanEvery = 100, time.Hour
	for range 60 {
		f.newDocument()
	}
	f.start().Kick(f.workspace)
	f.until("each shard has its slots", func() bool { return g.waiting.Load() == 6 })
	close(g.step)
	f.until("all are done", func() bool { return f.done() == 60 })
}
