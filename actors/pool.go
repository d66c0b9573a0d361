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

// pool bounds the heavy work of a node. Whoever waits is served in turn by
// workspace: a workspace with thousands of documents waiting gets as many
// slots as one with a single one.
type pool struct {
	mu      sync.Mutex
	free    int
	closed  bool
	waiting map[domain.WorkspaceID][]chan error // first come, first served; nil: has a slot
	turns   []domain.WorkspaceID                // each waiting workspace once
}

func newPool(slots int) *pool {
	return &pool{free: slots, waiting: map[domain.WorkspaceID][]chan error{}}
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
			p.next()
		}
		return
	}
	p.waiting[workspace] = slices.Delete(queue, place, place+1)
	if len(queue) == 1 {
		delete(p.waiting, workspace)
		p.turns = slices.DeleteFunc(p.turns, func(other domain.WorkspaceID) bool { return other == workspace })
	}
}

// release gives a slot back.
func (p *pool) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next()
}

// next hands a slot to the workspace whose turn it is.
func (p *pool) next() {
	if len(p.turns) == 0 {
		p.free++
		return
	}
	workspace := p.turns[0]
	p.turns = p.turns[1:]
	queue := p.waiting[workspace]
	queue[0] <- nil
	if len(queue) == 1 {
		delete(p.waiting, workspace)
		return
	}
	p.waiting[workspace] = queue[1:]
	p.turns = append(p.turns, workspace)
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
