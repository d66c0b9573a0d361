package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// owing makes every connection that wants to hear of the event be owed a
// notice. occasion tells events apart that can come more than once to a document.
func owing(event string, document domain.DocumentID, occasion int64) statement {
	return statement{`INSERT INTO notices (workspace_id, connection_id, document_id, event, occasion)
		SELECT current_workspace(), c.id, $1, $2, $3 FROM connections c WHERE $2 = ANY (c.events) AND c.state <> 'paused' ON CONFLICT DO NOTHING`,
		[]any{document, event, occasion}}
}

func (c change) owe(ctx context.Context, event string, document domain.DocumentID, occasion int64) error {
	owed := owing(event, document, occasion)
	if _, err := c.Exec(ctx, owed.sql, owed.args...); err != nil {
		return fmt.Errorf("owe notices of %s: %w", event, err)
	}
	return nil
}

// OweNotices makes sure that every active connection that wants to hear of the
// event is owed a notice, and returns those that a stage has to tell. A
// connection that needs a person is told later, by whoever looks for due notices.
func (s *Store) OweNotices(ctx context.Context, workspace domain.WorkspaceID, document domain.DocumentID, event string) (owed []domain.NoticeID, told []string, err error) {
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO notices (workspace_id, connection_id, document_id, event, staged)
			SELECT current_workspace(), c.id, $1, $2, c.state = 'active' FROM connections c WHERE $2 = ANY (c.events) AND c.state <> 'paused' ON CONFLICT DO NOTHING`,
			document, event)
		if err != nil {
			return err
		}
		// What failed for good before is owed again: somebody has asked for another try.
		rows, err := tx.Query(ctx, `UPDATE notices SET state = 'due' WHERE document_id = $1 AND event = $2 AND staged AND state <> 'done'
			AND EXISTS (SELECT FROM connections c WHERE c.id = connection_id AND c.state <> 'paused') RETURNING id::text`, document, event)
		if err != nil {
			return err
		}
		if owed, err = pgx.CollectRows(rows, pgx.RowTo[domain.NoticeID]); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `SELECT told FROM notices WHERE document_id = $1 AND event = $2 AND state = 'done' ORDER BY finished_at, id`, document, event)
		if err != nil {
			return err
		}
		told, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("owe notices of document %s: %w", document, err)
	}
	return owed, told, nil
}

// DueNotices lists the workspaces with notices that are due and that no stage tells.
func (s *Store) DueNotices(ctx context.Context) (workspaces []domain.WorkspaceID, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT DISTINCT n.workspace_id::text FROM notices n JOIN connections c ON c.id = n.connection_id
			WHERE n.state = 'due' AND NOT n.staged AND n.next_attempt_at <= clock_timestamp() AND n.lease_until < clock_timestamp() AND c.state = 'active'`)
		if err != nil {
			return err
		}
		workspaces, err = pgx.CollectRows(rows, pgx.RowTo[domain.WorkspaceID])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list workspaces with due notices: %w", err)
	}
	return workspaces, nil
}

// atATime is how many notices of one connection are told at a time by those
// who look for due ones: a slow service must not take everybody's time.
const atATime = 2

// ClaimNotice takes the right to tell a notice, or the oldest that is due when
// id is empty. A document's notices to one connection are told one at a time.
// domain.ErrNotDue: there is none.
func (s *Store) ClaimNotice(ctx context.Context, workspace domain.WorkspaceID, id domain.NoticeID, node string, ttl time.Duration) (claimed domain.ClaimedNotice, err error) {
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		// Under the workspace's lock nobody else claims.
		if err := (change{tx}).lock(ctx); err != nil {
			return err
		}
		var document domain.DocumentID
		err := tx.QueryRow(ctx, `
			UPDATE notices SET attempt = attempt + 1, epoch = epoch + 1, lease_node = $2, lease_until = clock_timestamp() + $3 WHERE id = (
				SELECT n.id FROM notices n JOIN connections c ON c.id = n.connection_id
				WHERE n.state = 'due' AND n.lease_until < clock_timestamp()
				  AND (n.id = nullif($1, '')::uuid OR $1 = '' AND NOT n.staged AND n.next_attempt_at <= clock_timestamp() AND c.state = 'active'
					AND (SELECT count(*) FROM notices o WHERE o.connection_id = n.connection_id AND o.state = 'due' AND o.lease_until >= clock_timestamp()) < $4)
				  AND NOT EXISTS (SELECT FROM notices o WHERE o.connection_id = n.connection_id AND o.document_id = n.document_id AND o.state = 'due' AND o.lease_until >= clock_timestamp())
				ORDER BY n.next_attempt_at, n.created_at, n.id LIMIT 1)
			RETURNING id::text, connection_id::text, document_id::text, event, attempt, clock_timestamp() - created_at, epoch, created_at`, id, node, ttl, atATime).
			Scan(&claimed.ID, &claimed.Connection, &document, &claimed.Event, &claimed.Attempt, &claimed.Trying, &claimed.Epoch, &claimed.At)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT "+documentColumns+" FROM documents WHERE id = $1", document)
		if err != nil {
			return err
		}
		claimed.Document, err = pgx.CollectExactlyOneRow(rows, scanDocument)
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return domain.ClaimedNotice{}, domain.ErrNotDue
	}
	if err != nil {
		return domain.ClaimedNotice{}, fmt.Errorf("claim a notice: %w", err)
	}
	return claimed, nil
}

