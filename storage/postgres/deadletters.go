package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

const (
	// groupSamples is how many of a group's newest dead letters are shown with it.
	groupSamples = 5
	// replaysShown is how long an ended replay is listed.
	replaysShown = 15 * time.Minute
)

// dead lists dead letters of both kinds; $1 says whether the discarded ones.
const dead = `dead AS (
	SELECT id, false AS mail, coalesce(error->>'stage', stage) AS stage, coalesce(error->>'kind', 'internal') AS kind, coalesce(error->>'message', '') AS message, failed_at
	FROM documents WHERE status = 'FAILED' AND (discarded_at IS NOT NULL) = $1
	UNION ALL
	SELECT id, true, 'unpack', error_kind, reason, failed_at FROM mails WHERE status = 'FAILED' AND (discarded_at IS NOT NULL) = $1
)`

// hoursAgo counts rows of the last hours by the time in a column.
func hoursAgo(column string) string {
	return `ARRAY(SELECT count(*) FILTER (WHERE h = ` + fmt.Sprint(domain.GroupHours-1) + ` - floor(extract(epoch FROM clock_timestamp() - each) / 3600)) FROM
		generate_series(0, ` + fmt.Sprint(domain.GroupHours-1) + `) h LEFT JOIN unnest(array_agg(` + column + `)) each ON true GROUP BY h ORDER BY h)::int[]`
}

// Failures reads everything of a workspace that failed or waits for a
// person. With discarded, the groups are those of discarded dead letters.
func (s *Store) Failures(ctx context.Context, workspace domain.WorkspaceID, discarded bool) (failures domain.Failures, err error) {
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT
			(SELECT count(*) FROM documents WHERE status = 'FAILED' AND discarded_at IS NULL) + (SELECT count(*) FROM mails WHERE status = 'FAILED' AND discarded_at IS NULL),
			(SELECT count(*) FROM documents WHERE status = 'FAILED' AND discarded_at IS NOT NULL) + (SELECT count(*) FROM mails WHERE status = 'FAILED' AND discarded_at IS NOT NULL),
			(SELECT count(*) FROM documents WHERE status IN ('QUEUED', 'RETRYING') AND discarded_at IS NULL AND NOT (`+notPaused+`))`).
			Scan(&failures.Open, &failures.Discarded, &failures.Waiting)
		if err != nil {
			return err
		}
		if failures.Pauses, err = selectPauses(ctx, tx); err != nil {
			return err
		}
		if failures.Groups, err = selectGroups(ctx, tx, discarded); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT `+replayColumns+` FROM replays r WHERE r.finished_at IS NULL OR r.finished_at > clock_timestamp() - $1::interval
			ORDER BY r.created_at DESC LIMIT 20`, replaysShown)
		if err != nil {
			return err
		}
		failures.Replays, err = pgx.CollectRows(rows, scanReplay)
		return err
	})
	if err != nil {
		return domain.Failures{}, fmt.Errorf("list failures: %w", err)
	}
	return failures, nil
}

func selectPauses(ctx context.Context, tx pgx.Tx) ([]domain.StagePause, error) {
	rows, err := tx.Query(ctx, `
		SELECT p.stage, p.connection, p.kind, p.reason, p.since, count(d.id), coalesce(min(d.queued_at), '-infinity'::timestamptz) = '-infinity',
			coalesce(min(d.queued_at), p.since), p.workspace_id IS NULL, `+hoursAgo("d.queued_at")+`
		FROM stage_pauses p LEFT JOIN documents d ON d.stage = p.stage AND d.status IN ('QUEUED', 'RETRYING') AND d.discarded_at IS NULL
		GROUP BY p.workspace_id, p.stage, p.connection, p.kind, p.reason, p.since ORDER BY p.since`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p domain.StagePause, err error) {
		var none bool
		var hours []int
		err = row.Scan(&p.Stage, &p.Connection, &p.Kind, &p.Reason, &p.Since, &p.Count, &none, &p.Oldest, &p.Everywhere, &hours)
		copy(p.Hours[:], hours)
		if none {
			p.Oldest = time.Time{}
		}
		return p, err
	})
}

