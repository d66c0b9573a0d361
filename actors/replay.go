package actors

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Replays is the record of replays of dead letters.
type Replays interface {
	// DueReplays lists the workspaces with a replay whose next step is due.
	DueReplays(ctx context.Context) ([]domain.WorkspaceID, error)
	// StepReplay releases the next dead letters of a workspace and sets when
	// the step after it is due. domain.ErrNotDue: another node was faster.
	StepReplay(ctx context.Context, workspace domain.WorkspaceID) error
}

// Replayer takes the steps of replays that are due. All nodes may run one: who
// takes a step moves the next one on.
type Replayer struct {
	Replays Replays
	Kick    func(domain.WorkspaceID) // there is work
	Every   time.Duration            // between two looks; well below a second it does not slow replays down
	Log     *slog.Logger
}

// Run takes steps until ctx ends.
func (r Replayer) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := r.step(ctx); err != nil && ctx.Err() == nil {
			r.Log.Error("replay dead letters", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(r.Every/2 + rand.N(r.Every)): // apart from the other nodes
		}
	}
}

func (r Replayer) step(ctx context.Context) error {
	workspaces, err := r.Replays.DueReplays(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, workspace := range workspaces {
		switch err := r.Replays.StepReplay(ctx, workspace); {
		case err == nil:
			r.Kick(workspace)
		case !errors.Is(err, domain.ErrNotDue):
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
