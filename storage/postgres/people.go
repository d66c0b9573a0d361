package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

const (
	mailedLinkTTL = 30 * time.Minute
	// linksAnHour is how many links one address can be sent.
	linksAnHour = 5
)

// letters keeps strangers from sending mail through us to everybody.
func letters() domain.Limit { return domain.Limit{Name: "sign_in.letters", Burst: 60, PerSecond: 1} }

// AskForLink makes the secret of a sign-in link for an address, good once
// within half an hour. domain.ErrNotFound: the address may not have one, because nobody
// here has it and newcomers need an invitation, or because it has had enough of them.
func (s *Store) AskForLink(ctx context.Context, email string, signUp bool) (string, error) {
	wait, err := s.Take(ctx, letters())
	if err != nil {
		return "", err
	}
	if wait > 0 {
		return "", fmt.Errorf("more sign-in links were asked for than are sent: %w", domain.ErrNotFound)
	}
	token, hash := newToken("")
	err = s.asService(ctx, func(tx pgx.Tx) error {
		// What is older counts no more.
		if _, err := tx.Exec(ctx, "DELETE FROM verifications WHERE expires_at < now() - interval '1 hour'"); err != nil {
			return err
		}
		return one(tx.Exec(ctx, `
			INSERT INTO verifications (token_hash, purpose, email, expires_at) SELECT $1, 'sign_in', $2, now() + $3
			WHERE (SELECT count(*) FROM verifications WHERE email = $2 AND created_at > now() - interval '1 hour') < $4
			AND ($5 OR EXISTS (SELECT FROM users u JOIN memberships m ON m.user_id = u.id WHERE u.email = $2)
				OR EXISTS (SELECT FROM invitations WHERE email = $2 AND expires_at > now()))`,
			hash, email, mailedLinkTTL, linksAnHour, signUp))
	})
	return token, notFound(err, "make a sign-in link")
}

// SignIn trades the secret of a sign-in link for a session. domain.ErrNotFound: it
// is unknown, used or expired. domain.ErrNoWorkspace: see there.
func (s *Store) SignIn(ctx context.Context, linkToken string, arrival domain.Arrival) (token string, session domain.Session, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		var user domain.UserID
		var workspace domain.WorkspaceID
		var email string
		err := tx.QueryRow(ctx, `
			UPDATE verifications SET used_at = now()
			WHERE token_hash = $1 AND purpose = 'sign_in' AND used_at IS NULL AND expires_at > now()
			RETURNING coalesce(user_id::text, ''), coalesce(workspace_id::text, ''), email`, hashToken(linkToken)).Scan(&user, &workspace, &email)
		if err != nil {
			return err
		}
		if user == "" {
			if user, workspace, err = arrive(ctx, tx, domain.Identity{Email: email}, arrival); err != nil {
				return err
			}
		}
		token, session, err = addSession(ctx, tx, user, workspace, arrival.Browser)
		return err
	})
	return token, session, notFound(err, "sign in")
}

// SignInAs gives a session to whom a provider has proved. A known address is
// that user's, whatever they signed in with before.
func (s *Store) SignInAs(ctx context.Context, identity domain.Identity, arrival domain.Arrival) (token string, session domain.Session, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		user, workspace, err := arrive(ctx, tx, identity, arrival)
		if err != nil {
			return err
		}
		token, session, err = addSession(ctx, tx, user, workspace, arrival.Browser)
		return err
	})
	if err != nil {
		return "", domain.Session{}, fmt.Errorf("sign in with %s: %w", identity.Provider, err)
	}
	return token, session, nil
}

// arrive finds somebody and the workspace that they go to, or makes both.
func arrive(ctx context.Context, tx pgx.Tx, identity domain.Identity, arrival domain.Arrival) (user domain.UserID, workspace domain.WorkspaceID, err error) {
	user, err = findUser(ctx, tx, identity)
	if err == nil {
		workspace, err = lastWorkspace(ctx, tx, user)
	}
	if err == nil {
		return user, workspace, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return "", "", err
	}
	if arrival.SignUp {
		return begin(ctx, tx, identity, arrival.MailDomain)
	}
	// Only an invitation lets newcomers in here, so it needs no further consent.
	invitation, err := openInvitation(ctx, tx, "email = $1", identity.Email)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", "", domain.ErrNoWorkspace
	}
	if err != nil {
		return "", "", err
	}
	if user, err = makeUser(ctx, tx, identity); err != nil {
		return "", "", err
	}
	return user, invitation.Workspace.ID, join(ctx, tx, user, invitation)
}

