// Package postgres keeps the rows: it is the truth of the system. Every
// transaction runs as one of two roles, docuflow_app (one workspace, enforced
// by row-level security) or docuflow_service (see migrations/0003), never as
// the login itself.
//
// Every change of a mail or document takes the workspace's next event
// sequence number first. That row lock orders the commits of one workspace, so
// sequences have no gaps and become visible in order, and it is always the
// first lock taken, so transactions cannot deadlock. Time is the database's
// clock alone.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/docuflow/docuflow/domain"
)

// Store reads and writes rows. Create it with Open.
type Store struct {
	pool *pgxpool.Pool
	feed *Feed
}

// Open connects to a migrated database. It refuses a login that row-level
// security does not bind, and one that may not use the two roles.
func Open(ctx context.Context, url string, log *slog.Logger) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the database URL: %w", err)
	}
	config.MaxConns = max(config.MaxConns, leastConns)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := checkLogin(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return &Store{pool: pool, feed: newFeed(pool, log)}, nil
}

// leastConns is how many connections a node may use at least: pgx's own
// default, four on a small machine, makes pages wait for stages.
const leastConns = 12

// Close ends all connections.
func (s *Store) Close() { s.pool.Close() }

// Check says whether the database answers.
func (s *Store) Check(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
}

// Version is the server's version, as it tells it.
func (s *Store) Version(ctx context.Context) (version string, err error) {
	err = s.pool.QueryRow(ctx, "SHOW server_version").Scan(&version)
	return version, err
}

// PoolUse is how many connections to the database are in use and idle,
// how many there may be, and how often and for how long a query had to wait for one so far.
type PoolUse struct {
	Used, Idle, Most int
	Waits            int64
	Waited           time.Duration
}

// Pool counts the connections of this process.
func (s *Store) Pool() PoolUse {
	stat := s.pool.Stat()
	return PoolUse{
		Used: int(stat.AcquiredConns()), Idle: int(stat.IdleConns()), Most: int(stat.MaxConns()),
		Waits: stat.EmptyAcquireCount(), Waited: stat.EmptyAcquireWaitTime(),
	}
}

// Feed tells which workspaces changed.
func (s *Store) Feed() *Feed { return s.feed }

// unreachable puts pgx's account of several tries into one line.
func unreachable(err error) error {
	return fmt.Errorf("connect to the database: %s", strings.Join(strings.Fields(err.Error()), " "))
}

const loginHint = `create one with: CREATE ROLE docuflow LOGIN NOINHERIT PASSWORD '...'; GRANT docuflow_app, docuflow_service TO docuflow`

func checkLogin(ctx context.Context, pool *pgxpool.Pool) error {
	var login string
	var unbound, migrated bool
	err := pool.QueryRow(ctx, `SELECT rolname, rolsuper OR rolbypassrls,
			(SELECT count(*) = 2 FROM pg_roles WHERE rolname IN ('docuflow_app', 'docuflow_service'))
		FROM pg_roles WHERE rolname = current_user`).Scan(&login, &unbound, &migrated)
	if err != nil {
		return unreachable(err)
	}
	if unbound {
		return fmt.Errorf("the database login %q is a superuser or bypasses row-level security, so workspaces would not be kept apart; %s", login, loginHint)
	}
	if !migrated {
		return errors.New("the database is not migrated yet; run: docuflow migrate up")
	}
	var member, owner bool
	err = pool.QueryRow(ctx, `SELECT pg_has_role(current_user, 'docuflow_app', 'MEMBER') AND pg_has_role(current_user, 'docuflow_service', 'MEMBER'),
			pg_has_role(current_user, 'docuflow_owner', 'MEMBER')`).Scan(&member, &owner)
	if err != nil {
		return fmt.Errorf("check the database login: %w", err)
	}
	if owner {
		return fmt.Errorf("the database login %q can act as the owner of the tables; the server needs one that cannot: %s", login, loginHint)
	}
	if !member {
		return fmt.Errorf("the database login %q is not a member of docuflow_app and docuflow_service; %s", login, loginHint)
	}
	return nil
}

// inWorkspace runs f in a transaction that sees one workspace only.
func (s *Store) inWorkspace(ctx context.Context, workspace domain.WorkspaceID, f func(pgx.Tx) error) error {
	return s.within(ctx, workspace, "BEGIN", f)
}

// inSnapshot is inWorkspace for reads that must all see the same moment.
func (s *Store) inSnapshot(ctx context.Context, workspace domain.WorkspaceID, f func(pgx.Tx) error) error {
	return s.within(ctx, workspace, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", f)
}

func (s *Store) within(ctx context.Context, workspace domain.WorkspaceID, begin string, f func(pgx.Tx) error) error {
	id, err := uuid.Parse(string(workspace))
	if err != nil {
		return fmt.Errorf("workspace %q: %w", workspace, domain.ErrNotFound)
	}
	// One round trip; id is a parsed UUID, so nothing can be injected.
	begin += "; SET LOCAL ROLE docuflow_app; SET LOCAL app.workspace_id = '" + id.String() + "'"
	return s.transact(ctx, begin, f)
}

// asService runs f in a transaction with the narrow rights of the service role.
func (s *Store) asService(ctx context.Context, f func(pgx.Tx) error) error {
	return s.transact(ctx, "BEGIN; SET LOCAL ROLE docuflow_service", f)
}

func (s *Store) transact(ctx context.Context, begin string, f func(pgx.Tx) error) error {
	return marked(pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{BeginQuery: begin}, f))
}

