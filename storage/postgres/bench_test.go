package postgres_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/docuflow/docuflow/domain"
)

// benchConns is how many connections write at the same time.
const benchConns = 8

// BenchmarkUpdate is the bare limit: single-row updates, 8 connections.
func BenchmarkUpdate(b *testing.B) {
	_, admin := open(b)
	pool, err := pgxpool.New(b.Context(), admin)
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
	store, _ := open(b)
	var leases [benchConns]domain.Lease
	for i := range leases {
		workspace := newWorkspace(b, store, string(rune('A'+i)))
		_, leases[i] = claim(b, store, workspace, newDocument(b, store, workspace), time.Hour)
	}
	concurrently(b, func(worker int) error {
		_, err := store.Advance(b.Context(), leases[worker], domain.Outcome{Note: "done"}, domain.StageInfo{Name: "next"}, 0)
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
