package mail_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/mail"
)

// testCertificate is made once: keys cost time.
var testCertificate = sync.OnceValues(func() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"mx.docuflow.test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
})

func testTLS(t testing.TB) *tls.Config {
	t.Helper()
	certificate, err := testCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}}
}

func testAuthority(t testing.TB) *x509.CertPool {
	t.Helper()
	root, err := x509.ParseCertificate(testTLS(t).Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	return pool
}

func TestSTARTTLS(t *testing.T) {
	to := &inbox{}
	conn := dial(t, start(t, mail.Config{TLS: testTLS(t)}, to).address)
	conn.expect("220 ")
	conn.send(hello)
	if got := conn.reply(); !strings.Contains(got, "250-STARTTLS\r\n") {
		t.Errorf("STARTTLS is not offered: %q", got)
	}
	conn.send(envelope) // must be forgotten
	conn.expect("250 ", "250 ")
	conn.send("STARTTLS\r\n")
	conn.expect("220 2.0.0")
	conn.startTLS()
	conn.send("DATA\r\nRCPT TO:<invoices@docuflow.test>\r\nMAIL FROM:<a@b.test>\r\n")
	conn.expect("503 5.5.1", "503 5.5.1", "503 5.5.1 Please say EHLO first")
	conn.send(hello)
	if got := conn.reply(); strings.Contains(got, "STARTTLS") {
		t.Errorf("STARTTLS is offered twice: %q", got)
	}
	conn.send("DATA\r\nSTARTTLS\r\n" + envelope + "BDAT 7 LAST\r\none\r\n\r\nQUIT\r\n")
	conn.expect("503 5.5.1", "503 5.5.1", "250 ", "250 ", "250 2.6.0", "221 ", "")
	if got := to.mails[0]; !got.envelope.TLS || !strings.Contains(got.raw, "with ESMTPS id") {
		t.Errorf("kept as if it came without TLS: %+v", got)
	}
}

// What a man in the middle puts behind STARTTLS must not count as said in TLS.
func TestSTARTTLSInjection(t *testing.T) {
	for name, injected := range map[string]string{
		"a mail":         envelope + "DATA\r\nforged\r\n.\r\n",
		"half a command": "NO",
	} {
		t.Run(name, func(t *testing.T) {
			to := &inbox{}
			conn := dial(t, start(t, mail.Config{TLS: testTLS(t)}, to).address)
			conn.expect("220 ")
			conn.send(hello)
			conn.expect("250-")
			conn.send("STARTTLS\r\n" + injected)
			conn.expect("501 5.5.1 Nothing may follow STARTTLS", "")
			if len(to.contents()) > 0 {
				t.Error("kept the mail")
			}
		})
	}
	t.Run("after the reply", func(t *testing.T) {
		conn := dial(t, start(t, mail.Config{TLS: testTLS(t)}, &inbox{}).address)
		conn.send(hello)
		conn.expect("220 ", "250-")
		conn.send("STARTTLS\r\n")
		conn.expect("220 2.0.0")
		conn.send("NOOP\r\n")
		for reply := conn.reply(); reply != ""; reply = conn.reply() {
			if strings.HasPrefix(reply, "250") {
				t.Errorf("plain text was taken for a command: %q", reply)
			}
		}
	})
}

// Before there is a certificate, mail is better taken without TLS than not at all.
func TestTLSThatIsNotReady(t *testing.T) {
	cfg := mail.Config{TLS: testTLS(t), TLSReady: func() bool { return false }}
	conn := dial(t, start(t, cfg, &inbox{}).address)
	conn.expect("220 ")
	conn.send(hello)
	if got := conn.reply(); strings.Contains(got, "STARTTLS") {
		t.Errorf("offers %q", got)
	}
	conn.send("STARTTLS\r\n" + envelope)
	conn.expect("502 5.5.1", "250 ", "250 ")
}

func TestSlowHandshake(t *testing.T) {
	conn := dial(t, start(t, mail.Config{TLS: testTLS(t), CommandTimeout: 50 * time.Millisecond}, &inbox{}).address)
	conn.send(hello + "STARTTLS\r\n")
	conn.expect("220 ", "250-", "220 ", "")
}

func TestShutdownInHandshake(t *testing.T) {
	server := startDoor(t, mail.Config{TLS: testTLS(t)}, &inbox{}, (*mail.Server).ServeSubmission)
	conn := dial(t, server.address)
	server.stop(t) // would take five minutes
	conn.expect("")
}

// tokens knows one token of each of two workspaces.
type tokens map[string]error

func (k tokens) Token(_ context.Context, token string) (domain.Session, error) {
	err, ok := k[token]
	if !ok {
		return domain.Session{}, domain.ErrNotFound
	}
	return domain.Session{Workspace: domain.Workspace{ID: "w"}}, err
}

func plain(name, password string) string {
	return "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+name+"\x00"+password)) + "\r\n"
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) + "\r\n" }

