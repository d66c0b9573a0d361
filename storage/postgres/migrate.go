package postgres

import (
	"context"
	"database/sql"
	"fmt"

	_ "github.com/jackc/pgx/v5/stdlib" // database/sql driver for goose
	"github.com/pressly/goose/v3"

	"github.com/docuflow/docuflow/migrations"
)

// Migration is one step of the schema.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

// Migrate brings the schema up to date. The URL's login must be allowed to
// create roles and tables. Concurrent calls wait for each other.
func Migrate(ctx context.Context, url string) error {
	return migrating(ctx, url, func(provider *goose.Provider) error {
		_, err := provider.Up(ctx)
		return err
	})
}

// MigrateDown takes the last migration back, and its data with it.
func MigrateDown(ctx context.Context, url string) error {
	return migrating(ctx, url, func(provider *goose.Provider) error {
		_, err := provider.Down(ctx)
		return err
	})
}

// MigrationStatus lists all migrations, oldest first.
func MigrationStatus(ctx context.Context, url string) (migrations []Migration, err error) {
	err = migrating(ctx, url, func(provider *goose.Provider) error {
		states, err := provider.Status(ctx)
		for _, state := range states {
			migrations = append(migrations, Migration{
				Version: state.Source.Version, Name: state.Source.Path, Applied: state.State == goose.StateApplied,
			})
		}
		return err
	})
	return migrations, err
}

// migrationLock is a session-level advisory lock: any constant that nothing
// else in the database uses.
const migrationLock = 7261544102

func migrating(ctx context.Context, url string, f func(*goose.Provider) error) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer db.Close()
	lock, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer lock.Close()
	if _, err := lock.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrationLock); err != nil {
		return fmt.Errorf("wait for other migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if err := f(provider); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
