package mail

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/docuflow/docuflow/domain"
)

// Inbox is where the mails go.
type Inbox interface {
	// Resolve finds the mailbox for an address, whatever its case and its
	// plus-tag; domain.ErrNotFound when there is none.
	Resolve(ctx context.Context, address string) (domain.Address, error)
	// Accept makes a mail durable, and returns nil only once it is. It reads raw
	// to its end; when raw fails, nothing may be kept.
	Accept(ctx context.Context, envelope domain.Envelope, to []domain.Address, raw io.Reader) error
}

// Gate is asked whether a workspace takes another mail now: a brake, or a
// plan's quota.
type Gate interface {
	// Allow returns 0 when it does, and else how long the sender should wait.
	// An error, or no answer within a quarter of a second, lets the mail in:
	// a doubt of ours is no reason to keep a customer's invoice waiting. For an
	// address that nobody has it is asked with an empty workspace, so that both take
	// the same time; that answer is not used.
	Allow(ctx context.Context, workspace domain.WorkspaceID) (wait time.Duration, err error)
}

// Config sets limits. A zero value means the default.
type Config struct {
	Hostname       string // what the server calls itself; "localhost" by default
	Domain         string // of the address <postmaster>, which needs none; the hostname by default
	MaxSize        int64  // octets of a mail; 52428800 by default
	MaxHeader      int    // octets of a mail's header; 524288 by default
	MaxRecipients  int    // of one mail; 100 by default, the least that RFC 5321 allows
	MaxConnections int    // at the same time; 500 by default
	MaxErrors      int    // 5xx replies before a connection is ended; 20 by default
	MaxCommands    int    // without an accepted mail, before a connection is ended; 1000 by default
	Limits         Limits

	CommandTimeout time.Duration // for the next command, or a handshake; 5 minutes by default
	DataTimeout    time.Duration // for the next octet of a mail; 3 minutes by default
	MessageTimeout time.Duration // for a whole mail; 30 minutes by default
	AcceptTimeout  time.Duration // for the inbox, from a mail's end on; 5 minutes by default: clients wait for 10
	ReplyTimeout   time.Duration // for the client to take a reply; 1 minute by default

	TLS      *tls.Config    // for STARTTLS and the submission door; no TLS by default
	TLSReady func() bool    // whether to offer STARTTLS yet; always by default
	Tokens   Tokens         // for the submission door
	Gate     Gate           // lets everything in by default
	Proxies  []netip.Prefix // who sends a PROXY header, and is believed

	Relays []netip.Prefix // servers that take mail for us and hand it over: the sender's own is not known then

	Log *slog.Logger // discards by default
	// Answered is called after each mail that was transmitted, accepted or not.
	Answered func(Answer)
}

// Answer is what became of one mail.
type Answer struct {
	Code int   // of the SMTP reply: 250, 451 …
	Size int64 // octets that arrived, without our Received line
	Took time.Duration
}

func (c Config) withDefaults() Config {
	c.Hostname = orDefault(c.Hostname, "localhost")
	c.Domain = orDefault(c.Domain, c.Hostname)
	c.MaxSize = orDefault(c.MaxSize, 52428800)
	c.MaxHeader = orDefault(c.MaxHeader, 512<<10)
	c.MaxRecipients = orDefault(c.MaxRecipients, 100)
	c.MaxConnections = orDefault(c.MaxConnections, 500)
	c.MaxErrors = orDefault(c.MaxErrors, 20)
	c.MaxCommands = orDefault(c.MaxCommands, 1000)
	c.Limits = c.Limits.withDefaults()
	c.CommandTimeout = orDefault(c.CommandTimeout, 5*time.Minute)
	c.DataTimeout = orDefault(c.DataTimeout, 3*time.Minute)
	c.MessageTimeout = orDefault(c.MessageTimeout, 30*time.Minute)
	c.AcceptTimeout = orDefault(c.AcceptTimeout, 5*time.Minute)
	c.ReplyTimeout = orDefault(c.ReplyTimeout, time.Minute)
	c.Log = orDefault(c.Log, slog.New(slog.DiscardHandler))
	if c.TLSReady == nil {
		c.TLSReady = func() bool { return true }
	}
	if c.Answered == nil {
		c.Answered = func(Answer) {}
	}
	return c
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// Server receives mail over SMTP and LMTP, through one or more doors.
type Server struct {
	cfg        Config
	inbox      Inbox
	brakes     *brakes
	exchange   *door
	submission *door
	lmtp       *door
	// ctx is that of every call to the inbox; it ends when a shutdown runs out of time.
	ctx    context.Context
	cancel context.CancelFunc

	mu        sync.Mutex
	listeners []net.Listener
	wires     map[*wire]struct{}
	places    map[netip.Prefix]int // connections of each address and network
	away      bool                 // newcomers are sent elsewhere for a while
	draining  bool                 // a shutdown has begun
	closed    bool                 // and ended
	idle      chan struct{}        // closed when draining and nobody is there
	rest      func()               // closes idle
}

// NewServer makes a server. Serve and its siblings open its doors.
func NewServer(cfg Config, inbox Inbox) *Server {
	s := &Server{cfg: cfg.withDefaults(), inbox: inbox, wires: map[*wire]struct{}{}, places: map[netip.Prefix]int{}, idle: make(chan struct{})}
	s.brakes = newBrakes(s.cfg.Limits)
	s.rest = sync.OnceFunc(func() { close(s.idle) })
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.exchange = s.newDoor(door{name: "SMTP"})
	s.submission = s.newDoor(door{name: "submission", tls: true, submission: true})
	s.lmtp = s.newDoor(door{name: "LMTP", lmtp: true})
	return s
}

// Serve takes connections of the world's mail servers from a listener until
// Shutdown, and then returns nil. It offers STARTTLS when there is a Config.TLS.
func (s *Server) Serve(l net.Listener) error { return s.exchange.serve(l) }

// ServeSubmission is Serve for a workspace's own users (RFC 8314 §3.3): TLS from the
// first octet on, and nothing is taken before they sign in with an API token.
// It needs Config.TLS and Config.Tokens. There is no relay: mail goes to the
// addresses of their workspace alone.
func (s *Server) ServeSubmission(l net.Listener) error { return s.submission.serve(l) }

// ServeLMTP is Serve for a mail server in front of this one. It is trusted:
// only the limits of mails themselves hold. Each recipient gets a reply.
func (s *Server) ServeLMTP(l net.Listener) error { return s.lmtp.serve(l) }

// Shutdown ends the server in good order: mails that are being transmitted are
// received and answered, everybody else is asked to come back later (421), and
// so are newcomers. When ctx ends first, the rest is cut off, which makes those
// senders repeat; Shutdown then returns the context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	var err error
	select {
	case <-s.idle:
	case <-ctx.Done():
		err = fmt.Errorf("shut down SMTP: mails are still being received: %w", ctx.Err())
	}
	s.cancel()
	for _, d := range []*door{s.exchange, s.submission, s.lmtp} {
		_ = d.smtp.Close() // says only that something is closed already
	}
	s.close()
	return err
}

// open remembers a listener, unless the server is closed: go-smtp would serve
// one that comes later than Close for ever.
func (s *Server) open(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, l)
	return !s.closed
}

func (s *Server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, l := range s.listeners {
		l.Close()
	}
}

// Drain begins what Shutdown ends, and returns at once: mails that are being
// transmitted are received and answered, everybody else is asked to come back later (421).
func (s *Server) Drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return
	}
	s.draining = true
	for w := range s.wires {
		w.interrupt()
	}
	s.restIfEmpty()
}

// TurnAway sends everybody elsewhere (421) who is not transmitting a mail,
// until it is called with false.
func (s *Server) TurnAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
	if !away {
		return
	}
	for w := range s.wires {
		w.interrupt()
	}
}

// join takes a connection in, unless there are far too many to tell them so.
func (s *Server) join(w *wire) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wires) >= 2*s.cfg.MaxConnections {
		return false
	}
	s.wires[w] = struct{}{}
	w.draining = s.draining || s.away // nobody else has it yet
	return true
}

// admit lets the client of a connection in, or says why not.
func (s *Server) admit(w *wire) *smtp.SMTPError {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.draining || s.away:
		return replyClosing
	case len(s.wires) > s.cfg.MaxConnections:
		return replyBusy
	case w.door.lmtp || s.cfg.Limits.Off || !w.client.IsValid():
		return nil
	}
	client, neighbours := place(w.client), network(w.client)
	weight := share / cost(w.client)
	if s.places[client] >= weight*s.cfg.Limits.ClientConnections || s.places[neighbours] >= weight*s.cfg.Limits.NetworkConnections {
		return replyCrowd
	}
	w.places = []netip.Prefix{client, neighbours}
	for _, place := range w.places {
		s.places[place]++
	}
	return nil
}

// place is an address as a network of its own.
func place(client netip.Addr) netip.Prefix { return netip.PrefixFrom(client, client.BitLen()) }

func (s *Server) leave(w *wire) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.wires, w)
	for _, place := range w.places {
		if s.places[place]--; s.places[place] == 0 {
			delete(s.places, place)
		}
	}
	s.restIfEmpty()
}

// restIfEmpty needs the lock.
func (s *Server) restIfEmpty() {
	if s.draining && len(s.wires) == 0 {
		s.rest()
	}
}
