package mail_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jhillyerd/enmime/v2"

	"github.com/docuflow/docuflow/mail"
)

func invoice() mail.Message {
	return mail.Message{
		From:    "Ada Lovelace <ada@vendor.test>",
		To:      "Invoices <invoices@docuflow.test>",
		Subject: "Rechnung für Oktober – 1.234,50 €\r\nBcc: everybody@example.test",
		Text:    ".\nAnbei die Rechnung.\n..\n",
		Files: []mail.File{
			{Name: "Rechnung Größe ¼.pdf", MediaType: "application/pdf", Content: bytes.Repeat([]byte("%PDF-1.7\r\n.\r\n\x00\xff"), 5000)},
			{Name: "beleg.png", Content: []byte("\x89PNG\r\n\x1a\n rest")},
		},
	}
}

func TestSend(t *testing.T) {
	to := &inbox{}
	sent := invoice()
	if err := mail.Send(t.Context(), start(t, mail.Config{}, to).address, sent); err != nil {
		t.Fatal(err)
	}
	if len(to.mails) != 1 {
		t.Fatalf("kept %d mails", len(to.mails))
	}
	got := to.mails[0]
	if got.envelope.From != "ada@vendor.test" || got.envelope.Recipients[0] != "invoices@docuflow.test" {
		t.Errorf("envelope %+v", got.envelope)
	}
	read, err := enmime.ReadEnvelope(strings.NewReader(got.raw))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range read.Errors {
		t.Errorf("not proper MIME: %v", problem)
	}
	for header, want := range map[string]string{
		"From":    `"Ada Lovelace" <ada@vendor.test>`,
		"To":      `"Invoices" <invoices@docuflow.test>`,
		"Subject": "Rechnung für Oktober – 1.234,50 € Bcc: everybody@example.test",
		"Bcc":     "",
	} {
		if got := read.GetHeader(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if id := read.GetHeader("Message-ID"); !strings.HasSuffix(id, "@vendor.test>") {
		t.Errorf("Message-ID %q", id)
	}
	if date, err := read.Date(); err != nil || time.Since(date) > time.Minute {
		t.Errorf("date %v: %v", date, err)
	}
	if text := strings.ReplaceAll(read.Text, "\r\n", "\n"); text != sent.Text {
		t.Errorf("text %q, want %q", text, sent.Text)
	}
	if len(read.Attachments) != 2 {
		t.Fatalf("%d attachments", len(read.Attachments))
	}
	for i, want := range []string{"application/pdf", "image/png"} {
		part, file := read.Attachments[i], sent.Files[i]
		if part.FileName != file.Name || part.ContentType != want || !bytes.Equal(part.Content, file.Content) {
			t.Errorf("attachment %q, %s, %d octets; want %q, %s, %d", part.FileName, part.ContentType, len(part.Content), file.Name, want, len(file.Content))
		}
	}
}

func TestSendSaysWhatTheServerAnswered(t *testing.T) {
	cases := map[string]struct {
		cfg  mail.Config
		to   *inbox
		edit func(*mail.Message)
		want string
	}{
		"unknown recipient": {want: "the recipient nobody@docuflow.test was refused: There is no such mailbox here, please check the address (reference ",
			edit: func(m *mail.Message) { m.To = "nobody@docuflow.test" }},
		"too big":      {cfg: mail.Config{MaxSize: 1 << 10}, want: "the mail was refused: The mail is too large, the limit is 1024 octets"},
		"storage":      {to: &inbox{accept: func() error { return errors.New("disk on fire") }}, want: "the mail was not accepted: Something went wrong on our side, please try again later (reference "},
		"no recipient": {want: `recipient "": mail: no address`, edit: func(m *mail.Message) { m.To = "" }},
		"no sender":    {want: `sender "not an address": mail: `, edit: func(m *mail.Message) { m.From = "not an address" }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c.to == nil {
				c.to = &inbox{}
			}
			m := invoice()
			if c.edit != nil {
				c.edit(&m)
			}
			err := mail.Send(t.Context(), start(t, c.cfg, c.to).address, m)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if got := c.to.contents(); len(got) > 0 {
				t.Errorf("kept %d mails", len(got))
			}
		})
	}
}

func TestSendToNobody(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent := listener.Addr().String() // takes connections and says nothing
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := mail.Send(ctx, silent, invoice()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silent server: %v, want %v", err, context.DeadlineExceeded)
	}
	listener.Close()
	if err := mail.Send(t.Context(), silent, invoice()); err == nil || !strings.Contains(err.Error(), "connect to mail server") {
		t.Errorf("no server: %v", err)
	}
}
