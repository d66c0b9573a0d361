package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/docuflow/docuflow/domain"
)

// What state a mail and a document are in: exactly one, whatever the row says.
const (
	mailState = `CASE WHEN status = 'ACCEPTED' AND lease_until >= clock_timestamp() THEN 'unpacking' WHEN status = 'UNPACKED' AND disposition <> '' THEN disposition ELSE lower(status) END`
	// What was discarded is on its way out, whatever it was before.
	documentState = `CASE WHEN discarded_at IS NOT NULL THEN 'discarded' ELSE lower(status) END`
)

// rules are what holds at every moment; each counts what breaks it. Those that
// look at the last day leave older rows alone: they were looked at before.
var rules = map[string]string{
	"mail_lost": `SELECT count(*) FROM events WHERE kind = 'mail.accepted' AND at > clock_timestamp() - interval '1 day'
		AND NOT EXISTS (SELECT FROM mails WHERE mails.id = mail_id)`,
	"document_lost": `SELECT count(*) FROM events WHERE kind = 'document.received' AND at > clock_timestamp() - interval '1 day'
		AND NOT EXISTS (SELECT FROM documents WHERE documents.id = document_id)`,
	"mail_without_outcome": `SELECT count(*) FROM mails WHERE status = 'UNPACKED' AND disposition = ''`,
	"mail_without_documents": `SELECT count(*) FROM mails WHERE received_at > clock_timestamp() - interval '1 day' AND status = 'UNPACKED' AND disposition = 'documents'
		AND NOT EXISTS (SELECT FROM documents WHERE mail_id = mails.id)`,
	// Any node takes over a lease that has ended, within seconds.
	"mail_abandoned": `SELECT count(*) FROM mails WHERE status = 'ACCEPTED' AND lease_until > '-infinity' AND lease_until < clock_timestamp() - interval '5 minutes'
		AND next_attempt_at < clock_timestamp() - interval '5 minutes'`,
	"document_abandoned":    `SELECT count(*) FROM documents WHERE status = 'PROCESSING' AND discarded_at IS NULL AND lease_until < clock_timestamp() - interval '5 minutes'`,
	"document_done_never":   `SELECT count(*) FROM documents WHERE status = 'COMPLETED' AND completed_at IS NULL`,
	"document_failed_never": `SELECT count(*) FROM documents WHERE status = 'FAILED' AND failed_at IS NULL`,
}

// restFactor keeps a large installation from doing nothing but counting: so
// many times as long as a count took, there is no other.
const restFactor = 20

// CheckBalance counts all mails and documents, of all workspaces, if nobody
// has done so for the given time. Several nodes may call it: one counts.
func (s *Store) CheckBalance(ctx context.Context, every time.Duration) (checked bool, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		err := one(tx.Exec(ctx, "UPDATE balance_checks SET next_at = clock_timestamp() + $1::interval WHERE next_at <= clock_timestamp()", every))
		checked = err == nil
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil || !checked {
		return false, wrapped(err, "take a turn at checking the balance")
	}
	// One snapshot: a document that moves on meanwhile is counted once.
	err = s.transact(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL ROLE docuflow_service", func(tx pgx.Tx) error {
		return countBalance(ctx, tx, every)
	})
	return err == nil, wrapped(err, "check the balance")
}

func wrapped(err error, doing string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func countBalance(ctx context.Context, tx pgx.Tx, every time.Duration) error {
	mails, err := countStates(ctx, tx, "mails", mailState)
	if err != nil {
		return err
	}
	documents, err := countStates(ctx, tx, "documents", documentState)
	if err != nil {
		return err
	}
	problems := map[string]int{}
	for name, rule := range rules {
		var broken int
		if err := tx.QueryRow(ctx, rule).Scan(&broken); err != nil {
			return fmt.Errorf("rule %s: %w", name, err)
		}
		if broken > 0 {
			problems[name] = broken
		}
	}
	// now() is when the transaction began.
	_, err = tx.Exec(ctx, `UPDATE balance_checks SET checked_at = clock_timestamp(), took = clock_timestamp() - now(),
		next_at = clock_timestamp() + greatest($1::interval, $2::int * (clock_timestamp() - now())), mails = $3, documents = $4, problems = $5`,
		every, restFactor, mails, documents, problems)
	return err
}

func countStates(ctx context.Context, tx pgx.Tx, table, state string) (map[string]int, error) {
	rows, err := tx.Query(ctx, "SELECT "+state+", count(*) FROM "+table+" GROUP BY 1")
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	var name string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error {
		counts[name] = n
		return nil
	})
	return counts, err
}

// LastBalanceCheck is what the last count has found, on whatever node.
func (s *Store) LastBalanceCheck(ctx context.Context) (check domain.BalanceCheck, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error { return selectBalanceCheck(ctx, tx, &check) })
	return check, wrapped(err, "read the last check of the balance")
}

func selectBalanceCheck(ctx context.Context, tx pgx.Tx, check *domain.BalanceCheck) error {
	return tx.QueryRow(ctx, "SELECT checked_at, took, mails, documents, problems FROM balance_checks").
		Scan((*zeronull.Timestamptz)(&check.At), &check.Took, &check.Mails, &check.Documents, &check.Problems)
}
