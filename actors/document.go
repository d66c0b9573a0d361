package actors

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/messages"
	"github.com/docuflow/docuflow/pipeline"
)

// document is a job that goes through all stages.
type document struct {
	system    *System
	workspace domain.WorkspaceID
	id        domain.DocumentID
	log       *slog.Logger

	row  domain.Document
	read time.Time // when row was read
}

func (d *document) claim(ctx context.Context) (domain.Lease, error) {
	row, lease, err := d.system.Documents.Claim(ctx, d.workspace, d.id, d.system.Node, d.system.LeaseTTL)
	d.row, d.read = row, time.Now()
	return lease, err
}

func (d *document) next() (attempt, error) {
	at := d.at()
	if at < 0 {
		return attempt{}, domain.Permanent(domain.KindInternal, "This version does not know the step that this document waits for.", fmt.Errorf("no stage %q", d.row.Stage))
	}
	step, row := d.system.Steps[at], d.row
	if cutOff(step.Policy, row.Attempt, row.Trying) {
		return attempt{}, gaveUp(row.Attempt - 1)
	}
	return attempt{heavy: step.Heavy, timeout: step.Policy.Timeout, run: func(ctx context.Context) (any, error) { return step.Run(ctx, row) }}, nil
}

// at is the place of the document's stage, -1 when this version does not have it.
func (d *document) at() int {
	return slices.IndexFunc(d.system.Steps, func(step pipeline.Step) bool { return step.Info().Name == d.row.Stage })
}

func (d *document) end(ran messages.Ran) outcome {
	if ran.Err != nil {
		return d.fail(ran)
	}
	var next domain.StageInfo
	if at := d.at(); at+1 < len(d.system.Steps) {
		next = d.system.Steps[at+1].Info()
	}
	before, result := d.row, ran.Result.(domain.Outcome)
	ended := domain.AttemptDone
	if result.Skipped {
		ended = domain.AttemptSkipped
	}
	return func(ctx context.Context, lease domain.Lease) (more bool, err error) {
		d.row, err = d.system.Documents.Advance(ctx, lease, before, result, next, ran.Waited)
		d.read = time.Now()
		if err == nil {
			d.system.ended(before.Stage, ended, ran)
		}
		return next.Name != "" && d.row.Status == domain.Processing, err // not when the next stage is paused
	}
}

func (d *document) fail(ran messages.Ran) outcome {
	budget := domain.RetryPolicy{}
	if at := d.at(); at >= 0 {
		budget = d.system.Steps[at].Policy
	}
	failed := decide(budget, d.row.Attempt, d.row.Trying+time.Since(d.read), ran.Err)
	d.log.Warn("stage failed", "stage", d.row.Stage, "attempt", d.row.Attempt, "kind", failed.Failure.Kind, "retry_in", failed.RetryIn, "error", ran.Err)
	stage := d.row.Stage
	return func(ctx context.Context, lease domain.Lease) (bool, error) {
		err := d.system.Documents.Fail(ctx, lease, failed, ran.Waited)
		if err == nil {
			d.system.endedBadly(stage, failed, ran)
		}
		return false, err
	}
}
