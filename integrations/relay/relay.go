// Package relay hands letters to an SMTP server that delivers them: a
// provider's submission port, or a mail server of one's own. A letter is handed over at most
// once for each call; what becomes of it then is the relay's affair.
package relay

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/jhillyerd/enmime/v2"
)

// Relay sends letters. Create it with Open.
type Relay struct {
	host, port string
	implicit   bool // TLS from the first octet on
	plain      bool // without TLS: on this machine
	user       *url.Userinfo
	from       mail.Address
	tls        *tls.Config
}

const timeout = 30 * time.Second // of a whole letter

// Open reads the relay's address: smtps://USER:PASSWORD@HOST for TLS from the
// start, port 465 by default, or smtp://USER:PASSWORD@HOST with STARTTLS, port 587 by default.
// STARTTLS is a must unless the host is this machine. from is the sender of
// every letter. Nothing is connected yet.
func Open(address, from string) (*Relay, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Hostname() == "" || parsed.Scheme != "smtp" && parsed.Scheme != "smtps" {
		return nil, errors.New("not an address like smtps://user:password@host:465") // the address holds a password
	}
	sender, err := mail.ParseAddress(from)
	if err != nil {
		return nil, fmt.Errorf("sender of letters %q: %w", from, err)
	}
	r := &Relay{
		host: parsed.Hostname(), port: parsed.Port(), implicit: parsed.Scheme == "smtps", plain: parsed.Scheme == "smtp" && isThisMachine(parsed.Hostname()),
		user: parsed.User, from: *sender, tls: &tls.Config{ServerName: parsed.Hostname(), MinVersion: tls.VersionTLS12},
	}
	if r.port == "" {
		r.port = map[bool]string{true: "465", false: "587"}[r.implicit]
	}
	return r, nil
}

func isThisMachine(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Send hands a letter over. It returns nil once the relay has taken it.
func (r *Relay) Send(ctx context.Context, to, subject, text string) error {
	raw, err := r.compose(to, subject, text, time.Now())
	if err != nil {
		return fmt.Errorf("compose letter: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := r.deliver(ctx, to, raw); err != nil {
		return fmt.Errorf("send letter by %s: %w", r.host, err)
	}
	return nil
}

func (r *Relay) deliver(ctx context.Context, to string, raw []byte) error {
	client, err := r.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // after a letter was taken or not, its end changes nothing
	if password, ok := r.user.Password(); ok {
		if err := client.Auth(sasl.NewPlainClient("", r.user.Username(), password)); err != nil {
			return fmt.Errorf("sign in to the relay: %w", err)
		}
	}
	if err := client.SendMail(r.from.Address, []string{to}, bytes.NewReader(raw)); err != nil {
		return err
	}
	_ = client.Quit() // the letter is theirs already
	return nil
}

func (r *Relay) connect(ctx context.Context) (*smtp.Client, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(r.host, r.port))
	if err != nil {
		return nil, err
	}
	// The client sets deadlines of its own, which are longer.
	context.AfterFunc(ctx, func() { conn.Close() })
	switch {
	case r.implicit:
		return smtp.NewClient(tls.Client(conn, r.tls)), nil
	case r.plain:
		return smtp.NewClient(conn), nil
	}
	return smtp.NewClientStartTLS(conn, r.tls)
}

// compose writes the letter as MIME. Programs must not answer it (RFC 3834).
func (r *Relay) compose(to, subject, text string, now time.Time) ([]byte, error) {
	_, domain, _ := strings.Cut(r.from.Address, "@")
	root, err := enmime.Builder().
		From(r.from.Name, r.from.Address).To("", to).Subject(strings.Join(strings.Fields(subject), " ")).Date(now).
		Header("Message-ID", "<"+rand.Text()+"@"+domain+">").
		Header("Auto-Submitted", "auto-generated").
		Text([]byte(text)).Build()
	if err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	err = root.Encode(&raw)
	return raw.Bytes(), err
}
