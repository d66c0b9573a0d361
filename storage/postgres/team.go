package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// Team lists who belongs to a workspace and who is invited, the first one first.
func (s *Store) Team(ctx context.Context, workspace domain.WorkspaceID) (members []domain.Membership, invited []domain.Invitation, err error) {
	err = s.inSnapshot(ctx, workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT u.id::text, u.email, u.name, m.role, m.created_at FROM memberships m JOIN users u ON u.id = m.user_id
			ORDER BY m.created_at, u.email`)
		if err != nil {
			return err
		}
		members, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m domain.Membership, err error) {
			m.Workspace.ID = workspace
			return m, row.Scan(&m.User.ID, &m.User.Email, &m.User.Name, &m.Role, &m.Since)
		})
		if err != nil {
			return err
		}
		rows, err = tx.Query(ctx, "SELECT id::text, email, role, invited_by, expires_at FROM invitations WHERE expires_at > now() ORDER BY created_at, email")
		if err != nil {
			return err
		}
		invited, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (i domain.Invitation, err error) {
			i.Workspace.ID = workspace
			return i, row.Scan(&i.ID, &i.Email, &i.Role, &i.InvitedBy, &i.ExpiresAt)
		})
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list members: %w", err)
	}
	return members, invited, nil
}

// Withdraw takes an invitation back; domain.ErrNotFound when it is not open.
func (s *Store) Withdraw(ctx context.Context, workspace domain.WorkspaceID, id domain.InvitationID, by string) error {
	if !isUUID(id) {
		return domain.ErrNotFound
	}
	err := s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		var email string
		if err := tx.QueryRow(ctx, "DELETE FROM invitations WHERE id = $1 RETURNING email", id).Scan(&email); err != nil {
			return err
		}
		return change{tx}.audit(ctx, by, "invitation.withdrawn", email)
	})
	return notFound(err, "withdraw invitation")
}

// ChangeRole makes a member an owner or an owner a member.
// domain.ErrLastOwner: somebody must stay one.
func (s *Store) ChangeRole(ctx context.Context, workspace domain.WorkspaceID, user domain.UserID, role domain.Role, by string) error {
	return s.ofMember(ctx, workspace, user, "change role", func(tx change) error {
		if _, err := tx.Exec(ctx, "UPDATE memberships SET role = $2 WHERE user_id = $1", user, role); err != nil {
			return err
		}
		return tx.audit(ctx, by, "member."+string(role), string(user))
	})
}

// RemoveMember takes somebody out of a workspace and ends their sessions
// there. domain.ErrLastOwner: somebody must stay one.
func (s *Store) RemoveMember(ctx context.Context, workspace domain.WorkspaceID, user domain.UserID, by string) error {
	return s.ofMember(ctx, workspace, user, "remove member", func(tx change) error {
		// First the sessions: with the membership the user goes out of sight.
		if _, err := tx.Exec(ctx, "DELETE FROM sessions WHERE user_id = $1", user); err != nil {
			return err
		}
		var email string
		if err := tx.QueryRow(ctx, "SELECT email FROM users WHERE id = $1", user).Scan(&email); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM memberships WHERE user_id = $1", user); err != nil {
			return err
		}
		return tx.audit(ctx, by, "member.removed", email)
	})
}

// ofMember changes something about a member, unless no owner is left then.
func (s *Store) ofMember(ctx context.Context, workspace domain.WorkspaceID, user domain.UserID, what string, deed func(change) error) error {
	if !isUUID(user) {
		return domain.ErrNotFound
	}
	err := s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		c := change{tx}
		// Two owners who remove each other are one after the other.
		if err := c.lock(ctx); err != nil {
			return err
		}
		if err := one(tx.Exec(ctx, "SELECT FROM memberships WHERE user_id = $1", user)); err != nil {
			return err
		}
		if err := deed(c); err != nil {
			return err
		}
		if err := one(tx.Exec(ctx, "SELECT FROM memberships WHERE role = 'owner' LIMIT 1")); errors.Is(err, pgx.ErrNoRows) {
			return domain.ErrLastOwner
		} else if err != nil {
			return err
		}
		return nil
	})
	return notFound(err, what)
}
