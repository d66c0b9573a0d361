package mail_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/mail"
)

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// proxied is a server whose tests come from wherever they say.
func proxied(t *testing.T, cfg mail.Config, to mail.Inbox) func(client string) *client {
	cfg.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	server := start(t, cfg, to)
	return func(from string) *client {
		conn := dial(t, server.address)
		family := "TCP4"
		if strings.Contains(from, ":") {
			family = "TCP6"
		}
		conn.send(fmt.Sprintf("PROXY %s %s %s 4711 25\r\n", family, from, from))
		return conn
	}
}

func TestProxyHeader(t *testing.T) {
	version2 := func(from [4]byte) string {
		header := append([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"), from[:]...)
		header = append(header, 127, 0, 0, 1)
		header = binary.BigEndian.AppendUint16(header, 4711)
		return string(binary.BigEndian.AppendUint16(header, 25))
	}
	for name, c := range map[string]struct{ header, client string }{
		"version 1":         {"PROXY TCP4 192.0.2.7 127.0.0.1 4711 25\r\n", "192.0.2.7"},
		"version 1, IPv6":   {"PROXY TCP6 2001:db8::7 ::1 4711 25\r\n", "2001:db8::7"},
		"version 2":         {version2([4]byte{198, 51, 100, 9}), "198.51.100.9"},
		"a proxy's own":     {"PROXY UNKNOWN\r\n", "127.0.0.1"},
		"no header":         {"", "closed"},
		"a header of sorts": {"PROXY TCP4 here there 1 2\r\n", "closed"},
	} {
		t.Run(name, func(t *testing.T) {
			to := &inbox{}
			conn := dial(t, start(t, mail.Config{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, to).address)
			conn.send(c.header + hello + envelope)
			if c.client == "closed" {
				conn.expect("")
				return
			}
			conn.expect("220 ", "250-", "250 ", "250 ")
			conn.send("DATA\r\n")
			conn.expect("354 ")
			conn.send("x\r\n.\r\n")
			conn.expect("250 2.6.0")
			if got := to.mails[0].envelope.RemoteAddr; got != c.client {
				t.Errorf("client %s, want %s", got, c.client)
			}
		})
	}
}

// Anybody can claim to be a proxy.
func TestProxyHeaderOfStrangers(t *testing.T) {
	to := &inbox{}
	for name, proxies := range map[string][]netip.Prefix{"no proxies": nil, "others": {netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}} {
		conn := dial(t, start(t, mail.Config{Proxies: proxies}, to).address)
		conn.send("PROXY TCP4 192.0.2.7 127.0.0.1 4711 25\r\n" + hello + envelope + "DATA\r\n")
		conn.expect("220 ", "500 5.5.1", "250-", "250 ", "250 ", "354 ")
		conn.send("x\r\n.\r\n")
		conn.expect("250 2.6.0")
		if got := to.mails[len(to.mails)-1].envelope.RemoteAddr; got != "127.0.0.1" {
			t.Errorf("%s: client %s", name, got)
		}
	}
}

// A proxy that sends nothing keeps nobody else out.
func TestSilentProxy(t *testing.T) {
	connect := proxied(t, mail.Config{}, &inbox{})
	server := connect("192.0.2.1")
	silent := dial(t, server.RemoteAddr().String())
	server.expect("220 ")
	connect("192.0.2.2").expect("220 ")
	silent.Close()
}

func TestRates(t *testing.T) {
	mailFrom := func(sender string) turn { return say("RSET\r\nMAIL FROM:<"+sender+">\r\n", "250 ", "250 ") }
	put := say("RSET\r\nMAIL FROM:<x@late.test>\r\n", "250 ", "451 4.7.1 Too many mails from your side at the moment, please try again in ")
	one := mail.Limits{ClientMails: 2, NetworkMails: 100, DomainMails: 100}
	network := mail.Limits{ClientMails: 100, NetworkMails: 2, DomainMails: 100}
	sender := mail.Limits{ClientMails: 100, NetworkMails: 100, DomainMails: 2}
	late := mailFrom("x@late.test")
	for name, c := range map[string]struct {
		limits  mail.Limits
		first   string // sends two mails from late.test
		other   string
		refused bool
	}{
		"the same address":                {one, "192.0.2.1", "192.0.2.1", true},
		"another address":                 {one, "192.0.2.1", "192.0.2.2", false},
		"the same network":                {network, "192.0.2.1", "192.0.2.200", true},
		"another network":                 {network, "192.0.2.1", "192.0.3.1", false},
		"the same network, IPv6":          {network, "2001:db8::1", "2001:db8::ffff:1", true},
		"another network, IPv6":           {network, "2001:db8::1", "2001:db8:0:1::1", false},
		"the same domain, from elsewhere": {sender, "192.0.2.1", "203.0.113.1", true},
		"this machine":                    {one, "127.0.0.1", "127.0.0.1", false},
		"off":                             {mail.Limits{Off: true, ClientMails: 1}, "192.0.2.1", "192.0.2.1", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connect := proxied(t, mail.Config{Limits: c.limits}, &inbox{})
			first := connect(c.first)
			first.send(hello)
			first.expect("220 ", "250-")
			for range 2 {
				first.send(late.send)
				first.expect(late.replies...)
			}
			other := connect(c.other)
			other.send(hello)
			other.expect("220 ", "250-")
			next := late
			if c.refused {
				next = put
			}
			other.send(next.send)
			other.expect(next.replies...)
		})
	}
}

func TestConnectionsOfOneClient(t *testing.T) {
	connect := proxied(t, mail.Config{Limits: mail.Limits{ClientConnections: 2, NetworkConnections: 3}}, &inbox{})
	first := connect("192.0.2.1")
	first.expect("220 ")
	connect("192.0.2.1").expect("220 ")
	connect("192.0.2.1").expect("421 4.7.0 Too many connections from your address", "")
	connect("192.0.2.2").expect("220 ")
	connect("192.0.2.3").expect("421 4.7.0", "")
	connect("192.0.3.1").expect("220 ")
	first.send("QUIT\r\n")
	first.expect("221 ", "")
	for range 1000 { // the server may notice a moment later than the client
		if strings.HasPrefix(connect("192.0.2.1").reply(), "220 ") {
			return
		}
	}
	t.Error("a place that was given back stays taken")
}

// Who guesses addresses is put off, and then known and unknown ones look the same.
func TestGuesses(t *testing.T) {
	to := &inbox{}
	connect := proxied(t, mail.Config{Limits: mail.Limits{Guesses: 3}}, to)
	conn := connect("192.0.2.1")
	conn.send(hello + "MAIL FROM:<a@b.test>\r\n" + strings.Repeat("RCPT TO:<who@docuflow.test>\r\n", 4) + "RCPT TO:<invoices@docuflow.test>\r\n")
	conn.expect("220 ", "250-", "250 ", "550 5.1.1", "550 5.1.1", "550 5.1.1", "450 4.7.1 Too many addresses", "450 4.7.1 Too many addresses")
	other := connect("192.0.2.2")
	other.send(hello + envelope)
	other.expect("220 ", "250-", "250 ", "250 2.1.5")
}

// gate answers with what it is told to, and counts.
type gate struct {
	wait  time.Duration
	err   error
	hang  bool
	panic bool
	asked atomic.Int32
}

func (g *gate) Allow(ctx context.Context, _ domain.WorkspaceID) (time.Duration, error) {
	g.asked.Add(1)
	if g.panic {
		panic("no gate")
	}
	if g.hang {
		<-ctx.Done()
	}
	return g.wait, g.err
}

func TestGate(t *testing.T) {
	for name, c := range map[string]struct {
		gate  *gate
		reply string
	}{
		"open":      {&gate{}, "250 2.1.5"},
		"closed":    {&gate{wait: 90 * time.Second}, "450 4.7.1 This mailbox takes no more mails at the moment, please try again in 91 seconds (reference "},
		"quota":     {&gate{wait: 60 * time.Hour}, "450 4.7.1 This mailbox takes no more mails at the moment, please try again in 3 days (reference "},
		"broken":    {&gate{wait: time.Hour, err: errors.New("actor away")}, "250 2.1.5"},
		"no answer": {&gate{wait: time.Hour, hang: true}, "250 2.1.5"},
		"panic":     {&gate{panic: true}, "250 2.1.5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, start(t, mail.Config{Gate: c.gate}, &inbox{}).address)
			conn.send(hello + envelope)
			conn.expect("220 ", "250-", "250 ", c.reply)
			conn.send("RCPT TO:<bills@docuflow.test>\r\n") // of the same workspace
			conn.expect(c.reply[:9])
			conn.send("RCPT TO:<nobody@docuflow.test>\r\n")
			conn.expect("550 5.1.1")
			if asked := c.gate.asked.Load(); asked != 2 {
				t.Errorf("asked %d times, want once for the workspace and once for show", asked)
			}
		})
	}
}

func TestBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		buckets := mail.NewBuckets(60)
		take := func(key domain.WorkspaceID) time.Duration {
			wait, err := buckets.Allow(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			return wait
		}
		for n := range 60 {
			if wait := take("a"); wait != 0 {
				t.Fatalf("token %d: wait %v", n, wait)
			}
		}
		if wait := take("a"); wait < 900*time.Millisecond || wait > time.Second {
			t.Errorf("wait %v, want a second", wait)
		}
		if wait := take("b"); wait != 0 {
			t.Errorf("another key has to wait %v", wait)
		}
		time.Sleep(time.Second)
		if wait := take("a"); wait != 0 {
			t.Errorf("wait %v after the wait", wait)
		}
		for n := range 50_000 {
			take(domain.WorkspaceID(fmt.Sprint(n)))
		}
		if size := buckets.Len(); size > 20_000 {
			t.Errorf("%d buckets are kept", size)
		}
	})
}

// The inbox must answer before the client gives up, or both keep the mail.
func TestInboxThatNeverAnswers(t *testing.T) {
	for how, send := range map[string]string{"DATA": "DATA\r\n", "BDAT": "BDAT 3 LAST\r\nx\r\n"} {
		to := &patient{inbox: &inbox{}}
		conn := dial(t, start(t, mail.Config{AcceptTimeout: 50 * time.Millisecond}, to).address)
		conn.transaction()
		conn.send(send)
		if how == "DATA" {
			conn.expect("354 ")
			conn.send("x\r\n.\r\n")
		}
		conn.expect("451 4.3.0")
	}
}

type patient struct{ *inbox }

func (patient) Accept(ctx context.Context, _ domain.Envelope, _ []domain.Address, raw io.Reader) error {
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}
