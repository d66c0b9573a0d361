package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/docuflow/docuflow/domain"
)

// Operations counts the work of all workspaces of the last hour. It reads no
// column that people wrote.
func (s *Store) Operations(ctx context.Context) (operations domain.Operations, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		if err := selectThroughput(ctx, tx, &operations); err != nil {
			return err
		}
		if err := selectStages(ctx, tx, &operations); err != nil {
			return err
		}
		if err := selectBalanceCheck(ctx, tx, &operations.Count); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT stage, count(DISTINCT workspace_id), min(since), bool_or(workspace_id IS NULL) FROM stage_pauses GROUP BY stage ORDER BY min(since)")
		if err != nil {
			return err
		}
		operations.Pauses, err = pgx.CollectRows(rows, pgx.RowToStructByPos[domain.PausedStage])
		return err
	})
	if err != nil {
		return domain.Operations{}, fmt.Errorf("count operations: %w", err)
	}
	return operations, nil
}

// perMinute counts rows of the last hour by the minute of a column.
func perMinute(table, column string) string {
	return `ARRAY(SELECT count(x.at) FROM generate_series(0, 59) m LEFT JOIN (SELECT ` + column + ` AS at FROM ` + table + ` WHERE ` + column + ` > clock_timestamp() - interval '1 hour') x
		ON floor(extract(epoch FROM clock_timestamp() - x.at) / 60) = 59 - m GROUP BY m ORDER BY m)::int[]`
}

func selectThroughput(ctx context.Context, tx pgx.Tx, o *domain.Operations) error {
	var accepted, done []int
	err := tx.QueryRow(ctx, `SELECT clock_timestamp(), `+perMinute("mails", "received_at")+`, `+perMinute("documents", "completed_at")+`,
			coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY took), '0'), coalesce(percentile_cont(0.95) WITHIN GROUP (ORDER BY took), '0')
		FROM (SELECT d.completed_at - coalesce(m.received_at, d.created_at) AS took FROM documents d LEFT JOIN mails m ON m.id = d.mail_id
			WHERE d.completed_at > clock_timestamp() - interval '1 hour') lately`).
		Scan(&o.At, &accepted, &done, &o.Typical, &o.Slowest)
	copy(o.Accepted[:], accepted)
	copy(o.Done[:], done)
	return err
}

func selectStages(ctx context.Context, tx pgx.Tx, o *domain.Operations) error {
	// An attempt that ended in the last hour was queued within the day before: attempts are found by that.
	rows, err := tx.Query(ctx, `
		WITH lately AS (
			SELECT stage, outcome, finished_at, finished_at - started_at AS took FROM attempts
			WHERE queued_at > clock_timestamp() - interval '1 day' AND finished_at > clock_timestamp() - interval '1 hour'
		), ended AS (
			SELECT stage, count(*) FILTER (WHERE outcome = 'retry') AS retries, count(*) FILTER (WHERE outcome = 'failed') AS failed,
				percentile_cont(0.5) WITHIN GROUP (ORDER BY took) FILTER (WHERE outcome = 'done') AS typical,
				percentile_cont(0.95) WITHIN GROUP (ORDER BY took) FILTER (WHERE outcome = 'done') AS slowest,
				array_agg(floor(extract(epoch FROM clock_timestamp() - finished_at) / 180)::int) FILTER (WHERE outcome IN ('done', 'skipped')) AS ages
			FROM lately GROUP BY stage
		), present AS (
			SELECT stage, count(*) FILTER (WHERE NOT held) AS queued, min(since) FILTER (WHERE NOT held) AS oldest, count(*) FILTER (WHERE held) AS running FROM (
				SELECT stage, lease_until > clock_timestamp() AS held, queued_at AS since, next_attempt_at FROM documents
				WHERE status IN ('QUEUED', 'PROCESSING', 'RETRYING') AND discarded_at IS NULL
				UNION ALL
				SELECT 'unpack', lease_until > clock_timestamp(), received_at, next_attempt_at FROM mails WHERE status = 'ACCEPTED'
			) work GROUP BY stage
		)
		SELECT stage, coalesce(queued, 0), oldest, coalesce(running, 0), coalesce(retries, 0), coalesce(failed, 0),
			coalesce(typical, '0'), coalesce(slowest, '0'), coalesce(ages, '{}')
		FROM present FULL JOIN ended USING (stage)`)
	if err != nil {
		return err
	}
	o.Stages, err = pgx.CollectRows(rows, scanStageLoad)
	slices.SortFunc(o.Stages, func(a, b domain.StageLoad) int { return strings.Compare(string(a.Stage), string(b.Stage)) })
	return err
}

func scanStageLoad(row pgx.CollectableRow) (load domain.StageLoad, err error) {
	var ages []int
	err = row.Scan(&load.Stage, &load.Queued, (*zeronull.Timestamptz)(&load.Oldest), &load.Running, &load.Retries, &load.Failed, &load.Typical, &load.Slowest, &ages)
	for _, age := range ages {
		if at := domain.StageSlices - 1 - age; at >= 0 && at < domain.StageSlices {
			load.Done[at]++
		}
	}
	return load, err
}

// MakeOperator lets a user see the installation as a whole.
// domain.ErrNotFound: there is no such user.
func (s *Store) MakeOperator(ctx context.Context, email string) error {
	err := s.asService(ctx, func(tx pgx.Tx) error {
		return one(tx.Exec(ctx, "UPDATE users SET operator = true WHERE email = $1", strings.ToLower(email)))
	})
	return notFound(err, "make an operator")
}
