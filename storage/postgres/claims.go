package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// Due lists what a part of a workspace can have worked on now, oldest due
// first, and what the workspace may use.
func (s *Store) Due(ctx context.Context, shard domain.Shard, limit int) (due domain.Due, err error) {
	err = s.inWorkspace(ctx, shard.Workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT plans.name, slots, documents_per_minute, shards, coalesce(document, ''), coalesce(mail, '')
			FROM workspaces JOIN plans ON plans.name = workspaces.plan LEFT JOIN LATERAL (
				SELECT document, mail, next_attempt_at, id FROM (
					SELECT '' AS document, id::text AS mail, next_attempt_at, id FROM mails
					WHERE status = 'ACCEPTED' AND lease_until < clock_timestamp() AND next_attempt_at <= clock_timestamp()
					UNION ALL
					SELECT id::text, '', next_attempt_at, id FROM documents
					WHERE status IN ('QUEUED', 'PROCESSING', 'RETRYING') AND discarded_at IS NULL
					  AND lease_until < clock_timestamp() AND next_attempt_at <= clock_timestamp() AND `+notPaused+`
				) work
				WHERE shards = 1 AND $1 = 0 OR shards > 1 AND (hashtextextended(id::text, 0) & 9223372036854775807) % shards = $1
				ORDER BY next_attempt_at, id LIMIT $2
			) work ON true ORDER BY work.next_attempt_at, work.id`, shard.Number, limit)
		if err != nil {
			return err
		}
		var work domain.Work
		_, err = pgx.ForEachRow(rows, []any{&due.Plan.Name, &due.Plan.Slots, &due.Plan.DocumentsPerMinute, &due.Plan.Shards, &work.Document, &work.Mail}, func() error {
			if work != (domain.Work{}) {
				due.Work = append(due.Work, work)
			}
			return nil
		})
		return err
	})
	if err != nil {
		return domain.Due{}, fmt.Errorf("list due work: %w", err)
	}
	return due, nil
}

// DueWorkspaces lists the workspaces that have work that is due: the way back
// for everything that was interrupted, on whatever node and for whatever reason.
func (s *Store) DueWorkspaces(ctx context.Context) (workspaces []domain.WorkspaceID, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT workspace_id::text FROM mails
			WHERE status = 'ACCEPTED' AND lease_until < clock_timestamp() AND next_attempt_at <= clock_timestamp()
			UNION
			SELECT workspace_id::text FROM documents
			WHERE status IN ('QUEUED', 'PROCESSING', 'RETRYING') AND discarded_at IS NULL
			  AND lease_until < clock_timestamp() AND next_attempt_at <= clock_timestamp() AND `+notPaused)
		if err != nil {
			return err
		}
		workspaces, err = pgx.CollectRows(rows, pgx.RowTo[domain.WorkspaceID])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list workspaces with due work: %w", err)
	}
	return workspaces, nil
}

