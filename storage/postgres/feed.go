package postgres

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/docuflow/docuflow/domain"
)

const (
	feedChannel = "docuflow_changes"
	// notifyEvery coalesces: one NOTIFY for all commits of this time. A NOTIFY
	// in every transaction costs more than half of the write throughput.
	notifyEvery = 25 * time.Millisecond
	// A NOTIFY payload holds at most 8000 bytes, a UUID and a comma take 37.
	notifyMost = 200
	// relisten is the wait after a lost LISTEN connection.
	relisten = time.Second
)

// Feed tells which workspaces changed: this node's own commits at once, those
// of other nodes through NOTIFY. It may tell too often. After a lost
// connection it tells domain.AllWorkspaces, because anything may have changed.
type Feed struct {
	pool *pgxpool.Pool
	log  *slog.Logger

	mu          sync.Mutex
	subscribers map[chan domain.WorkspaceID]*backlog
	unsent      map[domain.WorkspaceID]struct{}
	wake        chan struct{}
}

// backlog holds what a subscriber has not taken yet: each workspace once.
type backlog struct {
	pending map[domain.WorkspaceID]struct{}
	wake    chan struct{}
}

func newFeed(pool *pgxpool.Pool, log *slog.Logger) *Feed {
	return &Feed{
		pool: pool, log: log,
		subscribers: map[chan domain.WorkspaceID]*backlog{},
		unsent:      map[domain.WorkspaceID]struct{}{},
		wake:        make(chan struct{}, 1),
	}
}

// Subscribe returns a channel that is closed when ctx ends. A slow reader
// delays nobody and misses nothing: a workspace that changes twice before it is read is told once.
func (f *Feed) Subscribe(ctx context.Context) <-chan domain.WorkspaceID {
	out := make(chan domain.WorkspaceID)
	log := &backlog{pending: map[domain.WorkspaceID]struct{}{}, wake: make(chan struct{}, 1)}
	f.mu.Lock()
	f.subscribers[out] = log
	f.mu.Unlock()
	go func() {
		defer close(out)
		defer f.unsubscribe(out)
		for {
			workspace, ok := f.take(log)
			if !ok {
				select {
				case <-log.wake:
					continue
				case <-ctx.Done():
					return
				}
			}
			select {
			case out <- workspace:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func (f *Feed) unsubscribe(out chan domain.WorkspaceID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subscribers, out)
}

func (f *Feed) take(log *backlog) (domain.WorkspaceID, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for workspace := range log.pending {
		delete(log.pending, workspace)
		return workspace, true
	}
	return "", false
}

// changed is called after a commit.
func (f *Feed) changed(workspace domain.WorkspaceID) {
	f.mu.Lock()
	f.unsent[workspace] = struct{}{}
	f.mu.Unlock()
	signal(f.wake)
	f.tell(workspace)
}

func (f *Feed) tell(workspace domain.WorkspaceID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, log := range f.subscribers {
		log.pending[workspace] = struct{}{}
		signal(log.wake)
	}
}

func signal(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// Run exchanges changes with the other nodes until ctx ends.
func (f *Feed) Run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { f.notify(ctx) })
	both.Go(func() { f.listen(ctx) })
	both.Wait()
}

func (f *Feed) notify(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		}
		for _, payload := range f.payloads() {
			if _, err := f.pool.Exec(ctx, "SELECT pg_notify($1, $2)", feedChannel, payload); err != nil && ctx.Err() == nil {
				// The other nodes re-read from time to time and see it then.
				f.log.Warn("notify the other nodes", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(notifyEvery):
		}
	}
}

// payloads takes all that was not sent yet.
func (f *Feed) payloads() (payloads []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for workspace := range f.unsent {
		ids = append(ids, string(workspace))
	}
	clear(f.unsent)
	for len(ids) > 0 {
		n := min(len(ids), notifyMost)
		payloads = append(payloads, strings.Join(ids[:n], ","))
		ids = ids[n:]
	}
	return payloads
}

func (f *Feed) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := f.listenOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		f.log.Warn("lost the connection that listens for changes, trying again", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(relisten):
		}
	}
}

// listenOnce uses a connection of its own: one from the pool would come back
// to it still listening.
func (f *Feed) listenOnce(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, f.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+feedChannel); err != nil {
		return err
	}
	f.tell(domain.AllWorkspaces)
	for {
		notification, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		for id := range strings.SplitSeq(notification.Payload, ",") {
			f.tell(domain.WorkspaceID(id))
		}
	}
}
