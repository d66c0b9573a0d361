package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/docuflow/docuflow/domain"
)

const connectionColumns = `c.id::text, c.workspace_id::text, c.kind, c.name, c.state, c.reason, c.settings, c.events, c.secret, c.version, c.created_at, c.since`

func connectionFields(c *domain.Connection) []any {
	return []any{&c.ID, &c.Workspace, &c.Kind, &c.Name, &c.State, &c.Reason, &c.Settings, &c.Events, &c.Sealed, &c.Version, &c.CreatedAt, &c.Since}
}

func scanConnection(row pgx.CollectableRow) (c domain.Connection, err error) {
	return c, row.Scan(connectionFields(&c)...)
}

// Connections lists the connections of a workspace, the oldest first.
func (s *Store) Connections(ctx context.Context, workspace domain.WorkspaceID) (connections []domain.Connection, err error) {
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+connectionColumns+" FROM connections c ORDER BY c.created_at, c.id")
		if err != nil {
			return err
		}
		connections, err = pgx.CollectRows(rows, scanConnection)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	return connections, nil
}

// Connection reads one connection.
func (s *Store) Connection(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID) (connection domain.Connection, err error) {
	if !isUUID(id) {
		return domain.Connection{}, domain.ErrNotFound
	}
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, "SELECT "+connectionColumns+" FROM connections c WHERE c.id = $1", id).Scan(connectionFields(&connection)...)
	})
	return connection, notFound(err, "load connection "+string(id))
}

// AddConnection makes a connection; its ID and Sealed are given, because the
// secret is bound to the id. domain.ErrExists: there is one of this kind and name.
func (s *Store) AddConnection(ctx context.Context, c domain.Connection, by string) error {
	err := s.changing(ctx, c.Workspace, func(tx change) error {
		if _, err := tx.record(ctx, domain.Event{Kind: "connection.added", Actor: by, Text: c.Kind}); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO connections (id, workspace_id, kind, name, state, reason, settings, events, secret)
			VALUES ($1, current_workspace(), $2, $3, $4, $5, $6, $7, $8)`, c.ID, c.Kind, c.Name, c.State, c.Reason, c.Settings, append([]string{}, c.Events...), c.Sealed)
		if err != nil {
			return err
		}
		return tx.audit(ctx, by, "connection.added", string(c.ID))
	})
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok && answer.Code == uniqueViolation {
		return domain.ErrExists
	}
	if err != nil {
		return fmt.Errorf("add a connection: %w", err)
	}
	return nil
}

const uniqueViolation = "23505"

// ChangeConnection writes settings, events and secrets.
func (s *Store) ChangeConnection(ctx context.Context, c domain.Connection, by string) error {
	err := s.onConnection(ctx, c.Workspace, c.ID, "connection.changed", by, func(tx change) error {
		return one(tx.Exec(ctx, "UPDATE connections SET settings = $2, events = $3, secret = $4, version = version + 1 WHERE id = $1",
			c.ID, c.Settings, append([]string{}, c.Events...), c.Sealed))
	})
	return notFound(err, "change connection "+string(c.ID))
}

// Reseal replaces a connection's secret by the same one under another key,
// unless it has changed since.
func (s *Store) Reseal(ctx context.Context, c domain.Connection, sealed []byte) error {
	err := s.inWorkspace(ctx, c.Workspace, func(tx pgx.Tx) error {
		return one(tx.Exec(ctx, "UPDATE connections SET secret = $3 WHERE id = $1 AND version = $2", c.ID, c.Version, sealed))
	})
	return notFound(err, "seal connection "+string(c.ID)+" anew")
}

// SwitchConnection sets a connection's state because a person says so. An
// active one lifts the pauses that its title stands for, and its notices are due at once.
func (s *Store) SwitchConnection(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, title string, state domain.ConnectionState, reason, by string) error {
	err := s.onConnection(ctx, workspace, id, "connection."+string(state), by, func(tx change) error {
		return one(tx.Exec(ctx, "UPDATE connections SET state = $2, reason = $3, since = clock_timestamp() WHERE id = $1", id, state, reason))
	})
	if err != nil || state != domain.ConnectionActive {
		return notFound(err, "switch connection "+string(id))
	}
	return s.goOn(ctx, workspace, id, title, by)
}

// goOn makes everything due that waited for a connection.
func (s *Store) goOn(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, title, by string) error {
	var stages []domain.StageName
	err := s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE notices SET next_attempt_at = least(next_attempt_at, clock_timestamp()) WHERE connection_id = $1 AND state = 'due'", id)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT stage FROM stage_pauses WHERE connection = $1", title)
		if err != nil {
			return err
		}
		stages, err = pgx.CollectRows(rows, pgx.RowTo[domain.StageName])
		return err
	})
	if err != nil {
		return fmt.Errorf("find what waits for connection %s: %w", id, err)
	}
	for _, stage := range stages {
		if _, err := s.Resume(ctx, workspace, stage, title, by); err != nil && !errors.Is(err, domain.ErrNotFound) {
			return err
		}
	}
	return nil
}

// BreakConnection says that an active connection does not work until a person acts.
func (s *Store) BreakConnection(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, reason string) error {
	err := s.changing(ctx, workspace, func(tx change) error {
		if err := tx.lock(ctx); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE connections SET state = 'needs_person', reason = $2, since = clock_timestamp() WHERE id = $1 AND state = 'active'`, id, reason)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		_, err = tx.record(ctx, domain.Event{Kind: "connection.broken", Text: reason})
		return err
	})
	if err != nil {
		return fmt.Errorf("mark connection %s: %w", id, err)
	}
	return nil
}

