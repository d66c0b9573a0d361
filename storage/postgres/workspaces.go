package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// NewWorkspace makes a workspace with its first address (slug and an
// unguessable part) and its owner, who is made too when unknown.
func (s *Store) NewWorkspace(ctx context.Context, name, mailDomain, ownerEmail string) (workspace domain.Workspace, address domain.Address, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		if workspace, address, err = makeWorkspace(ctx, tx, name, mailDomain); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			WITH made AS (
				INSERT INTO users (id, email) VALUES ($1, $2) ON CONFLICT (email) DO NOTHING RETURNING id
			)
			INSERT INTO memberships (workspace_id, user_id, role)
			SELECT $3::uuid, id, 'owner' FROM made UNION SELECT $3::uuid, id, 'owner' FROM users WHERE email = $2`,
			uuid.Must(uuid.NewV7()), strings.ToLower(ownerEmail), workspace.ID)
		return err
	})
	if err != nil {
		return domain.Workspace{}, domain.Address{}, fmt.Errorf("make workspace %q: %w", name, err)
	}
	return workspace, address, nil
}

// addressSuffix is how many characters of an address nobody can guess: 40 bits.
const addressSuffix = 8

// makeWorkspace makes a workspace without people, with its first address.
func makeWorkspace(ctx context.Context, tx pgx.Tx, name, mailDomain string) (workspace domain.Workspace, address domain.Address, err error) {
	workspace = domain.Workspace{ID: domain.WorkspaceID(uuid.Must(uuid.NewV7()).String()), Name: name}
	slug := slugify(name)
	err = tx.QueryRow(ctx, `
		INSERT INTO workspaces (id, name, slug)
		VALUES ($1, $2, CASE WHEN EXISTS (SELECT FROM workspaces WHERE slug = $3) THEN $4 ELSE $3 END)
		RETURNING slug, created_at`,
		workspace.ID, name, slug, slug+"-"+suffix(6)).Scan(&workspace.Slug, &workspace.CreatedAt)
	if err != nil {
		return workspace, address, err
	}
	address = domain.Address{Workspace: workspace.ID, Address: slug + "-" + suffix(addressSuffix) + "@" + strings.ToLower(mailDomain)}
	_, err = tx.Exec(ctx, "INSERT INTO addresses (address, workspace_id) VALUES ($1, $2)", address.Address, workspace.ID)
	return workspace, address, err
}

func suffix(n int) string { return strings.ToLower(rand.Text())[:n] }

// slugify keeps what is safe in an address and in a folder's name.
func slugify(name string) string {
	slug := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	parts := strings.FieldsFunc(slug, func(r rune) bool { return r == '-' })
	slug = strings.Join(parts, "-")
	if slug == "" {
		return "workspace"
	}
	return strings.Trim(slug[:min(len(slug), 24)], "-")
}

// FirstWorkspace returns the oldest workspace and its owner's address;
// domain.ErrNotFound when there is none.
func (s *Store) FirstWorkspace(ctx context.Context) (workspace domain.Workspace, owner string, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT w.id::text, w.name, w.slug, w.created_at, u.email FROM workspaces w
			JOIN memberships m ON m.workspace_id = w.id AND m.role = 'owner' JOIN users u ON u.id = m.user_id
			ORDER BY w.created_at, m.created_at LIMIT 1`).
			Scan(&workspace.ID, &workspace.Name, &workspace.Slug, &workspace.CreatedAt, &owner)
	})
	return workspace, owner, notFound(err, "load the first workspace")
}

// Workspace reads one workspace.
func (s *Store) Workspace(ctx context.Context, id domain.WorkspaceID) (workspace domain.Workspace, err error) {
	err = s.inWorkspace(ctx, id, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, "SELECT id::text, name, slug, created_at FROM workspaces").
			Scan(&workspace.ID, &workspace.Name, &workspace.Slug, &workspace.CreatedAt)
	})
	return workspace, notFound(err, "load workspace "+string(id))
}

// Categories lists the categories that a workspace has added, by name.
func (s *Store) Categories(ctx context.Context, workspace domain.WorkspaceID) (categories []domain.Category, err error) {
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT name, words FROM categories ORDER BY name")
		if err != nil {
			return err
		}
		categories, err = pgx.CollectRows(rows, pgx.RowToStructByPos[domain.Category])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list categories: %w", err)
	}
	return categories, nil
}
