package main

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
)

// outgoing is a mail server that mail goes out through.
type outgoing struct{ mails chan string }

func (o outgoing) NewSession(*smtp.Conn) (smtp.Session, error) { return o, nil }
func (o outgoing) Mail(from string, _ *smtp.MailOptions) error {
	return want(from == "", "a return path")
}
func (o outgoing) Rcpt(to string, _ *smtp.RcptOptions) error {
	return want(to == "billing@honest.example", to)
}
func (o outgoing) Reset()        {}
func (o outgoing) Logout() error { return nil }
func (o outgoing) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	o.mails <- string(raw)
	return err
}

func want(good bool, what string) error {
	if good {
		return nil
	}
	return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "unexpected: " + what}
}

// A sender is told what became of a mail, over a real connection, and only
// who is proven to have sent it.
func TestSenderIsAnswered(t *testing.T) {
	dns := serveDNS(t, map[string]string{
		"honest.example": "v=spf1 ip4:127.0.0.1 -all", "_dmarc.honest.example": "v=DMARC1; p=reject", "plain.example": "v=spf1 ip4:127.0.0.1 -all",
	})
	relay := outgoing{make(chan string, 10)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(relay)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	p := start(t, newDataDir(t), "DOCUFLOW_DNS="+dns, "DOCUFLOW_SMTP_RELAY=smtp://"+listener.Addr().String(), "DOCUFLOW_SMTP_FROM=docuflow@here.example")

	p.from("billing@honest.example", "before anybody wants it", "Hello", "before.pdf", "B-1")
	p.unpacked("before anybody wants it")
	if _, err := p.superuser().Exec(t.Context(), "INSERT INTO mail_policies (workspace_id, answers) SELECT id, true FROM workspaces"); err != nil {
		t.Fatal(err)
	}
	p.from("billing@plain.example", "no policy", "Hello", "plain.pdf", "P-1")
	p.unpacked("no policy")
	p.from("billing@honest.example", "invoice 7", "Hello", "seven.pdf", "S-7")
	p.unpacked("invoice 7")
	answer := <-relay.mails
	for _, part := range []string{"Subject: Re: invoice 7\r\n", "Auto-Submitted: auto-replied\r\n", "In-Reply-To: <", "seven.pdf", "Received: 1 document."} {
		if !strings.Contains(answer, part) {
			t.Errorf("%q is not in the answer:\n%s", part, answer)
		}
	}
	p.from("billing@honest.example", "invoice 8", "Hello", "eight.pdf", "S-8")
	p.unpacked("invoice 8")
	p.until("the mail log says so", func() bool {
		var page struct {
			Mails []struct {
				Subject string
				Answer  *struct{ State, To string }
			}
		}
		p.get("/api/v1/mails", &page)
		states := map[string]string{}
		for _, m := range page.Mails {
			if m.Answer != nil {
				states[m.Subject] = m.Answer.State
			}
		}
		if len(states) > 1 {
			t.Fatalf("answers: %v", states)
		}
		return states["invoice 7"] == "sent"
	})
	if n := len(relay.mails); n > 0 {
		t.Errorf("%d more answers", n)
	}
}
