package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// HoldMailbox takes a mailbox for a node, or keeps it, for ttl, and says how
// far it was read. domain.ErrNotDue: another node has it.
func (s *Store) HoldMailbox(ctx context.Context, name, node string, ttl time.Duration) (cursor domain.MailboxCursor, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			INSERT INTO mailboxes (name, lease_node, lease_until) VALUES ($1, $2, clock_timestamp() + $3::interval)
			ON CONFLICT (name) DO UPDATE SET lease_node = excluded.lease_node, lease_until = excluded.lease_until
				WHERE mailboxes.lease_node = excluded.lease_node OR mailboxes.lease_until < clock_timestamp()
			RETURNING uid_validity, uid, since`, name, node, ttl).Scan(&cursor.UIDValidity, &cursor.UID, &cursor.Since)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return cursor, domain.ErrNotDue
	}
	if err != nil {
		return cursor, fmt.Errorf("hold mailbox %s: %w", name, err)
	}
	return cursor, nil
}

// AdvanceMailbox writes how far a mailbox was read, and keeps it for ttl more.
// domain.ErrSuperseded: another node has it meanwhile, and nothing was written.
func (s *Store) AdvanceMailbox(ctx context.Context, name, node string, cursor domain.MailboxCursor, ttl time.Duration) error {
	err := s.asService(ctx, func(tx pgx.Tx) error {
		return one(tx.Exec(ctx, `UPDATE mailboxes SET uid_validity = $3, uid = $4, lease_until = clock_timestamp() + $5::interval WHERE name = $1 AND lease_node = $2`,
			name, node, cursor.UIDValidity, cursor.UID, ttl))
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return domain.ErrSuperseded
	}
	if err != nil {
		return fmt.Errorf("advance mailbox %s: %w", name, err)
	}
	return nil
}
