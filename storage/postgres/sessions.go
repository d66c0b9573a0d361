package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

const (
	linkTTL    = 24 * time.Hour
	sessionTTL = 7 * 24 * time.Hour
)

// newToken returns a secret of 130 bits and what is stored of it. Tokens are
// random and long: a plain hash is enough to keep them.
func newToken(prefix string) (token string, hash []byte) {
	token = prefix + strings.ToLower(rand.Text())
	return token, hashToken(token)
}

func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// NewSignInLink makes the secret of a link that signs a user in once, within
// a day. domain.ErrNotFound: no such member.
func (s *Store) NewSignInLink(ctx context.Context, workspace domain.WorkspaceID, email string) (string, error) {
	token, hash := newToken("")
	err := s.asService(ctx, func(tx pgx.Tx) error {
		return one(tx.Exec(ctx, `
			INSERT INTO verifications (token_hash, purpose, user_id, workspace_id, expires_at)
			SELECT $1, 'sign_in', u.id, m.workspace_id, now() + $2
			FROM users u JOIN memberships m ON m.user_id = u.id WHERE u.email = $3 AND m.workspace_id = $4`,
			hash, linkTTL, strings.ToLower(email), workspace))
	})
	return token, notFound(err, "make a sign-in link")
}

// addSession makes a session, and forgets those of the user that have ended.
func addSession(ctx context.Context, tx pgx.Tx, user domain.UserID, workspace domain.WorkspaceID, browser string) (token string, session domain.Session, err error) {
	token, hash := newToken("")
	if _, err := tx.Exec(ctx, "DELETE FROM sessions WHERE user_id = $1 AND expires_at <= now()", user); err != nil {
		return "", session, fmt.Errorf("forget old sessions: %w", err)
	}
	_, err = tx.Exec(ctx, "INSERT INTO sessions (token_hash, user_id, workspace_id, browser, expires_at) VALUES ($1, $2, $3, $4, now() + $5)",
		hash, user, workspace, browser, sessionTTL)
	if err != nil {
		return "", session, fmt.Errorf("make session: %w", err)
	}
	session, err = selectSession(ctx, tx, hash)
	return token, session, err
}

func selectSession(ctx context.Context, tx pgx.Tx, hash []byte) (session domain.Session, err error) {
	err = tx.QueryRow(ctx, `
		SELECT u.id::text, u.email, u.name, u.operator, w.id::text, w.name, w.slug, w.created_at, m.role, s.expires_at
		FROM sessions s JOIN users u ON u.id = s.user_id JOIN workspaces w ON w.id = s.workspace_id
		JOIN memberships m ON m.user_id = u.id AND m.workspace_id = w.id
		WHERE s.token_hash = $1 AND s.expires_at > now()`, hash).
		Scan(&session.User.ID, &session.User.Email, &session.User.Name, &session.User.Operator,
			&session.Workspace.ID, &session.Workspace.Name, &session.Workspace.Slug, &session.Workspace.CreatedAt, &session.Role, &session.ExpiresAt)
	return session, err
}

// Session returns who a session token belongs to.
func (s *Store) Session(ctx context.Context, sessionToken string) (session domain.Session, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		session, err = selectSession(ctx, tx, hashToken(sessionToken))
		return err
	})
	return session, notFound(err, "load session")
}

// RenewSession lets a session last for seven days from now.
func (s *Store) RenewSession(ctx context.Context, sessionToken string) (expires time.Time, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, "UPDATE sessions SET seen_at = now(), expires_at = now() + $2 WHERE token_hash = $1 AND expires_at > now() RETURNING expires_at",
			hashToken(sessionToken), sessionTTL).Scan(&expires)
	})
	return expires, notFound(err, "renew session")
}

// Devices lists where a user is signed in, the latest first. The session of
// current is marked.
func (s *Store) Devices(ctx context.Context, user domain.UserID, current string) (devices []domain.Device, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT s.id::text, s.browser, w.name, s.created_at, s.seen_at, s.token_hash = $2
			FROM sessions s JOIN workspaces w ON w.id = s.workspace_id WHERE s.user_id = $1 AND s.expires_at > now()
			ORDER BY s.token_hash = $2 DESC, s.seen_at DESC, s.id`, user, hashToken(current))
		if err != nil {
			return err
		}
		devices, err = pgx.CollectRows(rows, pgx.RowToStructByPos[domain.Device])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return devices, nil
}

// EndSession ends one session of a user; domain.ErrNotFound when it has ended.
func (s *Store) EndSession(ctx context.Context, user domain.UserID, id domain.SessionID) error {
	if !isUUID(id) {
		return domain.ErrNotFound
	}
	err := s.asService(ctx, func(tx pgx.Tx) error {
		return one(tx.Exec(ctx, "DELETE FROM sessions WHERE user_id = $1 AND id = $2", user, id))
	})
	return notFound(err, "end session")
}

// EndOtherSessions ends all sessions of a user but that of current.
func (s *Store) EndOtherSessions(ctx context.Context, user domain.UserID, current string) error {
	err := s.asService(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM sessions WHERE user_id = $1 AND token_hash <> $2", user, hashToken(current))
		return err
	})
	if err != nil {
		return fmt.Errorf("end other sessions: %w", err)
	}
	return nil
}

// SignOut ends a session; an unknown one is no error.
func (s *Store) SignOut(ctx context.Context, sessionToken string) error {
	return s.asService(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM sessions WHERE token_hash = $1", hashToken(sessionToken))
		return err
	})
}

// NewToken makes an API token of a workspace. It is shown once: only its
// hash is stored.
func (s *Store) NewToken(ctx context.Context, workspace domain.WorkspaceID, name string) (string, error) {
	token, hash := newToken("dfl_")
	err := s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO api_tokens (workspace_id, token_hash, name) VALUES (current_workspace(), $1, $2)", hash, name)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("make API token: %w", err)
	}
	return token, nil
}

// Token returns the workspace of an API token. The user's Email names the
// token in histories.
func (s *Store) Token(ctx context.Context, bearer string) (session domain.Session, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			SELECT 'token ' || t.name, w.id::text, w.name, w.slug, w.created_at
			FROM api_tokens t JOIN workspaces w ON w.id = t.workspace_id
			WHERE t.token_hash = $1 AND t.revoked_at IS NULL`, hashToken(bearer)).
			Scan(&session.User.Email, &session.Workspace.ID, &session.Workspace.Name, &session.Workspace.Slug, &session.Workspace.CreatedAt)
	})
	return session, notFound(err, "load API token")
}
