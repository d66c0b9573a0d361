package postgrestest_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/storage/postgres/postgrestest"
)

var prepared atomic.Int32

func prepare(ctx context.Context, url string) error {
	prepared.Add(1)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, `
		CREATE ROLE postgrestest_reader;
		CREATE TABLE things (name text);
		GRANT SELECT ON things TO postgrestest_reader;
		INSERT INTO things VALUES ('from the template')`)
	return err
}

func TestEachTestHasItsOwnCopy(t *testing.T) {
	for _, name := range []string{"one", "two", "three"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := connect(t, postgrestest.New(t, prepare))
			if n := count(t, conn); n != 1 {
				t.Errorf("%d things at first, want the template's 1", n)
			}
			if _, err := conn.Exec(t.Context(), "INSERT INTO things VALUES ($1)", name); err != nil {
				t.Fatal(err)
			}
			if n := count(t, conn); n != 2 {
				t.Errorf("%d things after an insert, want 2", n)
			}
		})
	}
	t.Cleanup(func() { // after the parallel tests
		if n := prepared.Load(); n != 1 {
			t.Errorf("prepare ran %d times, want once", n)
		}
	})
}

func TestDatabaseIsGoneAfterTheTest(t *testing.T) {
	var url string
	t.Run("user", func(t *testing.T) {
		url = postgrestest.New(t, nil)
		connect(t, url) // still open when the database is removed
	})
	if url == "" {
		t.SkipNow()
	}
	if conn, err := pgx.Connect(t.Context(), url); err == nil {
		conn.Close(t.Context())
		t.Error("the database still exists")
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		postgrestest.New(b, prepare)
	}
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

func count(t *testing.T, conn *pgx.Conn) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM things").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
