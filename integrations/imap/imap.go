// Package imap fetches mail from a mailbox elsewhere (RFC 9051, and RFC 3501
// for older servers) and hands it to the door that all mail comes through.
//
// The mailbox is opened read-only: nothing in it is marked, moved or deleted. A mail is behind the
// cursor once the door has made it durable, so none is lost; after a crash in between one is handed over
// twice, which unpacking recognises. One node at a time reads a mailbox.
// What arrived before the mailbox was read first stays where it is, unless that is wanted too. Mails that are too
// large are left in the mailbox with a line in the log.
package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/docuflow/docuflow/domain"
)

// Inbox is the door for raw mails.
type Inbox interface {
	// Resolve finds the workspace of an address; domain.ErrNotFound when nobody here has it.
	Resolve(ctx context.Context, address string) (domain.Address, error)
	// Accept makes a raw mail durable. When raw fails, nothing is kept.
	Accept(ctx context.Context, envelope domain.Envelope, to []domain.Address, raw io.Reader) error
}

// Cursors remembers how far mailboxes were read, and by which node.
type Cursors interface {
	// HoldMailbox takes a mailbox, or keeps it; domain.ErrNotDue when another node has it.
	HoldMailbox(ctx context.Context, name, node string, ttl time.Duration) (domain.MailboxCursor, error)
	// AdvanceMailbox writes the cursor; domain.ErrSuperseded when another node has it meanwhile.
	AdvanceMailbox(ctx context.Context, name, node string, cursor domain.MailboxCursor, ttl time.Duration) error
}

// Security is how the connection is protected.
type Security string

// The ways to protect a connection. Without any, passwords are open: for loopback alone.
const (
	TLS      Security = "tls"
	StartTLS Security = "starttls"
	Plain    Security = "off"
)

// Config is one mailbox.
type Config struct {
	Addr     string // host:port
	Security Security
	User     string
	Password string
	Mailbox  string        // INBOX
	To       string        // the address here that its mails are for
	Earlier  bool          // takes what the mailbox holds at the first look too
	Every    time.Duration // from the end of one look to the next
	MaxSize  int64         // octets of the largest mail that is taken
	Node     string
	Log      *slog.Logger
}

const (
	dialTimeout  = 30 * time.Second
	roundTimeout = 15 * time.Minute // the rest follows in the next round
	mailTime     = 3 * time.Minute  // that one mail takes, usually
)

// lease lasts from one look to the next, and is renewed after each mail. If it is too short for a large one, two nodes
// may hand over the same mail, which does no harm.
func (c Config) lease() time.Duration { return c.Every + mailTime }

// Mailbox reads one mailbox.
type Mailbox struct {
	cfg     Config
	inbox   Inbox
	cursors Cursors
}

// New makes a reader; Run makes it read.
func New(cfg Config, inbox Inbox, cursors Cursors) *Mailbox {
	cfg.Log = cfg.Log.With("mailbox", cfg.name())
	return &Mailbox{cfg: cfg, inbox: inbox, cursors: cursors}
}

func (c Config) name() string { return c.User + "@" + c.Addr + "/" + c.Mailbox }

// Run looks into the mailbox again and again until ctx is done, and leaves it
// to the other nodes then.
func (m *Mailbox) Run(ctx context.Context) {
	defer m.release(ctx)
	for {
		taken, err := m.Look(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !errors.Is(err, domain.ErrNotDue):
			m.cfg.Log.Error("read mailbox", "taken", taken, "error", err)
		case taken > 0:
			m.cfg.Log.Info("mailbox was read", "taken", taken)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(m.cfg.Every):
		}
	}
}

func (m *Mailbox) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if _, err := m.cursors.HoldMailbox(ctx, m.cfg.name(), m.cfg.Node, 0); err != nil && !errors.Is(err, domain.ErrNotDue) {
		m.cfg.Log.Warn("leave mailbox", "error", err)
	}
}

// Look takes what is new in the mailbox and says how many mails that were.
// domain.ErrNotDue: another node reads it.
func (m *Mailbox) Look(ctx context.Context) (taken int, err error) {
	ctx, cancel := context.WithTimeout(ctx, roundTimeout)
	defer cancel()
	to, err := m.inbox.Resolve(ctx, m.cfg.To)
	if err != nil {
		return 0, fmt.Errorf("resolve %s: %w", m.cfg.To, err)
	}
	cursor, err := m.cursors.HoldMailbox(ctx, m.cfg.name(), m.cfg.Node, m.cfg.lease())
	if err != nil {
		return 0, err
	}
	client, err := m.connect(ctx)
	if err != nil {
		return 0, err
	}
	hangUp := func() { _ = client.Close() } // whatever had to be said was said before
	defer hangUp()
	stop := context.AfterFunc(ctx, hangUp)
	defer stop()
	if err := client.Login(m.cfg.User, m.cfg.Password).Wait(); err != nil {
		return 0, fmt.Errorf("log in: %w", err)
	}
	r := round{Mailbox: m, client: client, to: to, cursor: cursor}
	if err := r.read(ctx); err != nil {
		return r.taken, err
	}
	_ = client.Logout().Wait() // everything is done: a server that does not say goodbye changes nothing
	return r.taken, nil
}