// ReleaseNode ends the leases that a stopped process of this node has left. Call it
// only when no other process runs under the same node name.
func (s *Store) ReleaseNode(ctx context.Context, node string) error {
	err := s.asService(ctx, func(tx pgx.Tx) error {
		for _, table := range []string{"mails", "documents", "notices"} {
			_, err := tx.Exec(ctx, "UPDATE "+table+" SET lease_until = '-infinity' WHERE lease_node = $1 AND lease_until > clock_timestamp()", node)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("release the leases of node %s: %w", node, err)
	}
	return nil
}

// Claim takes the right to work on a document that is due, and opens an
// attempt of its present stage. domain.ErrNotDue: there is nothing to claim.
func (s *Store) Claim(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, node string, ttl time.Duration) (domain.Document, domain.Lease, error) {
	type claim struct {
		document domain.Document
		epoch    int64
	}
	scan := func(row pgx.CollectableRow) (c claim, err error) {
		c.document, err = scanDocumentAnd(row, &c.epoch)
		return c, err
	}
	claimed, err := atOnce(ctx, s, workspace, scan, statement{`
		WITH claimed AS (
			UPDATE documents SET status = 'PROCESSING', epoch = epoch + 1, attempt = attempt + 1, lease_node = $2,
				lease_until = clock_timestamp() + $3, tried_at = coalesce(tried_at, clock_timestamp()), updated_at = clock_timestamp(),
				seq = (SELECT event_seq + 1 FROM workspaces WHERE id = current_workspace())
			WHERE id = $1 AND status IN ('QUEUED', 'PROCESSING', 'RETRYING') AND discarded_at IS NULL
			  AND lease_until < clock_timestamp() AND next_attempt_at <= clock_timestamp() AND ` + notPaused + `
			RETURNING ` + documentColumns + `, epoch
		), counted AS (
			UPDATE workspaces SET event_seq = claimed.seq FROM claimed WHERE workspaces.id = current_workspace()
		), recorded AS (
			INSERT INTO events (workspace_id, seq, kind, document_id) SELECT current_workspace(), seq, 'document.claimed', $1 FROM claimed
		), lost AS (
			UPDATE attempts SET outcome = 'lost', finished_at = clock_timestamp() FROM claimed WHERE attempts.document_id = $1 AND attempts.outcome = ''
		), opened AS (
			INSERT INTO attempts (workspace_id, document_id, stage, number, epoch, node, queued_at, started_at)
			SELECT current_workspace(), $1, claimed.stage, claimed.attempt, claimed.epoch, $2, greatest(queued_at, documents.next_attempt_at), clock_timestamp()
			FROM claimed, documents WHERE documents.id = $1
		)
		SELECT * FROM claimed`, []any{id, node, ttl}})
	return claimed.document, domain.Lease{Workspace: workspace, Document: id, Node: node, Epoch: claimed.epoch}, claimError(err, "document", string(id))
}

// ClaimMail takes the right to unpack a mail that is due, and opens an
// attempt under the name stage. domain.ErrNotDue: there is nothing to claim.
func (s *Store) ClaimMail(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, stage domain.StageName, node string, ttl time.Duration) (mail domain.Mail, lease domain.Lease, err error) {
	err = s.changing(ctx, workspace, func(tx change) error {
		seq, err := tx.record(ctx, domain.Event{Kind: "mail.claimed", Mail: id})
		if err != nil {
			return err
		}
		lease = domain.Lease{Workspace: workspace, Mail: id, Node: node}
		var queuedAt time.Time
		err = tx.QueryRow(ctx, `
			UPDATE mails SET epoch = epoch + 1, attempt = attempt + 1, lease_node = $2,
				lease_until = clock_timestamp() + $3, updated_at = clock_timestamp(), seq = $4
			WHERE id = $1 AND status = 'ACCEPTED' AND lease_until < clock_timestamp() AND next_attempt_at <= clock_timestamp()
			RETURNING epoch, next_attempt_at`, id, node, ttl, seq).Scan(&lease.Epoch, &queuedAt)
		if err != nil {
			return err
		}
		if err := loseAttempts(ctx, tx, "mail_id", string(id)); err != nil {
			return err
		}
		if mail, err = selectMail(ctx, tx, id); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO attempts (workspace_id, mail_id, stage, number, epoch, node, queued_at, started_at)
			VALUES (current_workspace(), $1, $2, $3, $4, $5, $6, clock_timestamp())`,
			id, stage, mail.Attempt, lease.Epoch, node, queuedAt)
		return err
	})
	return mail, lease, claimError(err, "mail", string(id))
}

func claimError(err error, what, id string) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return domain.ErrNotDue
	}
	if err != nil {
		return fmt.Errorf("claim %s %s: %w", what, id, err)
	}
	return nil
}

// loseAttempts closes what an earlier claim has left open.
func loseAttempts(ctx context.Context, tx pgx.Tx, column, id string) error {
	_, err := tx.Exec(ctx, `UPDATE attempts SET outcome = 'lost', finished_at = clock_timestamp()
		WHERE `+column+` = $1 AND outcome = ''`, id)
	return err
}

// Renew extends a lease. domain.ErrSuperseded: it was lost.
func (s *Store) Renew(ctx context.Context, lease domain.Lease, ttl time.Duration) error {
	err := s.inWorkspace(ctx, lease.Workspace, func(tx pgx.Tx) error {
		table, id := leased(lease)
		return one(tx.Exec(ctx, "UPDATE "+table+" SET lease_until = clock_timestamp() + $3 WHERE id = $1 AND epoch = $2", id, lease.Epoch, ttl))
	})
	return leaseError(err, "renew", lease)
}

// Release gives a claim back unused: the work is due again at once, and the
// attempt does not count. domain.ErrSuperseded: the claim has ended already.
func (s *Store) Release(ctx context.Context, lease domain.Lease) error {
	err := s.changing(ctx, lease.Workspace, func(tx change) error {
		table, id := leased(lease)
		seq, err := tx.record(ctx, domain.Event{Kind: "released", Document: lease.Document, Mail: lease.Mail})
		if err != nil {
			return err
		}
		status := "status"
		if lease.Mail == "" {
			status = "CASE WHEN status = 'PROCESSING' THEN 'QUEUED' ELSE status END"
		}
		err = one(tx.Exec(ctx, "UPDATE "+table+` SET lease_until = '-infinity', attempt = attempt - 1, seq = $3, status = `+status+`
			WHERE id = $1 AND epoch = $2 AND lease_until > '-infinity'`, id, lease.Epoch, seq))
		if err != nil {
			return err
		}
		return closeAttempt(ctx, tx, lease, domain.AttemptLost, attemptEnd{note: "The node stopped."})
	})
	return leaseError(err, "release", lease)
}

// leased returns the table and the id of what a lease is for.
func leased(lease domain.Lease) (table, id string) {
	if lease.Mail != "" {
		return "mails", string(lease.Mail)
	}
	return "documents", string(lease.Document)
}

func leaseError(err error, what string, lease domain.Lease) error {
	_, id := leased(lease)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("%s %s: %w", what, id, domain.ErrSuperseded)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, id, err)
	}
	return nil
}

type attemptEnd struct {
	waited  time.Duration // for a slot, before it started
	note    string
	failure *domain.Failure
	retryIn time.Duration // 0: no other attempt
}

func closeAttempt(ctx context.Context, tx pgx.Tx, lease domain.Lease, outcome domain.AttemptOutcome, end attemptEnd) error {
	column, id := "document_id", string(lease.Document)
	if lease.Mail != "" {
		column, id = "mail_id", string(lease.Mail)
	}
	kind, message := domain.ErrorKind(""), ""
	if end.failure != nil {
		kind, message = end.failure.Kind, end.failure.Message
	}
	var next *time.Duration
	if end.retryIn > 0 {
		next = &end.retryIn
	}
	_, err := tx.Exec(ctx, `
		UPDATE attempts SET outcome = $3, finished_at = clock_timestamp(), started_at = started_at + $4, note = $5,
			error_kind = $6, error = $7, next_run_at = clock_timestamp() + $8::interval
		WHERE `+column+` = $1 AND epoch = $2 AND outcome = ''`,
		id, lease.Epoch, outcome, end.waited, end.note, kind, message, next)
	return err
}