// findUser finds a user by the provider's account, else by the address, and
// then remembers the account.
func findUser(ctx context.Context, tx pgx.Tx, identity domain.Identity) (user domain.UserID, err error) {
	// Two first sign-ins of one person are one after the other.
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('sign in ' || $1, 0))", identity.Email); err != nil {
		return "", err
	}
	err = tx.QueryRow(ctx, "SELECT user_id::text FROM accounts WHERE provider = $1 AND subject = $2", identity.Provider, identity.Subject).Scan(&user)
	if !errors.Is(err, pgx.ErrNoRows) {
		return user, err
	}
	if err := tx.QueryRow(ctx, "SELECT id::text FROM users WHERE email = $1", identity.Email).Scan(&user); err != nil {
		return "", err
	}
	return user, keepAccount(ctx, tx, user, identity)
}

func keepAccount(ctx context.Context, tx pgx.Tx, user domain.UserID, identity domain.Identity) error {
	if identity.Provider == "" {
		return nil // by mail
	}
	if _, err := tx.Exec(ctx, "UPDATE users SET name = $2 WHERE id = $1 AND name = ''", user, identity.Name); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "INSERT INTO accounts (user_id, provider, subject) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", user, identity.Provider, identity.Subject)
	return err
}

// lastWorkspace is where a user signed in last, or joined first.
func lastWorkspace(ctx context.Context, tx pgx.Tx, user domain.UserID) (workspace domain.WorkspaceID, err error) {
	err = tx.QueryRow(ctx, `
		SELECT m.workspace_id::text FROM memberships m WHERE m.user_id = $1
		ORDER BY (SELECT max(s.seen_at) FROM sessions s WHERE s.user_id = m.user_id AND s.workspace_id = m.workspace_id) DESC NULLS LAST, m.created_at
		LIMIT 1`, user).Scan(&workspace)
	return workspace, err
}

// begin makes a user, unless there is one, and a workspace of their own.
func begin(ctx context.Context, tx pgx.Tx, identity domain.Identity, mailDomain string) (domain.UserID, domain.WorkspaceID, error) {
	user, err := makeUser(ctx, tx, identity)
	if err != nil {
		return "", "", err
	}
	workspace, _, err := makeWorkspace(ctx, tx, ownName(identity), mailDomain)
	if err != nil {
		return "", "", err
	}
	_, err = tx.Exec(ctx, "INSERT INTO memberships (workspace_id, user_id, role) VALUES ($1, $2, $3)", workspace.ID, user, domain.RoleOwner)
	return user, workspace.ID, err
}

// ownName is that of somebody's first workspace.
func ownName(identity domain.Identity) string {
	name := identity.Name
	if name == "" {
		name, _, _ = strings.Cut(identity.Email, "@")
	}
	return "Books of " + name
}

func makeUser(ctx context.Context, tx pgx.Tx, identity domain.Identity) (user domain.UserID, err error) {
	_, err = tx.Exec(ctx, "INSERT INTO users (id, email, name) VALUES ($1, $2, $3) ON CONFLICT (email) DO NOTHING",
		uuid.Must(uuid.NewV7()), identity.Email, identity.Name)
	if err != nil {
		return "", fmt.Errorf("make user: %w", err)
	}
	if err := tx.QueryRow(ctx, "SELECT id::text FROM users WHERE email = $1", identity.Email).Scan(&user); err != nil {
		return "", fmt.Errorf("make user: %w", err)
	}
	return user, keepAccount(ctx, tx, user, identity)
}

// Memberships lists the workspaces that a user belongs to, the first one first.
func (s *Store) Memberships(ctx context.Context, user domain.UserID) (memberships []domain.Membership, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT w.id::text, w.name, w.slug, w.created_at, m.role, m.created_at
			FROM memberships m JOIN workspaces w ON w.id = m.workspace_id WHERE m.user_id = $1 ORDER BY m.created_at, w.id`, user)
		if err != nil {
			return err
		}
		memberships, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m domain.Membership, err error) {
			m.User.ID = user
			return m, row.Scan(&m.Workspace.ID, &m.Workspace.Name, &m.Workspace.Slug, &m.Workspace.CreatedAt, &m.Role, &m.Since)
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list workspaces: %w", err)
	}
	return memberships, nil
}

// Enter takes a session to another workspace of its user; domain.ErrNotFound
// when they do not belong to it.
func (s *Store) Enter(ctx context.Context, sessionToken string, workspace domain.WorkspaceID) error {
	if !isUUID(workspace) {
		return domain.ErrNotFound
	}
	err := s.asService(ctx, func(tx pgx.Tx) error {
		return one(tx.Exec(ctx, `
			UPDATE sessions s SET workspace_id = m.workspace_id, seen_at = now() FROM memberships m
			WHERE s.token_hash = $1 AND s.expires_at > now() AND m.user_id = s.user_id AND m.workspace_id = $2`,
			hashToken(sessionToken), workspace))
	})
	return notFound(err, "enter workspace")
}
