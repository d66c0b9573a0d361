package web

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/docuflow/docuflow/domain"
)

const (
	// frameGap is the least time between two reads of one workspace: what
	// happens within it is one frame.
	frameGap = 50 * time.Millisecond
	// readTime bounds one read of what changed.
	readTime = 5 * time.Second
	// retryGap is the pause after a read that failed.
	retryGap = time.Second
	// healGap is how often everything that is watched is read anyway: a change
	// that the feed has lost shows up then.
	healGap = 5 * time.Second
	// maxQueue is how many updates wait for a slow stream before they are
	// dropped and the stream reads the present state itself.
	maxQueue = 16
)

// update is what one read of a workspace found.
type update struct {
	changes domain.Changes
	balance domain.Balance
	// shared keeps what is the same for every stream that shows the whole list.
	shared *sharedFrame
}

// hub reads what changed once per workspace and fans it out to its streams.
type hub struct {
	ledger Ledger
	log    *slog.Logger
	closed chan struct{} // closed when the hub has stopped

	mu    sync.Mutex
	rooms map[domain.WorkspaceID]*room
	live  bool // the feed is being followed
}

// room is a workspace that somebody watches.
type room struct {
	workspace domain.WorkspaceID
	signal    chan struct{}
	left      chan struct{} // closed when nobody watches any more
	seq       int64         // owned by the room's goroutine

	// guarded by hub.mu
	streams map[*subscription]struct{}
	failing bool
}

func newHub(ledger Ledger, log *slog.Logger) *hub {
	return &hub{ledger: ledger, log: log, closed: make(chan struct{}), rooms: map[domain.WorkspaceID]*room{}}
}

// run follows the feed until ctx is done or the feed ends. It runs once.
func (h *hub) run(ctx context.Context, feed <-chan domain.WorkspaceID) error {
	h.setLive(true)
	defer close(h.closed)
	defer h.setLive(false)
	heal := time.NewTicker(healGap)
	defer heal.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-heal.C:
			h.nudge(domain.AllWorkspaces)
		case workspace, ok := <-feed:
			if !ok {
				return nil
			}
			h.nudge(workspace)
		}
	}
}

func (h *hub) setLive(live bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.live = live
	for _, rm := range h.rooms {
		for s := range rm.streams {
			s.setState(h.stateOf(rm))
		}
	}
}

// stateOf is what a watcher's badge says. Callers hold the lock.
func (h *hub) stateOf(rm *room) string {
	if h.live && !rm.failing {
		return stateLive
	}
	return statePaused
}

func (h *hub) nudge(workspace domain.WorkspaceID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if rm := h.rooms[workspace]; rm != nil {
		wake(rm.signal)
	}
	if workspace != domain.AllWorkspaces {
		return
	}
	for _, rm := range h.rooms {
		wake(rm.signal)
	}
}

// subscribe joins a workspace's streams. since is the sequence number that
// the stream has shown; a new subscription begins by reading on from there.
func (h *hub) subscribe(workspace domain.WorkspaceID, since int64) *subscription {
	s := &subscription{wake: make(chan struct{}, 1), lagged: true}
	h.mu.Lock()
	defer h.mu.Unlock()
	rm := h.rooms[workspace]
	if rm == nil {
		rm = &room{workspace: workspace, seq: since, signal: make(chan struct{}, 1), left: make(chan struct{}), streams: map[*subscription]struct{}{}}
		h.rooms[workspace] = rm
		go h.follow(rm)
	}
	rm.streams[s] = struct{}{}
	s.setState(h.stateOf(rm))
	return s
}

func (h *hub) unsubscribe(workspace domain.WorkspaceID, s *subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rm := h.rooms[workspace]
	delete(rm.streams, s)
	if len(rm.streams) == 0 {
		delete(h.rooms, workspace)
		close(rm.left)
	}
}

// watchers is how many streams there are.
func (h *hub) watchers() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, rm := range h.rooms {
		n += len(rm.streams)
	}
	return n
}

// follow reads what changed in one workspace each time it is nudged.
func (h *hub) follow(rm *room) {
	for {
		select {
		case <-h.closed:
			return
		case <-rm.left:
			return
		case <-rm.signal:
		}
		gap := frameGap
		if err := h.tell(rm); err != nil {
			gap = retryGap
			wake(rm.signal)
		}
		if !h.rest(rm, gap) {
			return
		}
	}
}

func (h *hub) rest(rm *room, gap time.Duration) bool {
	timer := time.NewTimer(gap)
	defer timer.Stop()
	select {
	case <-h.closed:
		return false
	case <-rm.left:
		return false
	case <-timer.C:
		return true
	}
}

// tell reads what changed since the last time and offers it to every stream.
func (h *hub) tell(rm *room) error {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	u, err := readUpdate(ctx, h.ledger, rm.workspace, rm.seq)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.setFailing(rm, err)
	if err != nil || u.changes.Seq <= rm.seq {
		return err
	}
	rm.seq = u.changes.Seq
	for s := range rm.streams {
		s.offer(u)
	}
	if u.more() {
		wake(rm.signal)
	}
	return nil
}

// setFailing notes the change from working to failing and back, once each.
func (h *hub) setFailing(rm *room, err error) {
	if rm.failing == (err != nil) {
		return
	}
	rm.failing = err != nil
	if err != nil {
		h.log.Error("live pages cannot be updated", slog.String("workspace", string(rm.workspace)), slog.Any("error", err))
	} else {
		h.log.Info("live pages are updated again", slog.String("workspace", string(rm.workspace)))
	}
	for s := range rm.streams {
		s.setState(h.stateOf(rm))
	}
}

// more says that there may be changes after this update: one read is bounded.
func (u *update) more() bool { return u.balance.Seq > u.changes.Seq }

func readUpdate(ctx context.Context, ledger Ledger, workspace domain.WorkspaceID, since int64) (*update, error) {
	changes, err := ledger.Changes(ctx, workspace, since)
	if err != nil {
		return nil, err
	}
	if changes.Seq <= since {
		return &update{changes: changes}, nil
	}
	balance, err := ledger.Balance(ctx, workspace)
	if err != nil {
		return nil, err
	}
	return &update{changes: changes, balance: balance, shared: &sharedFrame{}}, nil
}

// wake leaves a signal if none is waiting.
func wake(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

// What a badge says.
const (
	stateLive   = "live"
	statePaused = "paused"
)

// subscription is what waits for one stream. Offering to it never blocks.
type subscription struct {
	wake chan struct{}

	mu     sync.Mutex
	queue  []*update
	lagged bool // updates were dropped: read the present state
	state  string
}

func (s *subscription) offer(u *update) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == maxQueue {
		s.queue, s.lagged = nil, true
	}
	if !s.lagged {
		s.queue = append(s.queue, u)
	}
	wake(s.wake)
}

func (s *subscription) setState(state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
	wake(s.wake)
}

// take empties the queue.
func (s *subscription) take() (queue []*update, lagged bool, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue, lagged, state = s.queue, s.lagged, s.state
	s.queue, s.lagged = nil, false
	return queue, lagged, state
}
