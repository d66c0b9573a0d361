package actors

import (
	"math/rand/v2"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// decide says what follows a failed attempt: another one, or none. trying is
// how long the stage has been tried. What needs a person waits for one, whatever the policy says.
func decide(policy domain.RetryPolicy, attempt int, trying time.Duration, err error) domain.FailedAttempt {
	failure := domain.AsFailure(err)
	if failure.Kind == domain.KindStorage && !failure.Permanent && trying < outage {
		return domain.FailedAttempt{Failure: failure, Retry: true, Uncounted: true, RetryIn: max(outageBackoff(policy, trying), failure.RetryAfter)}
	}
	if failure.Person || failure.Permanent || policy.Spent(attempt, trying) {
		return domain.FailedAttempt{Failure: failure}
	}
	return domain.FailedAttempt{Failure: failure, Retry: true, RetryIn: max(backoff(policy, attempt), failure.RetryAfter)}
}

const (
	// outage is for how long failures of our own storage are not held against
	// the work: an operator has a day to mend it. Afterwards they count, for
	// they may come from one object that is broken.
	outage = 24 * time.Hour
	// outageCap bounds the wait, so that everything moves soon after the
	// storage is back. The slots of a workspace bound how many ask it meanwhile.
	outageCap = time.Minute
)

// outageBackoff waits about as long again as the stage has been tried already:
// it grows by itself, where no attempts are counted.
func outageBackoff(policy domain.RetryPolicy, trying time.Duration) time.Duration {
	bound := max(min(trying, outageCap, policy.Cap), min(policy.Base, policy.Cap))
	return rand.N(max(bound, 1)) + 1
}

// cutOff says that a claim follows so many lost ones that the work itself may
// be what kills its nodes. A budget of time is no sign of that before it is
// long over: the nodes may have been away.
func cutOff(policy domain.RetryPolicy, attempt int, trying time.Duration) bool {
	return attempt > policy.Attempts && trying >= 2*policy.Budget
}

// backoff draws the wait after the attempt-th attempt (from 1): "full jitter",
// evenly between nothing and a bound that doubles each time up to the cap.
func backoff(policy domain.RetryPolicy, attempt int) time.Duration {
	bound := policy.Base
	for range attempt - 1 {
		if bound >= policy.Cap/2 {
			bound = policy.Cap
			break
		}
		bound *= 2
	}
	return rand.N(max(min(bound, policy.Cap), 1)) + 1
}
