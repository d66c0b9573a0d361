package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// addAnswer makes the answer to a mail due, in the transaction of its outcome
// and under the workspace's lock. There is none to a redelivery, to a mail that
// was answered, to one that is unpacked again later, and within an hour of another one to the same sender.
func (c change) addAnswer(ctx context.Context, id domain.MailID, unpacked domain.Unpacked) error {
	if unpacked.AnswerTo == "" || unpacked.Disposition == domain.DispositionDuplicate {
		return nil
	}
	_, err := c.Exec(ctx, `INSERT INTO answers (workspace_id, mail_id, recipient)
		SELECT current_workspace(), id, lower($2) FROM mails WHERE id = $1 AND received_at > clock_timestamp() - interval '1 day'
			AND NOT EXISTS (SELECT FROM answers WHERE recipient = lower($2) AND made_at > clock_timestamp() - interval '1 hour')
		ON CONFLICT DO NOTHING`, id, unpacked.AnswerTo)
	if err != nil {
		return fmt.Errorf("make an answer: %w", err)
	}
	return nil
}

// ClaimAnswer takes the right to send one answer that is due, for ttl.
// domain.ErrNotDue: there is none.
func (s *Store) ClaimAnswer(ctx context.Context, node string, ttl time.Duration) (domain.ClaimedAnswer, error) {
	due, err := s.dueAnswers(ctx)
	if err != nil {
		return domain.ClaimedAnswer{}, fmt.Errorf("list due answers: %w", err)
	}
	for _, answer := range due {
		claimed, err := s.claimAnswer(ctx, answer, node, ttl)
		if !errors.Is(err, pgx.ErrNoRows) {
			return claimed, claimError(err, "answer to mail", string(answer.mail))
		}
	}
	return domain.ClaimedAnswer{}, domain.ErrNotDue
}

type dueAnswer struct {
	workspace domain.WorkspaceID
	mail      domain.MailID
}

// dueAnswers are more than one, because other nodes look at the same time.
func (s *Store) dueAnswers(ctx context.Context) (due []dueAnswer, err error) {
	const limit = 20
	err = s.asService(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT workspace_id::text, mail_id::text FROM answers
			WHERE state = 'due' AND next_attempt_at <= clock_timestamp() AND lease_until < clock_timestamp() ORDER BY next_attempt_at LIMIT $1`, limit)
		if err != nil {
			return err
		}
		due, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (d dueAnswer, err error) {
			err = row.Scan(&d.workspace, &d.mail)
			return d, err
		})
		return err
	})
	return due, err
}

func (s *Store) claimAnswer(ctx context.Context, due dueAnswer, node string, ttl time.Duration) (claimed domain.ClaimedAnswer, err error) {
	err = s.inWorkspace(ctx, due.workspace, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `UPDATE answers SET epoch = epoch + 1, attempt = attempt + 1, lease_node = $2, lease_until = clock_timestamp() + $3::interval
			WHERE mail_id = $1 AND state = 'due' AND next_attempt_at <= clock_timestamp() AND lease_until < clock_timestamp()
			RETURNING epoch, clock_timestamp() - made_at`, due.mail, node, ttl).Scan(&claimed.Epoch, &claimed.Trying)
		if err != nil {
			return err
		}
		claimed.Mail, err = selectMail(ctx, tx, due.mail)
		return err
	})
	return claimed, err
}

// EndAnswer writes how an attempt to send an answer ended: failed is nil when
// it was sent. domain.ErrSuperseded: another node has claimed it since, and nothing was written.
func (s *Store) EndAnswer(ctx context.Context, claimed domain.ClaimedAnswer, failed *domain.FailedAttempt) error {
	id := claimed.Mail.ID
	event := domain.Event{Kind: "mail.answered", Mail: id, Text: "Told the sender what became of it"}
	state, retryIn := domain.AnswerSent, time.Duration(0)
	if failed != nil {
		event.Kind, event.Text, state, retryIn = "mail.answer_failed", failed.Failure.Message, domain.AnswerGivenUp, failed.RetryIn
		if failed.Retry {
			state = domain.AnswerDue
		}
	}
	err := s.changing(ctx, claimed.Mail.Workspace, func(tx change) error {
		seq, err := tx.record(ctx, event)
		if err != nil {
			return err
		}
		reason := ""
		if failed != nil {
			reason = event.Text
		}
		err = one(tx.Exec(ctx, `UPDATE answers SET state = $3, reason = $4, lease_until = '-infinity', next_attempt_at = clock_timestamp() + $5::interval,
				ended_at = CASE WHEN $3 <> 'due' THEN clock_timestamp() END
			WHERE mail_id = $1 AND epoch = $2 AND state = 'due'`, id, claimed.Epoch, state, reason, retryIn))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE mails SET seq = $2, updated_at = clock_timestamp() WHERE id = $1", id, seq)
		return err
	})
	return leaseError(err, "end the answer to mail", domain.Lease{Mail: id})
}
