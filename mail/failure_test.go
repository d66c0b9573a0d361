package mail_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/mail"
)

// Whatever is wrong on our side is for the sender to repeat, and says nothing
// about us.
func TestInboxFailures(t *testing.T) {
	const secret = "password=hunter2 host=db1"
	full := domain.Temporary(domain.KindStorage, "Our storage did not answer.", &fs.PathError{Op: "write", Path: secret, Err: syscall.ENOSPC})
	cases := []struct {
		name  string
		err   func() error
		reply string
	}{
		{"unknown", func() error { return errors.New(secret) }, "451 4.3.0"},
		{"not found", func() error { return fmt.Errorf("%s: %w", secret, domain.ErrNotFound) }, "451 4.3.0"},
		{"permanent", func() error { return domain.Permanent(domain.KindInternal, secret, nil) }, "451 4.3.0"},
		{"storage away", func() error { return &net.OpError{Op: "dial", Err: errors.New(secret)} }, "451 4.3.0"},
		{"storage slow", func() error { return fmt.Errorf("%s: %w", secret, context.DeadlineExceeded) }, "451 4.3.0"},
		{"storage cut off", func() error { return fmt.Errorf("%s: %w", secret, io.ErrUnexpectedEOF) }, "451 4.3.0"},
		{"disk full", func() error { return full }, "452 4.3.1"},
		{"panic", func() error { panic(secret) }, "451 4.3.0"},
	}
	for _, c := range cases {
		for how, send := range map[string]string{"DATA": "DATA\r\nx\r\n.\r\n", "BDAT": "BDAT 3 LAST\r\nx\r\n"} {
			t.Run(c.name+"/"+how, func(t *testing.T) {
				t.Parallel()
				to := &inbox{accept: c.err}
				server := start(t, mail.Config{}, to)
				conn := dial(t, server.address)
				conn.transaction()
				conn.send(send)
				if how == "DATA" {
					conn.expect("354 ")
				}
				reply := conn.reply()
				conn.send("NOOP\r\n")
				conn.expect("250 2.0.0") // the connection goes on
				wantReference(t, server, reply, c.reply)
			})
		}
		t.Run(c.name+"/RCPT", func(t *testing.T) {
			t.Parallel()
			if c.name == "not found" {
				t.Skip("an unknown recipient is no failure")
			}
			server := start(t, mail.Config{}, &inbox{resolve: func(string) error { return c.err() }})
			conn := dial(t, server.address)
			conn.send(hello + envelope)
			conn.expect("220 ", "250-", "250 ")
			wantReference(t, server, conn.reply(), c.reply)
		})
	}
}

var reference = regexp.MustCompile(`\(reference ([A-Z2-7]{12})\)$`)

// wantReference looks for a reply whose reference leads to the cause in the log.
func wantReference(t *testing.T, server *running, reply, prefix string) {
	t.Helper()
	if !strings.HasPrefix(reply, prefix) {
		t.Fatalf("reply %q, want %q", reply, prefix)
	}
	if strings.Contains(reply, "hunter2") {
		t.Errorf("reply %q tells internals", reply)
	}
	match := reference.FindStringSubmatch(reply)
	if match == nil {
		t.Fatalf("reply %q has no reference", reply)
	}
	server.stop(t)
	if line := lineWith(server.log.String(), match[1]); !strings.Contains(line, "hunter2") {
		t.Errorf("the log does not say what %s was: %q", match[1], line)
	}
}

func lineWith(log, word string) string {
	for line := range strings.Lines(log) {
		if strings.Contains(line, word) {
			return line
		}
	}
	return ""
}

// An inbox that stops reading has not got the mail, whatever it says.
func TestInboxThatDoesNotRead(t *testing.T) {
	for how, send := range map[string]string{"DATA": "DATA\r\n", "BDAT": ""} {
		t.Run(how, func(t *testing.T) {
			conn := dial(t, start(t, mail.Config{}, lazyInbox{&inbox{}}).address)
			conn.transaction()
			if conn.send(send); how == "DATA" {
				conn.expect("354 ")
				conn.send(strings.Repeat("x\r\n", 1000) + ".\r\n")
			} else {
				conn.send("BDAT 3000 LAST\r\n" + strings.Repeat("x\r\n", 1000))
			}
			conn.expect("451 4.3.0")
			conn.send("NOOP\r\n")
			conn.expect("250 2.0.0")
		})
	}
}

type lazyInbox struct{ *inbox }

func (lazyInbox) Accept(context.Context, domain.Envelope, []domain.Address, io.Reader) error {
	return nil
}

