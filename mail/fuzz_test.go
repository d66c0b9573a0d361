package mail

import (
	"bufio"
	"bytes"
	"errors"
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
// alone, and every octet of a chunk.
func FuzzWire(f *testing.F) {
	for _, seed := range []string{
		"EHLO x\r\nMAIL FROM:<a@b> SIZE=1\r\nRCPT TO:<postmaster>\r\nDATA\r\na\r\n.\r\nQUIT\r\n",
		"BDAT 5 LAST\r\nabcde\r\nNOOP\r\n", "BDAT 99\r\nab", "bdat x\r\n", "NOOP\n\r\n", "\x00\r\n", "STARTTLSX\r\n", " \r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		cfg := Config{MaxSize: 1000, MaxErrors: 5}.withDefaults()
		w := newWire(&script{Reader: bytes.NewReader(sent)}, cfg, func(*wire) {})
		command := regexp.MustCompile(`^(EHLO|HELO|MAIL|RCPT|BDAT|DATA|RSET|QUIT|STARTTLS|NOOP|VRFY|EXPN|HELP|AUTH)( [^\r\n]+)?\r\n$`)
		buf := make([]byte, 4096)
		for {
			if w.chunk > 0 {
				before := w.chunk
				n, err := w.Read(buf)
				if int64(n) > before || errors.Is(err, io.EOF) {
					t.Fatalf("%d octets of a chunk of %d: %v", n, before, err)
				}
				continue
			}
			n, err := w.Read(buf)
			if err != nil {
				return
			}
			if !command.Match(buf[:n]) {
				t.Fatalf("handed on: %q", buf[:n])
			}
			if string(buf[:n]) == "DATA\r\n" {
				io.ReadAll(w.message())
				if n, err := w.Read(buf); err == nil && string(buf[:n]) != ".\r\n" {
					t.Fatalf("after a mail: %q", buf[:n])
				}
			}
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
