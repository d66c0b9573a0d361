package actors

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/docuflow/docuflow/domain"
)

// errDraining says that a stage did not begin because the node drains.
var errDraining = errors.New("the node takes no new work")

// pool bounds the heavy work of a node. A slot goes to the workspace that holds
// the fewest, in turn among equals: one with a single document waits for one
// slot at most, however many thousands another one has.
type pool struct {
	mu      sync.Mutex
	free    int
	held    map[domain.WorkspaceID]int // slots
	closed  bool
	waiting map[domain.WorkspaceID][]chan error // first come, first served; nil: has a slot
	turns   []domain.WorkspaceID                // each waiting workspace once
}

func newPool(slots int) *pool {
	return &pool{free: slots, held: map[domain.WorkspaceID]int{}, waiting: map[domain.WorkspaceID][]chan error{}}
}

// acquire waits for a slot until ctx ends or the pool closes.
func (p *pool) acquire(ctx context.Context, workspace domain.WorkspaceID) error {
	turn, err := p.enter(workspace)
	if turn == nil {
		return err
	}
	select {
	case err := <-turn:
		return err
	case <-ctx.Done():
		p.leave(workspace, turn)
		return ctx.Err()
	}
}

// enter takes a free slot, or a place among the waiting.
func (p *pool) enter(workspace domain.WorkspaceID) (chan error, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errDraining
	}
	if p.free > 0 {
		p.free--
		p.held[workspace]++
		return nil, nil
	}
	turn := make(chan error, 1)
	if len(p.waiting[workspace]) == 0 {
		p.turns = append(p.turns, workspace)
	}
	p.waiting[workspace] = append(p.waiting[workspace], turn)
	return turn, nil
}

// leave gives up a place, or the slot that came at the same moment.
func (p *pool) leave(workspace domain.WorkspaceID, turn chan error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	queue := p.waiting[workspace]
	place := slices.Index(queue, turn)
	if place < 0 { // it has been served, or sent away
		if err := <-turn; err == nil {
			p.next(workspace)
		}
		return
	}
	p.waiting[workspace] = slices.Delete(queue, place, place+1)
	if len(queue) == 1 {
		delete(p.waiting, workspace)
		p.turns = slices.DeleteFunc(p.turns, func(other domain.WorkspaceID) bool { return other == workspace })
	}
}

// release gives a workspace's slot back.
func (p *pool) release(workspace domain.WorkspaceID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next(workspace)
}

// next hands the slot of a workspace on. Who gives it still counts as holding
// it: others come first.
func (p *pool) next(from domain.WorkspaceID) {
	to, waits := p.choose()
	if p.held[from]--; p.held[from] == 0 {
		delete(p.held, from)
	}
	if !waits {
		p.free++
		return
	}
	p.held[to]++
	p.turns = slices.DeleteFunc(p.turns, func(other domain.WorkspaceID) bool { return other == to })
	queue := p.waiting[to]
	queue[0] <- nil
	if len(queue) == 1 {
		delete(p.waiting, to)
		return
	}
	p.waiting[to] = queue[1:]
	p.turns = append(p.turns, to)
}

// choose is whose turn it is.
func (p *pool) choose() (workspace domain.WorkspaceID, waits bool) {
	if len(p.turns) == 0 {
		return "", false
	}
	return slices.MinFunc(p.turns, func(a, b domain.WorkspaceID) int { return p.held[a] - p.held[b] }), true
}

// open undoes close.
func (p *pool) open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = false
}

// close sends everybody away who waits. Slots that are taken stay so.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, queue := range p.waiting {
		for _, turn := range queue {
			turn <- errDraining
		}
	}
	clear(p.waiting)
	p.turns = nil
}
