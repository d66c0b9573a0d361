// Package postgrestest gives each test a PostgreSQL database of its own.
//
// The tests of one process share a private server. It starts with the first
// database that is asked for and ends with the process, however that ends. Its
// data directory stays in the user's cache folder and is used again by a later
// run: starting on it takes a tenth of the time that making one takes. Processes
// that run at the same time have different data directories. Removing
// docuflow/postgrestest from the cache folder is always fine.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/storage/postgres/private"
)

// Prepare fills an empty database, as migrations do. Roles belong to the whole
// server, so they may exist already when it runs.
type Prepare func(ctx context.Context, superuserURL string) error

// New makes a database for a test, a copy of one that prepare filled, and
// removes it after the test. It returns the superuser's URL. prepare runs once
// in a process; it must be a named function, and nil gives an empty database.
//
// Without PostgreSQL on the machine the test is skipped, and fails when the
// environment has CI=true.
func New(t testing.TB, prepare Prepare) (superuserURL string) {
	t.Helper()
	server, err := shared()
	if errors.Is(err, private.ErrNotInstalled) && os.Getenv("CI") != "true" {
		t.Skip("NOT TESTED:", err)
	}
	if err != nil {
		t.Fatal("PostgreSQL for tests: ", err)
	}
	template, err := templateFor(server, prepare)
	if err != nil {
		t.Fatal("fill the template database: ", err)
	}
	name := "test_" + strconv.FormatInt(databases.Add(1), 10)
	if err := execute(context.Background(), server, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal("copy the template database: ", err)
	}
	t.Cleanup(func() {
		if err := execute(context.Background(), server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error("remove the test's database: ", err)
		}
	})
	return server.URL(name)
}

var (
	databases atomic.Int64

	// shared starts the server of this process.
	shared = sync.OnceValues(func() (*private.Server, error) { return start(context.Background()) })

	templates sync.Map // pointer of the Prepare function -> func() (name string, err error)
)

func templateFor(server *private.Server, prepare Prepare) (string, error) {
	if prepare == nil {
		return "template1", nil
	}
	name := "filled_" + strconv.FormatInt(databases.Add(1), 10)
	fill, _ := templates.LoadOrStore(reflect.ValueOf(prepare).Pointer(), sync.OnceValues(func() (string, error) {
		ctx := context.Background()
		if err := execute(ctx, server, "CREATE DATABASE "+name); err != nil {
			return "", err
		}
		return name, prepare(ctx, server.URL(name))
	}))
	return fill.(func() (string, error))()
}

// start takes the first data directory that no other process uses.
func start(ctx context.Context) (*private.Server, error) {
	bin, err := private.Find("")
	if err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		dir := filepath.Join(cache, "docuflow", "postgrestest", strconv.Itoa(n))
		server, err := open(ctx, bin, dir)
		if !errors.Is(err, private.ErrInUse) {
			return server, err
		}
	}
}

// open starts a server on a directory of an earlier run. Whatever is wrong
// with that, a new directory has not: the contents are tests' leftovers.
func open(ctx context.Context, bin, dir string) (*private.Server, error) {
	cfg := private.Config{BinDir: bin, DataDir: filepath.Join(dir, "data")}
	server, err := private.Start(ctx, cfg)
	if errors.Is(err, private.ErrInUse) {
		return nil, err
	}
	if err == nil {
		if err = clean(ctx, server); err == nil {
			return server, nil
		}
		if err := server.Stop(ctx); err != nil {
			return nil, err
		}
	}
	if removeErr := os.RemoveAll(cfg.DataDir); removeErr != nil {
		return nil, errors.Join(err, removeErr)
	}
	return private.Start(ctx, cfg)
}

// clean removes the databases and roles of an earlier run.
func clean(ctx context.Context, server *private.Server) error {
	conn, err := pgx.Connect(ctx, server.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	const leftovers = `
		SELECT format('DROP DATABASE %I WITH (FORCE)', datname) FROM pg_database
		WHERE NOT datistemplate AND datname <> 'postgres'
		UNION ALL
		SELECT format('DROP OWNED BY %1$I; DROP ROLE %1$I', rolname) FROM pg_roles
		WHERE rolname <> current_user AND rolname NOT LIKE 'pg\_%'`
	rows, err := conn.Query(ctx, leftovers)
	if err != nil {
		return err
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

func execute(ctx context.Context, server *private.Server, sql string) error {
	conn, err := pgx.Connect(ctx, server.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}
