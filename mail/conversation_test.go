package mail_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/mail"
)

// A turn is what the client sends and how the replies to it begin. An empty
// reply is the end of the connection.
type turn struct {
	send    string
	replies []string
}

func say(send string, replies ...string) turn { return turn{send, replies} }

// opening is every conversation's beginning.
var opening = []turn{
	say("", "220 mx.docuflow.test ESMTP"),
	say(hello, "250-Hello client.test"),
	say(envelope, "250 2.1.0", "250 2.1.5"),
}

func after(turns ...turn) []turn { return append(slices.Clone(opening), turns...) }

var conversations = []struct {
	name  string
	turns []turn
	want  []string // the mails that are kept
}{
	{"happy", after(
		say("DATA\r\n", "354 "),
		say("Subject: x\r\n\r\nHello\r\n.\r\n", "250 2.6.0 Accepted and stored, reference "),
		say("QUIT\r\n", "221 2.0.0", ""),
	), []string{"Subject: x\r\n\r\nHello\r\n"}},

	{"two mails in one connection", after(
		say("DATA\r\n", "354 "), say("one\r\n.\r\n", "250 2.6.0"),
		say(envelope, "250 ", "250 "),
		say("DATA\r\n", "354 "), say("two\r\n.\r\n", "250 2.6.0"),
	), []string{"one\r\n", "two\r\n"}},

	{"pipelined", []turn{
		say("", "220 "),
		say(hello+envelope+"DATA\r\n", "250-", "250 2.1.0", "250 2.1.5", "354 "),
		say("one\r\n.\r\n"+envelope+"DATA\r\n", "250 2.6.0", "250 2.1.0", "250 2.1.5", "354 "),
		say("two\r\n.\r\nQUIT\r\n", "250 2.6.0", "221 2.0.0", ""),
	}, []string{"one\r\n", "two\r\n"}},

	{"dots are taken out once", after(
		say("DATA\r\n", "354 "), say("..\r\n..a\r\n.b\r\n...\r\na.\r\n.\r\n", "250 2.6.0"),
	), []string{".\r\n.a\r\nb\r\n..\r\na.\r\n"}},

	{"empty mail", after(say("DATA\r\n", "354 "), say(".\r\n", "250 2.6.0")), []string{""}},

	{"bare LF is passed on", after(
		say("DATA\r\n", "354 "), say("a\nb\n\nc\r\n.\r\n", "250 2.6.0"),
	), []string{"a\nb\n\nc\r\n"}},

	{"HELO", []turn{
		say("", "220 "), say("HELO old.test\r\n", "250 2.0.0 Hello old.test"), say(envelope+"DATA\r\n", "250 ", "250 ", "354 "),
		say("x\r\n.\r\n", "250 2.6.0"),
	}, []string{"x\r\n"}},

	{"bounce, whose sender is empty", []turn{
		say("", "220 "), say(hello, "250-"),
		say("MAIL FROM:<>\r\nRCPT TO:<invoices@docuflow.test>\r\nDATA\r\n", "250 ", "250 ", "354 "), say("x\r\n.\r\n", "250 2.6.0"),
	}, []string{"x\r\n"}},

	{"odd case and spaces", []turn{
		say("", "220 "), say("eHlO client.test \r\n", "250-"),
		say("mail from: <a@b.test> size=10 body=8bitmime\r\n", "250 "), say("rcpt to: <INVOICES+travel@docuflow.test> \r\n", "250 "),
		say("data \r\n", "354 "), say("x\r\n.\r\n", "250 2.6.0"), say("quit\t\r\n", "221 "),
	}, []string{"x\r\n"}},

	{"postmaster needs no domain", []turn{
		say("", "220 "), say(hello, "250-"),
		say("MAIL FROM:<a@b.test>\r\nRCPT TO:<Postmaster>\r\nDATA\r\n", "250 ", "250 ", "354 "), say("x\r\n.\r\n", "250 2.6.0"),
	}, []string{"x\r\n"}},

	{"unknown recipient", []turn{
		say("", "220 "), say(hello+"MAIL FROM:<a@b.test>\r\n", "250-", "250 "),
		say("RCPT TO:<nobody@docuflow.test>\r\n", "550 5.1.1 "),
		say("DATA\r\n", "503 5.5.1"),
		say("RCPT TO:<bills@docuflow.test>\r\nDATA\r\n", "250 ", "354 "), say("x\r\n.\r\n", "250 2.6.0"),
	}, []string{"x\r\n"}},

	{"RSET forgets", after(say("RSET\r\nDATA\r\n", "250 2.0.0", "503 5.5.1"), say("NOOP\r\n", "250 ")), nil},
	{"MAIL twice", after(
		say("MAIL FROM:<b@b.test>\r\n", "503 5.5.1 A mail is being sent"), say("DATA\r\n", "354 "), say("x\r\n.\r\n", "250 2.6.0"),
	), []string{"x\r\n"}},
	{"EHLO forgets", after(say(hello+"DATA\r\n", "250-", "503 5.5.1")), nil},
	{"MAIL first", []turn{say("", "220 "), say("MAIL FROM:<a@b.test>\r\n", "503 5.5.1")}, nil},

	{"BDAT", after(
		say("BDAT 7 LAST\r\none\r\n\r\n", "250 2.6.0"),
		say("QUIT\r\n", "221 "),
	), []string{"one\r\n\r\n"}},
	{"BDAT in chunks", after(
		say("BDAT 2\r\non", "250 2.0.0"),
		say("BDAT 0\r\n", "250 2.0.0"),
		say("BDAT 3\r\ne\r\nBDAT 0 LAST\r\nNOOP\r\n", "250 2.0.0", "250 2.6.0", "250 2.0.0"),
	), []string{"one\r\n"}},
	{"BDAT keeps every octet", after(
		say("BDAT 17 LAST\r\n\r\n.\r\n\n.\n\r.\r\n..\x00\xff\r", "250 2.6.0"),
	), []string{"\r\n.\r\n\n.\n\r.\r\n..\x00\xff\r"}},
	{"BDAT looks like commands", after(
		say("BDAT 12 LAST\r\nQUIT\r\nRSET\r\nNOOP\r\n", "250 2.6.0", "250 2.0.0"),
	), []string{"QUIT\r\nRSET\r\n"}},
	{"BDAT without recipient skips its chunk", []turn{
		say("", "220 "), say(hello, "250-"), say("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "503 5.5.1", "250 2.0.0"),
	}, nil},
	{"BDAT that cannot be understood", after(say("BDAT 6 FIRST\r\n", "501 5.5.4", "")), nil},
	{"BDAT of a negative size", after(say("BDAT -6\r\n", "501 5.5.4", "")), nil},
	{"BDAT too big", after(
		say("BDAT 2001 LAST\r\n"+strings.Repeat("x", 2001)+"NOOP\r\n", "552 5.3.4", "250 2.0.0"),
	), nil},
	{"BDAT too big in sum", after(
		say("BDAT 1500\r\n\r\n"+strings.Repeat("x", 1498), "250 2.0.0"),
		say("BDAT 501 LAST\r\n"+strings.Repeat("x", 501)+"NOOP\r\n", "552 5.3.4", "250 2.0.0"),
	), nil},
	{"BDAT of exactly the limit", after(
		say("BDAT 2000 LAST\r\n\r\n"+strings.Repeat("x", 1998), "250 2.6.0"),
	), []string{"\r\n" + strings.Repeat("x", 1998)}},

	{"too big at MAIL", []turn{
		say("", "220 "), say(hello, "250-"),
		say("MAIL FROM:<a@b.test> SIZE=2001\r\n", "552 5.3.4 The mail is too large, the limit is 2000 octets"),
		say("MAIL FROM:<a@b.test> SIZE=99999999999999999999\r\n", "552 5.3.4"),
		say("MAIL FROM:<a@b.test> SIZE=2000\r\n", "250 "),
	}, nil},
	{"too big at DATA", after(
		say("DATA\r\n", "354 "),
		say("\r\n"+strings.Repeat("x", 1997)+"\r\n.\r\n", "552 5.3.4 The mail is too large"), say("NOOP\r\n", "250 2.0.0"),
	), nil},
	{"of exactly the limit", after(
		say("DATA\r\n", "354 "), say("\r\n."+strings.Repeat(".", 1996)+"\r\n.\r\n", "250 2.6.0"),
	), []string{"\r\n" + strings.Repeat(".", 1996) + "\r\n"}},
	{"too many recipients", []turn{
		say("", "220 "), say(hello, "250-"), say("MAIL FROM:<a@b.test>\r\n", "250 "),
		say(strings.Repeat("RCPT TO:<invoices@docuflow.test>\r\n", 5), "250 ", "250 ", "250 ", "452 4.5.3", "452 4.5.3"),
		say("DATA\r\n", "354 "), say("x\r\n.\r\n", "250 2.6.0"),
	}, []string{"x\r\n"}},

	{"too many errors", []turn{
		say("", "220 "),
		say("FOO\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\nEHLO\r\n", "500 5.5.1", "500 5.5.1", "500 5.5.1", "500 5.5.1", "501 5.5.4", "421 4.7.0", ""),
	}, nil},
	{"guessing recipients", []turn{
		say("", "220 "), say(hello+"MAIL FROM:<a@b.test>\r\n", "250-", "250 "),
		say(strings.Repeat("RCPT TO:<who@docuflow.test>\r\n", 5), "550 5.1.1", "550 5.1.1", "550 5.1.1", "550 5.1.1", "550 5.1.1", "421 4.7.0", ""),
	}, nil},
	{"command that is too long", []turn{say("", "220 "), say("NOOP "+strings.Repeat("x", 3000)+"\r\n", "500 5.5.2", "")}, nil},
	{"command without end", []turn{say("", "220 "), say(strings.Repeat("x", 32<<10), "500 5.5.2", "")}, nil},
	{"command with bare LF", []turn{say("", "220 "), say("NOOP\nNOOP\r\n", "500 5.5.2", "250 2.0.0")}, nil},
	{"command with control characters", []turn{say("", "220 "), say("NOOP\x00\r\nNO\rOP\r\nNOOP \xff\r\nNOOP\r\n", "500 5.5.2", "500 5.5.2", "500 5.5.2", "250 2.0.0")}, nil},
	{"no TLS, no sign-in", []turn{
		say("", "220 "), say(hello+"STARTTLS\r\nSTARTTLSX\r\nAUTH PLAIN AGEAYg==\r\n", "250-", "502 5.5.1", "500 5.5.1", "502 5.5.1"),
	}, nil},

	{"BDAT given up", after(
		say("BDAT 3\r\none", "250 2.0.0"), say("RSET\r\n"+envelope, "250 2.0.0 Forgotten", "250 2.1.0", "250 2.1.5"),
		say("BDAT 3 LAST\r\ntwo", "250 2.6.0"),
	), []string{"two"}},
	{"BDAT given up with EHLO", after(say("BDAT 3\r\none", "250 2.0.0"), say(hello+"BDAT 0 LAST\r\n", "250-Hello", "503 5.5.1")), nil},
	{"BDAT given up with QUIT", after(say("BDAT 3\r\none", "250 2.0.0"), say("QUIT\r\n", "221 2.0.0", "")), nil},
	{"BDAT and other commands", after(
		say("BDAT 3\r\none", "250 2.0.0"), say("NOOP\r\nDATA\r\nMAIL FROM:<a@b.test>\r\n", "250 2.0.0", "503 5.5.1", "503 5.5.1"),
		say("BDAT 0 LAST\r\n", "250 2.6.0"),
	), []string{"one"}},
	{"BDAT, all pipelined", []turn{
		say("", "220 "),
		say(hello+envelope+"BDAT 3\r\noneBDAT 3 LAST\r\ntwo"+envelope+"BDAT 3 LAST\r\nsix", "250-", "250 2.1.0", "250 2.1.5", "250 2.0.0", "250 2.6.0", "250 2.1.0", "250 2.1.5", "250 2.6.0"),
	}, []string{"onetwo", "six"}},
	{"BDAT too big, in our words, and the chunks after it", after(
		say("BDAT 2001\r\n"+strings.Repeat("x", 2001)+"BDAT 3 LAST\r\none", "552 5.3.4 The mail is too large, the limit is 2000 octets (0 MB) (reference ", "503 5.5.1"),
	), nil},
	{"BDAT in many chunks", after(
		say(strings.Repeat("BDAT 1\r\nx", 60)+"BDAT 0 LAST\r\n", slices.Concat(slices.Repeat([]string{"250 2.0.0"}, 60), []string{"250 2.6.0"})...),
	), []string{strings.Repeat("x", 60)}},
	{"BDAT without anything in it, for ever", after(
		say(strings.Repeat("BDAT 0\r\n", 48), slices.Concat(slices.Repeat([]string{"250 2.0.0"}, 47), []string{"421 4.7.0", ""})...),
	), nil},
	{"BDAT, then one that cannot be understood", after(say("BDAT 1\r\nxBDAT x\r\n", "250 2.0.0", "501 5.5.4", "")), nil},
	{"BDAT, then a line without end", after(say("BDAT 1\r\nx"+strings.Repeat("x", 32<<10), "250 2.0.0", "500 5.5.2", "")), nil},
	{"BDAT before EHLO", []turn{say("", "220 "), say("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "503 5.5.1", "250 2.0.0")}, nil},
	{"BDAT of far too much", after(say("BDAT 99999999999 LAST\r\nx", "552 5.3.4", "")), nil},

	{"header too large at DATA", after(
		say("DATA\r\n", "354 "), say(strings.Repeat("X: y\r\n", 100)+"\r\nbody\r\n.\r\nNOOP\r\n", "552 5.3.4 The header", "250 2.0.0"),
	), nil},
	{"header too large at BDAT", after(say("BDAT 600 LAST\r\n"+strings.Repeat("X: y\r\n", 100), "552 5.3.4 The header")), nil},
	{"header of exactly the limit", after(
		say("DATA\r\n", "354 "), say(strings.Repeat("x", 497)+"\r\n\r\n"+strings.Repeat("y", 900)+"\r\n.\r\n", "250 2.6.0"),
	), []string{strings.Repeat("x", 497) + "\r\n\r\n" + strings.Repeat("y", 900) + "\r\n"}},

	{"addresses are not told", []turn{
		say("", "220 "), say("VRFY invoices\r\nEXPN invoices\r\nHELP\r\nVRFY nobody\r\n", "252 2.5.0 Addresses are not", "502 5.5.1", "214 2.0.0", "252 2.5.0 Addresses are not"),
	}, nil},
	{"parameters that nobody knows", []turn{
		say("", "220 "), say(hello+"MAIL FROM:<a@b.test> FOO=1\r\nMAIL FROM:a b\r\nMAIL FROM:<a@b.test> RET=FULL\r\nMAIL FROM:<a@b.test> BODY=9BIT\r\n", "250-", "555 5.5.4", "501 5.1.7", "555 5.5.4", "501 5.5.4"),
	}, nil},
	{"UTF-8", []turn{
		say("", "220 "), say(hello+"MAIL FROM:<ø@b.test> SMTPUTF8 BODY=8BITMIME\r\nRCPT TO:<invoices+blåbær@docuflow.test>\r\nDATA\r\n", "250-", "250 2.1.0", "250 2.1.5", "354 "),
		say("Subject: blåbær\r\n\r\n.\r\n", "250 2.6.0"),
	}, []string{"Subject: blåbær\r\n\r\n"}},
	{"no relay", []turn{
		say("", "220 "), say(hello+"MAIL FROM:<a@b.test>\r\n", "250-", "250 "),
		say("RCPT TO:<who@elsewhere.test>\r\nRCPT TO:<who%elsewhere.test@docuflow.test>\r\nRCPT TO:<@docuflow.test:who@elsewhere.test>\r\n", "550 5.1.1", "550 5.1.1", "550 5.1.1"),
	}, nil},
	{"another door's hello", []turn{say("", "220 "), say("LHLO client.test\r\nMAIL FROM:<a@b.test>\r\n", "500 5.5.1", "503 5.5.1")}, nil},
	{"commands without a mail", []turn{
		say("", "220 "), say(strings.Repeat("NOOP\r\n", 51), slices.Concat(slices.Repeat([]string{"250 2.0.0"}, 50), []string{"421 4.7.0 Too many commands", ""})...),
	}, nil},
}

// limits of the conversations: small, so that they are easily reached.
var limits = mail.Config{Domain: "docuflow.test", MaxSize: 2000, MaxHeader: 500, MaxRecipients: 3, MaxErrors: 4, MaxCommands: 50, CommandTimeout: 20 * time.Second}

func TestConversations(t *testing.T) {
	for _, c := range conversations {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			to := &inbox{}
			conn := dial(t, start(t, limits, to).address)
			for _, turn := range c.turns {
				conn.send(turn.send)
				conn.expect(turn.replies...)
			}
			if got := to.contents(); !slices.Equal(got, c.want) {
				t.Errorf("kept %q, want %q", got, c.want)
			}
		})
	}
}

// The same conversations mean the same, however the network cuts them up.
func TestConversationsInPieces(t *testing.T) {
	for _, c := range conversations {
		for _, size := range []int{1, 2, 3, 7} {
			if length(c.turns) > 5000 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", c.name, size), func(t *testing.T) {
				t.Parallel()
				to := &inbox{}
				conn := dial(t, start(t, limits, to).address)
				conn.SetNoDelay(true)
				for _, turn := range c.turns {
					for piece := range slices.Chunk([]byte(turn.send), size) {
						conn.send(string(piece))
						runtime.Gosched()
					}
					conn.expect(turn.replies...)
				}
				if got := to.contents(); !slices.Equal(got, c.want) {
					t.Errorf("kept %q, want %q", got, c.want)
				}
			})
		}
	}
}

func length(turns []turn) (n int) {
	for _, turn := range turns {
		n += len(turn.send)
	}
	return n
}
