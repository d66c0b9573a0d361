package actors

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/docuflow/docuflow/domain"
)

// A workspace that floods the pool gets every other turn once another one
// waits, and a newcomer comes first.
func TestPoolServesWorkspacesInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1)
		if err := p.acquire(t.Context(), "flood"); err != nil {
			t.Fatal(err)
		}
		served := make(chan domain.WorkspaceID, 10)
		wait := func(workspace domain.WorkspaceID) {
			go func() {
				if err := p.acquire(t.Context(), workspace); err == nil {
					served <- workspace
				}
			}()
			synctest.Wait()
		}
		for range 4 {
			wait("flood")
		}
		wait("single")
		wait("other")
		wait("other")
		order := []domain.WorkspaceID{"flood"}
		for i := range 7 {
			p.release(order[i])
			synctest.Wait()
			order = append(order, <-served)
		}
		want := []domain.WorkspaceID{"flood", "single", "flood", "other", "flood", "other", "flood", "flood"}
		if !slices.Equal(order, want) {
			t.Fatalf("served %q, want %q", order, want)
		}
		p.release("flood")
		if p.free != 1 || len(p.waiting) != 0 || len(p.held) != 0 {
			t.Fatalf("%d slots free, %d workspaces waiting, %d holding", p.free, len(p.waiting), len(p.held))
		}
	})
}

func TestPoolLosesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1)
		if err := p.acquire(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		given := make(chan error, 2)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { given <- p.acquire(ctx, "b") }()
		synctest.Wait()
		cancel()
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		p.release("a")
		if err := p.acquire(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		go func() { given <- p.acquire(t.Context(), "d") }()
		synctest.Wait()
		p.close()
		if err := <-given; !errors.Is(err, errDraining) {
			t.Fatalf("who waits when the node stops: %v", err)
		}
		if err := p.acquire(t.Context(), "e"); !errors.Is(err, errDraining) {
			t.Fatalf("who comes later: %v", err)
		}
		p.release("c")
	})
}
