package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// handed is what the email worker made of a mail.
type handed struct {
	Outcome string `json:"outcome"` // delivered, rejected or threw
	Reason  string `json:"reason"`
}

// hand gives a mail to the email worker, as Cloudflare would.
func hand(t *testing.T, url, secret, from, to, raw string) (h handed) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "raw")
	if err := os.WriteFile(file, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "../../deploy/cloudflare-email-worker/stub.js", from, to, file)
	node.Env = append(os.Environ(), "DOCUFLOW_URL="+url, "DOCUFLOW_INBOUND_SECRET="+secret)
	var complaint strings.Builder
	node.Stderr = &complaint
	output, err := node.Output()
	if err != nil {
		t.Fatalf("node: %v: %s", err, &complaint)
	}
	if err := json.Unmarshal(output, &h); err != nil {
		t.Fatalf("%s: %v", output, err)
	}
	return h
}

const invoiceMail = "From: Nordwind <billing@nordwind.example>\r\nSubject: Invoice 2026-77\r\nMessage-ID: <77@nordwind.example>\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: text/html; charset=utf-8\r\n\r\n" +
	"<h1>Nordwind Hosting GmbH</h1><p>Invoice number: 2026-77</p><p>Invoice date: 2026-11-22</p><table><tr><td>Server</td><td>100.00</td></tr>" +
	"<tr><td>Total EUR</td><td>125.00</td></tr></table><img src=\"http://127.0.0.1:1/pixel.png\">\r\n"

// The email worker hands mails to the real server, and the sender's server is told the truth in every case.
func TestEmailWorker(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		missing(t, err)
	}
	secret := strings.Repeat("s", 32)
	p := start(t, newDataDir(t), "DOCUFLOW_INBOUND_SECRET="+strings.Repeat("o", 32)+","+secret, "DOCUFLOW_MAIL_LIMIT=100000")
	url := "http://" + p.HTTP
	for _, test := range []struct{ name, url, secret, from, to, raw, outcome, reason string }{
		{"invoice", url, secret, "bounce+jörg@nordwind.example", p.Address, invoiceMail, "delivered", ""},
		{"again", url, strings.Repeat("o", 32), "", strings.ToUpper(p.Address), invoiceMail, "delivered", ""},
		{"unknown recipient", url, secret, "a@b.example", "nobody@" + strings.SplitN(p.Address, "@", 2)[1], invoiceMail, "rejected", "There is no such mailbox here"},
		{"too large", url, secret, "a@b.example", p.Address, invoiceMail + strings.Repeat("x", 100_000), "rejected", "too large"},
		{"other secret", url, "wrong", "a@b.example", p.Address, invoiceMail, "threw", "401"},
		{"nobody there", "http://127.0.0.1:1", secret, "a@b.example", p.Address, invoiceMail, "threw", ""},
	} {
		got := hand(t, test.url, test.secret, test.from, test.to, test.raw)
		if got.Outcome != test.outcome || !strings.Contains(got.Reason, test.reason) {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
	document := p.rest("Invoice 2026-77.html")
	if document.Status != "COMPLETED" || document.VendorName == nil || *document.VendorName != "Nordwind Hosting GmbH" || document.TotalAmount == nil || *document.TotalAmount != "125.00" {
		t.Errorf("got %+v", document)
	}
	p.until("both mails are unpacked", func() bool {
		var unpacked, duplicates int
		row := p.superuser().QueryRow(t.Context(), `SELECT count(*), count(*) FILTER (WHERE disposition = 'duplicate') FROM mails WHERE status = 'UNPACKED'`)
		if err := row.Scan(&unpacked, &duplicates); err != nil {
			t.Fatal(err)
		}
		return unpacked == 2 && duplicates == 1
	})
	if filed := p.filed(); len(filed) != 1 {
		t.Errorf("filed: %v", filed)
	}
}