// change is a transaction that writes events.
type change struct {
	pgx.Tx
}

// changing runs f in a transaction of a workspace and tells the feed after
// the commit. f must call record before it touches any other row.
func (s *Store) changing(ctx context.Context, workspace domain.WorkspaceID, f func(change) error) error {
	err := s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error { return f(change{tx}) })
	if err == nil {
		s.feed.changed(workspace)
	}
	return err
}

// lock takes the workspace's row lock, for a change that reads before it records.
func (c change) lock(ctx context.Context) error {
	_, err := c.Exec(ctx, "SELECT FROM workspaces WHERE id = current_workspace() FOR UPDATE")
	return err
}

// recordEach writes one event for each of the mails or documents, in their
// order, and stamps the rows with the sequence numbers.
func (c change) recordEach(ctx context.Context, table string, ids []string, event domain.Event) error {
	column := map[string]string{"documents": "document_id", "mails": "mail_id"}[table]
	_, err := c.Exec(ctx, `
		WITH chosen AS (SELECT id, n FROM unnest($1::uuid[]) WITH ORDINALITY AS each (id, n)),
		next AS (UPDATE workspaces SET event_seq = event_seq + cardinality($1::uuid[]) WHERE id = current_workspace()
			RETURNING event_seq - cardinality($1::uuid[]) AS before),
		written AS (INSERT INTO events (workspace_id, seq, kind, `+column+`, actor, text)
			SELECT current_workspace(), before + n, $2, id, $3, $4 FROM chosen, next)
		UPDATE `+table+` SET seq = before + n, updated_at = clock_timestamp() FROM chosen, next WHERE `+table+`.id = chosen.id`,
		ids, event.Kind, event.Actor, event.Text)
	if err != nil {
		return fmt.Errorf("record %d events %s: %w", len(ids), event.Kind, err)
	}
	return nil
}

// record writes one event and returns its sequence number.
func (c change) record(ctx context.Context, event domain.Event) (seq int64, err error) {
	err = c.QueryRow(ctx, `
		WITH next AS (
			UPDATE workspaces SET event_seq = event_seq + 1 WHERE id = current_workspace() RETURNING event_seq
		)
		INSERT INTO events (workspace_id, seq, kind, document_id, mail_id, actor, text)
		SELECT current_workspace(), event_seq, $1, nullif($2, '')::uuid, nullif($3, '')::uuid, $4, $5 FROM next
		RETURNING seq`,
		event.Kind, event.Document, event.Mail, event.Actor, event.Text).Scan(&seq)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("workspace: %w", domain.ErrNotFound)
	}
	if err != nil {
		return 0, fmt.Errorf("record event %s: %w", event.Kind, err)
	}
	return seq, nil
}

// statement is SQL with its parameters.
type statement struct {
	sql  string
	args []any
}

// atOnce runs statements as one transaction of a workspace in a single round
// trip, under the workspace's row lock, and tells the feed. It scans the one row that the last
// statement returns; pgx.ErrNoRows: none, and what the others did is committed all the same.
func atOnce[Row any](ctx context.Context, s *Store, workspace domain.WorkspaceID, scan pgx.RowToFunc[Row], statements ...statement) (row Row, err error) {
	if !isUUID(workspace) {
		return row, fmt.Errorf("workspace %q: %w", workspace, domain.ErrNotFound)
	}
	// PostgreSQL takes what it gets before a Sync for one transaction, and ends that with the Sync.
	batch := &pgx.Batch{}
	batch.Queue("SELECT set_config('role', 'docuflow_app', true), set_config('app.workspace_id', $1, true)", workspace)
	batch.Queue("SELECT FROM workspaces WHERE id = current_workspace() FOR UPDATE")
	for _, s := range statements {
		batch.Queue(s.sql, s.args...)
	}
	results := s.pool.SendBatch(ctx, batch)
	row, err = lastRow(results, len(statements)+1, scan)
	// Only its end says whether it was committed.
	if closeErr := results.Close(); closeErr != nil && (err == nil || errors.Is(err, pgx.ErrNoRows)) {
		err = closeErr
	}
	if err == nil {
		s.feed.changed(workspace)
	}
	return row, marked(err)
}

// lastRow skips the results of so many statements and scans that of the next.
func lastRow[Row any](results pgx.BatchResults, skip int, scan pgx.RowToFunc[Row]) (row Row, err error) {
	for range skip {
		if _, err := results.Exec(); err != nil {
			return row, err
		}
	}
	rows, err := results.Query()
	if err != nil {
		return row, err
	}
	return pgx.CollectExactlyOneRow(rows, scan)
}

// notFound turns pgx's missing row into the domain's.
func notFound(err error, what string) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("%s: %w", what, domain.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// one turns a statement that changed no row into pgx.ErrNoRows.
func one(tag pgconn.CommandTag, err error) error {
	if err == nil && tag.RowsAffected() == 0 {
		return pgx.ErrNoRows
	}
	return err
}

// isUUID keeps ids that strangers may have typed away from the database,
// which would answer them with a syntax error.
func isUUID[ID ~string](id ID) bool {
	return uuid.Validate(string(id)) == nil && len(id) == 36
}
