package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/docuflow/docuflow/domain"
)

const addressColumns = "workspace_id::text, address, label, created_at, retires_at"

// inUse selects addresses that take mail.
const inUse = "(retires_at IS NULL OR retires_at > clock_timestamp())"

func scanAddress(row pgx.CollectableRow) (a domain.Address, err error) {
	err = row.Scan(&a.Workspace, &a.Address, &a.Label, &a.CreatedAt, (*zeronull.Timestamptz)(&a.RetiresAt))
	return a, err
}

// Addresses lists a workspace's mail addresses that take mail: those that stay
// first, the oldest of them before the others.
func (s *Store) Addresses(ctx context.Context, workspace domain.WorkspaceID) (addresses []domain.Address, err error) {
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+addressColumns+" FROM addresses WHERE "+inUse+" ORDER BY retires_at IS NOT NULL, created_at, address")
		if err != nil {
			return err
		}
		addresses, err = pgx.CollectRows(rows, scanAddress)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	return addresses, nil
}

// Resolve finds the workspace of a mail address. Case does not count, and what
// comes after a "+" is the tag. domain.ErrNotFound: nobody here has it, or not any more. It
// asks the same question for every address, so that its time tells nothing.
func (s *Store) Resolve(ctx context.Context, address string) (found domain.Address, err error) {
	local, host, ok := cutLast(strings.ToLower(address), "@")
	if !ok || strings.ContainsRune(address, 0) {
		return found, domain.ErrNotFound
	}
	local, tag, _ := strings.Cut(local, "+")
	err = s.asService(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+addressColumns+" FROM addresses WHERE address = $1 AND "+inUse, local+"@"+host)
		if err != nil {
			return err
		}
		found, err = pgx.CollectExactlyOneRow(rows, scanAddress)
		return err
	})
	found.Tag = cleanTag(tag)
	return found, notFound(err, "resolve address")
}

const maxTag = 64 // octets: that of a local part (RFC 5321)

// cleanTag keeps a tag that can be a category's name, and nothing else.
func cleanTag(tag string) string {
	isOdd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r)
	}
	if len(tag) > maxTag || strings.ContainsFunc(tag, isOdd) {
		return ""
	}
	return tag
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// NewAddress makes another address of a workspace, with an unguessable part.
func (s *Store) NewAddress(ctx context.Context, workspace domain.WorkspaceID, label, mailDomain, by string) (address domain.Address, err error) {
	err = s.setting(ctx, workspace, "address.made", label, by, func(ctx context.Context, tx change) error {
		address, err = tx.insertAddress(ctx, label, strings.ToLower(mailDomain))
		return err
	})
	return address, err
}

func (c change) insertAddress(ctx context.Context, label, mailDomain string) (domain.Address, error) {
	rows, err := c.Query(ctx, `INSERT INTO addresses (address, workspace_id, label, created_at)
		SELECT slug || '-' || $1 || '@' || $2, id, $3, clock_timestamp() FROM workspaces RETURNING `+addressColumns, suffix(addressSuffix), mailDomain, label)
	if err != nil {
		return domain.Address{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanAddress)
}

// LabelAddress names an address; domain.ErrNotFound when there is none.
func (s *Store) LabelAddress(ctx context.Context, workspace domain.WorkspaceID, address, label, by string) error {
	return s.setting(ctx, workspace, "address.labelled", address, by, func(ctx context.Context, tx change) error {
		return one(tx.Exec(ctx, "UPDATE addresses SET label = $2 WHERE address = $1 AND "+inUse, address, label))
	})
}

// RotateAddress puts a new address in the place of an old one, which works
// for the grace period still. domain.ErrNotFound: it is not in use, or was replaced before.
func (s *Store) RotateAddress(ctx context.Context, workspace domain.WorkspaceID, address string, grace time.Duration, by string) (fresh domain.Address, err error) {
	err = s.setting(ctx, workspace, "address.rotated", address, by, func(ctx context.Context, tx change) error {
		var label, host string
		err := tx.QueryRow(ctx, `UPDATE addresses SET retires_at = clock_timestamp() + $2::interval WHERE address = $1 AND retires_at IS NULL
			RETURNING label, split_part(address, '@', 2)`, address, grace).Scan(&label, &host)
		if err != nil {
			return err
		}
		fresh, err = tx.insertAddress(ctx, label, host)
		return err
	})
	return fresh, err
}

// RemoveAddress ends an address at once. domain.ErrNotDue: it is the last one
// that stays; rotate it instead.
func (s *Store) RemoveAddress(ctx context.Context, workspace domain.WorkspaceID, address, by string) error {
	return s.setting(ctx, workspace, "address.removed", address, by, func(ctx context.Context, tx change) error {
		var others int
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM addresses WHERE address <> $1 AND retires_at IS NULL", address).Scan(&others); err != nil {
			return err
		}
		if others == 0 {
			return domain.ErrNotDue
		}
		return one(tx.Exec(ctx, "UPDATE addresses SET retires_at = clock_timestamp() WHERE address = $1 AND "+inUse, address))
	})
}
