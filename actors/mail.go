package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/messages"
	"github.com/docuflow/docuflow/pipeline"
)

// mail unpacks one mail under one lease.
type mail struct {
	system    *System
	workspace domain.WorkspaceID
	id        domain.MailID
	log       *slog.Logger
	state     actor.Behavior

	held  held
	row   domain.Mail
	stage *actor.PID
}

func newMail(system *System, workspace domain.WorkspaceID, id domain.MailID) *mail {
	m := &mail{
		system: system, workspace: workspace, id: id,
		log: system.Log.With("workspace", workspace, "mail", id), state: actor.NewBehavior(),
	}
	m.state.Become(m.claiming)
	return m
}

func (m *mail) Receive(ctx actor.Context) {
	switch message := ctx.Message().(type) {
	case *actor.Started:
		m.system.mails.Add(1)
		m.claim(ctx)
	case *actor.Stopping, *actor.Restarting:
		if m.held.end != nil {
			m.held.end()
		}
	case *actor.Stopped:
		m.system.mails.Add(-1)
	case *actor.Terminated: // the stage, after it has reported
	case messages.LeaseLost:
		m.log.Warn("lost the lease, stopping the work", "error", message.Err)
		ctx.Stop(ctx.Self())
	default:
		m.state.Receive(ctx)
	}
}

func (m *mail) claim(ctx actor.Context) {
	ask(ctx, func() messages.MailClaimed {
		ctx, cancel := context.WithTimeout(m.system.work, questionTimeout)
		defer cancel()
		row, lease, err := m.system.Mails.ClaimMail(ctx, m.workspace, m.id, pipeline.UnpackStage, m.system.Node, m.system.LeaseTTL)
		return messages.MailClaimed{Mail: row, Lease: lease, Err: err}
	})
}

func (m *mail) claiming(ctx actor.Context) {
	claimed, ok := ctx.Message().(messages.MailClaimed)
	if !ok {
		logUnknown(m.log, ctx)
		return
	}
	if claimed.Err != nil {
		if !errors.Is(claimed.Err, domain.ErrNotDue) {
			m.log.Error("claim mail", "error", claimed.Err)
		}
		ctx.Stop(ctx.Self())
		return
	}
	m.row, m.held = claimed.Mail, m.system.hold(ctx, claimed.Lease)
	m.begin(ctx)
}

func (m *mail) begin(ctx actor.Context) {
	policy, row := m.system.UnpackPolicy, m.row
	if m.system.draining.Load() {
		m.release(ctx)
		return
	}
	if row.Attempt > policy.Attempts {
		m.fail(ctx, domain.Permanent(domain.KindKilled, fmt.Sprintf("Gave up after %d attempts that were cut off.", policy.Attempts), nil))
		return
	}
	m.state.Become(m.running)
	m.stage = startStage(ctx, stage{
		ctx: m.held.ctx, system: m.system, tenant: m.workspace, heavy: true, timeout: policy.Timeout,
		run: func(ctx context.Context) (any, error) { return m.system.Unpack.Run(ctx, row) },
	})
}

func (m *mail) running(ctx actor.Context) {
	ran, ok := ctx.Message().(messages.Ran)
	if !ok {
		logUnknown(m.log, ctx)
		return
	}
	ctx.Stop(m.stage)
	switch {
	case m.held.ctx.Err() != nil || errors.Is(ran.Err, errDraining): // the node stops; a lost lease has ended this actor already
		m.release(ctx)
	case ran.Err != nil:
		m.fail(ctx, ran.Err)
	default:
		m.finish(ctx, ran.Result.(domain.Unpacked))
	}
}

func (m *mail) finish(ctx actor.Context, unpacked domain.Unpacked) {
	m.state.Become(m.committing)
	held := m.held
	ask(ctx, func() messages.Committed {
		return messages.Committed{Err: insist(held.ctx, func(ctx context.Context) error {
			return m.system.Mails.FinishMail(ctx, held.lease, unpacked)
		})}
	})
}

func (m *mail) fail(ctx actor.Context, err error) {
	m.state.Become(m.committing)
	failed, held := decide(m.system.UnpackPolicy, m.row.Attempt, m.row.Trying, err), m.held
	m.log.Warn("unpacking failed", "attempt", m.row.Attempt, "kind", failed.Failure.Kind, "retry_in", failed.RetryIn, "error", err)
	ask(ctx, func() messages.Committed {
		return messages.Committed{Err: insist(held.ctx, func(ctx context.Context) error {
			return m.system.Mails.FailMail(ctx, held.lease, failed)
		})}
	})
}

func (m *mail) committing(ctx actor.Context) {
	committed, ok := ctx.Message().(messages.Committed)
	if !ok {
		logUnknown(m.log, ctx)
		return
	}
	switch {
	case committed.Err == nil:
		m.system.Kick(m.workspace) // its documents are due
	case m.held.ctx.Err() != nil && !errors.Is(committed.Err, domain.ErrSuperseded): // the node stops
		m.release(ctx)
		return
	default:
		m.log.Error("write the outcome", "error", committed.Err)
	}
	ctx.Stop(ctx.Self())
}

// release gives the claim back because the node stops.
func (m *mail) release(ctx actor.Context) {
	m.state.Become(m.releasing)
	m.system.release(ctx, m.held.lease)
}

func (m *mail) releasing(ctx actor.Context) {
	released, ok := ctx.Message().(messages.Committed)
	if !ok {
		logUnknown(m.log, ctx)
		return
	}
	if released.Err != nil && !errors.Is(released.Err, domain.ErrSuperseded) {
		m.log.Error("give back the claim", "error", released.Err)
	}
	ctx.Stop(ctx.Self())
}