// RemoveConnection forgets a connection and its secrets. What was delivered stays listed.
func (s *Store) RemoveConnection(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, title, by string) error {
	err := s.onConnection(ctx, workspace, id, "connection.removed", by, func(tx change) error {
		return one(tx.Exec(ctx, "DELETE FROM connections WHERE id = $1", id))
	})
	if err != nil {
		return notFound(err, "remove connection "+string(id))
	}
	return s.goOn(ctx, workspace, id, title, by)
}

// onConnection runs f on a connection and writes what was done.
func (s *Store) onConnection(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, kind, by string, f func(change) error) error {
	if !isUUID(id) {
		return domain.ErrNotFound
	}
	return s.changing(ctx, workspace, func(tx change) error {
		if _, err := tx.record(ctx, domain.Event{Kind: kind, Actor: by}); err != nil {
			return err
		}
		if err := f(tx); err != nil {
			return err
		}
		return tx.audit(ctx, by, kind, string(id))
	})
}

// KeepTest remembers a connection's last test in full.
func (s *Store) KeepTest(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, test domain.ConnectionTest) error {
	err := s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		return one(tx.Exec(ctx, "UPDATE connections SET tested = $2 WHERE id = $1", id, test))
	})
	return notFound(err, "keep the test of connection "+string(id))
}

// RecordCall writes how a call went. Calls older than a month are removed, a few each time.
func (s *Store) RecordCall(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, call domain.Call) error {
	err := s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO connection_calls (workspace_id, connection_id, took, outcome, error) VALUES (current_workspace(), $1, $2, $3, $4)`,
			id, call.Took, call.Outcome, call.Error)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM connection_calls WHERE id IN (
			SELECT id FROM connection_calls WHERE connection_id = $1 AND at < clock_timestamp() - interval '31 days' ORDER BY id LIMIT 10)`, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("record a call of connection %s: %w", id, err)
	}
	return nil
}

// ConnectionReports lists the connections with how their use went lately.
// waiting gives the title of each, by which stages wait for it.
func (s *Store) ConnectionReports(ctx context.Context, workspace domain.WorkspaceID, title func(domain.Connection) string) (reports []domain.ConnectionReport, err error) {
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+connectionColumns+`, c.tested, `+callFigures+` FROM connections c ORDER BY c.created_at, c.id`)
		if err != nil {
			return err
		}
		if reports, err = pgx.CollectRows(rows, scanReport); err != nil {
			return err
		}
		for i := range reports {
			if err := waitingFor(ctx, tx, title(reports[i].Connection), &reports[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("report on connections: %w", err)
	}
	return reports, nil
}

const callFigures = `
	(SELECT coalesce(jsonb_agg(jsonb_build_object('At', at, 'Took', (extract(epoch FROM took) * 1e9)::bigint, 'Outcome', outcome, 'Error', error) ORDER BY id), '[]') FROM (
		SELECT id, at, took, outcome, error FROM connection_calls x WHERE x.connection_id = c.id ORDER BY id DESC LIMIT 20) newest),
	(SELECT max(at) FROM connection_calls x WHERE x.connection_id = c.id AND outcome = 'done'),
	(SELECT count(*) FROM connection_calls x WHERE x.connection_id = c.id AND outcome = 'done' AND at >= date_trunc('day', clock_timestamp(), 'UTC')),
	(SELECT coalesce(percentile_cont(0.95) WITHIN GROUP (ORDER BY took), '0') FROM connection_calls x
		WHERE x.connection_id = c.id AND outcome = 'done' AND at > clock_timestamp() - interval '1 day')`

func scanReport(row pgx.CollectableRow) (r domain.ConnectionReport, err error) {
	fields := append(connectionFields(&r.Connection), &r.Test, &r.Calls, (*zeronull.Timestamptz)(&r.LastSuccess), &r.Today, &r.Slowest)
	if err = row.Scan(fields...); err != nil {
		return r, err
	}
	if n := len(r.Calls); n > 0 {
		r.LastError = r.Calls[n-1].Error
	}
	return r, nil
}

// waitingFor counts the documents at a stage that the connection's title pauses, and the notices that it is owed.
func waitingFor(ctx context.Context, tx pgx.Tx, title string, r *domain.ConnectionReport) error {
	return tx.QueryRow(ctx, `SELECT
		(SELECT count(*) FROM documents d WHERE d.status IN ('QUEUED', 'RETRYING') AND d.discarded_at IS NULL
			AND d.stage IN (SELECT p.stage FROM stage_pauses p WHERE p.connection = $2))
		+ (SELECT count(DISTINCT document_id) FROM notices WHERE connection_id = $1 AND state = 'due')`, r.ID, title).Scan(&r.Waiting)
}

// Workspaces lists the ids of all workspaces, the oldest first.
func (s *Store) Workspaces(ctx context.Context) (ids []domain.WorkspaceID, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT id::text FROM workspaces ORDER BY created_at, id")
		if err != nil {
			return err
		}
		ids, err = pgx.CollectRows(rows, pgx.RowTo[domain.WorkspaceID])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list workspaces: %w", err)
	}
	return ids, nil
}
