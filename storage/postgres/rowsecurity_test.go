package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/docuflow/docuflow/domain"
)

// TestEveryTableIsRowSecured walks the catalogue: a table that a later
// migration adds without row-level security fails here.
func TestEveryTableIsRowSecured(t *testing.T) {
	_, admin := open(t)
	conn := connect(t, admin)
	rows, err := conn.Query(t.Context(), `
		SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relowner::regrole::text,
			EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'workspace_id'),
			coalesce((SELECT string_agg(pg_get_expr(p.polqual, c.oid) || ' / ' || pg_get_expr(p.polwithcheck, c.oid), '; ')
				FROM pg_policy p WHERE p.polrelid = c.oid AND 'docuflow_app'::regrole = ANY (p.polroles)), '')
		FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'goose_db_version'`)
	if err != nil {
		t.Fatal(err)
	}
	const tenant = "(workspace_id = current_workspace()) / (workspace_id = current_workspace())"
	seen := 0
	var name, owner, policy string
	var enabled, forced, tenancy bool
	_, err = pgx.ForEachRow(rows, []any{&name, &enabled, &forced, &owner, &tenancy, &policy}, func() error {
		seen++
		if !enabled || !forced {
			t.Errorf("%s: row-level security enabled %v, forced %v", name, enabled, forced)
		}
		if owner != "docuflow_owner" {
			t.Errorf("%s belongs to %s", name, owner)
		}
		if tenancy && name != "verifications" && policy != tenant {
			t.Errorf("%s: policy for docuflow_app is %q", name, policy)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 15 {
		t.Fatalf("only %d tables", seen)
	}
}

// samples inserts one row for a workspace into every table with a
// workspace_id, as the superuser. $1 is the workspace, $2 a new UUID, $3 the
// workspace's user and $4 its document.
var samples = map[string]string{
	"categories":    `INSERT INTO categories (workspace_id, name) VALUES ($1, $2)`,
	"addresses":     `INSERT INTO addresses (workspace_id, address) VALUES ($1, $2)`,
	"memberships":   `INSERT INTO memberships (workspace_id, user_id) SELECT $1, $3 WHERE $2 IS NOT NULL`,
	"sessions":      `INSERT INTO sessions (workspace_id, token_hash, user_id, expires_at) VALUES ($1, $2::text::bytea, $3, now())`,
	"verifications": `INSERT INTO verifications (workspace_id, token_hash, purpose, user_id, expires_at) VALUES ($1, $2::text::bytea, 'x', $3, now())`,
	"api_tokens":    `INSERT INTO api_tokens (workspace_id, token_hash, name) VALUES ($1, $2::text::bytea, '')`,
	"mails": `INSERT INTO mails (id, workspace_id, recipient, envelope_from, remote_addr, helo, tls, raw_key, size, sha256, seq)
		VALUES ($2::uuid, $1, '', '', '', '', false, '', 0, '', 0)`,
	"documents": `INSERT INTO documents (id, workspace_id, sender, file_name, media_type, size, sha256, original_key, stage, seq)
		VALUES ($2::uuid, $1, '', '', '', 0, '', '', '', 0)`,
	"attempts": `INSERT INTO attempts (workspace_id, document_id, stage, number, epoch, node, queued_at, started_at)
		SELECT $1, $4, '', 1, 1, '', now(), now() WHERE $2 IS NOT NULL`,
	"events":      `INSERT INTO events (workspace_id, seq, kind) VALUES ($1, ('x' || substr(md5($2), 1, 8))::bit(32)::int + 10000000000, '')`,
	"deliveries":  `INSERT INTO deliveries (workspace_id, document_id, destination, reference) VALUES ($1, $4, $2, '')`,
	"connections": `INSERT INTO connections (workspace_id, kind) VALUES ($1, $2)`,
	"connection_calls": `WITH made AS (INSERT INTO connections (workspace_id, kind) VALUES ($1, $2) RETURNING id)
		INSERT INTO connection_calls (workspace_id, connection_id, took, outcome) SELECT $1, id, '1 s', '' FROM made`,
	"notices": `WITH made AS (INSERT INTO connections (workspace_id, kind) VALUES ($1, $2) RETURNING id)
		INSERT INTO notices (workspace_id, connection_id, document_id, event) SELECT $1, id, $4, '' FROM made`,
	"invitations":  `INSERT INTO invitations (workspace_id, email, role, invited_by, token_hash, expires_at) VALUES ($1, $2, 'member', '', $2::text::bytea, now())`,
	"stage_pauses": `INSERT INTO stage_pauses (workspace_id, stage, kind, reason) VALUES ($1, $2, '', '')`,
	"replays":      `INSERT INTO replays (id, workspace_id, filter, actor, total, per_second) VALUES ($2::uuid, $1, '{}', '', 0, 1)`,
	"replay_items": `WITH made AS (INSERT INTO replays (id, workspace_id, filter, actor, total, per_second) VALUES ($2::uuid, $1, '{}', '', 0, 1) RETURNING id)
		INSERT INTO replay_items (workspace_id, replay_id, document_id) SELECT $1, id, $4 FROM made`,
	"mail_policies": `INSERT INTO mail_policies (workspace_id) SELECT $1 WHERE $2 IS NOT NULL`,
	"sender_rules":  `INSERT INTO sender_rules (workspace_id, sender, verb) VALUES ($1, $2, 'block')`,
	"answers": `WITH made AS (INSERT INTO mails (id, workspace_id, recipient, envelope_from, remote_addr, helo, tls, raw_key, size, sha256, seq)
			VALUES (gen_random_uuid(), $1, '', '', '', '', false, '', 0, '', 0) RETURNING id)
		INSERT INTO answers (workspace_id, mail_id, recipient) SELECT $1, id, $2 FROM made`,
	"vendors": `INSERT INTO vendors (workspace_id, name, name_key) VALUES ($1, '', $2)`,
	"vendor_lessons": `WITH made AS (INSERT INTO vendors (workspace_id, name, name_key) VALUES ($1, '', $2 || 'lesson') RETURNING id)
		INSERT INTO vendor_lessons (workspace_id, document_id, vendor_id, lesson, unchanged) SELECT $1, $2::uuid, id, '{}', true FROM made`,
	"vendor_keys": `WITH made AS (INSERT INTO vendors (workspace_id, name, name_key) VALUES ($1, '', $2 || 'key') RETURNING id),
		learned AS (INSERT INTO vendor_lessons (workspace_id, document_id, vendor_id, lesson, unchanged) SELECT $1, gen_random_uuid(), id, '{}', true FROM made RETURNING document_id, vendor_id)
		INSERT INTO vendor_keys (workspace_id, document_id, vendor_id, kind, value) SELECT $1, document_id, vendor_id, '', '' FROM learned`,
	"vendor_recalls": `WITH made AS (INSERT INTO vendors (workspace_id, name, name_key) VALUES ($1, '', $2 || 'recall') RETURNING id),
		read AS (INSERT INTO documents (id, workspace_id, sender, file_name, media_type, size, sha256, original_key, stage, seq)
			VALUES (gen_random_uuid(), $1, '', '', '', 0, '', '', '', 0) RETURNING id)
		INSERT INTO vendor_recalls (workspace_id, document_id, vendor_id) SELECT $1, read.id, made.id FROM made, read`,
	"audit": `INSERT INTO audit (workspace_id, actor, action) VALUES ($1, '', $2)`,
}

func TestWorkspacesCannotReachEachOther(t *testing.T) {
	store, admin := open(t)
	ctx := t.Context()
	super := connect(t, admin)
	alpha, beta := newWorkspace(t, store, "Alpha"), newWorkspace(t, store, "Beta")
	for _, workspace := range []domain.WorkspaceID{alpha, beta} {
		for table := range samples {
			if table == "memberships" {
				continue // made with the workspace
			}
			if err := insertSample(ctx, super, table, workspace, ownerOf(t, super, workspace), newDocument(t, store, workspace)); err != nil {
				t.Fatalf("sample of %s: %v", table, err)
			}
		}
	}
	checkSamplesAreComplete(t, super)
	stranger, foreign := ownerOf(t, super, alpha), newDocument(t, store, beta)

	app := connect(t, loginURL(t, admin))
	for table := range samples {
		t.Run(table, func(t *testing.T) {
			counts := map[string]int{}
			for setting, workspace := range map[string]string{"alpha": string(alpha), "beta": string(beta), "none": ""} {
				inRole(t, app, "docuflow_app", workspace, func(tx pgx.Tx) {
					if table == "verifications" { // reserved to the service role
						if _, err := tx.Exec(ctx, "SELECT FROM verifications"); err == nil {
							t.Error("verifications can be read")
						}
						return
					}
					var rows, foreignRows int
					err := tx.QueryRow(ctx, fmt.Sprintf("SELECT count(*), count(*) FILTER (WHERE workspace_id IS DISTINCT FROM nullif($1, '')::uuid) FROM %s", table), workspace).
						Scan(&rows, &foreignRows)
					if err != nil {
						t.Fatal(err)
					}
					counts[setting] = rows
					if foreignRows != 0 {
						t.Errorf("%s sees %d rows of others", setting, foreignRows)
					}
				})
			}
			if table != "verifications" && (counts["alpha"] == 0 || counts["beta"] == 0 || counts["none"] != 0) {
				t.Errorf("visible rows: %v", counts)
			}
			inRole(t, app, "docuflow_app", string(alpha), func(tx pgx.Tx) {
				for _, verb := range []string{"UPDATE %s SET workspace_id = workspace_id WHERE workspace_id = $1", "DELETE FROM %s WHERE workspace_id = $1"} {
					savepoint(t, tx, func(tx pgx.Tx) {
						tag, err := tx.Exec(ctx, fmt.Sprintf(verb, table), beta)
						if err == nil && tag.RowsAffected() != 0 {
							t.Errorf(verb+" reached %d rows of another workspace", table, tag.RowsAffected())
						}
					})
				}
				savepoint(t, tx, func(tx pgx.Tx) {
					if err := insertSample(ctx, tx, table, beta, stranger, foreign); !refused(err) {
						t.Errorf("insert into another workspace: %v", err)
					}
				})
				savepoint(t, tx, func(tx pgx.Tx) {
					if _, err := tx.Exec(ctx, fmt.Sprintf("UPDATE %s SET workspace_id = $1", table), beta); !refused(err) {
						t.Errorf("move own rows to another workspace: %v", err)
					}
				})
			})
		})
	}
	t.Run("workspaces, users, accounts", func(t *testing.T) {
		inRole(t, app, "docuflow_app", string(alpha), func(tx pgx.Tx) {
			var workspaces, users int
			err := tx.QueryRow(ctx, "SELECT (SELECT count(*) FROM workspaces), (SELECT count(*) FROM users)").Scan(&workspaces, &users)
			if err != nil || workspaces != 1 || users != 1 {
				t.Errorf("sees %d workspaces and %d users: %v", workspaces, users, err)
			}
		})
		inRole(t, app, "docuflow_app", "", func(tx pgx.Tx) {
			var rows int
			err := tx.QueryRow(ctx, "SELECT (SELECT count(*) FROM workspaces) + (SELECT count(*) FROM users) + (SELECT count(*) FROM accounts)").Scan(&rows)
			if err != nil || rows != 0 {
				t.Errorf("without a workspace: %d rows, %v", rows, err)
			}
		})
	})
	t.Run("the login alone sees nothing", func(t *testing.T) {
		if _, err := app.Exec(ctx, "SELECT FROM documents"); err == nil {
			t.Error("documents can be read without a role")
		}
	})
	t.Run("the service role reads no content", func(t *testing.T) {
		for _, query := range []string{"SELECT file_name FROM documents", "SELECT subject FROM mails", "SELECT text FROM events", "SELECT actor FROM events", "UPDATE documents SET stage = 'x'", "DELETE FROM mails"} {
			inRole(t, app, "docuflow_service", "", func(tx pgx.Tx) {
				if _, err := tx.Exec(ctx, query); err == nil {
					t.Errorf("allowed: %s", query)
				}
			})
		}
	})
}

// refused says that a statement failed for want of a right, and not for
// another reason.
func refused(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pgErr.Code == insufficientPrivilege
}

const insufficientPrivilege = "42501"

func checkSamplesAreComplete(t *testing.T, super *pgx.Conn) {
	t.Helper()
	rows, err := super.Query(t.Context(), `SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'workspace_id'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if samples[table] == "" {
			t.Errorf("table %s has no sample row in this test", table)
		}
	}
}

type execer interface {
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
}

func insertSample(ctx context.Context, db execer, table string, workspace domain.WorkspaceID, user string, document domain.DocumentID) error {
	// Not every statement uses every parameter, so all are bound once in a CTE.
	const bound = `WITH bound AS (SELECT $1::uuid, $2::text, $3::uuid, $4::uuid) `
	statement := bound + samples[table]
	if rest, more := strings.CutPrefix(samples[table], "WITH "); more {
		statement = strings.TrimSuffix(bound, " ") + ", " + rest
	}
	_, err := db.Exec(ctx, statement, workspace, uuid.NewString(), user, document)
	return err
}

func ownerOf(t *testing.T, super *pgx.Conn, workspace domain.WorkspaceID) (user string) {
	t.Helper()
	if err := super.QueryRow(t.Context(), "SELECT user_id::text FROM memberships WHERE workspace_id = $1", workspace).Scan(&user); err != nil {
		t.Fatal(err)
	}
	return user
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// inRole runs f in a transaction that is rolled back.
func inRole(t *testing.T, conn *pgx.Conn, role, workspace string, f func(pgx.Tx)) {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if _, err := tx.Exec(t.Context(), "SELECT set_config('role', $1, true), set_config('app.workspace_id', $2, true)", role, workspace); err != nil {
		t.Fatal(err)
	}
	f(tx)
}

func savepoint(t *testing.T, tx pgx.Tx, f func(pgx.Tx)) {
	t.Helper()
	inner, err := tx.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Rollback(context.Background())
	f(inner)
}
