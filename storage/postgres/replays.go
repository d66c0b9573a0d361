package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/docuflow/docuflow/domain"
)

// deadMails is the condition of a domain.DocumentQuery for mails that could
// not be unpacked, with the parameters of selection. Who looks for documents to
// review or in another state means no mails.
const deadMails = `status = 'FAILED' AND ($1 = '' OR status = $1) AND NOT $2
	AND ($3 = '' OR concat_ws(' ', subject, author, envelope_from) ILIKE $3) AND ($4 = '' OR $4 = 'unpack') AND ($5 = '' OR error_kind = $5)`

// StartReplay begins to give another try to every dead letter that matches
// the filter now, oldest first, perSecond of them each second.
// domain.ErrNotFound: nothing matches.
func (s *Store) StartReplay(ctx context.Context, workspace domain.WorkspaceID, filter domain.DocumentQuery, perSecond int, by string) (replay domain.Replay, err error) {
	id := domain.ReplayID(uuid.Must(uuid.NewV7()).String())
	filter.Limit, filter.Cursor = 0, ""
	err = s.changing(ctx, workspace, func(tx change) error {
		if err := tx.lock(ctx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO replays (id, workspace_id, filter, actor, total, per_second)
			VALUES ($1, current_workspace(), $2, $3, 0, $4)`, id, filter, by, perSecond)
		if err != nil {
			return err
		}
		// What another replay is about to release is left to it.
		err = one(tx.Exec(ctx, `
			INSERT INTO replay_items (workspace_id, replay_id, document_id, mail_id)
			SELECT current_workspace(), $6, document, mail FROM (
				SELECT id AS document, NULL::uuid AS mail, failed_at FROM documents WHERE status = 'FAILED' AND `+selected+`
				UNION ALL
				SELECT NULL, id, failed_at FROM mails WHERE discarded_at IS NULL AND `+deadMails+`
			) dead WHERE NOT EXISTS (SELECT FROM replay_items i JOIN replays r ON r.id = i.replay_id
				WHERE r.finished_at IS NULL AND i.released_at IS NULL AND (i.document_id = document OR i.mail_id = mail))
			ORDER BY failed_at`, selection(filter, id)...))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE replays SET total = (SELECT count(*) FROM replay_items WHERE replay_id = $1) WHERE id = $1", id)
		if err != nil {
			return err
		}
		if err := tx.audit(ctx, by, "replay.started", string(id)); err != nil {
			return err
		}
		replay, err = selectReplay(ctx, tx, id)
		return err
	})
	return replay, notFound(err, "start a replay")
}

const replayColumns = `r.id::text, r.filter, r.actor, r.total, r.per_second, r.created_at, r.finished_at, r.stopped_by,
	(SELECT count(*) FROM replay_items i WHERE i.replay_id = r.id AND i.released_at IS NOT NULL),
	(SELECT count(*) FROM replay_items i LEFT JOIN documents d ON d.id = i.document_id LEFT JOIN mails m ON m.id = i.mail_id
		WHERE i.replay_id = r.id AND i.released_at IS NOT NULL AND (d.status = 'COMPLETED' OR m.status = 'UNPACKED')),
	(SELECT count(*) FROM replay_items i LEFT JOIN documents d ON d.id = i.document_id LEFT JOIN mails m ON m.id = i.mail_id
		WHERE i.replay_id = r.id AND i.released_at IS NOT NULL AND (d.status = 'FAILED' OR m.status = 'FAILED'))`

func scanReplay(row pgx.CollectableRow) (r domain.Replay, err error) {
	err = row.Scan(&r.ID, &r.Filter, &r.Actor, &r.Total, &r.PerSecond, &r.CreatedAt, (*zeronull.Timestamptz)(&r.FinishedAt), &r.StoppedBy,
		&r.Released, &r.Done, &r.Failed)
	return r, err
}

func selectReplay(ctx context.Context, tx pgx.Tx, id domain.ReplayID) (domain.Replay, error) {
	rows, err := tx.Query(ctx, "SELECT "+replayColumns+" FROM replays r WHERE r.id = $1", id)
	if err != nil {
		return domain.Replay{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanReplay)
}

// Replay reads one replay.
func (s *Store) Replay(ctx context.Context, workspace domain.WorkspaceID, id domain.ReplayID) (replay domain.Replay, err error) {
	if !isUUID(id) {
		return domain.Replay{}, domain.ErrNotFound
	}
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		replay, err = selectReplay(ctx, tx, id)
		return err
	})
	return replay, notFound(err, "load replay "+string(id))
}

// StopReplay releases nothing more. What was released goes on. A replay that
// has ended stays as it is.
func (s *Store) StopReplay(ctx context.Context, workspace domain.WorkspaceID, id domain.ReplayID, by string) (replay domain.Replay, err error) {
	if !isUUID(id) {
		return domain.Replay{}, domain.ErrNotFound
	}
	err = s.changing(ctx, workspace, func(tx change) error {
		if err := tx.lock(ctx); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, "UPDATE replays SET finished_at = clock_timestamp(), stopped_by = $2 WHERE id = $1 AND finished_at IS NULL", id, by)
		if err != nil {
			return err
		}
		if replay, err = selectReplay(ctx, tx, id); err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if _, err := tx.record(ctx, domain.Event{Kind: "replay.stopped", Actor: by, Text: "Stopped a replay"}); err != nil {
			return err
		}
		return tx.audit(ctx, by, "replay.stopped", string(id))
	})
	return replay, notFound(err, "stop replay "+string(id))
}

// DueReplays lists the workspaces with a replay whose next step is due.
func (s *Store) DueReplays(ctx context.Context) (workspaces []domain.WorkspaceID, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT DISTINCT workspace_id::text FROM replays WHERE finished_at IS NULL AND next_at <= clock_timestamp()")
		if err != nil {
			return err
		}
		workspaces, err = pgx.CollectRows(rows, pgx.RowTo[domain.WorkspaceID])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list workspaces with due replays: %w", err)
	}
	return workspaces, nil
}

// StepReplay releases one second's worth of the workspace's oldest due
// replay. The step is one transaction that also moves the next one a second
// on, so any number of nodes may try and a crash loses nothing. domain.ErrNotDue: no replay is due.
func (s *Store) StepReplay(ctx context.Context, workspace domain.WorkspaceID) error {
	err := s.changing(ctx, workspace, func(tx change) error {
		if err := tx.lock(ctx); err != nil {
			return err
		}
		var id, actor string
		var batch int
		// Late steps do not make up for lost time: the pace is a promise to the services behind.
		err := tx.QueryRow(ctx, `UPDATE replays SET next_at = clock_timestamp() + interval '1 second' WHERE id = (
				SELECT id FROM replays WHERE finished_at IS NULL AND next_at <= clock_timestamp() ORDER BY next_at LIMIT 1)
			RETURNING id::text, per_second, actor`).Scan(&id, &batch, &actor)
		if err != nil {
			return err
		}
		if err := tx.releaseItems(ctx, id, batch, actor); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE replays SET finished_at = clock_timestamp()
			WHERE id = $1 AND NOT EXISTS (SELECT FROM replay_items WHERE replay_id = $1 AND released_at IS NULL)`, id)
		if err != nil {
			return err
		}
		// The pages show the progress, also of a step that found its items retried by hand.
		_, err = tx.record(ctx, domain.Event{Kind: "replay.step"})
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return domain.ErrNotDue
	}
	if err != nil {
		return fmt.Errorf("take a step of a replay: %w", err)
	}
	return nil
}

// releaseItems queues the next items again. One that is no dead letter any
// more was seen to by somebody else.
func (c change) releaseItems(ctx context.Context, replay string, batch int, actor string) error {
	rows, err := c.Query(ctx, `UPDATE replay_items SET released_at = clock_timestamp() WHERE id IN (
			SELECT id FROM replay_items WHERE replay_id = $1 AND released_at IS NULL ORDER BY id LIMIT $2)
		RETURNING coalesce(document_id::text, ''), coalesce(mail_id::text, '')`, replay, batch)
	if err != nil {
		return err
	}
	items, err := pgx.CollectRows(rows, pgx.RowToStructByPos[domain.Work])
	if err != nil {
		return err
	}
	var documents, mails []string
	for _, item := range items {
		if item.Mail != "" {
			mails = append(mails, string(item.Mail))
		} else {
			documents = append(documents, string(item.Document))
		}
	}
	for table, ids := range map[string][]string{"documents": documents, "mails": mails} {
		if err := c.queueAgain(ctx, table, ids, actor); err != nil {
			return err
		}
	}
	return nil
}

const mailAgain = `status = 'ACCEPTED', disposition = '', reason = '', error_kind = '', attempt = 0, failed_at = NULL, next_attempt_at = clock_timestamp()`

func (c change) queueAgain(ctx context.Context, table string, ids []string, actor string) error {
	if len(ids) == 0 {
		return nil
	}
	set, kind := again, "document.retried"
	if table == "mails" {
		set, kind = mailAgain, "mail.retried"
	}
	queued, err := collectIDs(ctx, c, "UPDATE "+table+" SET "+set+" WHERE id = ANY ($1::uuid[]) AND status = 'FAILED' AND discarded_at IS NULL RETURNING id::text", ids)
	if err != nil || len(queued) == 0 {
		return err
	}
	return c.recordEach(ctx, table, queued, domain.Event{Kind: kind, Actor: actor, Text: "Retried with others"})
}
