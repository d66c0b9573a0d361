package actors

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Answers is the record of what senders are told.
type Answers interface {
	// ClaimAnswer takes the right to send one for ttl; domain.ErrNotDue: none is due.
	ClaimAnswer(ctx context.Context, node string, ttl time.Duration) (domain.ClaimedAnswer, error)
	// EndAnswer writes how the attempt ended, with nil that it was sent;
	// domain.ErrSuperseded: another node has it meanwhile.
	EndAnswer(ctx context.Context, claimed domain.ClaimedAnswer, failed *domain.FailedAttempt) error
}

// Post sends letters. A permanent failure says that another attempt cannot help.
type Post interface {
	Send(ctx context.Context, letter domain.Letter) error
}

// Answerer sends the answers that are due. All nodes may run one. A crash
// between the sending and the writing of it sends an answer twice, with the same Message-ID.
type Answerer struct {
	Answers Answers
	Post    Post
	Node    string
	Policy  domain.RetryPolicy // its Timeout is for one attempt, its Budget for all
	Every   time.Duration      // between two looks
	Log     *slog.Logger
}

// Run sends until ctx ends.
func (a Answerer) Run(ctx context.Context) {
	for ctx.Err() == nil {
		err := a.send(ctx)
		if err == nil {
			continue // there may be more
		}
		if !errors.Is(err, domain.ErrNotDue) && ctx.Err() == nil {
			a.Log.Error("answer a sender", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(a.Every/2 + rand.N(a.Every)): // apart from the other nodes
		}
	}
}

// send tries to send one answer.
func (a Answerer) send(ctx context.Context) error {
	// The lease outlives the attempt, so that nobody else sends meanwhile.
	claimed, err := a.Answers.ClaimAnswer(ctx, a.Node, 2*a.Policy.Timeout)
	if err != nil {
		return err
	}
	err = a.attempt(ctx, claimed)
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // cut off: the lease ends, and another node goes on
	}
	var failed *domain.FailedAttempt
	if err != nil {
		decided := decide(a.Policy, claimed.Mail.Answer.Attempt, claimed.Trying, err)
		failed = &decided
		a.Log.Warn("a sender was not answered", "workspace", claimed.Mail.Workspace, "mail", claimed.Mail.ID, "retry_in", decided.RetryIn, "error", err)
	}
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), questionTimeout)
	defer cancel()
	return a.Answers.EndAnswer(writing, claimed, failed)
}

func (a Answerer) attempt(ctx context.Context, claimed domain.ClaimedAnswer) error {
	if claimed.Trying >= a.Policy.Budget {
		return domain.Permanent(domain.KindTimeout, "The answer could not be sent in time.", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, a.Policy.Timeout)
	defer cancel()
	return a.Post.Send(ctx, domain.AnswerTo(claimed.Mail))
}
