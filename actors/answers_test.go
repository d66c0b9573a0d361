package actors

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// oneAnswer is a record with a single answer.
type oneAnswer struct {
	claimed domain.ClaimedAnswer
	ended   bool
	failed  *domain.FailedAttempt
}

func (o *oneAnswer) ClaimAnswer(context.Context, string, time.Duration) (domain.ClaimedAnswer, error) {
	return o.claimed, nil
}

func (o *oneAnswer) EndAnswer(_ context.Context, _ domain.ClaimedAnswer, failed *domain.FailedAttempt) error {
	o.ended, o.failed = true, failed
	return nil
}

type post func(domain.Letter) error

func (p post) Send(_ context.Context, letter domain.Letter) error { return p(letter) }

func TestAnswerIsTriedForADay(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		trying                   time.Duration
		err                      error
		sent, retried, abandoned bool
	}{
		"sent":            {0, nil, true, false, false},
		"for now":         {time.Hour, domain.Temporary(domain.KindInternal, "Not now.", nil), true, true, false},
		"for good":        {0, domain.Permanent(domain.KindRejected, "Never.", nil), true, false, true},
		"a day is over":   {day + time.Second, nil, false, false, true},
		"what is unknown": {0, errors.New("odd"), true, true, false},
	} {
		answers := &oneAnswer{claimed: domain.ClaimedAnswer{Trying: c.trying, Mail: domain.Mail{Author: "a@b.example", Answer: &domain.Answer{Attempt: 1}}}}
		sent := false
		a := Answerer{
			Answers: answers, Log: slog.New(slog.DiscardHandler), Policy: domain.RetryPolicy{Base: time.Minute, Cap: time.Hour, Timeout: time.Minute, Budget: day},
			Post: post(func(l domain.Letter) error { sent = l.To == "a@b.example"; return c.err }),
		}
		if err := a.send(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		retried := answers.failed != nil && answers.failed.Retry && answers.failed.RetryIn > 0
		abandoned := answers.failed != nil && !answers.failed.Retry
		if sent != c.sent || retried != c.retried || abandoned != c.abandoned || !answers.ended {
			t.Errorf("%s: sent %t, %+v", name, sent, answers.failed)
		}
	}
}
