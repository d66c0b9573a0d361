package web

import (
	"crypto/sha256"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What one address or visitor may ask for.
const (
	strangersPerMinute = 10
	visitorsPerMinute  = 12_000 // pages with many pictures, scripts that poll
	visitorsAtOnce     = 2000
)

// maxBuckets bounds what is remembered. Beyond it, who was quiet is forgotten first.
const maxBuckets = 50_000

// limits are those of one node. Several nodes allow as many times more.
type limits struct {
	on      bool
	proxies []netip.Prefix // whose X-Forwarded-For is believed

	strangers *buckets // by address; IPv6 by its /64, which is one customer
	visitors  *buckets // by session or token
}

func newLimits(on bool, proxies []netip.Prefix) *limits {
	return &limits{on: on, proxies: proxies,
		strangers: newBuckets(strangersPerMinute, strangersPerMinute), visitors: newBuckets(visitorsPerMinute, visitorsAtOnce)}
}

// buckets hold tokens for each key.
type buckets struct {
	perMinute, atOnce int
	mu                sync.Mutex
	held              map[string]*rate.Limiter
}

func newBuckets(perMinute, atOnce int) *buckets {
	return &buckets{perMinute: perMinute, atOnce: atOnce, held: map[string]*rate.Limiter{}}
}

// take takes a token, or says how long there will be none.
func (b *buckets) take(key string, now time.Time) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bucket, known := b.held[key]
	if !known {
		b.makeRoom(now)
		bucket = rate.NewLimiter(rate.Limit(float64(b.perMinute)/60), b.atOnce)
		b.held[key] = bucket
	}
	if bucket.AllowN(now, 1) {
		return 0, true
	}
	missing := 1 - bucket.TokensAt(now)
	return time.Duration(missing / float64(bucket.Limit()) * float64(time.Second)), false
}

// makeRoom forgets whose bucket is full again: nothing is lost by that. When
// all are busy, everybody starts anew; memory is bounded whatever happens.
func (b *buckets) makeRoom(now time.Time) {
	if len(b.held) < maxBuckets {
		return
	}
	for key, bucket := range b.held {
		if bucket.TokensAt(now) >= float64(b.atOnce) {
			delete(b.held, key)
		}
	}
	if len(b.held) >= maxBuckets {
		clear(b.held)
	}
}

// limitStrangers is for what anybody may ask for.
func (s *Server) limitStrangers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.spend(w, s.limits.strangers, addressKey(s.limits.client(r))); err != nil {
			s.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// countFailure counts a request that proved nothing, and returns the error for
// its answer.
func (s *Server) countFailure(w http.ResponseWriter, r *http.Request, err error) error {
	if busy := s.spend(w, s.limits.strangers, addressKey(s.limits.client(r))); busy != nil {
		return busy
	}
	return err
}

// limitVisitor is for who is signed in. secret is what they prove it with.
func (s *Server) limitVisitor(w http.ResponseWriter, secret string) error {
	sum := sha256.Sum256([]byte(secret))
	return s.spend(w, s.limits.visitors, string(sum[:]))
}

func (s *Server) spend(w http.ResponseWriter, from *buckets, key string) error {
	if !s.limits.on {
		return nil
	}
	wait, ok := from.take(key, time.Now())
	if ok {
		return nil
	}
	seconds := int(math.Ceil(wait.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return &problem{Status: http.StatusTooManyRequests, Kind: "too_many_requests", Title: "Too many requests",
		Detail: fmt.Sprintf("There were more than %d in a minute. Nothing was changed. Wait %d seconds, then try again.", from.perMinute, seconds)}
}

// client is who asks: the peer or, behind proxies that are trusted, the last address that one of them has written
// down and that is none of them. What stands before it anybody may have written.
func (l *limits) client(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.IPv6Unspecified()
	}
	client := peer.Addr().Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && l.isProxy(client); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		client = hop.Unmap().WithZone("")
	}
	return client
}

func (l *limits) isProxy(address netip.Addr) bool {
	for _, proxy := range l.proxies {
		if proxy.Contains(address) {
			return true
		}
	}
	return false
}

// addressKey is the address, or the network of an IPv6 address.
func addressKey(address netip.Addr) string {
	const customer = 64
	if address.Is6() {
		if network, err := address.Prefix(customer); err == nil {
			return network.String()
		}
	}
	return address.String()
}
