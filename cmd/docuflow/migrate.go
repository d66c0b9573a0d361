package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/docuflow/docuflow/storage/postgres"
)

type migrateCommand struct {
	DatabaseURL secret `env:"DOCUFLOW_MIGRATION_URL,DATABASE_URL" help:"PostgreSQL login that may make roles and tables; the server's own may not."`

	Up     migrateUp     `cmd:"" help:"Apply all migrations that are missing."`
	Down   migrateDown   `cmd:"" help:"Take the last migration back, and its data with it."`
	Status migrateStatus `cmd:"" help:"List the migrations."`
}

type (
	migrateUp     struct{}
	migrateDown   struct{}
	migrateStatus struct{}
)

func (c *migrateCommand) url() (string, error) {
	if c.DatabaseURL == "" {
		return "", errors.New("set DOCUFLOW_MIGRATION_URL to a PostgreSQL login that may make roles and tables")
	}
	return string(c.DatabaseURL), nil
}

func (migrateUp) Run(ctx context.Context, line *commands, term terminal) error {
	url, err := line.Migrate.url()
	if err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, url); err != nil {
		return err
	}
	_, err = fmt.Fprintln(term.out, "The database is up to date.")
	return err
}

func (migrateDown) Run(ctx context.Context, line *commands, term terminal) error {
	url, err := line.Migrate.url()
	if err != nil {
		return err
	}
	if err := postgres.MigrateDown(ctx, url); err != nil {
		return err
	}
	_, err = fmt.Fprintln(term.out, "The last migration was taken back.")
	return err
}

func (migrateStatus) Run(ctx context.Context, line *commands, term terminal) error {
	url, err := line.Migrate.url()
	if err != nil {
		return err
	}
	migrations, err := postgres.MigrationStatus(ctx, url)
	if err != nil {
		return err
	}
	for _, m := range migrations {
		state := "missing"
		if m.Applied {
			state = "applied"
		}
		fmt.Fprintf(term.out, "%-8s %s\n", state, m.Name)
	}
	return nil
}
