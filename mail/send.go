package mail

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/emersion/go-smtp"
	"github.com/jhillyerd/enmime/v2"
)

// Message is a mail to be sent.
type Message struct {
	From    string // an address, with or without a name: Ada <ada@example.com>
	To      string
	Subject string
	Text    string
	Files   []File
}

// File is an attachment.
type File struct {
	Name      string
	MediaType string // found from the content when empty
	Content   []byte
}

// sendTimeout bounds each step of a delivery.
const sendTimeout = 5 * time.Minute

// Send delivers a message to an SMTP server (host:port), without encryption or
// sign-in. It returns nil once the server has taken it over; otherwise the
// error tells what the server answered.
func Send(ctx context.Context, server string, m Message) error {
	from, err := netmail.ParseAddress(m.From)
	if err != nil {
		return fmt.Errorf("sender %q: %w", m.From, err)
	}
	to, err := netmail.ParseAddress(m.To)
	if err != nil {
		return fmt.Errorf("recipient %q: %w", m.To, err)
	}
	raw, err := m.compose(*from, *to, time.Now())
	if err != nil {
		return fmt.Errorf("compose mail: %w", err)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", server)
	if err != nil {
		return fmt.Errorf("connect to mail server: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	err = deliver(conn, from.Address, to.Address, raw)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// compose writes the message as MIME.
func (m Message) compose(from, to netmail.Address, now time.Time) ([]byte, error) {
	_, domain, _ := strings.Cut(from.Address, "@")
	builder := enmime.Builder().
		From(from.Name, from.Address).
		To(to.Name, to.Address).
		Subject(oneLine(m.Subject)).
		Date(now).
		Header("Message-ID", "<"+rand.Text()+"@"+domain+">").
		Text([]byte(m.Text))
	for _, file := range m.Files {
		mediaType := file.MediaType
		if mediaType == "" {
			mediaType = http.DetectContentType(file.Content)
		}
		builder = builder.AddAttachment(file.Content, mediaType, oneLine(file.Name))
	}
	root, err := builder.Build()
	if err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	err = root.Encode(&raw)
	return raw.Bytes(), err
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func deliver(conn net.Conn, from, to string, raw []byte) error {
	client := smtp.NewClient(conn)
	client.CommandTimeout, client.SubmissionTimeout = sendTimeout, sendTimeout
	if err := client.Hello("localhost"); err != nil {
		return answer("the mail server turned us away", err)
	}
	if err := client.Mail(from, &smtp.MailOptions{Size: int64(len(raw)), UTF8: !isASCII(from + to)}); err != nil {
		return answer("the mail was refused", err)
	}
	if err := client.Rcpt(to, nil); err != nil {
		return answer("the recipient "+to+" was refused", err)
	}
	if err := transmit(client, raw); err != nil {
		return answer("the mail was not accepted", err)
	}
	_ = client.Quit() // the mail is theirs already
	return nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

func transmit(client *smtp.Client, raw []byte) error {
	body, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := body.Write(raw); err != nil {
		return err // without an end, so that no server takes it for whole
	}
	return body.Close()
}

// answer puts a server's reply into words.
func answer(what string, err error) error {
	reply, ok := errors.AsType[*smtp.SMTPError](err)
	if !ok {
		return fmt.Errorf("%s: %w", what, err)
	}
	if code := reply.EnhancedCode; code[0] > 0 {
		return fmt.Errorf("%s: %s (%d %d.%d.%d)", what, reply.Message, reply.Code, code[0], code[1], code[2])
	}
	return fmt.Errorf("%s: %s (%d)", what, reply.Message, reply.Code)
}
