package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/docuflow/docuflow/domain"
)

// resolveTimeout bounds a RCPT: the client gives up after five minutes.
const resolveTimeout = 30 * time.Second

// gateTimeout bounds the question whether a workspace takes more mail.
const gateTimeout = 250 * time.Millisecond

// session is one client's conversation: what go-smtp calls with the commands
// that it understood.
type session struct {
	server      *Server
	wire        *wire
	conn        *smtp.Conn
	transaction transaction
}

// transaction is what is known of a mail before it is transmitted.
type transaction struct {
	envelope domain.Envelope
	to       []domain.Address
	asked    map[domain.WorkspaceID]time.Duration // what the gate said
	protocol string                               // for the Received line
}

// Mail begins a transaction.
func (s *session) Mail(from string, opts *smtp.MailOptions) error {
	if s.transaction.asked != nil {
		return replyOneSender // go-smtp would keep the other mail's recipients
	}
	if wait := s.brakes().mail(s.wire.client, from); wait > 0 {
		return replyTooManyMails(wait)
	}
	s.transaction = transaction{
		envelope: domain.Envelope{From: from, RemoteAddr: s.wire.address(), Helo: s.conn.Hostname(), TLS: s.wire.tls, HandedOver: s.handsOver()},
		asked:    map[domain.WorkspaceID]time.Duration{},
		protocol: s.wire.protocol(opts.UTF8),
	}
	return nil
}

// handsOver says that the client is not the sender's server: the mail server
// in front, a relay that is known, or a person who signed in.
func (s *session) handsOver() bool {
	inRange := func(relays netip.Prefix) bool { return relays.Contains(s.wire.client) }
	return s.wire.door.lmtp || s.wire.door.submission || slices.ContainsFunc(s.server.cfg.Relays, inRange)
}

// brakes are not for the mail server in front of us.
func (s *session) brakes() *brakes {
	if s.wire.door.lmtp {
		return nil
	}
	return s.server.brakes
}

// Rcpt adds a recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if wait := s.brakes().guessed(s.wire.client); wait > 0 {
		return replyTooManyGuesses(wait)
	}
	var address domain.Address
	err := contain(func() (err error) {
		ctx, cancel := context.WithTimeout(s.server.ctx, resolveTimeout)
		defer cancel()
		address, err = s.server.inbox.Resolve(ctx, to)
		return err
	})
	wait := s.ask(address.Workspace) // also when nobody has the address
	switch {
	case s.wire.door.submission && (errors.Is(err, domain.ErrNotFound) || err == nil && address.Workspace != s.wire.account):
		return s.refuseRecipient(to, replyNotYours, nil)
	case err != nil:
		return s.refuseRecipient(to, recipientReply(err), err)
	case wait > 0:
		return s.refuseRecipient(to, replyMailboxBusy(wait), nil)
	}
	t := &s.transaction
	t.envelope.Recipients = append(t.envelope.Recipients, to)
	if !slices.ContainsFunc(t.to, func(a domain.Address) bool { return a.Workspace == address.Workspace && a.Address == address.Address }) {
		t.to = append(t.to, address)
	}
	return nil
}

// ask asks the gate, once for each workspace of a mail. No answer is a yes.
func (s *session) ask(workspace domain.WorkspaceID) time.Duration {
	if s.server.cfg.Gate == nil {
		return 0
	}
	if wait, ok := s.transaction.asked[workspace]; ok {
		return wait
	}
	ctx, cancel := context.WithTimeout(s.server.ctx, gateTimeout)
	defer cancel()
	answer := make(chan time.Duration, 1)
	go func() {
		var wait time.Duration
		if err := contain(func() (err error) { wait, err = s.server.cfg.Gate.Allow(ctx, workspace); return err }); err != nil {
			wait = 0
			if workspace != "" {
				s.server.cfg.Log.Warn("not known whether a workspace takes mail; it does", "workspace", workspace, "error", err)
			}
		}
		answer <- wait
	}()
	var wait time.Duration
	select {
	case wait = <-answer:
	case <-ctx.Done():
	}
	s.transaction.asked[workspace] = wait
	return wait
}

func (s *session) refuseRecipient(to string, reply *smtp.SMTPError, err error) error {
	reference := newReference()
	log := s.server.cfg.Log.With("client", s.wire.address(), "recipient", to, "code", reply.Code, "reference", reference)
	switch {
	case reply == replyNoMailbox || reply == replyNotYours:
		s.brakes().guess(s.wire.client)
		log.Info("recipient refused")
	case err == nil:
		log.Info("recipient put off")
	default:
		log.Error("recipient could not be resolved", "error", err)
	}
	return withReference(reply, reference)
}

// Data receives the mail, after DATA or in chunks: not from go-smtp but from
// the wire, which reads it better.
func (s *session) Data(io.Reader) error {
	t, begun, reference := s.transaction, time.Now(), newReference()
	raw := &content{r: s.wire.message(), headerLimit: s.server.cfg.MaxHeader}
	err := s.accept(t, raw, s.received(t, reference, begun))
	reply := replyAccepted(reference)
	if err != nil {
		reply = mailReply(err, &s.server.cfg)
	} else {
		s.wire.commands = 0
	}
	answer := Answer{Code: reply.Code, Size: raw.size, Took: time.Since(begun)}
	s.report(t, answer, reference, err)
	s.server.cfg.Answered(answer)
	return withReference(reply, reference)
}

// accept hands the mail to the inbox. An error of the mail itself counts more
// than what the inbox made of it.
func (s *session) accept(t transaction, raw *content, received string) error {
	ctx, cancel := context.WithCancel(s.server.ctx)
	defer cancel()
	patience := time.AfterFunc(2*s.server.cfg.MessageTimeout, cancel)
	defer patience.Stop()
	raw.ended = func() { patience.Reset(s.server.cfg.AcceptTimeout) }
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
func (s *session) Reset() { s.transaction = transaction{} }

// Logout ends the conversation.
func (s *session) Logout() error { return nil }

// content is a mail as the inbox reads it: it counts, and remembers its end.
type content struct {
	r     io.Reader
	size  int64
	err   error
	ended func() // called at the mail's end

	headerLimit int
	bodyBegun   bool
	inLine      bool // the header's last line has begun
}

func (c *content) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p)
	if !c.bodyBegun && c.readHeader(p[:n]) {
		n, err = 0, errHeader
	}
	c.size += int64(n)
	c.err = err
	if errors.Is(err, io.EOF) {
		c.ended()
	}
	return n, err
}

// readHeader looks for the empty line that ends the header, and says whether
// the header is too large.
func (c *content) readHeader(p []byte) (tooLarge bool) {
	for at, octet := range p {
		switch {
		case octet == '\n' && !c.inLine:
			c.bodyBegun = true
			return c.size+int64(at) > int64(c.headerLimit)
		case octet != '\r':
			c.inLine = octet != '\n'
		}
	}
	return c.size+int64(len(p)) > int64(c.headerLimit)
}

// clientError is what went wrong with a mail on its way to us.
func clientError(err error) error {
	for _, fault := range []error{errTooBig, errHeader, errSmuggling} {
		if errors.Is(err, fault) {
			return err
		}
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
