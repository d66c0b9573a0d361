package postgres

import (
	"context"
	"fmt"
	"slices"

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
				count(*) FILTER (WHERE status IN ('QUEUED', 'PROCESSING')),
				count(*) FILTER (WHERE status = 'RETRYING'),
				count(*) FILTER (WHERE status = 'FAILED'),
				(SELECT count(*) FROM mails WHERE status = 'ACCEPTED')
			FROM documents WHERE discarded_at IS NULL`).
			Scan(&b.Received, &b.Done, &b.Review, &b.InProgress, &b.Retrying, &b.Failed, &b.Unpacking)
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
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+documentColumns+" FROM documents WHERE seq > $1 AND discarded_at IS NULL ORDER BY seq LIMIT $2", since, changesLimit)
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
		if changes.Mails, err = pgx.CollectRows(rows, scanMail); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, "SELECT id::text, seq FROM documents WHERE seq > $1 AND discarded_at IS NOT NULL ORDER BY seq LIMIT $2", since, changesLimit)
		if err != nil {
			return err
		}
		changes.Gone, err = pgx.CollectRows(rows, pgx.RowToStructByPos[domain.GoneDocument])
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
	last := int64(1<<63 - 1)
	if n := len(changes.Documents); n == changesLimit {
		last = min(last, changes.Documents[n-1].Seq)
	}
	if n := len(changes.Mails); n == changesLimit {
		last = min(last, changes.Mails[n-1].Seq)
	}
	if n := len(changes.Gone); n == changesLimit {
		last = min(last, changes.Gone[n-1].Seq)
	}
	changes.Documents = slices.DeleteFunc(changes.Documents, func(d domain.Document) bool { return d.Seq > last })
	changes.Mails = slices.DeleteFunc(changes.Mails, func(m domain.Mail) bool { return m.Seq > last })
	changes.Gone = slices.DeleteFunc(changes.Gone, func(g domain.GoneDocument) bool { return g.Seq > last })
	for _, d := range changes.Documents {
		changes.Seq = max(changes.Seq, d.Seq)
	}
	for _, m := range changes.Mails {
		changes.Seq = max(changes.Seq, m.Seq)
	}
	for _, g := range changes.Gone {
		changes.Seq = max(changes.Seq, g.Seq)
	}
	return changes
}
