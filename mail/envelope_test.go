package mail_test

import (
	"net/mail"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	docuflow "github.com/docuflow/docuflow/mail"
)

func TestEnvelope(t *testing.T) {
	to := &inbox{}
	conn := dial(t, start(t, docuflow.Config{}, to).address)
	conn.send("EHLO first.test\r\nEHLO mail.vendor.test\r\nMAIL FROM:<Billing@Vendor.test> SMTPUTF8\r\n" +
		"RCPT TO:<invoices+travel@docuflow.test>\r\nRCPT TO:<INVOICES@docuflow.test>\r\nRCPT TO:<bills@docuflow.test>\r\nDATA\r\n")
	conn.expect("220 ", "250-", "250-", "250 ", "250 ", "250 ", "250 ", "354 ")
	conn.send("Subject: x\r\n\r\n.\r\n")
	conn.expect("250 2.6.0")
	got := to.mails[0]
	want := domain.Envelope{
		From:       "Billing@Vendor.test",
		Recipients: []string{"invoices+travel@docuflow.test", "INVOICES@docuflow.test", "bills@docuflow.test"},
		RemoteAddr: "127.0.0.1",
		Helo:       "mail.vendor.test",
	}
	if !reflect.DeepEqual(got.envelope, want) {
		t.Errorf("envelope %+v, want %+v", got.envelope, want)
	}
	// Two of the addresses lead to one mailbox, which gets the mail once.
	mailboxes := []domain.Address{{Workspace: "w", Address: "invoices@docuflow.test"}, {Workspace: "w", Address: "bills@docuflow.test"}}
	if !reflect.DeepEqual(got.to, mailboxes) {
		t.Errorf("to %v, want %v", got.to, mailboxes)
	}
	if strings.Contains(withoutReceived(got.raw), "Received") || strings.Contains(got.raw, "for <") {
		t.Errorf("one recipient is told of another: %q", got.raw)
	}
}

func TestReceivedLine(t *testing.T) {
	cases := map[string]struct{ greeting, from, want string }{
		"EHLO":   {"EHLO client.test\r\n", "<a@b.test>", "from client.test ([127.0.0.1]) by mx.docuflow.test with ESMTP id "},
		"HELO":   {"HELO client.test\r\n", "<a@b.test>", "from client.test ([127.0.0.1]) by mx.docuflow.test with SMTP id "},
		"UTF-8":  {"EHLO blåbær.test\r\n", "<ø@b.test> SMTPUTF8", "from blåbær.test ([127.0.0.1]) by mx.docuflow.test with UTF8SMTP id "},
		"forged": {"EHLO x;(by\ty)<z>\r\n", "<a@b.test>", "from x??by?y??z? ([127.0.0.1]) by mx.docuflow.test with ESMTP id "},
	}
	long := strings.Repeat("ø", 160)
	cases["long"] = struct{ greeting, from, want string }{"EHLO " + long + "øøø\r\n", "<a@b.test>", "from " + long + " ([127.0.0.1]) by "}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			to := &inbox{}
			conn := dial(t, start(t, docuflow.Config{}, to).address)
			conn.send(c.greeting + "MAIL FROM:" + c.from + "\r\nRCPT TO:<invoices@docuflow.test>\r\nDATA\r\n")
			conn.expect("220 ", "250", "250 ", "250 ", "354 ")
			conn.send("Subject: x\r\n\r\nHello\r\n.\r\n")
			reply := conn.reply()
			if len(to.mails) != 1 {
				t.Fatalf("kept %d mails, reply %q", len(to.mails), reply)
			}
			message, err := mail.ReadMessage(strings.NewReader(to.mails[0].raw))
			if err != nil {
				t.Fatal(err)
			}
			received := regexp.MustCompile(`\s+`).ReplaceAllString(message.Header.Get("Received"), " ")
			if !strings.HasPrefix(received, c.want) || !strings.Contains(received, " for <invoices@docuflow.test>; ") {
				t.Errorf("got %q, want %q", received, c.want)
			}
			reference := reply[strings.LastIndex(reply, " ")+1:]
			if !strings.Contains(received, " id "+reference+" ") {
				t.Errorf("%q does not carry the reference of the reply %q", received, reply)
			}
			_, date, _ := strings.Cut(received, "; ")
			if at, err := mail.ParseDate(date); err != nil || time.Since(at) > time.Minute {
				t.Errorf("date %q: %v", date, err)
			}
		})
	}
}

func TestAnswersAreReported(t *testing.T) {
	answers := make(chan docuflow.Answer, 2)
	cfg := docuflow.Config{MaxSize: 100, Answered: func(a docuflow.Answer) { answers <- a }}
	conn := dial(t, start(t, cfg, &inbox{}).address)
	conn.transaction()
	conn.send("DATA\r\nHello\r\n.\r\n" + envelope + "DATA\r\n")
	conn.expect("354 ", "250 ", "250 ", "250 ", "354 ")
	conn.send(strings.Repeat("x", 200) + "\r\n.\r\n")
	conn.expect("552 ")
	if a := <-answers; a.Code != 250 || a.Size != 7 || a.Took <= 0 {
		t.Errorf("accepted: %+v", a)
	}
	if a := <-answers; a.Code != 552 || a.Size > 100 {
		t.Errorf("too big: %+v", a)
	}
}

// A relay in front is not the sender's server; anybody else is.
func TestRelaysAreNotTheSendersServer(t *testing.T) {
	for network, handedOver := range map[string]bool{"127.0.0.0/8": true, "192.0.2.0/24": false} {
		to := &inbox{}
		cfg := limits
		cfg.Relays = []netip.Prefix{netip.MustParsePrefix(network)}
		conn := dial(t, startDoor(t, cfg, to, (*docuflow.Server).Serve).address)
		conn.send(hello + envelope + "DATA\r\n")
		conn.expect("220 ", "250-", "250 ", "250 ", "354 ")
		conn.send("Subject: x\r\n\r\nx\r\n.\r\n")
		conn.expect("250 2.6.0")
		if got := to.mails[0].envelope.HandedOver; got != handedOver {
			t.Errorf("%s: handed over %t", network, got)
		}
	}
}
