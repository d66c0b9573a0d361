package actors

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// DueNotices finds notices that are due and that no stage tells.
type DueNotices interface {
	DueNotices(ctx context.Context) ([]domain.WorkspaceID, error)
}

// Teller tells notices.
type Teller interface {
	Claim(ctx context.Context, workspace domain.WorkspaceID, id domain.NoticeID) (domain.ClaimedNotice, error)
	// Tell writes a success down itself.
	Tell(ctx context.Context, claimed domain.ClaimedNotice) error
	Settle(ctx context.Context, claimed domain.ClaimedNotice, end domain.NoticeEnd) error
}

// Courier tells connections what they are owed beside the stages: that a
// document came, failed or was corrected. All nodes may run one.
type Courier struct {
	Notices DueNotices
	Teller  Teller
	Policy  domain.RetryPolicy
	Slots   int           // notices told at a time on this node
	Every   time.Duration // between two looks
	Log     *slog.Logger
}

// Run tells notices until ctx ends, and returns when the last one is settled.
func (c Courier) Run(ctx context.Context) {
	slots := make(chan struct{}, c.Slots)
	var telling sync.WaitGroup
	defer telling.Wait()
	for ctx.Err() == nil {
		began, err := c.look(ctx, slots, &telling)
		if err != nil && ctx.Err() == nil {
			c.Log.Error("tell notices", "error", err)
		}
		if began > 0 {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
		case <-time.After(c.Every/2 + rand.N(c.Every)): // apart from the other nodes
		}
	}
}

// look begins one notice of every workspace that has a due one.
func (c Courier) look(ctx context.Context, slots chan struct{}, telling *sync.WaitGroup) (began int, err error) {
	workspaces, err := c.Notices.DueNotices(ctx)
	if err != nil {
		return 0, err
	}
	for _, workspace := range workspaces {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return began, nil
		}
		claimed, err := c.Teller.Claim(ctx, workspace, "")
		if err != nil {
			<-slots
			if errors.Is(err, domain.ErrNotDue) {
				continue
			}
			return began, err
		}
		began++
		telling.Go(func() {
			defer func() { <-slots }()
			c.tell(context.WithoutCancel(ctx), claimed)
		})
	}
	return began, nil
}

func (c Courier) tell(ctx context.Context, claimed domain.ClaimedNotice) {
	err := c.Teller.Tell(ctx, claimed)
	if err == nil {
		return
	}
	failed := decide(c.Policy, claimed.Attempt, claimed.Trying, err)
	c.Log.Warn("a notice was not told", "notice", claimed.ID, "event", claimed.Event, "attempt", claimed.Attempt, "kind", failed.Failure.Kind,
		"retry_in", failed.RetryIn, "error", err)
	end := domain.NoticeEnd{Failure: failed.Failure, Over: !failed.Retry, RetryIn: failed.RetryIn}
	if err := c.Teller.Settle(ctx, claimed, end); err != nil {
		c.Log.Error("write down that a notice was not told", "notice", claimed.ID, "error", err)
	}
}
