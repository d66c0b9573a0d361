package postgres

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// Balance counts a workspace's documents so that they add up.
func (s *Store) Balance(ctx context.Context, workspace domain.WorkspaceID) (b domain.Balance, err error) {
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			SELECT count(*),
				count(*) FILTER (WHERE status = 'COMPLETED' AND review = '[]'),
				count(*) FILTER (WHERE status = 'COMPLETED' AND review <> '[]'),
				count(*) FILTER (WHERE status IN ('QUEUED', 'PROCESSING') AND NOT waits),
				count(*) FILTER (WHERE status = 'RETRYING' AND NOT waits),
				count(*) FILTER (WHERE waits),
				count(*) FILTER (WHERE status = 'FAILED'),
				(SELECT count(*) FROM mails WHERE status = 'ACCEPTED'),
				(SELECT count(*) FROM mails WHERE status = 'FAILED' AND discarded_at IS NULL),
				(SELECT count(*) FROM mails WHERE outcome = 'quarantined'),
				(SELECT event_seq FROM workspaces)
			FROM (SELECT status, review, status IN ('QUEUED', 'RETRYING') AND stage = ANY (ARRAY(SELECT p.stage FROM stage_pauses p)) AS waits
				FROM documents WHERE discarded_at IS NULL) counted`).
			Scan(&b.Received, &b.Done, &b.Review, &b.InProgress, &b.Retrying, &b.Waiting, &b.Failed, &b.Unpacking, &b.DeadMails, &b.HeldMails, &b.Seq)
	})
	if err != nil {
		return domain.Balance{}, fmt.Errorf("count documents: %w", err)
	}
	return b, nil
}

// changesLimit bounds one answer of Changes; the caller asks again from its Seq.
const changesLimit = 500

// Changes returns the present state of everything that changed after since.
// Call it again from the Seq it returns: one answer is bounded.
func (s *Store) Changes(ctx context.Context, workspace domain.WorkspaceID, since int64) (changes domain.Changes, err error) {
	changes.Seq = since
	// One snapshot: a mail that commits between the two reads would carry Seq
	// past a document that was not read.
	err = s.inSnapshot(ctx, workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+documentColumns+` FROM documents
			WHERE id IN (SELECT document_id FROM events WHERE seq > $1) AND seq > $1 ORDER BY seq LIMIT $2`, since, changesLimit)
		if err != nil {
			return err
		}
		if changes.Documents, err = pgx.CollectRows(rows, scanDocument); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, "SELECT "+mailColumns+" FROM mails WHERE seq > $1 ORDER BY seq LIMIT $2", since, changesLimit)
		if err != nil {
			return err
		}
		changes.Mails, err = pgx.CollectRows(rows, scanMail)
		return err
	})
	if err != nil {
		return domain.Changes{}, fmt.Errorf("read changes: %w", err)
	}
	return cut(changes), nil
}

// cut drops what lies behind the end of a list that was cut off, so that
// Seq covers everything up to it.
func cut(changes domain.Changes) domain.Changes {
	last := int64(math.MaxInt64)
	if n := len(changes.Documents); n == changesLimit {
		last = min(last, changes.Documents[n-1].Seq)
	}
	if n := len(changes.Mails); n == changesLimit {
		last = min(last, changes.Mails[n-1].Seq)
	}
	changes.Documents = slices.DeleteFunc(changes.Documents, func(d domain.Document) bool { return d.Seq > last })
	changes.Mails = slices.DeleteFunc(changes.Mails, func(m domain.Mail) bool { return m.Seq > last })
	for _, d := range changes.Documents {
		changes.Seq = max(changes.Seq, d.Seq)
	}
	for _, m := range changes.Mails {
		changes.Seq = max(changes.Seq, m.Seq)
	}
	return changes
}

// Sums adds up the totals of the selected documents that were received from
// from until before until, one for each currency. Failed documents, possible
// duplicates and those without a total or a currency are left out.
func (s *Store) Sums(ctx context.Context, workspace domain.WorkspaceID, query domain.DocumentQuery, from, until time.Time) (sums []domain.Sum, err error) {
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT currency, sum(total_amount)::text, count(*) FROM documents
			WHERE `+selected+` AND status <> 'FAILED' AND duplicate_of IS NULL AND total_amount IS NOT NULL AND currency IS NOT NULL AND created_at >= $6 AND created_at < $7
			GROUP BY currency`, selection(query, from, until)...)
		if err != nil {
			return err
		}
		sums, err = pgx.CollectRows(rows, scanSum)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sum up documents: %w", err)
	}
	return sums, nil
}

func scanSum(row pgx.CollectableRow) (sum domain.Sum, err error) {
	var amount string
	if err := row.Scan(&sum.Currency, &amount, &sum.Documents); err != nil {
		return domain.Sum{}, err
	}
	sum.Amount, err = domain.ParseAmount(amount)
	return sum, err
}

// Place finds a document in the selected list, newest first; domain.ErrNotFound
// when it is not in it.
func (s *Store) Place(ctx context.Context, workspace domain.WorkspaceID, query domain.DocumentQuery, id domain.DocumentID) (place domain.Place, err error) {
	if !isUUID(id) {
		return domain.Place{}, domain.ErrNotFound
	}
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			SELECT place, of, coalesce(newer::text, ''), coalesce(older::text, '') FROM (
				SELECT id, row_number() OVER list AS place, count(*) OVER () AS of, lag(id) OVER list AS newer, lead(id) OVER list AS older
				FROM documents WHERE `+selected+` WINDOW list AS (ORDER BY created_at DESC, id DESC)
			) places WHERE id = $6`, selection(query, id)...).Scan(&place.Index, &place.Of, &place.Newer, &place.Older)
	})
	return place, notFound(err, "find document "+string(id))
}
