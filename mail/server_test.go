package mail_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/mail"
)

// inbox keeps mails in memory. It stands for the database and the storage;
// everything between it and the client is the real thing.
type inbox struct {
	resolve func(address string) error // when set, asked first
	accept  func() error               // when set, asked once the mail is read
	reading chan struct{}              // when set, receives when Accept begins

	mu    sync.Mutex
	mails []kept
	cut   []error // why mails could not be read
}

type kept struct {
	envelope domain.Envelope
	to       []domain.Address
	raw      string
}

func (i *inbox) Resolve(_ context.Context, address string) (domain.Address, error) {
	if i.resolve != nil {
		if err := i.resolve(address); err != nil {
			return domain.Address{}, err
		}
	}
	local, _, _ := strings.Cut(strings.ToLower(address), "@")
	local, _, _ = strings.Cut(local, "+")
	if local != "invoices" && local != "bills" && local != "postmaster" {
		return domain.Address{}, fmt.Errorf("address %q: %w", address, domain.ErrNotFound)
	}
	if !strings.HasSuffix(strings.ToLower(address), "@docuflow.test") {
		return domain.Address{}, fmt.Errorf("address %q: %w", address, domain.ErrNotFound)
	}
	return domain.Address{Workspace: "w", Address: local + "@docuflow.test"}, nil
}

func (i *inbox) Accept(_ context.Context, envelope domain.Envelope, to []domain.Address, raw io.Reader) error {
	if i.reading != nil {
		i.reading <- struct{}{}
	}
	content, err := io.ReadAll(raw)
	i.mu.Lock()
	defer i.mu.Unlock()
	if err != nil {
		i.cut = append(i.cut, err)
		return err
	}
	if i.accept != nil {
		if err := i.accept(); err != nil {
			return err
		}
	}
	i.mails = append(i.mails, kept{envelope, to, string(content)})
	return nil
}

func (i *inbox) contents() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []string
	for _, m := range i.mails {
		all = append(all, withoutReceived(m.raw))
	}
	return all
}

var receivedLine = regexp.MustCompile(`^Received: from [^\r\n]+(\r\n\t[^\r\n]+)*\r\n`)

func withoutReceived(raw string) string {
	place := receivedLine.FindStringIndex(raw)
	if place == nil {
		return "NO RECEIVED LINE " + raw
	}
	return raw[place[1]:]
}

// running is a server under test.
type running struct {
	*mail.Server
	address string
	log     *bytes.Buffer
	served  chan error
}

func start(t testing.TB, cfg mail.Config, to mail.Inbox) *running {
	t.Helper()
	return startDoor(t, cfg, to, (*mail.Server).Serve)
}

// startDoor is start for any door of a server.
func startDoor(t testing.TB, cfg mail.Config, to mail.Inbox, serve func(*mail.Server, net.Listener) error) *running {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &running{address: listener.Addr().String(), log: &bytes.Buffer{}, served: make(chan error, 1)}
	cfg.Hostname = "mx.docuflow.test"
	cfg.Log = slog.New(slog.NewTextHandler(&lockedWriter{w: r.log}, nil))
	r.Server = mail.NewServer(cfg, to)
	go func() { r.served <- serve(r.Server, listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		r.Shutdown(ctx)
		if err := <-r.served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return r
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// client is a raw connection. What it sends is exactly what is written.
type client struct {
	t testing.TB
	*net.TCPConn
	secure *tls.Conn // after a handshake
}

// startTLS makes the handshake of a client that believes the test's certificate.
func (c *client) startTLS() {
	c.t.Helper()
	c.secure = tls.Client(c.TCPConn, &tls.Config{RootCAs: testAuthority(c.t), ServerName: "mx.docuflow.test"})
	if err := c.secure.Handshake(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) stream() io.ReadWriter {
	if c.secure != nil {
		return c.secure
	}
	return c.TCPConn
}

func dial(t testing.TB, address string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{t: t, TCPConn: conn.(*net.TCPConn)}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.stream(), text); err != nil {
		c.t.Fatalf("send %.40q: %v", text, err)
	}
}

// reply reads one reply, all its lines, octet by octet so that nothing that
// follows is lost. It returns "" when the server closed the connection.
func (c *client) reply() string {
	c.t.Helper()
	var all strings.Builder
	for {
		line, err := c.line()
		if err != nil {
			if !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
				c.t.Fatalf("read a reply after %q: %v", all.String(), err)
			}
			return all.String()
		}
		all.WriteString(line)
		if len(line) < 4 || line[3] != '-' {
			return strings.TrimRight(all.String(), "\r\n")
		}
	}
}

func (c *client) line() (string, error) {
	var line []byte
	octet := make([]byte, 1)
	for {
		if _, err := c.stream().Read(octet); err != nil {
			return string(line), err
		}
		line = append(line, octet[0])
		if octet[0] == '\n' {
			return string(line), nil
		}
	}
}

// expect reads replies and compares how they begin.
func (c *client) expect(prefixes ...string) {
	c.t.Helper()
	for _, prefix := range prefixes {
		got := c.reply()
		checkDocumented(c.t, got)
		if !strings.HasPrefix(got, prefix) || prefix == "" && got != "" {
			c.t.Fatalf("reply %q, want %q", got, prefix)
		}
	}
}

const hello = "EHLO client.test\r\n"
const envelope = "MAIL FROM:<billing@vendor.test>\r\nRCPT TO:<invoices@docuflow.test>\r\n"

// transaction brings a client to the point where it may send DATA or BDAT.
func (c *client) transaction() {
	c.t.Helper()
	c.expect("220 mx.docuflow.test")
	c.send(hello)
	c.expect("250-Hello")
	c.send(envelope)
	c.expect("250 2.1.0", "250 2.1.5")
}
