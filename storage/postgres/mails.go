package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

const mailColumns = `id::text, workspace_id::text, envelope_from, remote_addr, helo, tls, handed_over, recipient, tag, raw_key, size, sha256, status, disposition, reason,
	message_id, subject, author, author_name, automatic, verdict, parts, coalesce(duplicate_of::text, ''), notice, outcome, approved_by, wanted,
	(SELECT jsonb_build_object('to', answers.recipient, 'state', state, 'reason', answers.reason, 'attempt', answers.attempt, 'made_at', made_at) FROM answers WHERE mail_id = mails.id),
	attempt, clock_timestamp() - received_at, received_at, updated_at, seq`

func scanMail(row pgx.CollectableRow) (m domain.Mail, err error) {
	err = row.Scan(&m.ID, &m.Workspace, &m.Envelope.From, &m.Envelope.RemoteAddr, &m.Envelope.Helo, &m.Envelope.TLS, &m.Envelope.HandedOver, &m.Recipient, &m.Tag, &m.Raw, &m.Size,
		&m.SHA256, &m.Status, &m.Disposition, &m.Reason, &m.MessageID, &m.Subject, &m.Author, &m.AuthorName, &m.Automatic, &m.Verdict, &m.Parts,
		&m.DuplicateOf, &m.Notice, &m.Outcome, &m.ApprovedBy, &m.Wanted, &m.Answer, &m.Attempt, &m.Trying, &m.ReceivedAt, &m.UpdatedAt, &m.Seq)
	m.Envelope.Recipients = []string{m.Recipient}
	return m, err
}

func selectMail(ctx context.Context, tx pgx.Tx, id domain.MailID) (domain.Mail, error) {
	rows, err := tx.Query(ctx, "SELECT "+mailColumns+" FROM mails WHERE id = $1", id)
	if err != nil {
		return domain.Mail{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanMail)
}

// Mail reads one mail.
func (s *Store) Mail(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID) (mail domain.Mail, err error) {
	if !isUUID(id) {
		return domain.Mail{}, domain.ErrNotFound
	}
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		mail, err = selectMail(ctx, tx, id)
		return err
	})
	return mail, notFound(err, "load mail "+string(id))
}

// Unpacking lists the mails that are accepted and not unpacked yet, newest first.
func (s *Store) Unpacking(ctx context.Context, workspace domain.WorkspaceID) (mails []domain.Mail, err error) {
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+mailColumns+" FROM mails WHERE status = 'ACCEPTED' ORDER BY received_at DESC LIMIT 100")
		if err != nil {
			return err
		}
		mails, err = pgx.CollectRows(rows, scanMail)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list mails: %w", err)
	}
	return mails, nil
}

// AddMail makes the row of an accepted mail. Its raw bytes are durable already.
func (s *Store) AddMail(ctx context.Context, m domain.Mail) error {
	err := s.changing(ctx, m.Workspace, func(tx change) error {
		seq, err := tx.record(ctx, domain.Event{Kind: "mail.accepted", Mail: m.ID})
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO mails (id, workspace_id, recipient, envelope_from, remote_addr, helo, tls, raw_key, size, sha256, seq, tag, handed_over)
			VALUES ($1, current_workspace(), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			m.ID, m.Recipient, m.Envelope.From, m.Envelope.RemoteAddr, m.Envelope.Helo, m.Envelope.TLS, m.Raw, m.Size, m.SHA256, seq, m.Tag, m.Envelope.HandedOver)
		return err
	})
	if err != nil {
		return fmt.Errorf("add mail: %w", err)
	}
	return nil
}