func selectGroups(ctx context.Context, tx pgx.Tx, discarded bool) ([]domain.FailureGroup, error) {
	rows, err := tx.Query(ctx, `WITH `+dead+`
		SELECT stage, kind, (array_agg(message ORDER BY failed_at DESC))[1], count(*), min(failed_at), max(failed_at), `+hoursAgo("failed_at")+`,
			(array_agg(id::text ORDER BY failed_at DESC) FILTER (WHERE NOT mail))[:$2], (array_agg(id::text ORDER BY failed_at DESC) FILTER (WHERE mail))[:$2]
		FROM dead GROUP BY stage, kind ORDER BY count(*) DESC, max(failed_at) DESC`, discarded, groupSamples)
	if err != nil {
		return nil, err
	}
	samples := map[int][2][]string{}
	groups, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (g domain.FailureGroup, err error) {
		var hours []int
		var documents, mails []string
		err = row.Scan(&g.Stage, &g.Kind, &g.Message, &g.Count, &g.First, &g.Last, &hours, &documents, &mails)
		copy(g.Hours[:], hours)
		samples[len(samples)] = [2][]string{documents, mails}
		return g, err
	})
	if err != nil {
		return nil, err
	}
	for i := range groups {
		if err := fillSamples(ctx, tx, &groups[i], samples[i][0], samples[i][1]); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

func fillSamples(ctx context.Context, tx pgx.Tx, group *domain.FailureGroup, documents, mails []string) error {
	if len(documents) > 0 {
		rows, err := tx.Query(ctx, "SELECT "+documentColumns+" FROM documents WHERE id = ANY ($1::uuid[]) ORDER BY failed_at DESC", documents)
		if err != nil {
			return err
		}
		if group.Documents, err = pgx.CollectRows(rows, scanDocument); err != nil {
			return err
		}
	}
	if len(mails) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, "SELECT "+mailColumns+" FROM mails WHERE id = ANY ($1::uuid[]) ORDER BY failed_at DESC", mails)
	if err != nil {
		return err
	}
	group.Mails, err = pgx.CollectRows(rows, scanMail)
	return err
}

// DiscardFailures takes all dead letters that match off every list, together. The
// time it returns names them for RestoreFailures.
func (s *Store) DiscardFailures(ctx context.Context, workspace domain.WorkspaceID, filter domain.DocumentQuery, by string) (count int, at time.Time, err error) {
	count, err = s.eachDead(ctx, workspace, by, "discarded", "Discarded with others", func(tx change, table, condition string) ([]string, error) {
		if err := tx.QueryRow(ctx, "SELECT now()").Scan(&at); err != nil {
			return nil, err
		}
		return collectIDs(ctx, tx, "UPDATE "+table+" SET discarded_at = now() WHERE discarded_at IS NULL AND "+condition+" RETURNING id::text", selection(filter)...)
	})
	return count, at, err
}

// RestoreFailures puts discarded dead letters that match back: those that
// were discarded at one time, or all of them when it is zero.
func (s *Store) RestoreFailures(ctx context.Context, workspace domain.WorkspaceID, filter domain.DocumentQuery, at time.Time, by string) (count int, err error) {
	var only *time.Time
	if !at.IsZero() {
		only = &at
	}
	return s.eachDead(ctx, workspace, by, "restored", "Put back", func(tx change, table, condition string) ([]string, error) {
		return collectIDs(ctx, tx, "UPDATE "+table+" SET discarded_at = NULL WHERE discarded_at IS NOT NULL AND ($6::timestamptz IS NULL OR discarded_at = $6) AND "+condition+
			" RETURNING id::text", selection(filter, only)...)
	})
}

// eachDead changes dead documents and mails in one transaction. change gets
// the condition of a filter for each table and returns the ids that it changed.
func (s *Store) eachDead(ctx context.Context, workspace domain.WorkspaceID, by, deed, text string, f func(tx change, table, condition string) ([]string, error)) (count int, err error) {
	err = s.changing(ctx, workspace, func(tx change) error {
		if err := tx.lock(ctx); err != nil {
			return err
		}
		count = 0
		for _, each := range []struct{ table, kind, condition string }{
			{"documents", "document." + deed, "status = 'FAILED' AND " + matching}, {"mails", "mail." + deed, deadMails},
		} {
			ids, err := f(tx, each.table, each.condition)
			if err != nil {
				return err
			}
			count += len(ids)
			if len(ids) == 0 {
				continue
			}
			if err := tx.recordEach(ctx, each.table, ids, domain.Event{Kind: each.kind, Actor: by, Text: text}); err != nil {
				return err
			}
		}
		return tx.audit(ctx, by, "failures."+deed, fmt.Sprint(count))
	})
	if err != nil {
		return 0, fmt.Errorf("failures %s: %w", deed, err)
	}
	return count, nil
}
