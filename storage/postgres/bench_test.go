package postgres_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/postgres"
	"github.com/docuflow/docuflow/storage/postgres/private"
)

// benchConns is how many connections write at the same time.
const benchConns = 8

// durable gives a store on a server that flushes each commit, as a real one
// does and the tests' one does not.
func durable(b *testing.B) (*postgres.Store, string) {
	b.Helper()
	bin, err := private.Find("")
	if err != nil {
		b.Skip("NOT MEASURED:", err)
	}
	dir, err := os.MkdirTemp("/var/tmp", "docuflow-bench-") // where another user can reach it
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		b.Fatal(err)
	}
	server, err := private.Start(b.Context(), private.Config{BinDir: bin, DataDir: filepath.Join(dir, "data"), Durable: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	})
	if err := provision(b.Context(), server.URL("postgres")); err != nil {
		b.Fatal(err)
	}
	store, err := postgres.Open(b.Context(), loginURL(b, server.URL("postgres")), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(store.Close)
	return store, server.URL("postgres")
}

// BenchmarkUpdate is the bare limit: single-row updates, 8 connections.
func BenchmarkUpdate(b *testing.B) {
	_, admin := durable(b)
	config, err := pgxpool.ParseConfig(admin)
	if err != nil {
		b.Fatal(err)
	}
	config.MaxConns = benchConns
	pool, err := pgxpool.NewWithConfig(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(b.Context(), "CREATE TABLE bare AS SELECT n AS id, 0 AS value FROM generate_series(1, 8) n; ALTER TABLE bare ADD PRIMARY KEY (id)"); err != nil {
		b.Fatal(err)
	}
	concurrently(b, func(worker int) error {
		_, err := pool.Exec(b.Context(), "UPDATE bare SET value = value + 1 WHERE id = $1", worker+1)
		return err
	})
}

// BenchmarkTransition is one stage's end and the next one's beginning: the
// attempts, the document and the event in one transaction. Each of the 8
// connections works in a workspace of its own.
func BenchmarkTransition(b *testing.B) {
	store, _ := durable(b)
	const stages = 5
	type claimed struct {
		document domain.Document
		lease    domain.Lease
	}
	var work [benchConns][]claimed
	for worker := range work {
		workspace := newWorkspace(b, store, string(rune('A'+worker)))
		for range b.N/benchConns/stages + 1 {
			document, lease := claim(b, store, workspace, newDocument(b, store, workspace), time.Hour)
			work[worker] = append(work[worker], claimed{document, lease})
		}
	}
	var done [benchConns]int
	concurrently(b, func(worker int) (err error) {
		at := &work[worker][done[worker]/stages%len(work[worker])]
		done[worker]++
		next := domain.StageInfo{Name: domain.StageName(fmt.Sprintf("stage %d", done[worker]))}
		at.document, err = store.Advance(b.Context(), at.lease, at.document, domain.Outcome{Note: "done"}, next, 0)
		return err
	})
}

// concurrently runs b.N calls on 8 workers.
func concurrently(b *testing.B, call func(worker int) error) {
	b.Helper()
	var next atomic.Int64
	errs := make(chan error, benchConns)
	b.ResetTimer()
	for worker := range benchConns {
		go func() {
			for next.Add(1) <= int64(b.N) {
				if err := call(worker); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range benchConns {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "per_s")
}
