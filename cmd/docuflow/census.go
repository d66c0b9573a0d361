package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/docuflow/docuflow/domain"
)

const (
	// censusEvery is how often a node reads the figures of the whole installation.
	censusEvery = 10 * time.Second
	// balanceEvery is how often one of the nodes counts everything, at most.
	balanceEvery = time.Minute
)

// census are the figures of the whole installation, as one node read them last.
type census struct {
	at      time.Time // zero: never
	balance domain.BalanceCheck
	queue   domain.QueueState
	members []domain.Member
}

// countCensus checks the balance when it is due, and keeps the figures for
// whoever asks, until ctx ends.
func (n *node) countCensus(ctx context.Context) {
	for ctx.Err() == nil {
		taken, err := n.takeCensus(ctx)
		if err == nil {
			n.metrics.keepCensus(taken)
		} else if ctx.Err() == nil {
			n.log.Warn("count the installation", "error", err)
		}
		if broken := taken.balance.Broken(); len(broken) > 0 {
			n.log.Error("the balance does not hold", "rules", broken, "mails_and_documents", taken.balance.Unbalanced())
		}
		select {
		case <-ctx.Done():
		case <-time.After(censusEvery/2 + rand.N(censusEvery)): // apart from the other nodes
		}
	}
}

func (n *node) takeCensus(ctx context.Context) (c census, err error) {
	_, err = n.store.CheckBalance(ctx, balanceEvery)
	c.at = time.Now()
	var errs [3]error
	c.balance, errs[0] = n.store.LastBalanceCheck(ctx)
	c.queue, errs[1] = n.store.Queue(ctx)
	c.members, errs[2] = n.store.Members(ctx)
	return c, errors.Join(err, errs[0], errs[1], errs[2])
}

func (m *metrics) keepCensus(c census) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.census = c
}

func (m *metrics) lastCensus() census {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.census
}

// collect puts the figures, none before the first census.
func (c census) collect(put func(*prometheus.Desc, float64, ...string)) {
	if c.at.IsZero() {
		return
	}
	put(censusTaken, float64(c.at.Unix()))
	c.collectBalance(put)
	put(dueNow, float64(c.queue.MailsDue), "mail")
	put(dueNow, float64(c.queue.DocumentsDue), "document")
	late := time.Duration(0)
	if !c.queue.OldestDue.IsZero() {
		late = max(c.queue.At.Sub(c.queue.OldestDue), 0)
	}
	put(oldestDue, late.Seconds())
	put(deadMails, float64(c.queue.MailsFailed))
	for _, stage := range c.queue.Stages {
		put(stageNow, float64(stage.Documents), string(stage.Stage), strings.ToLower(string(stage.Status)))
	}
	states := map[bool]int{}
	for _, member := range c.members {
		states[member.Draining]++
	}
	put(membersNow, float64(states[false]), "working")
	put(membersNow, float64(states[true]), "draining")
}

func (c census) collectBalance(put func(*prometheus.Desc, float64, ...string)) {
	if c.balance.At.IsZero() {
		return
	}
	put(checkedAt, float64(c.balance.At.Unix()))
	put(checkTook, c.balance.Took.Seconds())
	for state, n := range c.balance.Mails {
		put(mailsNow, float64(n), state)
	}
	for status, n := range c.balance.Documents {
		put(documentsNow, float64(n), status)
	}
	put(unbalanced, 0, "none") // so that an alert has something to look at
	for rule, n := range c.balance.Problems {
		put(unbalanced, float64(n), rule)
	}
}
