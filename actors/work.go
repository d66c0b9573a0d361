package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/messages"
)

// job is a mail or a document that is to be worked on. Its methods are called
// one at a time, claim beside the actor and the others by it.
type job interface {
	// claim takes the right to work on it; domain.ErrNotDue: there is nothing to do.
	claim(ctx context.Context) (domain.Lease, error)
	// next is the attempt that is due now; an error stands for one that failed without being begun.
	next() (attempt, error)
	// end says how to write what an attempt came to.
	end(ran messages.Ran) outcome
}

// attempt is one run of one stage.
type attempt struct {
	heavy   bool // takes one of the node's slots for that
	timeout time.Duration
	run     func(context.Context) (any, error)
}

// outcome writes what an attempt came to. It may be called again when it is not known whether the
// writing succeeded. more: another attempt follows under the same lease.
type outcome func(ctx context.Context, lease domain.Lease) (more bool, err error)

// work takes one job through its stages under one lease. It lives while there is something to do now: a
// retry that is due later is a row.
type work struct {
	job       job
	system    *System
	workspace domain.WorkspaceID
	count     *atomic.Int64 // of those that live
	log       *slog.Logger
	state     actor.Behavior

	held  held
	stage *actor.PID
}

// held is a lease that is being kept.
type held struct {
	lease domain.Lease
	ctx   context.Context // of all work under the lease
	end   context.CancelFunc
}

func newWork(system *System, workspace domain.WorkspaceID, item domain.Work) *work {
	w := &work{system: system, workspace: workspace, count: &system.documents, state: actor.NewBehavior()}
	if item.Mail != "" {
		w.count, w.log = &system.mails, system.Log.With("workspace", workspace, "mail", item.Mail)
		w.job = &mail{system: system, workspace: workspace, id: item.Mail, log: w.log}
	} else {
		w.log = system.Log.With("workspace", workspace, "document", item.Document)
		w.job = &document{system: system, workspace: workspace, id: item.Document, log: w.log}
	}
	w.state.Become(w.claiming)
	return w
}

func (w *work) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		w.count.Add(1)
		w.claim(ctx)
	case *actor.Stopping, *actor.Restarting:
		if w.held.end != nil {
			w.held.end()
		}
	case *actor.Stopped:
		w.count.Add(-1)
	case *actor.Terminated: // the stage, after it has reported
	case messages.LeaseLost:
		w.log.Warn("lost the lease, stopping the work", "error", m.Err)
		ctx.Stop(ctx.Self())
	default:
		w.state.Receive(ctx)
	}
}

func (w *work) claim(ctx actor.Context) {
	ask(ctx, func() messages.Claimed {
		ctx, cancel := context.WithTimeout(w.system.work, questionTimeout)
		defer cancel()
		lease, err := w.job.claim(ctx)
		return messages.Claimed{Lease: lease, Err: err}
	})
}

func (w *work) claiming(ctx actor.Context) {
	m, ok := ctx.Message().(messages.Claimed)
	if !ok {
		logUnknown(w.log, ctx)
		return
	}
	if m.Err != nil {
		if !errors.Is(m.Err, domain.ErrNotDue) {
			w.log.Error("claim work", "error", m.Err)
		}
		ctx.Stop(ctx.Self())
		return
	}
	w.held = w.system.hold(ctx, m.Lease)
	w.begin(ctx)
}

// hold keeps a lease for an actor until end is called or the lease is lost.
func (s *System) hold(ctx actor.Context, lease domain.Lease) held {
	h := held{lease: lease}
	h.ctx, h.end = context.WithCancel(s.work)
	self, root := ctx.Self(), ctx.ActorSystem().Root
	go func() {
		if err := s.keepLease(h.ctx, lease); err != nil {
			h.end()
			root.Send(self, messages.LeaseLost{Err: err})
		}
	}()
	return h
}

// begin starts the attempt that is due.
func (w *work) begin(ctx actor.Context) {
	if w.system.draining.Load() {
		w.release(ctx)
		return
	}
	attempt, err := w.job.next()
	if err != nil {
		w.commit(ctx, messages.Ran{Err: err})
		return
	}
	w.state.Become(w.running)
	w.stage = startStage(ctx, stage{ctx: w.held.ctx, system: w.system, tenant: w.workspace, attempt: attempt})
}

func (w *work) running(ctx actor.Context) {
	ran, ok := ctx.Message().(messages.Ran)
	if !ok {
		logUnknown(w.log, ctx)
		return
	}
	ctx.Stop(w.stage)
	if w.held.ctx.Err() != nil || errors.Is(ran.Err, errDraining) { // the node stops; a lost lease has ended this actor already
		w.release(ctx)
		return
	}
	w.commit(ctx, ran)
}

func (w *work) commit(ctx actor.Context, ran messages.Ran) {
	w.state.Become(w.committing)
	write, held := w.job.end(ran), w.held
	ask(ctx, func() (committed messages.Committed) {
		committed.Err = insist(held.ctx, func(ctx context.Context) (err error) {
			committed.More, err = write(ctx, held.lease)
			return err
		})
		return committed
	})
}

func (w *work) committing(ctx actor.Context) {
	m, ok := ctx.Message().(messages.Committed)
	if !ok {
		logUnknown(w.log, ctx)
		return
	}
	switch {
	case errors.Is(m.Err, domain.ErrSuperseded):
		w.log.Warn("another claim has taken over, nothing was written")
		ctx.Stop(ctx.Self())
	case m.Err != nil && w.held.ctx.Err() != nil: // the node stops
		w.release(ctx)
	case m.Err != nil:
		w.log.Error("write the outcome", "error", m.Err)
		ctx.Stop(ctx.Self())
	case m.More:
		w.begin(ctx)
	default:
		ctx.Stop(ctx.Self())
	}
}

// release gives the claim back because the node stops.
func (w *work) release(ctx actor.Context) {
	w.state.Become(w.releasing)
	lease := w.held.lease
	ask(ctx, func() messages.Committed {
		ctx, cancel := context.WithTimeout(context.Background(), giveUp/2)
		defer cancel()
		return messages.Committed{Err: w.system.Leases.Release(ctx, lease)}
	})
}

func (w *work) releasing(ctx actor.Context) {
	m, ok := ctx.Message().(messages.Committed)
	if !ok {
		logUnknown(w.log, ctx)
		return
	}
	if m.Err != nil && !errors.Is(m.Err, domain.ErrSuperseded) {
		w.log.Error("give back the claim", "error", m.Err)
	}
	ctx.Stop(ctx.Self())
}

// gaveUp is the failure of work whose attempts were cut off again and again:
// it may be what ends the nodes that try it.
func gaveUp(attempts int) error {
	return domain.Permanent(domain.KindKilled, fmt.Sprintf("Gave up after %d attempts that were cut off.", attempts), nil)
}
