package actors

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Members keeps who runs, in a place that all nodes see. Beat returns
// domain.ErrEvicted to a node that the others have given up.
type Members interface {
	Join(ctx context.Context, member domain.Member) error
	Beat(ctx context.Context, member domain.Member, ttl time.Duration) ([]domain.Member, error)
	Leave(ctx context.Context, member domain.Member) error
}

// Membership is how this node is one of several.
type Membership struct {
	Members Members // nil: nobody keeps who runs
	Beat    time.Duration
	TTL     time.Duration // a node that has been silent for so long is given up
}

// membership beats from join to leave.
type membership struct {
	system  *System
	id      domain.Member // without what changes
	evicted chan struct{} // closed when the others have given this node up
	soon    chan struct{} // beat at once
	end     context.CancelFunc
	ended   sync.WaitGroup
}

func newMembership(s *System) *membership {
	return &membership{
		system: s, id: domain.Member{ID: s.actors.ID, Node: s.Node},
		evicted: make(chan struct{}), soon: make(chan struct{}, 1), end: func() {},
	}
}

// join makes this node a member and keeps it one. topology is called, by one
// goroutine at a time, with the members after every beat.
func (m *membership) join(ctx context.Context, address string, topology func([]domain.Member)) error {
	m.id.Address = address
	if err := m.system.Membership.Members.Join(ctx, m.id); err != nil {
		return err
	}
	beating, end := context.WithCancel(context.Background())
	m.end = end
	m.ended.Go(func() { m.keep(beating, topology) })
	return nil
}

func (m *membership) keep(ctx context.Context, topology func([]domain.Member)) {
	tick := time.NewTicker(m.system.Membership.Beat)
	defer tick.Stop()
	silent := false
	for {
		members, err := m.beat(ctx)
		switch {
		case err == nil:
			silent = false
			m.obey(members)
			topology(members)
		case ctx.Err() != nil:
			return
		case errors.Is(err, domain.ErrEvicted):
			close(m.evicted)
			return
		case !silent: // once: a database that is away for long must not fill the log
			silent = true
			m.system.Log.Warn("cannot tell the other nodes that this one lives, trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-m.soon:
		}
	}
}

// obey finds what a person asks of this node.
func (m *membership) obey(members []domain.Member) {
	for _, member := range members {
		if member.ID == m.id.ID {
			m.system.obey(member.Asked)
		}
	}
}

func (m *membership) beat(ctx context.Context) ([]domain.Member, error) {
	ctx, cancel := context.WithTimeout(ctx, m.system.Membership.TTL/2)
	defer cancel()
	now := m.id
	now.Draining = m.system.draining.Load()
	now.Mails, now.Documents = int(m.system.mails.Load()), int(m.system.documents.Load())
	return m.system.Membership.Members.Beat(ctx, now, m.system.Membership.TTL)
}

// hurry makes the next beat come at once.
func (m *membership) hurry() {
	select {
	case m.soon <- struct{}{}:
	default:
	}
}

func (m *membership) leave(ctx context.Context) error {
	m.end()
	m.ended.Wait()
	return m.system.Membership.Members.Leave(ctx, m.id)
}
