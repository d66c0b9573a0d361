package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/docuflow/docuflow/domain"
)

// resolveTimeout bounds a RCPT: the client gives up after five minutes.
const resolveTimeout = 30 * time.Second

// session is one client's conversation: what go-smtp calls with the commands
// that it understood.
type session struct {
	server *Server
	wire   *wire
	conn   *smtp.Conn

	mu          sync.Mutex // a BDAT's Data may outlive the transaction
	transaction transaction
}

// transaction is what is known of a mail before it is transmitted.
type transaction struct {
	envelope domain.Envelope
	to       []domain.Address
	protocol string // for the Received line
}

func (s *Server) newSession(c *smtp.Conn) (smtp.Session, error) {
	w, ok := c.Conn().(*wire)
	if !ok {
		return nil, errors.New("connection did not come through the door")
	}
	return &session{server: s, wire: w, conn: c}, nil
}

// Mail begins a transaction.
func (s *session) Mail(from string, opts *smtp.MailOptions) error {
	s.set(transaction{
		envelope: domain.Envelope{From: from, RemoteAddr: remoteIP(s.wire), Helo: s.conn.Hostname()},
		protocol: protocol(s.wire.esmtp, opts.UTF8),
	})
	return nil
}

// Rcpt adds a recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	var address domain.Address
	err := contain(func() (err error) {
		ctx, cancel := context.WithTimeout(s.server.ctx, resolveTimeout)
		defer cancel()
		address, err = s.server.inbox.Resolve(ctx, to)
		return err
	})
	if err != nil {
		return s.refuseRecipient(to, err)
	}
	t := s.get()
	t.envelope.Recipients = append(t.envelope.Recipients, to)
	if !slices.ContainsFunc(t.to, func(a domain.Address) bool { return a.Workspace == address.Workspace && a.Address == address.Address }) {
		t.to = append(t.to, address)
	}
	s.set(t)
	return nil
}

func (s *session) refuseRecipient(to string, err error) error {
	reference := newReference()
	reply := recipientReply(err, reference)
	log := s.server.cfg.Log.With("client", remoteIP(s.wire), "recipient", to, "code", reply.Code)
	if reply == replyNoMailbox {
		log.Info("recipient refused")
	} else {
		log.Error("recipient could not be resolved", "reference", reference, "error", err)
	}
	return reply
}

// Data receives the mail. go-smtp gives a pipe for BDAT; after DATA, the wire
// reads the mail better than it does.
func (s *session) Data(r io.Reader) error {
	defer s.server.accepting()()
	t, begun, reference := s.get(), time.Now(), newReference()
	raw := &content{r: r}
	if _, chunked := r.(*io.PipeReader); !chunked {
		raw.r = s.wire.message()
	}
	err := s.accept(t, raw, s.received(t, reference, begun))
	reply := replyAccepted(reference)
	if err != nil {
		reply = mailReply(err, reference, s.server.cfg.MaxSize)
	}
	answer := Answer{Code: reply.Code, Size: raw.size, Took: time.Since(begun)}
	s.report(t, answer, reference, err)
	s.server.cfg.Answered(answer)
	return reply
}

// accept hands the mail to the inbox. An error of the mail itself counts more
// than what the inbox made of it.
func (s *session) accept(t transaction, raw *content, received string) error {
	ctx, cancel := context.WithTimeout(s.server.ctx, 2*s.server.cfg.MessageTimeout)
	defer cancel()
	err := contain(func() error {
		return s.server.inbox.Accept(ctx, t.envelope, t.to, io.MultiReader(strings.NewReader(received), raw))
	})
	if raw.err != nil && !errors.Is(raw.err, io.EOF) {
		return clientError(raw.err)
	}
	if err == nil && raw.err == nil {
		return errors.New("inbox accepted a mail without reading it to its end")
	}
	return err
}

func (s *session) report(t transaction, answer Answer, reference string, err error) {
	log := s.server.cfg.Log.With("client", t.envelope.RemoteAddr, "helo", t.envelope.Helo, "from", t.envelope.From,
		"recipients", len(t.envelope.Recipients), "size", answer.Size, "took", answer.Took, "code", answer.Code, "reference", reference)
	switch {
	case err == nil:
		log.Info("mail accepted")
	case answer.Code/100 == 5:
		log.Info("mail refused", "error", err)
	default:
		log.Error("mail not accepted", "error", err)
	}
}

// Reset ends a transaction.
func (s *session) Reset() { s.set(transaction{}) }

// Logout ends the conversation.
func (s *session) Logout() error { return nil }

func (s *session) get() transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.transaction
}

func (s *session) set(t transaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transaction = t
}

// content is a mail as the inbox reads it: it counts, and remembers its end.
type content struct {
	r    io.Reader
	size int64
	err  error
}

func (c *content) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p)
	c.size += int64(n)
	c.err = err
	return n, err
}

// clientError is what went wrong with a mail on its way to us.
func clientError(err error) error {
	if errors.Is(err, errTooBig) || errors.Is(err, errSmuggling) {
		return err
	}
	return fmt.Errorf("%w: %w", errCutOff, err)
}

// contain turns a panic into an error: one mail must not end the others.
func contain(do func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return do()
}

func remoteIP(c net.Conn) string {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		return c.RemoteAddr().String()
	}
	return host
}
