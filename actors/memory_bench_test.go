package actors_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuflow/docuflow/actors"
	"github.com/docuflow/docuflow/domain"
)

// held is the memory in use, after everything that can be freed has been.
func held() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

func grown(before uint64) float64 { return max(0, float64(held())-float64(before)) }

// counted tells how often was scanned.
type counted struct {
	actors.Queue
	scans atomic.Int32
}

func (c *counted) DueWorkspaces(ctx context.Context) ([]domain.WorkspaceID, error) {
	defer c.scans.Add(1)
	return c.Queue.DueWorkspaces(ctx)
}

// BenchmarkWaitingDocument measures what a document holds in memory that waits for
// its retry. The budget is a row, and nothing in memory.
func BenchmarkWaitingDocument(b *testing.B) {
	const waiting = 10_000
	f := newFixture(b, stage{"one", succeed})
	queue := &counted{Queue: f.store}
	f.config.Queue = queue
	system := f.start()
	rest := func() {
		system.Kick(f.workspace)
		seen := queue.scans.Load()
		f.until("the queue was scanned", func() bool { return queue.scans.Load() > seen+10 })
	}
	f.await(f.newDocument(), is(domain.Completed)) // everything has run once
	for b.Loop() {
		f.sql("DELETE FROM documents WHERE status = 'RETRYING'")
		rest()
		before := held()
		f.sql(`INSERT INTO documents (id, workspace_id, sender, file_name, media_type, size, sha256, original_key, stage, seq, status, attempt, next_attempt_at)
			SELECT gen_random_uuid(), $1, '', '', '', 0, '', '', 'one', 0, 'RETRYING', 1, now() + interval '1 hour' FROM generate_series(1, $2)`, f.workspace, waiting)
		rest()
		b.ReportMetric(grown(before)/waiting, "B/document")
	}
	b.ReportMetric(0, "ns/op")
}

// nothing is never due.
type nothing struct{ asked atomic.Int32 }

func (n *nothing) Due(context.Context, domain.Shard, int) (domain.Due, error) {
	n.asked.Add(1)
	return domain.Due{Plan: domain.Plan{Name: "FREE", Slots: 8, DocumentsPerMinute: 1200, Shards: 1}}, nil
}

func (n *nothing) DueWorkspaces(context.Context) ([]domain.WorkspaceID, error) { return nil, nil }

// BenchmarkIdleWorkspace measures what a workspace holds in memory that was
// kicked and has nothing to do. The budget is 2 KB, until it leaves memory.
func BenchmarkIdleWorkspace(b *testing.B) {
	const workspaces = 5000
	f := newFixture(b, stage{"one", succeed})
	for b.Loop() {
		queue := &nothing{}
		f.config.Queue, f.config.IdleAfter = queue, time.Hour
		system := f.start()
		before := held()
		for range workspaces {
			system.Kick(domain.WorkspaceID(uuid.NewString()))
		}
		f.until("all have asked for work", func() bool { return queue.asked.Load() == workspaces })
		time.Sleep(100 * time.Millisecond) // the last answers arrive
		b.ReportMetric(grown(before)/workspaces, "B/workspace")
	}
	b.ReportMetric(0, "ns/op")
}
