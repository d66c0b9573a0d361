// Package relay sends mail through an outgoing mail server (RFC 6409): a
// provider's submission port, or a mail server of one's own. Beyond this machine nothing is sent without TLS.
//
// Send returns nil once the server has taken the letter over. Whether it arrives is the server's affair then. A
// letter that is sent again after an error may arrive twice, with the same Message-ID.
package relay

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/jhillyerd/enmime/v2"

	"github.com/docuflow/docuflow/domain"
)

// stepTimeout bounds each step of a delivery; the context bounds all of them.
const stepTimeout = time.Minute

// Relay is an outgoing mail server. It is safe for concurrent use.
type Relay struct {
	addr     string // host:port
	host     string
	implicit bool // TLS from the first octet
	user     string
	password string
	from     mail.Address
	here     bool // the server runs on this machine
	security *tls.Config
}

// New makes a relay of an address smtps://user:password@host:port, with TLS
// from the start (port 465), or smtp://… (port 587), with STARTTLS, which only a server on this machine may not
// offer. from is the address that letters come from,
// with or without a name. Errors do not repeat the address: it holds the password.
func New(address, from string) (*Relay, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Hostname() == "" || parsed.Scheme != "smtp" && parsed.Scheme != "smtps" || strings.Trim(parsed.Path, "/") != "" {
		return nil, errors.New("the relay is not like smtps://user:password@mail.example.com:465")
	}
	sender, err := mail.ParseAddress(from)
	if err != nil {
		return nil, fmt.Errorf("sender %q: %w", from, err)
	}
	r := &Relay{
		host: parsed.Hostname(), implicit: parsed.Scheme == "smtps", from: *sender, here: isThisMachine(parsed.Hostname()),
		security: &tls.Config{ServerName: parsed.Hostname(), MinVersion: tls.VersionTLS12},
	}
	port := parsed.Port()
	switch {
	case port == "" && r.implicit:
		port = "465"
	case port == "":
		port = "587"
	}
	r.addr = net.JoinHostPort(r.host, port)
	r.user = parsed.User.Username()
	r.password, _ = parsed.User.Password()
	return r, nil
}

// Send hands a letter to the server. The failure is permanent when the server
// refuses the recipient or the letter for good.
func (r *Relay) Send(ctx context.Context, letter domain.Letter) error {
	raw, err := r.compose(letter, time.Now())
	if err != nil {
		return domain.Permanent(domain.KindRejected, "The letter could not be written.", err)
	}
	client, err := r.connect(ctx)
	if err != nil {
		return domain.Temporary(domain.KindInternal, "The outgoing mail server could not be reached.", cause(ctx, err))
	}
	end := func() { _ = client.Close() } // a letter was taken by then, or was not
	defer end()
	stop := context.AfterFunc(ctx, end)
	defer stop()
	if err := r.signIn(client); err != nil {
		return domain.Temporary(domain.KindInternal, "The outgoing mail server did not let us in.", cause(ctx, err))
	}
	if err := r.deliver(client, letter, raw); err != nil {
		return failure(ctx, err)
	}
	_ = client.Quit() // the letter is theirs already
	return nil
}

func (r *Relay) connect(ctx context.Context) (*smtp.Client, error) {
	dialer := &net.Dialer{Timeout: stepTimeout}
	if r.implicit {
		conn, err := (&tls.Dialer{NetDialer: dialer, Config: r.security}).DialContext(ctx, "tcp", r.addr)
		if err != nil {
			return nil, err
		}
		return patient(smtp.NewClient(conn)), nil
	}
	client, err := r.dial(ctx, dialer)
	if err != nil {
		return nil, err
	}
	offered, _ := client.Extension("STARTTLS")
	if !offered && r.here {
		return client, nil
	}
	if !offered {
		return nil, errors.Join(errors.New("the server offers no TLS"), client.Close())
	}
	_ = client.Close() // the library begins TLS on a connection of its own only
	conn, err := dialer.DialContext(ctx, "tcp", r.addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	client, err = smtp.NewClientStartTLS(conn, r.security)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start TLS: %w", err), conn.Close())
	}
	return patient(client), nil
}

// dial connects and greets, so that it is known what the server offers.
func (r *Relay) dial(ctx context.Context, dialer *net.Dialer) (*smtp.Client, error) {
	conn, err := dialer.DialContext(ctx, "tcp", r.addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	client := patient(smtp.NewClient(conn))
	if err := client.Hello("localhost"); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return client, nil
}

func patient(client *smtp.Client) *smtp.Client {
	client.CommandTimeout, client.SubmissionTimeout = stepTimeout, 2*stepTimeout
	return client
}

func (r *Relay) signIn(client *smtp.Client) error {
	if r.user == "" {
		return nil
	}
	return client.Auth(sasl.NewPlainClient("", r.user, r.password))
}

func isThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (r *Relay) deliver(client *smtp.Client, letter domain.Letter, raw []byte) error {
	from := r.from.Address
	if letter.Answer {
		from = "" // nobody is to be told that an answer did not arrive
	}
	if err := client.Mail(from, &smtp.MailOptions{UTF8: !isASCII(from + letter.To)}); err != nil {
		return &refusedSender{err}
	}
	if err := client.Rcpt(letter.To, nil); err != nil {
		return err
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := body.Write(raw); err != nil {
		return err // without an end, so that no server takes it for whole
	}
	return body.Close()
}

// refusedSender is a refusal that is not about the letter but about us.
type refusedSender struct{ error }

func (e *refusedSender) Unwrap() error { return e.error }

// failure tells refusals for good from everything else.
func failure(ctx context.Context, err error) error {
	reply, refused := errors.AsType[*smtp.SMTPError](err)
	_, ours := errors.AsType[*refusedSender](err)
	switch {
	case !refused:
		return domain.Temporary(domain.KindInternal, "The connection to the outgoing mail server broke.", cause(ctx, err))
	case reply.Code/100 == 5 && !ours:
		return domain.Permanent(domain.KindRejected, "The outgoing mail server refused it: "+said(reply), err)
	}
	return domain.Temporary(domain.KindInternal, "The outgoing mail server did not take it: "+said(reply), err)
}

const maxSaid = 200 // characters of a server's words that are repeated

func said(reply *smtp.SMTPError) string {
	text := []rune(strings.Join(strings.Fields(strings.ToValidUTF8(reply.Message, "?")), " "))
	return fmt.Sprintf("%d %s", reply.Code, string(text[:min(len(text), maxSaid)]))
}

func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return fmt.Errorf("%w: %w", why, err)
	}
	return err
}

// compose writes the letter as MIME.
func (r *Relay) compose(letter domain.Letter, now time.Time) ([]byte, error) {
	host := r.from.Address[strings.LastIndex(r.from.Address, "@")+1:]
	automatic := "auto-generated"
	if letter.Answer {
		automatic = "auto-replied"
	}
	builder := enmime.Builder().
		From(r.from.Name, r.from.Address).
		To("", letter.To).
		Subject(strings.Join(strings.Fields(letter.Subject), " ")).
		Date(now).
		Header("Message-ID", "<"+letter.ID+"@"+host+">").
		Header("Auto-Submitted", automatic).
		Text([]byte(letter.Text))
	if letter.InReplyTo != "" {
		builder = builder.Header("In-Reply-To", "<"+letter.InReplyTo+">").Header("References", "<"+letter.InReplyTo+">")
	}
	root, err := builder.Build()
	if err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	err = root.Encode(&raw)
	return raw.Bytes(), err
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
