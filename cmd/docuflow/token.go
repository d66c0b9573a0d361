package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/postgres"
)

type tokenCommand struct {
	Create tokenCreate `cmd:"" help:"Make a token and print it; it is shown only once."`
}

type tokenCreate struct {
	Name        string             `default:"api" help:"What the token is for; it names the token in histories."`
	Workspace   domain.WorkspaceID `help:"Workspace id. Default: the first workspace."`
	DatabaseURL secret             `env:"DATABASE_URL" help:"PostgreSQL login of the server. Default: that of a running docuflow dev."`
	DataDir     string             `env:"DOCUFLOW_DATA_DIR" default:"${data_dir}" help:"Data directory of docuflow dev."`
}

func (c *tokenCreate) Run(ctx context.Context, term terminal) error {
	url, err := databaseOf(c.DatabaseURL, c.DataDir)
	if err != nil {
		return err
	}
	store, err := postgres.Open(ctx, url, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer store.Close()
	workspace := c.Workspace
	if workspace == "" {
		first, _, err := store.FirstWorkspace(ctx)
		if err != nil {
			return err
		}
		workspace = first.ID
	}
	token, err := store.NewToken(ctx, workspace, c.Name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(term.out, token)
	return err
}
