package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// Mails lists the mails of a workspace, newest first. A cursor that is not
// from an earlier page is domain.ErrNotFound.
func (s *Store) Mails(ctx context.Context, workspace domain.WorkspaceID, query domain.MailQuery) (page domain.MailPage, err error) {
	before, err := parseCursor(query.Cursor)
	if err != nil {
		return page, err
	}
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+mailColumns+` FROM mails
			WHERE ($1 = '' OR outcome = $1) AND ($2 = '' OR concat_ws(' ', author, author_name, envelope_from, recipient, subject, message_id) ILIKE $2)
			  AND ($3::timestamptz IS NULL OR (received_at, id) < ($3, $4::uuid))
			ORDER BY received_at DESC, id DESC LIMIT $5`,
			query.Outcome, likePattern(query.Text), before.at, before.id, query.Limit+1)
		if err != nil {
			return err
		}
		page.Mails, err = pgx.CollectRows(rows, scanMail)
		return err
	})
	if err != nil {
		return page, fmt.Errorf("list mails: %w", err)
	}
	if len(page.Mails) > query.Limit {
		page.Mails = page.Mails[:query.Limit]
		last := page.Mails[query.Limit-1]
		page.NextCursor = formatCursor(last.ReceivedAt, string(last.ID))
	}
	return page, nil
}

// CountMails counts all mails of a workspace, each under its outcome.
func (s *Store) CountMails(ctx context.Context, workspace domain.WorkspaceID) (counts domain.MailCounts, err error) {
	counts = domain.MailCounts{}
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT outcome, count(*) FROM mails GROUP BY outcome")
		if err != nil {
			return err
		}
		var outcome domain.MailOutcome
		var n int
		_, err = pgx.ForEachRow(rows, []any{&outcome, &n}, func() error {
			counts[outcome] = n
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count mails: %w", err)
	}
	return counts, nil
}
