package press

import (
	"context"
	"slices"
	"sync"

	"github.com/docuflow/docuflow/domain"
)

// maxJobs is after how many jobs a child is replaced: what a library forgets
// to give back does not add up.
const maxJobs = 50

// keptPerJob is how many idle children are kept for the workspaces whose files
// they have seen, for each job that may run. One holds about 70 MB.
const keptPerJob = 2

// workers keeps children ready, so that a job does not wait for a start, and
// lets as many jobs run as there are slots. A child that has seen a file of one
// workspace does no job of another: what the file left behind reaches nobody
// else's.
type workers struct {
	start func() (*child, error)
	slots chan struct{}
	quit  context.Context
	stop  context.CancelFunc
	fill  sync.WaitGroup

	turn     sync.Mutex // a closed workers gets no new children
	fresh    []*child   // have seen no file
	starting int        // will be fresh
	kept     []*child   // idle, the one that worked last at the end
}

func newWorkers(jobs int, start func() (*child, error)) *workers {
	quit, stop := context.WithCancel(context.Background())
	w := &workers{start: start, slots: make(chan struct{}, jobs), quit: quit, stop: stop}
	w.refill()
	return w
}

// refill starts, in the background, as many fresh children as there should be.
func (w *workers) refill() {
	w.turn.Lock()
	defer w.turn.Unlock()
	for want := (cap(w.slots) + 1) / 2; w.quit.Err() == nil && len(w.fresh)+w.starting < want; w.starting++ {
		w.fill.Go(func() {
			started, err := w.start()
			w.turn.Lock()
			defer w.turn.Unlock()
			w.starting--
			if err == nil { // otherwise the next job starts its own and tells what is wrong
				w.fresh = append(w.fresh, started)
			}
		})
	}
}

// take waits for a slot and returns a child for one job of a workspace. Give it
// back with release.
func (w *workers) take(ctx context.Context, workspace domain.WorkspaceID) (*child, error) {
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for ready := w.idle(workspace); ready != nil; ready = w.idle(workspace) {
		if ready.trusted() {
			ready.workspace = workspace
			return ready, nil
		}
		_ = ready.end()
	}
	started, err := w.start()
	if err != nil {
		<-w.slots
		return nil, err
	}
	started.workspace = workspace
	return started, nil
}

// idle returns a child that knows the workspace, or else a fresh one, or nil.
func (w *workers) idle(workspace domain.WorkspaceID) *child {
	w.turn.Lock()
	defer w.turn.Unlock()
	for i := len(w.kept) - 1; i >= 0; i-- {
		if known := w.kept[i]; known.workspace == workspace {
			w.kept = slices.Delete(w.kept, i, i+1)
			return known
		}
	}
	if len(w.fresh) == 0 {
		return nil
	}
	first := w.fresh[0]
	w.fresh = slices.Delete(w.fresh, 0, 1)
	return first
}

// release takes a child back after its job. One that is not reusable is ended;
// of too many the one is ended that has waited longest for its workspace.
func (w *workers) release(used *child, reusable bool) error {
	var err error
	if ended := w.keep(used, reusable && used.jobs < maxJobs && used.trusted()); ended != nil {
		err = ended.end()
	}
	<-w.slots
	w.refill()
	return err
}

// keep returns the child that is to be ended, nil when there is none.
func (w *workers) keep(used *child, reusable bool) (surplus *child) {
	if !reusable {
		return used
	}
	w.turn.Lock()
	defer w.turn.Unlock()
	w.kept = append(w.kept, used)
	if len(w.kept) <= keptPerJob*cap(w.slots) {
		return nil
	}
	surplus = w.kept[0]
	w.kept = slices.Delete(w.kept, 0, 1)
	return surplus
}

// count is how many children work, and how many are ready to.
func (w *workers) count() (working, ready int) {
	w.turn.Lock()
	defer w.turn.Unlock()
	return len(w.slots), len(w.fresh) + len(w.kept)
}

// close ends all children and waits for their ends. A second call does nothing.
func (w *workers) close() {
	w.turn.Lock()
	closed := w.quit.Err() != nil
	w.stop()
	w.turn.Unlock()
	if closed {
		return
	}
	w.fill.Wait()
	for range cap(w.slots) { // until the last job has ended
		w.slots <- struct{}{}
	}
	for _, ready := range slices.Concat(w.fresh, w.kept) {
		_ = ready.end()
	}
}
