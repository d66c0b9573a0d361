package postgres_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Many callers at once get what the bucket holds and not one token more.
func TestOutsideLimitIsSharedAndHard(t *testing.T) {
	store, admin := open(t)
	limit := domain.Limit{Name: "drive.files", Burst: 10, PerSecond: 1.0 / 3600}
	var taken atomic.Int32
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 5 {
				wait, err := store.Take(t.Context(), limit)
				switch {
				case err != nil:
					t.Error(err)
				case wait == 0:
					taken.Add(1)
				case wait < 59*time.Minute || wait > 61*time.Minute:
					t.Errorf("wait %s", wait)
				}
			}
		})
	}
	callers.Wait()
	if taken.Load() != 10 {
		t.Fatalf("took %d tokens of 10", taken.Load())
	}
	super := connect(t, admin)
	if _, err := super.Exec(t.Context(), "UPDATE outside_limits SET updated_at = updated_at - interval '2 hours 1 minute'"); err != nil {
		t.Fatal(err)
	}
	for n, free := range []bool{true, true, false} {
		if wait, err := store.Take(t.Context(), limit); err != nil || (wait == 0) != free {
			t.Errorf("after two tokens' time, take %d: wait %s, %v", n+1, wait, err)
		}
	}
	if wait, err := store.Take(t.Context(), domain.Limit{Name: "other", Burst: 1, PerSecond: 1}); err != nil || wait != 0 {
		t.Errorf("another limit: %s %v", wait, err)
	}
}
