package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// keepLease renews a lease until ctx ends, and returns an error as soon as
// the lease may be somebody else's: it was refused, or could not be renewed in time.
func (s *System) keepLease(ctx context.Context, lease domain.Lease) error {
	renewed := time.Now()
	ticker := time.NewTicker(s.LeaseTTL / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		attempted := time.Now()
		err := s.renew(ctx, lease)
		switch {
		case err == nil:
			renewed = attempted
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, domain.ErrSuperseded):
			return err
		case time.Since(renewed) > s.LeaseTTL*2/3:
			return fmt.Errorf("the lease could not be renewed in time: %w", err)
		}
	}
}

func (s *System) renew(ctx context.Context, lease domain.Lease) error {
	ctx, cancel := context.WithTimeout(ctx, s.LeaseTTL/3)
	defer cancel()
	return s.Leases.Renew(ctx, lease, s.LeaseTTL)
}

// insist repeats a write that the database did not answer, as long as the
// lease lasts. A refused write is not repeated.
func insist(ctx context.Context, write func(context.Context) error) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := write(ctx)
		if err == nil || errors.Is(err, domain.ErrSuperseded) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}
