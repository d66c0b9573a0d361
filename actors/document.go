package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/messages"
	"github.com/docuflow/docuflow/pipeline"
)

// document takes one document through its stages under one lease. It lives
// while there is work for it now: a retry that is due later is a row.
type document struct {
	system    *System
	workspace domain.WorkspaceID
	id        domain.DocumentID
	log       *slog.Logger
	state     actor.Behavior

	held  held
	row   domain.Document
	read  time.Time // when row was read
	stage *actor.PID
}

// held is a lease and everything that ends with it.
type held struct {
	lease domain.Lease
	ctx   context.Context // of all work under the lease
	end   context.CancelFunc
}

func newDocument(system *System, workspace domain.WorkspaceID, id domain.DocumentID) *document {
	d := &document{
		system: system, workspace: workspace, id: id,
		log: system.Log.With("workspace", workspace, "document", id), state: actor.NewBehavior(),
	}
	d.state.Become(d.claiming)
	return d
}

func (d *document) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		d.system.documents.Add(1)
		d.claim(ctx)
	case *actor.Stopping, *actor.Restarting:
		if d.held.end != nil {
			d.held.end()
		}
	case *actor.Stopped:
		d.system.documents.Add(-1)
	case *actor.Terminated: // the stage, after it has reported
	case messages.LeaseLost:
		d.log.Warn("lost the lease, stopping the work", "stage", d.row.Stage, "error", m.Err)
		ctx.Stop(ctx.Self())
	default:
		d.state.Receive(ctx)
	}
}

func (d *document) claim(ctx actor.Context) {
	ask(ctx, func() messages.Claimed {
		ctx, cancel := context.WithTimeout(d.system.work, questionTimeout)
		defer cancel()
		row, lease, err := d.system.Documents.Claim(ctx, d.workspace, d.id, d.system.Node, d.system.LeaseTTL)
		return messages.Claimed{Document: row, Lease: lease, Err: err}
	})
}

func (d *document) claiming(ctx actor.Context) {
	m, ok := ctx.Message().(messages.Claimed)
	if !ok {
		logUnknown(d.log, ctx)
		return
	}
	if m.Err != nil {
		if !errors.Is(m.Err, domain.ErrNotDue) {
			d.log.Error("claim document", "error", m.Err)
		}
		ctx.Stop(ctx.Self())
		return
	}
	d.row, d.read, d.held = m.Document, time.Now(), d.system.hold(ctx, m.Lease)
	d.begin(ctx)
}

// hold keeps a lease alive while the actor works.
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

// begin starts the stage that the row names.
func (d *document) begin(ctx actor.Context) {
	at := d.at()
	if at < 0 {
		d.commitFailure(ctx, domain.Permanent(domain.KindInternal, "This version does not know the step that this document waits for.",
			fmt.Errorf("no stage %q", d.row.Stage)), messages.Ran{})
		return
	}
	if d.system.draining.Load() {
		d.release(ctx)
		return
	}
	step, row := d.system.Steps[at], d.row
	if cutOff(step.Policy, row.Attempt, row.Trying) {
		d.commitFailure(ctx, domain.Permanent(domain.KindKilled, fmt.Sprintf("Gave up after %d attempts that were cut off.", row.Attempt-1), nil), messages.Ran{})
		return
	}
	d.state.Become(d.running)
	d.stage = startStage(ctx, stage{
		ctx: d.held.ctx, system: d.system, tenant: d.workspace, heavy: step.Heavy, timeout: step.Policy.Timeout,
		run: func(ctx context.Context) (any, error) { return step.Run(ctx, row) },
	})
}

// at is the position of the present stage, -1 when there is no such stage.
func (d *document) at() int {
	return slices.IndexFunc(d.system.Steps, func(step pipeline.Step) bool { return step.Info().Name == d.row.Stage })
}

func (d *document) running(ctx actor.Context) {
	ran, ok := ctx.Message().(messages.Ran)
	if !ok {
		logUnknown(d.log, ctx)
		return
	}
	ctx.Stop(d.stage)
	if d.held.ctx.Err() != nil || errors.Is(ran.Err, errDraining) { // the node stops; a lost lease has ended this actor already
		d.release(ctx)
		return
	}
	if ran.Err != nil {
		d.commitFailure(ctx, ran.Err, ran)
		return
	}
	d.commit(ctx, ran)
}

func (d *document) commit(ctx actor.Context, ran messages.Ran) {
	d.state.Become(d.committing)
	var next domain.StageInfo
	if at := d.at(); at+1 < len(d.system.Steps) {
		next = d.system.Steps[at+1].Info()
	}
	held, row, outcome := d.held, d.row, ran.Result.(domain.Outcome)
	ask(ctx, func() messages.Committed {
		committed := messages.Committed{More: next.Name != ""}
		committed.Err = insist(held.ctx, func(ctx context.Context) (err error) {
			committed.Document, err = d.system.Documents.Advance(ctx, held.lease, row, outcome, next, ran.Waited)
			return err
		})
		return committed
	})
}

func (d *document) commitFailure(ctx actor.Context, err error, ran messages.Ran) {
	d.state.Become(d.committing)
	budget := domain.RetryPolicy{}
	if at := d.at(); at >= 0 {
		budget = d.system.Steps[at].Policy
	}
	failed := decide(budget, d.row.Attempt, d.row.Trying+time.Since(d.read), err)
	d.log.Warn("stage failed", "stage", d.row.Stage, "attempt", d.row.Attempt, "kind", failed.Failure.Kind,
		"retry_in", failed.RetryIn, "error", err)
	held := d.held
	ask(ctx, func() messages.Committed {
		return messages.Committed{Err: insist(held.ctx, func(ctx context.Context) error {
			return d.system.Documents.Fail(ctx, held.lease, failed, ran.Waited)
		})}
	})
}

func (d *document) committing(ctx actor.Context) {
	m, ok := ctx.Message().(messages.Committed)
	if !ok {
		logUnknown(d.log, ctx)
		return
	}
	switch {
	case errors.Is(m.Err, domain.ErrSuperseded):
		d.log.Warn("another claim has taken over, nothing was written", "stage", d.row.Stage)
		ctx.Stop(ctx.Self())
	case m.Err != nil && d.held.ctx.Err() != nil: // the node stops
		d.release(ctx)
	case m.Err != nil:
		d.log.Error("write the outcome", "stage", d.row.Stage, "error", m.Err)
		ctx.Stop(ctx.Self())
	case m.More && m.Document.Status == domain.Processing: // not when the next stage is paused
		d.row, d.read = m.Document, time.Now()
		d.begin(ctx)
	default:
		ctx.Stop(ctx.Self())
	}
}

// release gives the claim back because the node stops.
func (d *document) release(ctx actor.Context) {
	d.state.Become(d.releasing)
	d.system.release(ctx, d.held.lease)
}

func (d *document) releasing(ctx actor.Context) {
	m, ok := ctx.Message().(messages.Committed)
	if !ok {
		logUnknown(d.log, ctx)
		return
	}
	if m.Err != nil && !errors.Is(m.Err, domain.ErrSuperseded) {
		d.log.Error("give back the claim", "stage", d.row.Stage, "error", m.Err)
	}
	ctx.Stop(ctx.Self())
}

func (s *System) release(ctx actor.Context, lease domain.Lease) {
	ask(ctx, func() messages.Committed {
		ctx, cancel := context.WithTimeout(context.Background(), giveUp/2)
		defer cancel()
		return messages.Committed{Err: s.Leases.Release(ctx, lease)}
	})
}
