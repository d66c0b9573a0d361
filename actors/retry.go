package actors

import (
	"math/rand/v2"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// decide says what follows a failed attempt: another one, or none.
func decide(policy domain.RetryPolicy, attempt int, err error) domain.FailedAttempt {
	failure := domain.AsFailure(err)
	if failure.Permanent || attempt >= policy.Attempts {
		return domain.FailedAttempt{Failure: failure}
	}
	return domain.FailedAttempt{Failure: failure, Retry: true, RetryIn: max(backoff(policy, attempt), failure.RetryAfter)}
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