// SettleNotice writes how telling a notice ended, and what the service calls
// what was made. One that needs a person uses no attempt up and waits for its
// connection. domain.ErrSuperseded: another claim has taken over, nothing was written.
func (s *Store) SettleNotice(ctx context.Context, claimed domain.ClaimedNotice, end domain.NoticeEnd) error {
	settle := s.settleFailed
	if end.Failure == nil {
		settle = s.settleTold
	}
	err := settle(ctx, claimed, end)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("settle notice %s: %w", claimed.ID, domain.ErrSuperseded)
	}
	if err != nil {
		return fmt.Errorf("settle notice %s: %w", claimed.ID, err)
	}
	return nil
}

func (s *Store) settleTold(ctx context.Context, claimed domain.ClaimedNotice, end domain.NoticeEnd) error {
	return s.changing(ctx, claimed.Document.Workspace, func(tx change) error {
		seq, err := tx.record(ctx, domain.Event{Kind: "notice.done", Document: claimed.Document.ID, Text: "Told " + end.Title})
		if err != nil {
			return err
		}
		err = one(tx.Exec(ctx, `UPDATE notices SET state = 'done', told = $3, error = '', lease_until = '-infinity', finished_at = clock_timestamp() WHERE id = $1 AND epoch = $2`,
			claimed.ID, claimed.Epoch, end.Title))
		if err != nil {
			return err
		}
		if end.Reference != "" {
			_, err = tx.Exec(ctx, `INSERT INTO deliveries (workspace_id, document_id, destination, reference, link, delivered_at)
				VALUES (current_workspace(), $1, $2, $3, $4, clock_timestamp())
				ON CONFLICT (workspace_id, document_id, destination) DO UPDATE SET reference = excluded.reference, link = excluded.link, delivered_at = excluded.delivered_at`,
				claimed.Document.ID, end.Title, end.Reference, end.Link)
			if err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, "UPDATE documents SET seq = $2, updated_at = clock_timestamp() WHERE id = $1", claimed.Document.ID, seq)
		return err
	})
}

func (s *Store) settleFailed(ctx context.Context, claimed domain.ClaimedNotice, end domain.NoticeEnd) error {
	return s.inWorkspace(ctx, claimed.Document.Workspace, func(tx pgx.Tx) error {
		return one(tx.Exec(ctx, `UPDATE notices SET error = $3, lease_until = '-infinity', next_attempt_at = clock_timestamp() + $4::interval,
				state = CASE WHEN $5 THEN 'failed' ELSE state END, finished_at = CASE WHEN $5 THEN clock_timestamp() END,
				staged = staged AND NOT $6, attempt = attempt - $6::int
			WHERE id = $1 AND epoch = $2`,
			claimed.ID, claimed.Epoch, end.Failure.Message, end.RetryIn, end.Over && !end.Failure.Person, end.Failure.Person))
	})
}

// NoticesOf lists the newest notices of a connection, the newest first.
func (s *Store) NoticesOf(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, limit int) (lines []domain.NoticeLine, err error) {
	if !isUUID(id) {
		return nil, domain.ErrNotFound
	}
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id::text, document_id::text, event, state, attempt, error, created_at, coalesce(finished_at, next_attempt_at) FROM notices
			WHERE connection_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2`, id, limit)
		if err != nil {
			return err
		}
		lines, err = pgx.CollectRows(rows, pgx.RowToStructByPos[domain.NoticeLine])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	return lines, nil
}
