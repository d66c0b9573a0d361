package relay_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/integrations/relay"
)

// server is an outgoing mail server.
type server struct {
	mu     sync.Mutex
	refuse map[string]*smtp.SMTPError // by command
	mails  []sent
	addr   string
}

type sent struct{ user, from, to, raw string }

func serve(t *testing.T, security *tls.Config) *server {
	t.Helper()
	s := &server{refuse: map[string]*smtp.SMTPError{}}
	listening := smtp.NewServer(s)
	listening.AllowInsecureAuth, listening.TLSConfig = true, security
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	go func() { _ = listening.Serve(listener) }()
	t.Cleanup(func() { listening.Close() })
	return s
}

func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{server: s}, nil }

func (s *server) answer(command string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reply := s.refuse[command]; reply != nil {
		return reply
	}
	return nil
}

type session struct {
	*server
	sent sent
}

func (*session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "s3cret/&" {
			return smtp.ErrAuthFailed
		}
		s.sent.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.sent.from = from
	return s.answer("MAIL")
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.sent.to = to
	return s.answer("RCPT")
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.answer("DATA"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent.raw = string(raw)
	s.mails = append(s.mails, s.sent)
	return nil
}

func (*session) Reset()        {}
func (*session) Logout() error { return nil }

func newRelay(t *testing.T, address string) *relay.Relay {
	t.Helper()
	r, err := relay.New(address, "DocuFlow <docuflow@here.example>")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var letter = domain.Letter{ID: "answer-1", To: "billing@acme.example", Subject: "Re: Räknung\r\nBcc: x@y.example", Text: "Received.\n.\nend", InReplyTo: "one@acme.example", Answer: true}

func TestAnswerGoesOutWithoutReturnPath(t *testing.T) {
	s := serve(t, nil)
	if err := newRelay(t, "smtp://me%40x:s3cret%2F%26@"+s.addr).Send(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	got := s.mails[0]
	message, err := mail.ReadMessage(strings.NewReader(got.raw))
	if err != nil {
		t.Fatal(err)
	}
	if got.user != "me@x" || got.from != "" || got.to != "billing@acme.example" {
		t.Errorf("%+v", got)
	}
	for name, want := range map[string]string{
		"From": `"DocuFlow" <docuflow@here.example>`, "Message-Id": "<answer-1@here.example>", "Auto-Submitted": "auto-replied",
		"In-Reply-To": "<one@acme.example>", "References": "<one@acme.example>", "Bcc": "",
	} {
		if value := message.Header.Get(name); value != want {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
	body, _ := io.ReadAll(message.Body)
	if !strings.Contains(string(body), "Received.\r\n.\r\nend") {
		t.Errorf("body %q", body)
	}

	first := letter
	first.Answer, first.InReplyTo = false, ""
	if err := newRelay(t, "smtp://"+s.addr).Send(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if other := s.mails[1]; other.from != "docuflow@here.example" || other.user != "" || !strings.Contains(other.raw, "Auto-Submitted: auto-generated") || strings.Contains(other.raw, "In-Reply-To") {
		t.Errorf("%+v", other)
	}
}

func TestRefusalsForGoodAreToldFromOthers(t *testing.T) {
	for name, c := range map[string]struct {
		command   string
		code      int
		permanent bool
	}{
		"no such mailbox":         {"RCPT", 550, true},
		"content refused":         {"DATA", 554, true},
		"greylisted":              {"RCPT", 451, false},
		"no room":                 {"DATA", 452, false},
		"we may not send":         {"MAIL", 550, false}, // for an operator to mend
		"unknown sender, for now": {"MAIL", 450, false},
	} {
		s := serve(t, nil)
		s.refuse[c.command] = &smtp.SMTPError{Code: c.code, EnhancedCode: smtp.EnhancedCode{c.code / 100, 7, 1}, Message: "because"}
		err := newRelay(t, "smtp://"+s.addr).Send(t.Context(), letter)
		failure, ok := errors.AsType[*domain.Failure](err)
		if !ok || failure.Permanent != c.permanent || !strings.Contains(failure.Message, "because") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNothingGoesOutToAServerThatIsNotTheRightOne(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"other.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	impostor := serve(t, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	wrongPassword := "smtp://me:wrong@" + serve(t, nil).addr
	for name, address := range map[string]string{"STARTTLS": "smtp://me:s3cret%2F%26@" + impostor.addr, "TLS": "smtps://" + impostor.addr, "nobody": "smtp://127.0.0.1:1", "password": wrongPassword} {
		err := newRelay(t, address).Send(t.Context(), letter)
		if failure, ok := errors.AsType[*domain.Failure](err); !ok || failure.Permanent {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(impostor.mails) > 0 {
		t.Errorf("the impostor got %+v", impostor.mails)
	}
}

func TestAddressOfTheRelay(t *testing.T) {
	for _, address := range []string{"", "mail.example.com", "http://mail.example.com", "smtp://", "smtp://me:s3cret@host/path", "smtp://me:s3cret@host:port"} {
		if _, err := relay.New(address, "a@b.example"); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := relay.New("smtp://mail.example.com", "nobody"); err == nil {
		t.Error("a sender without address")
	}
}
