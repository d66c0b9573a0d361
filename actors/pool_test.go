package actors

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/docuflow/docuflow/domain"
)

// A workspace that floods the pool gets every other turn once another one waits.
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
		var order []domain.WorkspaceID
		for range 7 {
			p.release()
			synctest.Wait()
			order = append(order, <-served)
		}
		want := []domain.WorkspaceID{"flood", "single", "other", "flood", "other", "flood", "flood"}
		if !slices.Equal(order, want) {
			t.Fatalf("served %q, want %q", order, want)
		}
		p.release()
		if p.free != 1 || len(p.waiting) != 0 {
			t.Fatalf("%d slots free, %d workspaces waiting", p.free, len(p.waiting))
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
		p.release()
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
		p.release()
	})
}
