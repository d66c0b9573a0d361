package mail

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/docuflow/docuflow/domain"
)

// Limits keep one client from taking the server away from the others. Zero
// means the default. A client on this machine may have ten times as much: it
// speaks for many, as a proxy or a load test does. LMTP has no limits of these.
type Limits struct {
	Off bool // none of them; for load tests

	ClientConnections  int // at a time from one address; 50 by default
	NetworkConnections int // … from one /24 or, with IPv6, /64; 100 by default

	ClientMails  int // a minute from one address; 600 by default
	NetworkMails int // … from one /24 or /64; 1200 by default
	DomainMails  int // … from one domain of senders; 1200 by default
	Guesses      int // unknown recipients and wrong passwords a minute from one address; 60 by default
}

// share is how much more a client on this machine may have.
const share = 10

func (l Limits) withDefaults() Limits {
	l.ClientConnections = orDefault(l.ClientConnections, 50)
	l.NetworkConnections = orDefault(l.NetworkConnections, 100)
	l.ClientMails = orDefault(l.ClientMails, 600)
	l.NetworkMails = orDefault(l.NetworkMails, 1200)
	l.DomainMails = orDefault(l.DomainMails, 1200)
	l.Guesses = orDefault(l.Guesses, 60)
	return l
}

// cost is what one mail of a client counts.
func cost(client netip.Addr) int {
	if client.IsLoopback() {
		return 1
	}
	return share
}

// network is the neighbourhood of an address that one owner usually has.
func network(client netip.Addr) netip.Prefix {
	bits := 24
	if client.Is6() {
		bits = 64
	}
	prefix, _ := client.Prefix(bits) // fails for zero addresses only
	return prefix
}

// brakes are the rates of one server.
type brakes struct {
	clients, networks, domains, guesses *Buckets
}

func newBrakes(l Limits) *brakes {
	if l.Off {
		return nil
	}
	return &brakes{
		clients: newBuckets(l.ClientMails, share), networks: newBuckets(l.NetworkMails, share),
		domains: newBuckets(l.DomainMails, share), guesses: newBuckets(l.Guesses, share),
	}
}

// mail counts a mail, and says how long the client should wait with it.
func (b *brakes) mail(client netip.Addr, sender string) time.Duration {
	if b == nil || !client.IsValid() {
		return 0
	}
	wait := max(b.clients.take(client.String(), cost(client)), b.networks.take(network(client).String(), cost(client)))
	if at := strings.LastIndexByte(sender, '@'); at >= 0 {
		wait = max(wait, b.domains.take(strings.ToLower(sender[at+1:]), cost(client)))
	}
	return wait
}

// guess counts an unknown recipient or a wrong password.
func (b *brakes) guess(client netip.Addr) {
	if b != nil && client.IsValid() {
		b.guesses.take(client.String(), cost(client))
	}
}

// guessed says how long a client should wait that has guessed too much. It is
// asked before anything is looked up, so that the answer tells nothing.
func (b *brakes) guessed(client netip.Addr) time.Duration {
	if b == nil || !client.IsValid() {
		return 0
	}
	return b.guesses.lacks(client.String(), cost(client))
}

// Buckets are token buckets, one for each key: a number of tokens a minute,
// and at most a minute's worth at once. Memory is bounded: of the keys that were not
// used for longest some are forgotten, which gives them a full bucket again.
type Buckets struct {
	limit rate.Limit
	burst int

	mu         sync.Mutex
	young, old map[string]*rate.Limiter
}

// maxBuckets is the size of each of the two generations.
const maxBuckets = 10_000

// NewBuckets makes buckets that get perMinute tokens each minute.
func NewBuckets(perMinute int) *Buckets { return newBuckets(perMinute, 1) }

func newBuckets(perMinute, scale int) *Buckets {
	tokens := perMinute * scale
	return &Buckets{limit: rate.Limit(tokens) / 60, burst: tokens, young: map[string]*rate.Limiter{}}
}

// Allow takes a token of a workspace. That makes buckets a Gate.
func (b *Buckets) Allow(_ context.Context, workspace domain.WorkspaceID) (time.Duration, error) {
	return b.take(string(workspace), 1), nil
}

// take takes tokens, or says how long it is until there are so many.
func (b *Buckets) take(key string, tokens int) time.Duration {
	now := time.Now()
	reservation := b.bucket(key).ReserveN(now, tokens)
	if !reservation.OK() {
		return time.Minute // more than the bucket ever holds
	}
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}

// lacks is take without taking.
func (b *Buckets) lacks(key string, tokens int) time.Duration {
	missing := float64(tokens) - b.bucket(key).Tokens()
	return time.Duration(max(0, missing) / float64(b.limit) * float64(time.Second))
}

func (b *Buckets) bucket(key string) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if found, ok := b.young[key]; ok {
		return found
	}
	found, ok := b.old[key]
	if !ok {
		found = rate.NewLimiter(b.limit, b.burst)
	}
	if len(b.young) >= maxBuckets {
		b.young, b.old = map[string]*rate.Limiter{}, b.young
	}
	b.young[strings.Clone(key)] = found
	return found
}
