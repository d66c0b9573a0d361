package actors

import (
	"context"
	"log/slog"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/messages"
	"github.com/docuflow/docuflow/pipeline"
)

// mail is a job that has one stage: it is unpacked.
type mail struct {
	system    *System
	workspace domain.WorkspaceID
	id        domain.MailID
	log       *slog.Logger

	row domain.Mail
}

func (m *mail) claim(ctx context.Context) (lease domain.Lease, err error) {
	m.row, lease, err = m.system.Mails.ClaimMail(ctx, m.workspace, m.id, pipeline.UnpackStage, m.system.Node, m.system.LeaseTTL)
	return lease, err
}

func (m *mail) next() (attempt, error) {
	policy, row := m.system.UnpackPolicy, m.row
	if row.Attempt > policy.Attempts {
		return attempt{}, gaveUp(policy.Attempts)
	}
	return attempt{heavy: true, timeout: policy.Timeout, run: func(ctx context.Context) (any, error) { return m.system.Unpack.Run(ctx, row) }}, nil
}

func (m *mail) end(ran messages.Ran) outcome {
	if ran.Err != nil {
		return m.fail(ran)
	}
	unpacked := ran.Result.(domain.Unpacked)
	return func(ctx context.Context, lease domain.Lease) (bool, error) {
		err := m.system.Mails.FinishMail(ctx, lease, unpacked)
		if err == nil {
			m.system.ended(pipeline.UnpackStage, domain.AttemptDone, ran)
			m.system.Kick(m.workspace) // its documents are due
		}
		return false, err
	}
}

func (m *mail) fail(ran messages.Ran) outcome {
	failed := decide(m.system.UnpackPolicy, m.row.Attempt, m.row.Trying, ran.Err)
	m.log.Warn("unpacking failed", "attempt", m.row.Attempt, "kind", failed.Failure.Kind, "retry_in", failed.RetryIn, "error", ran.Err)
	return func(ctx context.Context, lease domain.Lease) (bool, error) {
		err := m.system.Mails.FailMail(ctx, lease, failed)
		if err == nil {
			m.system.endedBadly(pipeline.UnpackStage, failed, ran)
		}
		return false, err
	}
}
