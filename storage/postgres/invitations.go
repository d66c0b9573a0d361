package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

const invitationTTL = 7 * 24 * time.Hour

// Invite makes an invitation and the secret of its link. Inviting somebody
// again replaces the invitation. domain.ErrNotDue: they belong to the workspace already.
func (s *Store) Invite(ctx context.Context, workspace domain.WorkspaceID, email string, role domain.Role, by string) (token string, err error) {
	token, hash := newToken("")
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		var member bool
		err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = $1)", email).Scan(&member)
		if err != nil {
			return err
		}
		if member {
			return domain.ErrNotDue
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO invitations (workspace_id, email, role, invited_by, token_hash, expires_at)
			VALUES (current_workspace(), $1, $2, $3, $4, now() + $5)
			ON CONFLICT (workspace_id, email) DO UPDATE SET role = excluded.role, invited_by = excluded.invited_by,
				token_hash = excluded.token_hash, created_at = now(), expires_at = excluded.expires_at`,
			email, role, by, hash, invitationTTL)
		if err != nil {
			return err
		}
		return change{tx}.audit(ctx, by, "member.invited", email)
	})
	if err != nil {
		return "", fmt.Errorf("invite: %w", err)
	}
	return token, nil
}

// Invitation finds an open invitation by the secret of its link.
func (s *Store) Invitation(ctx context.Context, token string) (invitation domain.Invitation, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		invitation, err = openInvitation(ctx, tx, "token_hash = $1", hashToken(token))
		return err
	})
	return invitation, notFound(err, "load invitation")
}

// Accept lets whoever has the link of an invitation join, which proves that
// the address is theirs. With an identity, that must be of the same address:
// domain.ErrOtherAddress. It gives a session in the workspace.
func (s *Store) Accept(ctx context.Context, token string, identity domain.Identity, browser string) (sessionToken string, session domain.Session, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		invitation, err := openInvitation(ctx, tx, "token_hash = $1", hashToken(token))
		if err != nil {
			return err
		}
		if identity.Provider == "" {
			identity = domain.Identity{Email: invitation.Email}
		}
		if identity.Email != invitation.Email {
			return domain.ErrOtherAddress
		}
		user, err := findUser(ctx, tx, identity)
		if errors.Is(err, pgx.ErrNoRows) {
			user, err = makeUser(ctx, tx, identity)
		}
		if err != nil {
			return err
		}
		if err := join(ctx, tx, user, invitation); err != nil {
			return err
		}
		sessionToken, session, err = addSession(ctx, tx, user, invitation.Workspace.ID, browser)
		return err
	})
	return sessionToken, session, notFound(err, "accept invitation")
}

// openInvitation finds the newest one that matches.
func openInvitation(ctx context.Context, tx pgx.Tx, condition string, value any) (i domain.Invitation, err error) {
	err = tx.QueryRow(ctx, `
		SELECT i.id::text, w.id::text, w.name, w.slug, i.email, i.role, i.invited_by, i.expires_at
		FROM invitations i JOIN workspaces w ON w.id = i.workspace_id
		WHERE i.`+condition+` AND i.expires_at > now() ORDER BY i.created_at DESC LIMIT 1`, value).
		Scan(&i.ID, &i.Workspace.ID, &i.Workspace.Name, &i.Workspace.Slug, &i.Email, &i.Role, &i.InvitedBy, &i.ExpiresAt)
	return i, err
}

// join uses an invitation up. Who belongs to the workspace already keeps their role.
func join(ctx context.Context, tx pgx.Tx, user domain.UserID, invitation domain.Invitation) error {
	// The other of two who join at once finds it gone.
	if err := one(tx.Exec(ctx, "DELETE FROM invitations WHERE id = $1", invitation.ID)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "INSERT INTO memberships (workspace_id, user_id, role) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		invitation.Workspace.ID, user, invitation.Role)
	if err != nil {
		return fmt.Errorf("join workspace: %w", err)
	}
	_, err = tx.Exec(ctx, "INSERT INTO audit (workspace_id, actor, action, subject) VALUES ($1, $2, 'member.joined', $3)",
		invitation.Workspace.ID, invitation.Email, "invited by "+invitation.InvitedBy)
	return err
}
