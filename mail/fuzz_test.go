package mail

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"regexp"
	"slices"
	"testing"
	"testing/iotest"
	"time"
)

// FuzzMessage compares the reader of mails with what RFC 5321 says, written
// down without a thought for speed.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{
		".\r\n", "a\r\n.\r\nQUIT\r\n", "..a\r\n.b\r\n..\r\n.\r\n", "a\nb\n.\r\nc\r\n.\r\n", "a\r\n.\nb\r\n.\r\n",
		"a\rb\r\n.\r\n", "a\r\r\n.\r\n", "half", "a\r\n.", "a\r\n.\r", "0123456789abcdef\r\n.\r\n", "0123456789abcde\r\n.\r\n", "0123456789abcd\r.\r\n.\r\n",
	} {
		f.Add([]byte(seed), uint16(1000))
		f.Add([]byte(seed), uint16(3))
	}
	f.Fuzz(func(t *testing.T, sent []byte, limit uint16) {
		// A small buffer makes every line a long one.
		in := bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(sent)), 16)
		m := newMessage(in, int64(limit))
		got, err := io.ReadAll(m)
		skipped := m.skip()
		left, _ := io.ReadAll(in)

		body, rest, ended := cutMail(sent)
		want, forged := decodeMail(body)
		allowed := []error{errSmuggling, errTooBig, io.ErrUnexpectedEOF}
		switch {
		case ended && forged: // it may grow too big before it shows
			allowed = []error{errSmuggling, errTooBig}
		case ended && len(want) > int(limit):
			allowed = []error{errTooBig}
		case ended:
			allowed = []error{nil}
		}
		if !slices.Contains(allowed, err) {
			t.Fatalf("%q: error %v, want one of %v", sent, err, allowed)
		}
		if err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%q: mail %q, want %q", sent, got, want)
		}
		if len(got) > int(limit) {
			t.Fatalf("%d octets, the limit is %d", len(got), limit)
		}
		if ended != (skipped == nil) || ended && !bytes.Equal(left, rest) {
			t.Fatalf("%q: commands %q follow, want %q (%v)", sent, left, rest, skipped)
		}
	})
}

// cutMail finds the one end of a mail. The CR LF of DATA counts for it.
func cutMail(sent []byte) (body, rest []byte, ended bool) {
	body, rest, ended = bytes.Cut(append([]byte("\r\n"), sent...), []byte("\r\n.\r\n"))
	if !ended || len(body) == 0 {
		return nil, rest, ended
	}
	return append(bytes.Clone(body[2:]), "\r\n"...), rest, true
}

var (
	bareCR     = regexp.MustCompile(`\r([^\n]|$)`)
	dotAfterLF = regexp.MustCompile(`(^|[^\r])\n\.`)
	dotLF      = regexp.MustCompile(`(^|\n)\.\n`)
)

func decodeMail(body []byte) (mail []byte, forged bool) {
	forged = bareCR.Match(body) || dotAfterLF.Match(body) || dotLF.Match(body)
	stuffed := append([]byte("\r\n"), body...)
	return bytes.ReplaceAll(stuffed, []byte("\r\n."), []byte("\r\n"))[2:], forged
}

// FuzzWire plays go-smtp: whatever a client sends, it sees well-formed commands
// alone, and a mail never ends well that the client did not end.
func FuzzWire(f *testing.F) {
	for _, seed := range []string{
		"EHLO x\r\nMAIL FROM:<a@b> SIZE=1\r\nRCPT TO:<postmaster>\r\nDATA\r\na\r\n.\r\nQUIT\r\n",
		"EHLO x\r\nBDAT 5 LAST\r\nabcde\r\nNOOP\r\n", "EHLO x\r\nBDAT 99\r\nab", "EHLO x\r\nbdat x\r\n", "NOOP\n\r\n", "\x00\r\n", "STARTTLSX\r\n", " \r\n",
		"EHLO x\r\nBDAT 1\r\naBDAT 2 LAST\r\nbcRSET\r\n", "EHLO x\r\nBDAT 1\r\naRSET\r\nRSET\r\n", "EHLO x\r\nBDAT 1\r\naNOOP\r\nMAIL\r\nBDAT 0 LAST\r\n",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	command := regexp.MustCompile(`^(EHLO|HELO|MAIL|RCPT|DATA|RSET|QUIT)( [^\r\n]+)?\r\n$`)
	f.Fuzz(func(t *testing.T, sent []byte, willing bool) {
		server := NewServer(Config{MaxSize: 1000, MaxErrors: 5}, nil)
		w := newWire(&script{Reader: bytes.NewReader(sent)}, server.exchange, func(*wire) {})
		w.entered = true
		buf := make([]byte, 4096)
		for {
			n, err := w.Read(buf)
			if err != nil {
				return
			}
			if !command.Match(buf[:n]) {
				t.Fatalf("handed on: %q", buf[:n])
			}
			if string(buf[:n]) != "DATA\r\n" {
				continue
			}
			if !willing {
				w.Write([]byte("502 5.5.1 Missing RCPT TO command.\r\n"))
				continue
			}
			w.Write([]byte("354 Go ahead\r\n"))
			got, err := io.ReadAll(w.message())
			if err == nil && len(got) > 1000 {
				t.Fatalf("%d octets, the limit is 1000", len(got))
			}
			if n, err := w.Read(buf); err == nil && string(buf[:n]) != ".\r\n" {
				t.Fatalf("after a mail: %q", buf[:n])
			}
			w.Write([]byte("250 2.6.0 Accepted\r\n"))
		}
	})
}

// script is a connection whose client has said everything, and is gone.
type script struct {
	net.Conn
	io.Reader
}

func (s *script) Read(p []byte) (int, error)       { return s.Reader.Read(p) }
func (s *script) Write(p []byte) (int, error)      { return len(p), nil }
func (s *script) Close() error                     { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }
