package mail

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
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

// Config sets limits. A zero value means the default.
type Config struct {
	Hostname       string // what the server calls itself; "localhost" by default
	MaxSize        int64  // octets of a mail; 52428800 by default
	MaxRecipients  int    // of one mail; 100 by default, the least that RFC 5321 allows
	MaxConnections int    // at the same time; 500 by default
	MaxErrors      int    // 5xx replies before a connection is ended; 20 by default

	CommandTimeout time.Duration // for the next command; 5 minutes by default
	DataTimeout    time.Duration // for the next octet of a mail; 3 minutes by default
	MessageTimeout time.Duration // for a whole mail; 30 minutes by default
	ReplyTimeout   time.Duration // for the client to take a reply; 1 minute by default

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
	c.MaxSize = orDefault(c.MaxSize, 52428800)
	c.MaxRecipients = orDefault(c.MaxRecipients, 100)
	c.MaxConnections = orDefault(c.MaxConnections, 500)
	c.MaxErrors = orDefault(c.MaxErrors, 20)
	c.CommandTimeout = orDefault(c.CommandTimeout, 5*time.Minute)
	c.DataTimeout = orDefault(c.DataTimeout, 3*time.Minute)
	c.MessageTimeout = orDefault(c.MessageTimeout, 30*time.Minute)
	c.ReplyTimeout = orDefault(c.ReplyTimeout, time.Minute)
	c.Log = orDefault(c.Log, slog.New(slog.DiscardHandler))
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

// Server receives mail over SMTP.
type Server struct {
	cfg   Config
	inbox Inbox
	smtp  *smtp.Server
	// ctx is that of every call to the inbox; it ends when a shutdown runs out of time.
	ctx    context.Context
	cancel context.CancelFunc

	mu        sync.Mutex
	listeners []net.Listener
	wires     map[*wire]struct{}
	busy      int           // connections, and mails that are being accepted
	away      bool          // newcomers are sent elsewhere for a while
	draining  bool          // a shutdown has begun
	closed    bool          // and ended
	idle      chan struct{} // closed when draining and nothing is busy
	rest      func()        // closes idle
}

// NewServer makes a server. Serve starts it.
func NewServer(cfg Config, inbox Inbox) *Server {
	s := &Server{cfg: cfg.withDefaults(), inbox: inbox, wires: map[*wire]struct{}{}, idle: make(chan struct{})}
	s.rest = sync.OnceFunc(func() { close(s.idle) })
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.newSession))
	s.smtp.Domain = s.cfg.Hostname
	s.smtp.MaxMessageBytes = s.cfg.MaxSize
	s.smtp.MaxRecipients = s.cfg.MaxRecipients
	s.smtp.MaxLineLength = 0 // the wire limits commands; mails may have any lines
	s.smtp.WriteTimeout = s.cfg.ReplyTimeout
	s.smtp.EnableSMTPUTF8 = true
	s.smtp.ErrorLog = protocolLog{s.cfg.Log}
	return s
}

// Serve takes connections from a listener until Shutdown, and then returns nil.
func (s *Server) Serve(l net.Listener) error {
	if !s.open(l) {
		return l.Close()
	}
	if err := s.smtp.Serve(&door{Listener: l, server: s}); err != nil {
		return fmt.Errorf("serve SMTP on %s: %w", l.Addr(), err)
	}
	return nil
}

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
	_ = s.smtp.Close() // says only that something is closed already
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
	if s.busy == 0 {
		s.rest()
	}
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

// enter admits a connection, or says why not.
func (s *Server) enter(w *wire) *smtp.SMTPError {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining || s.away {
		return replyClosing
	}
	if len(s.wires) >= s.cfg.MaxConnections {
		return replyBusy
	}
	s.wires[w] = struct{}{}
	s.busy++
	return nil
}

func (s *Server) leave(w *wire) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.wires, w)
	s.done()
}

// accepting marks a mail that is being accepted, which in a BDAT may outlive
// its connection. The function that it returns marks the end.
func (s *Server) accepting() (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.done()
	}
}

// done needs the lock.
func (s *Server) done() {
	s.busy--
	if s.busy == 0 && s.draining {
		s.rest()
	}
}

// door is a listener that knows how many may come in.
type door struct {
	net.Listener
	server *Server
}

func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		w := newWire(conn, d.server.cfg, d.server.leave)
		refusal := d.server.enter(w)
		if refusal == nil {
			return w, nil
		}
		w.say(refusal)
		conn.Close()
	}
}

// protocolLog receives what go-smtp has to say: broken connections and panics.
type protocolLog struct{ log *slog.Logger }

func (l protocolLog) Printf(format string, v ...any) {
	level := slog.LevelInfo
	if strings.HasPrefix(format, "panic") {
		level = slog.LevelError
	}
	l.log.Log(context.Background(), level, "SMTP session ended badly", "error", fmt.Sprintf(format, v...))
}

func (l protocolLog) Println(v ...any) { l.Printf("%s", fmt.Sprintln(v...)) }
