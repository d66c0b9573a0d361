package main

import (
	"encoding/base64"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// A mail that arrives in a mailbox elsewhere is filed like one that was sent here.
func TestMailboxElsewhere(t *testing.T) {
	memory, user := imapmemserver.New(), imapmemserver.NewUser("me", "secret")
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	memory.AddUser(user)
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return memory.NewSession(), nil, nil
		},
		Caps: imap.CapSet{imap.CapIMAP4rev1: {}}, InsecureAuth: true, Logger: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })

	dir := newDataDir(t)
	first := start(t, dir) // to learn the address
	first.kill()
	p := start(t, dir, "DOCUFLOW_IMAP_ADDR="+listener.Addr().String(), "DOCUFLOW_IMAP_SECURITY=off", "DOCUFLOW_IMAP_USER=me",
		"DOCUFLOW_IMAP_PASSWORD=secret", "DOCUFLOW_IMAP_EVERY=1s", "DOCUFLOW_IMAP_TO="+first.Address)
	database := p.superuser()
	p.until("the mailbox was looked into", func() bool {
		var looked bool
		err := database.QueryRow(t.Context(), "SELECT count(*) > 0 FROM mailboxes WHERE uid_validity > 0").Scan(&looked)
		return err == nil && looked
	})
	mail := "From: a@b.example\r\nMessage-ID: <imap@b.example>\r\nContent-Type: application/pdf; name=fetched.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString(invoicePDF("M-1")) + "\r\n"
	if _, err := user.Append("INBOX", literal{strings.NewReader(mail)}, &imap.AppendOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := p.rest("fetched.pdf"); got.Status != "COMPLETED" || got.InvoiceNumber == nil || *got.InvoiceNumber != "M-1" {
		t.Errorf("got %+v", got)
	}
}

// literal is a text with its size, as IMAP wants it.
type literal struct{ *strings.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }
