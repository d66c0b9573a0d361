package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// PauseStage stops a stage in all workspaces until ResumeStage. What runs may
// finish. Pausing what is paused is fine.
func (s *Store) PauseStage(ctx context.Context, stage domain.StageName, by string) error {
	const reason = "The people who run DocuFlow have paused this step."
	err := s.asService(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO stage_pauses (stage, kind, reason) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, stage, domain.KindPaused, reason)
		if err != nil {
			return err
		}
		return auditOperator(ctx, tx, by, "stage.paused", string(stage))
	})
	if err != nil {
		return fmt.Errorf("pause stage %s: %w", stage, err)
	}
	return s.eachWaiting(ctx, stage, func(tx change) error {
		return tx.tellWaiting(ctx, stage, domain.Event{Kind: "document.waiting", Text: reason})
	})
}

// ResumeStage lifts the pause of all workspaces. Whoever waited is due at once,
// with a fresh budget, unless its own workspace has paused the stage.
// domain.ErrNotFound: nothing was paused.
func (s *Store) ResumeStage(ctx context.Context, stage domain.StageName, by string) error {
	err := s.asService(ctx, func(tx pgx.Tx) error {
		err := one(tx.Exec(ctx, "DELETE FROM stage_pauses WHERE workspace_id IS NULL AND stage = $1", stage))
		if err != nil {
			return err
		}
		return auditOperator(ctx, tx, by, "stage.resumed", string(stage))
	})
	if err != nil {
		return notFound(err, "resume stage "+string(stage))
	}
	return s.eachWaiting(ctx, stage, func(tx change) error {
		_, err := tx.goOn(ctx, stage, "")
		return err
	})
}

// eachWaiting runs f in every workspace with documents that wait at a stage.
// The pause itself is one row and needs none of it: it is for those who look.
func (s *Store) eachWaiting(ctx context.Context, stage domain.StageName, f func(change) error) error {
	var workspaces []string
	err := s.asService(ctx, func(tx pgx.Tx) (err error) {
		workspaces, err = collectIDs(ctx, tx, `SELECT DISTINCT workspace_id::text FROM documents
			WHERE stage = $1 AND status IN ('QUEUED', 'RETRYING') AND discarded_at IS NULL`, stage)
		return err
	})
	for _, workspace := range workspaces {
		err = errors.Join(err, s.changing(ctx, domain.WorkspaceID(workspace), func(tx change) error {
			if err := tx.lock(ctx); err != nil {
				return err
			}
			return f(tx)
		}))
	}
	if err != nil {
		return fmt.Errorf("tell who waits at stage %s: %w", stage, err)
	}
	return nil
}

func auditOperator(ctx context.Context, tx pgx.Tx, actor, action, subject string) error {
	_, err := tx.Exec(ctx, "INSERT INTO operator_audit (actor, action, subject) VALUES ($1, $2, $3)", actor, action, subject)
	return err
}