func (m *Mailbox) connect(ctx context.Context) (*imapclient.Client, error) {
	host, _, err := net.SplitHostPort(m.cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", m.cfg.Addr, err)
	}
	security := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	dialer := &net.Dialer{Timeout: dialTimeout}
	if m.cfg.Security == TLS {
		conn, err := (&tls.Dialer{NetDialer: dialer, Config: security}).DialContext(ctx, "tcp", m.cfg.Addr)
		if err != nil {
			return nil, fmt.Errorf("connect to %s: %w", m.cfg.Addr, err)
		}
		return imapclient.New(conn, nil), nil
	}
	conn, err := dialer.DialContext(ctx, "tcp", m.cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", m.cfg.Addr, err)
	}
	if m.cfg.Security == Plain {
		return imapclient.New(conn, nil), nil
	}
	client, err := imapclient.NewStartTLS(conn, &imapclient.Options{TLSConfig: security})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start TLS with %s: %w", m.cfg.Addr, err), conn.Close())
	}
	return client, nil
}

// round is one look into a mailbox.
type round struct {
	*Mailbox
	client *imapclient.Client
	to     domain.Address
	cursor domain.MailboxCursor
	taken  int
}

func (r *round) read(ctx context.Context) error {
	opened, err := r.client.Select(r.cfg.Mailbox, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return fmt.Errorf("open mailbox: %w", err)
	}
	if opened.UIDValidity != r.cursor.UIDValidity {
		if err := r.begin(ctx, opened); err != nil {
			return err
		}
	}
	if opened.NumMessages == 0 {
		return nil
	}
	mails, err := r.list()
	if err != nil {
		return err
	}
	for _, mail := range mails {
		if err := r.take(ctx, mail); err != nil {
			return err
		}
	}
	return nil
}

// begin sets the cursor in a mailbox whose numbers are new to us. The first time that is its end, or its beginning when what it holds is wanted. Later
// on the server has numbered its mails anew, so everything since we began is
// looked at again: what was taken already is recognised by its content.
func (r *round) begin(ctx context.Context, opened *imap.SelectData) error {
	first := r.cursor.UIDValidity == 0
	r.cursor.UIDValidity, r.cursor.UID = opened.UIDValidity, 0
	if first && !r.cfg.Earlier && opened.UIDNext > 0 {
		r.cursor.UID = uint32(opened.UIDNext) - 1
	}
	if !first {
		r.cfg.Log.Warn("the server has numbered the mailbox anew; its mails are taken again", "since", r.cursor.Since)
	}
	return r.advance(ctx, imap.UID(r.cursor.UID))
}

// listed is what is known of a mail before it is fetched.
type listed struct {
	uid      imap.UID
	size     int64
	received time.Time
}

// list finds what is new, oldest first. A range to the end of the mailbox
// always has its last mail in it, new or not (RFC 9051, section 9, seq-range).
func (r *round) list() (mails []listed, err error) {
	var uids imap.UIDSet
	uids.AddRange(imap.UID(r.cursor.UID+1), 0)
	found, err := r.client.Fetch(uids, &imap.FetchOptions{UID: true, RFC822Size: true, InternalDate: true}).Collect()
	if err != nil {
		return nil, fmt.Errorf("list mails: %w", err)
	}
	for _, mail := range found {
		if uint32(mail.UID) > r.cursor.UID {
			mails = append(mails, listed{mail.UID, mail.RFC822Size, mail.InternalDate})
		}
	}
	slices.SortFunc(mails, func(a, b listed) int { return int(int64(a.uid) - int64(b.uid)) })
	return mails, nil
}

func (r *round) take(ctx context.Context, mail listed) error {
	const clockSkew = time.Minute
	switch {
	case !r.cfg.Earlier && mail.received.Before(r.cursor.Since.Add(-clockSkew)):
	case mail.size > r.cfg.MaxSize:
		r.cfg.Log.Warn("mail is too large and stays in the mailbox", "uid", mail.uid, "size", mail.size, "limit", r.cfg.MaxSize)
	default:
		if err := r.fetch(ctx, mail.uid); err != nil {
			return err
		}
	}
	return r.advance(ctx, mail.uid)
}

// fetch streams one mail from the server to the door.
func (r *round) fetch(ctx context.Context, uid imap.UID) (err error) {
	fetching := r.client.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
	defer func() {
		if closed := fetching.Close(); closed != nil && err == nil {
			err = fmt.Errorf("fetch mail %d: %w", uid, closed)
		}
	}()
	for message := fetching.Next(); message != nil; message = fetching.Next() {
		for item := message.Next(); item != nil; item = message.Next() {
			body, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok || body.Literal == nil {
				continue
			}
			envelope := domain.Envelope{Recipients: []string{r.cfg.To}, Helo: "imap", TLS: r.cfg.Security != Plain, HandedOver: true}
			if body.Literal.Size() > r.cfg.MaxSize {
				r.cfg.Log.Warn("mail is larger than it was said to be and stays in the mailbox", "uid", uid, "size", body.Literal.Size())
				continue
			}
			if err := r.inbox.Accept(ctx, envelope, []domain.Address{r.to}, &whole{body.Literal, body.Literal.Size()}); err != nil {
				return fmt.Errorf("accept mail %d: %w", uid, err)
			}
			r.taken++
		}
	}
	return nil // nothing: somebody has deleted it meanwhile
}

func (r *round) advance(ctx context.Context, uid imap.UID) error {
	r.cursor.UID = uint32(uid)
	return r.cursors.AdvanceMailbox(ctx, r.cfg.name(), r.cfg.Node, r.cursor, r.cfg.lease())
}

// whole fails when a mail ends before its announced size: the connection broke.
type whole struct {
	r    io.Reader
	left int64
}

func (w *whole) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.left -= int64(n)
	if errors.Is(err, io.EOF) && w.left > 0 {
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}