// A mail that does not come to its end is not kept, and never answered 250.
func TestMailIsCutOff(t *testing.T) {
	const half = "Subject: x\r\n\r\nhalf of an invo"
	ways := map[string]string{
		"DATA":                      "DATA\r\n" + half,
		"DATA, before the dot":      "DATA\r\n" + half + "\r\n",
		"DATA, at the dot":          "DATA\r\n" + half + "\r\n.",
		"DATA, after the dot":       "DATA\r\n" + half + "\r\n.\r",
		"BDAT":                      "BDAT 100\r\n" + half,
		"BDAT LAST":                 "BDAT 100 LAST\r\n" + half,
		"BDAT LAST, nothing of it":  "BDAT 100 LAST\r\n",
		"BDAT between the chunks":   "BDAT 28\r\n" + half,
		"BDAT in the second of two": "BDAT 28\r\n" + half + "BDAT 9 LAST\r\nice",
	}
	ends := map[string]func(*client){
		"closed":      func(c *client) { c.Close() },
		"reset":       func(c *client) { c.SetLinger(0); c.Close() },
		"half closed": func(c *client) { c.CloseWrite() },
	}
	for way, send := range ways {
		for end, cut := range ends {
			t.Run(way+"/"+end, func(t *testing.T) {
				t.Parallel()
				to := &inbox{reading: make(chan struct{}, 1)}
				server := start(t, mail.Config{}, to)
				conn := dial(t, server.address)
				conn.transaction()
				conn.send(send)
				<-to.reading
				cut(conn)
				if end == "half closed" {
					for reply := conn.reply(); reply != ""; reply = conn.reply() {
						if strings.HasPrefix(reply, "250 2.6.0") {
							t.Errorf("reply %q to half a mail", reply)
						}
					}
				}
				server.stop(t)
				if got := to.contents(); len(got) > 0 {
					t.Errorf("kept %q", got)
				}
				if len(to.cut) != 1 {
					t.Errorf("the inbox read to an end: %v", to.cut)
				}
			})
		}
	}
}

func TestHalfClosedClientHears(t *testing.T) {
	for send, reply := range map[string]string{
		"DATA\r\nhalf":          "451 4.4.2",
		"BDAT 100 LAST\r\nhalf": "451 4.4.2",
	} {
		conn := dial(t, start(t, mail.Config{}, &inbox{}).address)
		conn.transaction()
		conn.send(send)
		conn.CloseWrite()
		if strings.HasPrefix(send, "DATA") {
			conn.expect("354 ")
		}
		conn.expect(reply, "")
	}
}

func TestSlowClients(t *testing.T) {
	short := 50 * time.Millisecond
	cases := []struct {
		name    string
		cfg     mail.Config
		send    string
		replies []string
	}{
		{"says nothing", mail.Config{CommandTimeout: short}, "", []string{"220 ", "421 4.4.2", ""}},
		{"half a command", mail.Config{CommandTimeout: short}, "NOO", []string{"220 ", "421 4.4.2", ""}},
		{"half a mail", mail.Config{DataTimeout: short}, "DATA\r\nx\r\n", []string{"354 ", "451 4.4.2", "421 4.4.2", ""}},
		{"half a chunk", mail.Config{DataTimeout: short}, "BDAT 100 LAST\r\nx\r\n", []string{"451 4.4.2", "421 4.4.2", ""}},
		{"too long for a mail", mail.Config{MessageTimeout: short}, "DATA\r\nx\r\n", []string{"354 ", "451 4.4.2", "421 4.4.2", ""}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			to := &inbox{}
			conn := dial(t, start(t, c.cfg, to).address)
			if c.cfg.CommandTimeout == 0 {
				conn.transaction()
			}
			conn.send(c.send)
			conn.expect(c.replies...)
			if got := to.contents(); len(got) > 0 {
				t.Errorf("kept %q", got)
			}
		})
	}
}

// Who takes no replies is not served for ever.
func TestClientThatDoesNotListen(t *testing.T) {
	conn := dial(t, start(t, mail.Config{ReplyTimeout: 100 * time.Millisecond}, &inbox{}).address)
	var err error
	for commands := []byte(strings.Repeat("NOOP\r\n", 10000)); err == nil; {
		_, err = conn.Write(commands)
	}
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
		t.Error("the server keeps the connection")
	}
}

// Who sends without end is cut off, and does not fill anything.
func TestEndlessMail(t *testing.T) {
	to := &inbox{}
	server := start(t, limits, to)
	conn := dial(t, server.address)
	conn.transaction()
	conn.send("DATA\r\n")
	conn.expect("354 ")
	sent, err := int64(0), error(nil)
	for piece := []byte(strings.Repeat("x", 64<<10)); err == nil && sent < 1<<30; {
		var n int
		n, err = conn.Write(piece)
		sent += int64(n)
	}
	if err == nil {
		t.Errorf("took %d MB of a mail that may have %d octets", sent>>20, limits.MaxSize)
	}
	if got := to.contents(); len(got) > 0 {
		t.Errorf("kept %d octets", len(got[0]))
	}
}
