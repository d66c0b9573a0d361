package relay

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/docuflow/docuflow/domain"
)

// server is a relay that keeps what it takes. The go-smtp server checks the
// protocol.
type server struct {
	address string
	mails   chan string
	user    string // who must sign in; empty: nobody
}

func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &session{server: s, in: s.user == ""}, nil
}

type session struct {
	*server
	in       bool
	from, to string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if s.in = username == s.user && password == "p@ss:word"; !s.in {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if !s.in {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	s.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	s.mails <- s.from + " > " + s.to + "\n" + string(body)
	return err
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// serve runs a relay, with the certificate of a test server for 127.0.0.1.
func serve(t *testing.T, user string, implicit, offer bool) (*server, *tls.Config) {
	t.Helper()
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS()
	certificates := web.TLS.Certificates
	pool := x509.NewCertPool()
	pool.AddCert(web.Certificate())
	web.Close()
	s := &server{mails: make(chan string, 10), user: user}
	backend := smtp.NewServer(s)
	backend.AllowInsecureAuth = true
	config := &tls.Config{Certificates: certificates}
	if offer {
		backend.TLSConfig = config
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if implicit {
		listener = tls.NewListener(listener, config)
	}
	s.address = listener.Addr().String()
	go func() { _ = backend.Serve(listener) }()
	t.Cleanup(func() { backend.Close() })
	return s, &tls.Config{ServerName: "127.0.0.1", RootCAs: pool}
}

func TestSend(t *testing.T) {
	for name, c := range map[string]struct {
		scheme, user    string
		implicit, plain bool
	}{
		"on this machine": {"smtp", "", false, true},
		"STARTTLS":        {"smtp", "ada", false, false},
		"TLS":             {"smtps", "ada", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, trust := serve(t, c.user, c.implicit, true)
			credentials := ""
			if c.user != "" {
				credentials = c.user + ":p%40ss%3Aword@"
			}
			r, err := New(c.scheme+"://"+credentials+s.address, "DocuFlow <no-reply@books.example>")
			if err != nil {
				t.Fatal(err)
			}
			r.security, r.here = trust, c.plain
			if err := r.Send(t.Context(), domain.Letter{ID: "1", To: "ada@example.com", Subject: "Grüße\r\nBcc: x@y.example", Text: "Öffne\n.\nhttps://books.example/sign-in/" + strings.Repeat("x", 100) + "\n"}); err != nil {
				t.Fatal(err)
			}
			mail := <-s.mails
			for _, part := range []string{"no-reply@books.example > ada@example.com", "<no-reply@books.example>", "Auto-Submitted: auto-generated", "Subject: =?"} {
				if !strings.Contains(mail, part) {
					t.Errorf("the letter lacks %q:\n%s", part, mail)
				}
			}
			if strings.Contains(mail, "\nBcc:") {
				t.Errorf("a header was smuggled in:\n%s", mail)
			}
			if err := r.Send(t.Context(), domain.Letter{ID: "2", To: "nobody@example.com", Subject: "a", Text: "b"}); err == nil || !strings.Contains(err.Error(), "no such user") {
				t.Errorf("a refused recipient: %v", err)
			}
		})
	}
}

// TestNothingIsSentInTheClear: a relay elsewhere that offers no TLS gets neither password nor letter.
func TestNothingIsSentInTheClear(t *testing.T) {
	s, trust := serve(t, "ada", false, false)
	r, err := New("smtp://ada:p%40ss%3Aword@"+s.address, "no-reply@books.example")
	if err != nil {
		t.Fatal(err)
	}
	r.security, r.here = trust, false
	if err := r.Send(t.Context(), domain.Letter{ID: "3", To: "ada@example.com", Subject: "a", Text: "b"}); err == nil || len(s.mails) != 0 {
		t.Errorf("sent: %v", err)
	}
}