var signIns = []struct {
	name  string
	turns []turn
	kept  int
}{
	{"PLAIN", []turn{
		say(plain("anybody", "good"), "235 2.7.0"),
		say(envelope+"DATA\r\n", "250 ", "250 ", "354 "), say("Subject: x\r\n\r\n.\r\n", "250 2.6.0"),
	}, 1},
	{"PLAIN in two steps", []turn{
		say("AUTH PLAIN\r\n", "334 "), say(encoded("\x00anybody\x00good"), "235 2.7.0"), say("MAIL FROM:<a@b.test>\r\n", "250 "),
	}, 0},
	{"LOGIN", []turn{
		say("AUTH LOGIN\r\n", "334 VXNlcm5hbWU6"), say(encoded("anybody"), "334 UGFzc3dvcmQ6"), say(encoded("good"), "235 2.7.0"),
		say("MAIL FROM:<a@b.test>\r\n", "250 "),
	}, 0},
	{"LOGIN with the name at once", []turn{
		say("AUTH LOGIN "+encoded("anybody"), "334 UGFzc3dvcmQ6"), say(encoded("good"), "235 2.7.0"),
	}, 0},
	{"wrong password", []turn{
		say(plain("anybody", "bad"), "535 5.7.8"), say("MAIL FROM:<a@b.test>\r\n", "530 5.7.0"), say(plain("anybody", "good"), "235 2.7.0"),
	}, 0},
	{"wrong password in LOGIN", []turn{
		say("AUTH LOGIN\r\n", "334 "), say(encoded("anybody"), "334 "), say(encoded("bad"), "535 5.7.8"), say("MAIL FROM:<a@b.test>\r\n", "530 5.7.0"),
	}, 0},
	{"our fault", []turn{say(plain("anybody", "away"), "454 4.7.0")}, 0},
	{"without signing in", []turn{say(envelope+"DATA\r\n", "530 5.7.0", "503 5.5.1", "503 5.5.1")}, 0},
	{"twice", []turn{say(plain("a", "good")+plain("a", "good"), "235 2.7.0", "503 5.5.1")}, 0},
	{"cancelled", []turn{say("AUTH LOGIN\r\n", "334 "), say("*\r\n", "501 5.7.0"), say("NOOP\r\n", "250 ")}, 0},
	{"not base64", []turn{say("AUTH PLAIN !!\r\nAUTH LOGIN\r\n", "501 5.5.2", "334 "), say("!!\r\n", "501 5.5.2"), say("NOOP\r\n", "250 ")}, 0},
	{"not PLAIN's form", []turn{say("AUTH PLAIN "+encoded("good"), "501 5.5.2")}, 0},
	{"control characters", []turn{say("AUTH LOGIN\r\n", "334 "), say("\x00\r\n", "501 5.7.0"), say("NOOP\r\n", "250 ")}, 0},
	{"other mechanisms", []turn{say("AUTH CRAM-MD5\r\nAUTH\r\n", "504 5.5.4", "504 5.5.4")}, 0},
	{"no relay", []turn{
		say(plain("anybody", "good")+"MAIL FROM:<a@b.test>\r\n", "235 ", "250 "),
		say("RCPT TO:<friend@elsewhere.test>\r\nRCPT TO:<nobody@docuflow.test>\r\n", "550 5.7.1", "550 5.7.1"),
	}, 0},
	{"guessing", []turn{say(strings.Repeat(plain("a", "bad"), 5), "535 5.7.8", "535 5.7.8", "535 5.7.8", "535 5.7.8", "535 5.7.8", "421 4.7.0", "")}, 0},
}

func TestSubmission(t *testing.T) {
	for _, c := range signIns {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			to, cfg := &inbox{}, limits
			cfg.TLS, cfg.Tokens = testTLS(t), tokens{"good": nil, "away": errors.New("database away")}
			conn := dial(t, startDoor(t, cfg, to, (*mail.Server).ServeSubmission).address)
			conn.startTLS()
			conn.expect("220 mx.docuflow.test")
			conn.send(hello)
			if got := conn.reply(); !strings.Contains(got, "250-AUTH PLAIN LOGIN\r\n") {
				t.Errorf("offers %q", got)
			}
			for _, turn := range c.turns {
				conn.send(turn.send)
				conn.expect(turn.replies...)
			}
			if got := to.contents(); len(got) != c.kept {
				t.Errorf("kept %q", got)
			}
			if c.kept > 0 && !to.mails[0].envelope.HandedOver {
				t.Error("a person's mail program is taken for the sender's server")
			}
			if c.kept > 0 && !strings.Contains(to.mails[0].raw, " with ESMTPSA id ") {
				t.Errorf("no word of the sign-in: %q", to.mails[0].raw)
			}
		})
	}
}