// FinishMail writes what came out of a mail: its disposition and one document
// for each usable attachment, in one transaction. Documents that an earlier delivery of
// the same mail has made are not made again. domain.ErrSuperseded: the lease was lost and nothing was written.
func (s *Store) FinishMail(ctx context.Context, lease domain.Lease, unpacked domain.Unpacked) error {
	err := s.changing(ctx, lease.Workspace, func(tx change) error {
		if err := tx.lock(ctx); err != nil {
			return err
		}
		// The rest of the row is written once it is known what was here before.
		err := one(tx.Exec(ctx, `UPDATE mails SET message_id = $3, subject = $4, author = $5, author_name = $6, automatic = $7 WHERE id = $1 AND epoch = $2 AND status = 'ACCEPTED'`,
			lease.Mail, lease.Epoch, unpacked.MessageID, unpacked.Subject, unpacked.Author, unpacked.AuthorName, unpacked.Automatic))
		if err != nil {
			return err
		}
		first, err := tx.firstDelivery(ctx, lease.Mail, unpacked)
		if err != nil {
			return err
		}
		if unpacked, err = tx.insertDocuments(ctx, lease.Mail, unpacked); err != nil {
			return err
		}
		if first != "" {
			unpacked.Disposition, unpacked.Reason = domain.DispositionDuplicate, redelivered(unpacked)
		}
		seq, err := tx.record(ctx, domain.Event{Kind: "mail.unpacked", Mail: lease.Mail, Text: unpacked.Reason})
		if err != nil {
			return err
		}
		if err := tx.writeUnpacked(ctx, lease.Mail, unpacked, first, seq); err != nil {
			return err
		}
		if err := tx.addAnswer(ctx, lease.Mail, unpacked); err != nil {
			return err
		}
		return closeAttempt(ctx, tx, lease, domain.AttemptDone, attemptEnd{note: unpacked.Reason})
	})
	return leaseError(err, "finish mail", lease)
}

func (c change) writeUnpacked(ctx context.Context, id domain.MailID, unpacked domain.Unpacked, first domain.MailID, seq int64) error {
	parts, err := partsJSON(unpacked.Parts)
	if err != nil {
		return err
	}
	verdict, err := json.Marshal(unpacked.Verdict)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, `UPDATE mails SET status = 'UNPACKED', disposition = $2, reason = $3, parts = $4, verdict = $5, notice = $6,
		duplicate_of = nullif($7, '')::uuid, lease_until = '-infinity', updated_at = clock_timestamp(), seq = $8 WHERE id = $1`,
		id, unpacked.Disposition, unpacked.Reason, parts, verdict, unpacked.Notice, first, seq)
	return err
}

// FailMail writes that unpacking failed and when the next attempt is due, or
// that there is none. domain.ErrSuperseded: the lease was lost and nothing was written.
func (s *Store) FailMail(ctx context.Context, lease domain.Lease, attempt domain.FailedAttempt) error {
	err := s.changing(ctx, lease.Workspace, func(tx change) error {
		status, disposition, outcome, kind := domain.MailFailed, domain.DispositionDamaged, domain.AttemptFailed, "mail.failed"
		if attempt.Retry {
			status, disposition, outcome, kind = domain.MailAccepted, domain.DispositionNone, domain.AttemptRetry, "mail.retry"
		}
		seq, err := tx.record(ctx, domain.Event{Kind: kind, Mail: lease.Mail, Text: attempt.Failure.Message})
		if err != nil {
			return err
		}
		err = one(tx.Exec(ctx, `
			UPDATE mails SET status = $3, disposition = $4, reason = $5, lease_until = '-infinity', next_attempt_at = clock_timestamp() + $6::interval,
				error_kind = $8, attempt = attempt - $9::int, failed_at = CASE WHEN $3 = 'FAILED' THEN clock_timestamp() END, updated_at = clock_timestamp(), seq = $7
			WHERE id = $1 AND epoch = $2 AND status = 'ACCEPTED'`,
			lease.Mail, lease.Epoch, status, disposition, attempt.Failure.Message, attempt.RetryIn, seq, attempt.Failure.Kind, notCounted(attempt)))
		if err != nil {
			return err
		}
		return closeAttempt(ctx, tx, lease, outcome, attemptEnd{failure: attempt.Failure, retryIn: attempt.RetryIn})
	})
	return leaseError(err, "record the failure of mail", lease)
}
