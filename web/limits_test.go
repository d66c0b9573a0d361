package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func withLimits(c *Config) {
	c.RateLimits = true
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
}

func TestStrangersAreLimited(t *testing.T) {
	s := newSite(t, withLimits)
	for range 30 {
		s.do(t, "GET", s.server.static.path("base.css"), nil, "X-Forwarded-For", "192.0.2.1").want(t, http.StatusOK)
	}
	for range strangersPerMinute {
		s.do(t, "GET", "/sign-in/x", nil, "X-Forwarded-For", "192.0.2.1").want(t, http.StatusOK)
	}
	got := s.do(t, "POST", "/sign-in/x", nil, "X-Forwarded-For", "192.0.2.1")
	got.want(t, http.StatusTooManyRequests, "Too many requests", "Wait 6 seconds", "<html")
	if got.Header.Get("Retry-After") != "6" {
		t.Errorf("Retry-After %q", got.Header.Get("Retry-After"))
	}
	s.do(t, "GET", "/sign-in/x", nil, "X-Forwarded-For", "192.0.2.2").want(t, http.StatusOK)
	s.do(t, "GET", s.server.static.path("base.css"), nil, "X-Forwarded-For", "192.0.2.1").want(t, http.StatusOK)
	s.get(t, "/", "X-Forwarded-For", "192.0.2.1").want(t, http.StatusOK) // who is signed in is not a stranger
}

func TestWrongTokensAndSignaturesAreLimited(t *testing.T) {
	for _, door := range []struct{ method, path string }{{"GET", "/api/v1/documents"}, {"POST", "/api/v1/inbound/raw"}} {
		s := newInboundSite(t, &postbox{}, withLimits)
		for range strangersPerMinute {
			s.do(t, door.method, door.path, nil, "Authorization", "Bearer nonsense").want(t, http.StatusUnauthorized)
		}
		got := s.do(t, door.method, door.path, nil, "Authorization", "Bearer nonsense")
		got.want(t, http.StatusTooManyRequests, `"kind": "too_many_requests"`)
		s.api(t, "GET", "/documents", "").want(t, http.StatusOK) // with the right one
	}
}

func TestVisitorsAreLimitedGenerously(t *testing.T) {
	s := newSite(t, withLimits)
	s.server.limits.visitors.atOnce, s.server.limits.visitors.perMinute = 20, 60
	refused := 0
	for range 60 { // one is allowed again each second
		if s.api(t, "GET", "/documents?limit=1", "").StatusCode == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 || refused > 40 {
		t.Errorf("%d of 60 were refused", refused)
	}
	s.get(t, "/").want(t, http.StatusOK) // another visitor
}

func TestBucketsRefill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuckets(10, 10)
		for range 10 {
			b.take("a", time.Now())
		}
		wait, ok := b.take("a", time.Now())
		if ok || wait != 6*time.Second {
			t.Fatalf("%v %v", wait, ok)
		}
		time.Sleep(wait)
		if _, ok := b.take("a", time.Now()); !ok {
			t.Error("not refilled when it said")
		}
	})
}

func TestBucketsAreBounded(t *testing.T) {
	b, now := newBuckets(10, 10), time.Now()
	for i := range maxBuckets + 10 {
		b.take(fmt.Sprint(i), now)
	}
	if len(b.held) > maxBuckets {
		t.Errorf("%d are held", len(b.held))
	}
}

func TestClientAddress(t *testing.T) {
	l := newLimits(true, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")})
	for _, test := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:1", nil, "192.0.2.1"},
		{"192.0.2.1:1", []string{"198.51.100.9"}, "192.0.2.1"}, // anybody can say that
		{"10.0.0.1:1", []string{"198.51.100.9"}, "198.51.100.9"},
		{"10.0.0.1:1", []string{"203.0.113.5, 198.51.100.9"}, "198.51.100.9"}, // what stands before is the client's own word
		{"10.0.0.1:1", []string{"203.0.113.5, 198.51.100.9, 10.0.0.2"}, "198.51.100.9"},
		{"10.0.0.1:1", []string{"203.0.113.5", "198.51.100.9", "10.0.0.2"}, "198.51.100.9"},
		{"10.0.0.1:1", []string{"nonsense"}, "10.0.0.1"},
		{"10.0.0.1:1", nil, "10.0.0.1"},
		{"[::ffff:192.0.2.1]:1", nil, "192.0.2.1"},
		{"[2001:db8:1:2:3:4:5:6]:1", nil, "2001:db8:1:2::/64"},
		{"[fd00::1]:1", []string{"2001:db8:1:2::9"}, "2001:db8:1:2::/64"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = test.peer
		for _, line := range test.forwarded {
			r.Header.Add("X-Forwarded-For", line)
		}
		if got := addressKey(l.client(r)); got != test.want {
			t.Errorf("%s %s: got %s, want %s", test.peer, strings.Join(test.forwarded, "|"), got, test.want)
		}
	}
}