// Two workspaces that do not see each other: a token of one is no way into the other.
func TestSubmissionToAnotherWorkspace(t *testing.T) {
	cfg := mail.Config{TLS: testTLS(t), Tokens: tokens{"good": nil}}
	conn := dial(t, startDoor(t, cfg, otherWorkspace{&inbox{}}, (*mail.Server).ServeSubmission).address)
	conn.startTLS()
	conn.send(hello + plain("a", "good") + envelope + "DATA\r\n")
	conn.expect("220 ", "250-", "235 ", "250 ", "550 5.7.1", "503 5.5.1")
}

type otherWorkspace struct{ *inbox }

func (otherWorkspace) Resolve(context.Context, string) (domain.Address, error) {
	return domain.Address{Workspace: "another"}, nil
}

func TestSubmissionNeedsTLS(t *testing.T) {
	cfg := mail.Config{TLS: testTLS(t), Tokens: tokens{"good": nil}}
	conn := dial(t, startDoor(t, cfg, &inbox{}, (*mail.Server).ServeSubmission).address)
	conn.send(hello + plain("a", "good"))
	for reply := conn.reply(); reply != ""; reply = conn.reply() {
		if strings.HasPrefix(reply, "2") {
			t.Errorf("reply %q to plain text", reply)
		}
	}
}

func TestLMTP(t *testing.T) {
	to := &inbox{}
	conn := dial(t, startDoor(t, limits, to, (*mail.Server).ServeLMTP).address)
	conn.send("EHLO client.test\r\nLHLO client.test\r\nMAIL FROM:<a@b.test>\r\n")
	conn.expect("220 mx.docuflow.test LMTP", "500 5.5.1", "250-Hello", "250 ")
	conn.send("RCPT TO:<invoices@docuflow.test>\r\nRCPT TO:<nobody@docuflow.test>\r\nRCPT TO:<bills@docuflow.test>\r\nDATA\r\n")
	conn.expect("250 ", "550 5.1.1", "250 ", "354 ")
	conn.send("Subject: x\r\n\r\none\r\n.\r\n")
	conn.expect("250 2.6.0 <invoices@docuflow.test> Accepted", "250 2.6.0 <bills@docuflow.test> Accepted")
	conn.send(strings.ReplaceAll(envelope, "invoices", "bills") + "BDAT 4\r\n\r\nthBDAT 4 LAST\r\nree\nRSET\r\n")
	conn.expect("250 ", "250 ", "250 2.0.0", "250 2.6.0 <bills@docuflow.test>", "250 2.0.0 Forgotten")
	conn.send(envelope + "DATA\r\n")
	conn.expect("250 ", "250 ", "354 ")
	conn.send("\r\n" + strings.Repeat("x", 3000) + "\r\n.\r\n")
	conn.expect("552 5.3.4 <invoices@docuflow.test> The mail is too large")
	conn.send(envelope + "BDAT 3\r\n\r\nxQUIT\r\n")
	conn.expect("250 ", "250 ", "250 2.0.0", "221 ", "")
	if got := to.contents(); len(got) != 2 || got[1] != "\r\nthree\n" {
		t.Errorf("kept %q", got)
	}
	if !to.mails[0].envelope.HandedOver {
		t.Error("the server in front is taken for the sender's")
	}
	if !strings.Contains(to.mails[0].raw, " with LMTP id ") {
		t.Errorf("kept %q", to.mails[0].raw)
	}
}

func TestLMTPOverUnixSocket(t *testing.T) {
	listener, err := net.Listen("unix", t.TempDir()+"/lmtp")
	if err != nil {
		t.Fatal(err)
	}
	to := &inbox{}
	server := mail.NewServer(mail.Config{}, to)
	served := make(chan error, 1)
	go func() { served <- server.ServeLMTP(listener) }()
	conn, err := net.Dial("unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("LHLO front.test\r\n" + envelope + "DATA\r\nx\r\n.\r\nQUIT\r\n")); err != nil {
		t.Fatal(err)
	}
	answers := readAll(t, conn)
	if !strings.Contains(answers, "250 2.6.0 <invoices@docuflow.test>") || len(to.mails) != 1 {
		t.Fatalf("answers %q, kept %d mails", answers, len(to.mails))
	}
	if got := to.mails[0]; got.envelope.RemoteAddr != "" || !strings.HasPrefix(got.raw, "Received: from front.test\r\n\tby ") {
		t.Errorf("kept %+v", got)
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
