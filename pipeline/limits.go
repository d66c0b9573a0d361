package pipeline

import (
	"context"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Limiter keeps all nodes together under an outside service's hard limit.
// Take allows one call when it returns no wait; otherwise nothing was taken,
// and wait is the earliest time at which another Take can succeed: a stage
// returns a temporary failure with that RetryAfter.
type Limiter interface {
	Take(ctx context.Context, limit domain.Limit) (wait time.Duration, err error)
}
