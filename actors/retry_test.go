package actors

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docuflow/docuflow/domain"
)

func TestBackoffDoublesItsBoundUpToTheCap(t *testing.T) {
	policy := domain.RetryPolicy{Base: time.Second, Cap: 10 * time.Second}
	for attempt, bound := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 5: 10 * time.Second, 1000: 10 * time.Second} {
		var least, most time.Duration = time.Hour, 0
		for range 2000 {
			wait := backoff(policy, attempt)
			least, most = min(least, wait), max(most, wait)
		}
		if most > bound || most < bound*9/10 || least > bound/10 {
			t.Errorf("attempt %d: %s to %s, want nearly 0 to %s", attempt, least, most, bound)
		}
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	policy := domain.RetryPolicy{Attempts: 3, Base: time.Second, Cap: time.Second}
	failed := decide(policy, 1, 0, &domain.Failure{RetryAfter: time.Hour})
	if !failed.Retry || failed.RetryIn != time.Hour {
		t.Fatalf("%+v", failed)
	}
	if failed := decide(policy, 3, 0, &domain.Failure{RetryAfter: time.Hour}); failed.Retry {
		t.Fatalf("beyond the budget: %+v", failed)
	}
}

func TestBudgetOfTimeOutlastsAnyNumberOfAttempts(t *testing.T) {
	policy := domain.RetryPolicy{Attempts: 5, Base: time.Second, Cap: time.Minute, Budget: 24 * time.Hour}
	away := domain.Temporary("away", "The service did not answer.", nil)
	if failed := decide(policy, 300, 23*time.Hour, away); !failed.Retry {
		t.Fatalf("given up within the budget: %+v", failed)
	}
	if failed := decide(policy, 1, 24*time.Hour, away); failed.Retry {
		t.Fatalf("tried beyond the budget: %+v", failed)
	}
	if failed := decide(policy, 1, 0, domain.Permanent("gone", "", nil)); failed.Retry {
		t.Fatalf("a permanent failure is tried again: %+v", failed)
	}
	if cutOff(policy, 300, 23*time.Hour) || cutOff(policy, 2, 72*time.Hour) || !cutOff(policy, 300, 72*time.Hour) {
		t.Fatal("cut off at the wrong time")
	}
}

func TestOutageOfOurStorageUsesNoBudgetUp(t *testing.T) {
	policy := domain.RetryPolicy{Attempts: 2, Base: 2 * time.Second, Cap: 10 * time.Minute}
	away := fmt.Errorf("open object: %w", domain.Temporary(domain.KindStorage, "Our storage did not answer.", nil))
	for trying, bound := range map[time.Duration]time.Duration{0: 2 * time.Second, 10 * time.Second: 10 * time.Second, 23 * time.Hour: time.Minute} {
		for range 100 {
			failed := decide(policy, 2, trying, away)
			if !failed.Retry || !failed.Uncounted || failed.RetryIn > bound+1 {
				t.Fatalf("after %s: %+v", trying, failed)
			}
		}
	}
	if failed := decide(policy, 1, 25*time.Hour, away); !failed.Retry || failed.Uncounted {
		t.Fatalf("after a day: %+v", failed)
	}
	if failed := decide(policy, 2, 25*time.Hour, away); failed.Retry {
		t.Fatalf("one broken object would be tried for ever: %+v", failed)
	}
	if failed := decide(policy, 1, 0, domain.Permanent(domain.KindStorage, "", nil)); failed.Retry {
		t.Fatalf("permanent: %+v", failed)
	}
}

func TestFailureThatNeedsAPersonIsNoAttempt(t *testing.T) {
	failed := decide(domain.RetryPolicy{Attempts: 5}, 1, 0, domain.NeedsPerson("signed_out", "Drive", "Sign in.", nil))
	if failed.Retry || !failed.Failure.Person || failed.Failure.Connection != "Drive" {
		t.Fatalf("%+v", failed)
	}
}

// leases answers renewals as the test wants.
type leases struct {
	Leases
	renew func() error
}

func (l leases) Renew(context.Context, domain.Lease, time.Duration) error { return l.renew() }

func TestLeaseIsLostAtOnceWhenRefusedAndInTimeWhenUnanswered(t *testing.T) {
	for name, c := range map[string]struct {
		err        error
		from, till time.Duration
	}{
		"refused":    {domain.ErrSuperseded, 5 * time.Second, 5 * time.Second},
		"unanswered": {errors.New("connection refused"), 10 * time.Second, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				system := &System{Config: Config{LeaseTTL: 15 * time.Second, Leases: leases{renew: func() error { return c.err }}}}
				begin := time.Now()
				err := system.keepLease(t.Context(), domain.Lease{})
				if took := time.Since(begin); !errors.Is(err, c.err) || took < c.from || took > c.till {
					t.Fatalf("after %s: %v", took, err)
				}
			})
		})
	}
}

func TestRenewedLeaseIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		renewals := 0
		system := &System{Config: Config{LeaseTTL: 15 * time.Second, Leases: leases{renew: func() error { renewals++; return nil }}}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := system.keepLease(ctx, domain.Lease{}); err != nil {
			t.Fatal(err)
		}
		if renewals < 700 {
			t.Fatalf("%d renewals in an hour", renewals)
		}
	})
}
