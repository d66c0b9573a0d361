package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// notPaused is the condition that a document's stage is not paused: nobody
// claims a document whose stage is.
const notPaused = `NOT EXISTS (SELECT FROM stage_pauses p WHERE (p.workspace_id = documents.workspace_id OR p.workspace_id IS NULL) AND p.stage = documents.stage)`

// pause stops a stage of the workspace until a person acts, and tells every
// document that waits for it from now on.
func (c change) pause(ctx context.Context, stage domain.StageName, failure *domain.Failure) error {
	err := one(c.Exec(ctx, `INSERT INTO stage_pauses (workspace_id, stage, connection, kind, reason)
		VALUES (current_workspace(), $1, $2, $3, $4) ON CONFLICT DO NOTHING`, stage, failure.Connection, failure.Kind, failure.Message))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // it is paused for the same reason already
	}
	if err != nil {
		return fmt.Errorf("pause stage %s: %w", stage, err)
	}
	return c.tellWaiting(ctx, stage, domain.Event{Kind: "document.waiting", Text: failure.Message})
}

func (c change) tellWaiting(ctx context.Context, stage domain.StageName, event domain.Event) error {
	ids, err := collectIDs(ctx, c, `SELECT id::text FROM documents WHERE stage = $1 AND status IN ('QUEUED', 'RETRYING') AND discarded_at IS NULL
		ORDER BY next_attempt_at, id FOR UPDATE`, stage)
	if err != nil || len(ids) == 0 {
		return err
	}
	return c.recordEach(ctx, "documents", ids, event)
}

// Resume lifts the pauses of a stage: one connection's, or all when connection
// is empty. Its documents are due at once, oldest first, with a fresh budget, unless another
// pause is left. It returns how many go on; domain.ErrNotFound: nothing was paused.
func (s *Store) Resume(ctx context.Context, workspace domain.WorkspaceID, stage domain.StageName, connection, by string) (documents int, err error) {
	err = s.changing(ctx, workspace, func(tx change) error {
		if err := tx.lock(ctx); err != nil {
			return err
		}
		err := one(tx.Exec(ctx, "DELETE FROM stage_pauses WHERE stage = $1 AND ($2 = '' OR connection = $2)", stage, connection))
		if err != nil {
			return err
		}
		if documents, err = tx.goOn(ctx, stage, by); err != nil {
			return err
		}
		return tx.audit(ctx, by, "stage.resumed", string(stage))
	})
	return documents, notFound(err, "resume stage "+string(stage))
}

// goOn makes everything due that waited at a stage, unless another pause is left.
func (c change) goOn(ctx context.Context, stage domain.StageName, by string) (int, error) {
	ids, err := collectIDs(ctx, c, `UPDATE documents SET status = 'QUEUED', attempt = 0, tried_at = NULL, error = NULL,
			next_attempt_at = least(next_attempt_at, clock_timestamp())
		WHERE stage = $1 AND status IN ('QUEUED', 'RETRYING') AND discarded_at IS NULL AND `+notPaused+` RETURNING id::text`, stage)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return len(ids), c.recordEach(ctx, "documents", ids, domain.Event{Kind: "document.resumed", Actor: by, Text: "Goes on"})
}

func (c change) audit(ctx context.Context, actor, action, subject string) error {
	_, err := c.Exec(ctx, "INSERT INTO audit (workspace_id, actor, action, subject) VALUES (current_workspace(), $1, $2, $3)", actor, action, subject)
	return err
}

func collectIDs(ctx context.Context, tx pgx.Tx, query string, args ...any) ([]string, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
