package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/docuflow/docuflow/migrations"
)

// Inspection is what a server's login can find out about its database.
type Inspection struct {
	Version   string
	Number    int           // of the version, like 150004
	Ahead     time.Duration // of the database's clock before ours, to within half a round trip
	RoundTrip time.Duration
	Unsecured []string // tables that row-level security does not bind everybody on
	Missing   []string // migrations that this program knows and the database lacks
	Unknown   []int64  // migrations that the database has and this program does not know
}

// Inspect looks at the database without changing it.
func (s *Store) Inspect(ctx context.Context) (found Inspection, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		asked := time.Now()
		var clock time.Time
		if err := tx.QueryRow(ctx, "SELECT clock_timestamp(), current_setting('server_version'), current_setting('server_version_num')::int").
			Scan(&clock, &found.Version, &found.Number); err != nil {
			return err
		}
		found.RoundTrip = time.Since(asked)
		found.Ahead = clock.Sub(asked.Add(found.RoundTrip / 2))
		rows, err := tx.Query(ctx, `SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
			AND relname <> 'goose_db_version' AND NOT (relrowsecurity AND relforcerowsecurity) ORDER BY relname`)
		if err != nil {
			return err
		}
		if found.Unsecured, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return err
		}
		return found.compareMigrations(ctx, tx)
	})
	return found, wrapped(err, "look at the database")
}

// compareMigrations is the last question of its transaction: a database
// of before this question does not let the server ask it.
func (i *Inspection) compareMigrations(ctx context.Context, tx pgx.Tx) error {
	known, err := knownMigrations()
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, "SELECT version_id FROM goose_db_version WHERE version_id > 0 AND is_applied")
	if err != nil {
		return err
	}
	applied, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "42501" {
		return fmt.Errorf("the database is older than this program; run docuflow migrate up: %w", err)
	}
	if err != nil {
		return err
	}
	for _, version := range applied {
		if _, ok := known[version]; !ok {
			i.Unknown = append(i.Unknown, version)
		}
		delete(known, version)
	}
	for _, name := range known {
		i.Missing = append(i.Missing, name)
	}
	return nil
}

func knownMigrations() (map[int64]string, error) {
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	known := map[int64]string{}
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("migration %s has no number: %w", name, err)
		}
		known[version] = name
	}
	return known, nil
}
