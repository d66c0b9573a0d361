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

// SignIn trades the secret of a sign-in link for a session. domain.ErrNotFound: it
// is unknown, used or expired.
func (s *Store) SignIn(ctx context.Context, linkToken string) (sessionToken string, session domain.Session, err error) {
	sessionToken, hash := newToken("")
	err = s.asService(ctx, func(tx pgx.Tx) error {
		err := one(tx.Exec(ctx, `
			WITH used AS (
				UPDATE verifications SET used_at = now()
				WHERE token_hash = $1 AND purpose = 'sign_in' AND used_at IS NULL AND expires_at > now()
				RETURNING user_id, workspace_id
			)
			INSERT INTO sessions (token_hash, user_id, workspace_id, expires_at)
			SELECT $2, user_id, workspace_id, now() + $3 FROM used`, hashToken(linkToken), hash, sessionTTL))
		if err != nil {
			return err
		}
		session, err = selectSession(ctx, tx, hash)
		return err
	})
	if err := notFound(err, "sign in"); err != nil {
		return "", domain.Session{}, err
	}
	return sessionToken, session, nil
}

func selectSession(ctx context.Context, tx pgx.Tx, hash []byte) (session domain.Session, err error) {
	err = tx.QueryRow(ctx, `
		SELECT u.id::text, u.email, u.name, u.operator, w.id::text, w.name, w.slug, w.created_at, s.expires_at
		FROM sessions s JOIN users u ON u.id = s.user_id JOIN workspaces w ON w.id = s.workspace_id
		JOIN memberships m ON m.user_id = u.id AND m.workspace_id = w.id
		WHERE s.token_hash = $1 AND s.expires_at > now()`, hash).
		Scan(&session.User.ID, &session.User.Email, &session.User.Name, &session.User.Operator,
			&session.Workspace.ID, &session.Workspace.Name, &session.Workspace.Slug, &session.Workspace.CreatedAt, &session.ExpiresAt)
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
