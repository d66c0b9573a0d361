package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// Queue counts the work of all workspaces together, for operators.
func (s *Store) Queue(ctx context.Context) (queue domain.QueueState, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		var oldest *time.Time
		err := tx.QueryRow(ctx, `
			WITH due AS (
				SELECT 1 AS mail, 0 AS document, greatest(next_attempt_at, lease_until) AS since FROM mails
				WHERE status = 'ACCEPTED' AND lease_until < clock_timestamp() AND next_attempt_at <= clock_timestamp()
				UNION ALL
				SELECT 0, 1, greatest(next_attempt_at, lease_until) FROM documents
				WHERE status IN ('QUEUED', 'PROCESSING', 'RETRYING') AND discarded_at IS NULL
				  AND lease_until < clock_timestamp() AND next_attempt_at <= clock_timestamp() AND `+notPaused+`
			)
			SELECT clock_timestamp(), coalesce(sum(mail), 0), coalesce(sum(document), 0), min(since),
				(SELECT count(*) FROM mails WHERE status = 'ACCEPTED'), (SELECT count(*) FROM mails WHERE status = 'FAILED')
			FROM due`).Scan(&queue.At, &queue.MailsDue, &queue.DocumentsDue, &oldest, &queue.MailsWaiting, &queue.MailsFailed)
		if err != nil {
			return err
		}
		if oldest != nil {
			queue.OldestDue = *oldest
		}
		rows, err := tx.Query(ctx, `
			SELECT stage, status, count(*) FROM documents
			WHERE status IN ('QUEUED', 'PROCESSING', 'RETRYING') AND discarded_at IS NULL GROUP BY stage, status
			UNION ALL
			SELECT stage, status, count(*) FROM documents WHERE status = 'FAILED' AND discarded_at IS NULL GROUP BY stage, status
			ORDER BY stage, status`)
		if err != nil {
			return err
		}
		queue.Stages, err = pgx.CollectRows(rows, pgx.RowToStructByPos[domain.StageCount])
		return err
	})
	if err != nil {
		return domain.QueueState{}, fmt.Errorf("count waiting work: %w", err)
	}
	return queue, nil
}
