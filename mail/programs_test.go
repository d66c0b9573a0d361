package mail_test

import (
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/mail"
)

// needProgram skips a test on a laptop and fails it in CI.
func needProgram(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("missing: ", err)
	}
	if err != nil {
		t.Skip("NOT TESTED, missing: ", err)
	}
	return path
}

// doors opens all doors of one server to real programs.
func doors(t *testing.T) (smtp, submission, lmtp, authority string, to *inbox) {
	to = &inbox{}
	cfg := mail.Config{TLS: testTLS(t), Tokens: tokens{"good": nil}}
	server := start(t, cfg, to)
	certificate, err := testCertificate()
	if err != nil {
		t.Fatal(err)
	}
	authority = filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	submitting := startDoor(t, cfg, to, (*mail.Server).ServeSubmission)
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "lmtp"))
	if err != nil {
		t.Fatal(err)
	}
	go server.ServeLMTP(listener)
	return server.address, submitting.address, listener.Addr().String(), authority, to
}

// Python's smtplib is what most scripts send with.
const pythonClient = `
import smtplib, ssl, sys
from email.message import EmailMessage
smtp, submission, lmtp, authority = sys.argv[1:]
context = ssl.create_default_context(cafile=authority)
context.check_hostname = False  # it connects to 127.0.0.1
def message(way):
    m = EmailMessage()
    m["From"], m["To"], m["Subject"] = "billing@vendor.test", "invoices@docuflow.test", "by " + way
    m.set_content("Hello\n.\n..\nblåbær\n")
    m.add_attachment(bytes(range(256)) * 400, maintype="application", subtype="pdf", filename="a.pdf")
    return m
def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)
with smtplib.SMTP(*address(smtp)) as s:
    s.send_message(message("smtp"))
    refused = s.sendmail("a@b.test", ["bills@docuflow.test", "nobody@docuflow.test"], "Subject: by list\r\n\r\nx\r\n")
    assert refused["nobody@docuflow.test"][0] == 550, refused
with smtplib.SMTP(*address(smtp)) as s:
    s.starttls(context=context)
    s.send_message(message("starttls"))
with smtplib.SMTP_SSL(*address(submission), context=context) as s:
    try:
        s.login("anybody", "bad")
        raise SystemExit("a bad password was taken")
    except smtplib.SMTPAuthenticationError as e:
        assert e.smtp_code == 535, e
    s.login("anybody", "good")
    s.send_message(message("submission"))
with smtplib.LMTP(lmtp) as s:
    s.send_message(message("lmtp"))
`

func TestPythonSends(t *testing.T) {
	python := needProgram(t, "python3")
	smtp, submission, lmtp, authority, to := doors(t)
	if out, err := exec.CommandContext(t.Context(), python, "-c", pythonClient, smtp, submission, lmtp, authority).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantSubjects(t, to, "by smtp", "by list", "by starttls", "by submission", "by lmtp")
}

func TestSwaksSends(t *testing.T) {
	swaks := needProgram(t, "swaks")
	if out, err := exec.CommandContext(t.Context(), "perl", "-MNet::SSLeay", "-e", "1").CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("missing, for TLS in swaks: %s", out)
		}
		t.Skipf("NOT TESTED, missing, for TLS in swaks: %s", out)
	}
	smtp, submission, lmtp, _, to := doors(t)
	for _, c := range []struct {
		way  string
		args []string
		code string // of the refusal
	}{
		{"smtp", []string{"--server", smtp}, ""},
		{"pipelined", []string{"--server", smtp, "--pipeline"}, ""},
		{"starttls", []string{"--server", smtp, "--tls"}, ""},
		{"submission", []string{"--server", submission, "--tls-on-connect", "--auth", "LOGIN", "--auth-user", "anybody", "--auth-password", "good"}, ""},
		{"plain", []string{"--server", submission, "--tls-on-connect", "--auth", "PLAIN", "--auth-user", "anybody", "--auth-password", "good"}, ""},
		{"lmtp", []string{"--socket", lmtp, "--protocol", "LMTP"}, ""},
		{"nobody", []string{"--server", smtp, "--to", "nobody@docuflow.test"}, "550 5.1.1"},
		{"bad", []string{"--server", submission, "--tls-on-connect", "--auth", "PLAIN", "--auth-user", "anybody", "--auth-password", "bad"}, "535 5.7.8"},
	} {
		args := append([]string{"--from", "billing@vendor.test", "--to", "invoices@docuflow.test", "--helo", "client.test", "--header", "Subject: by " + c.way}, c.args...)
		out, err := exec.CommandContext(t.Context(), swaks, args...).CombinedOutput()
		if c.code == "" && err != nil || c.code != "" && (err == nil || !strings.Contains(string(out), c.code)) {
			t.Errorf("by %s: %v\n%s", c.way, err, out)
		}
	}
	wantSubjects(t, to, "by smtp", "by pipelined", "by starttls", "by submission", "by plain", "by lmtp")
}

func wantSubjects(t *testing.T, to *inbox, want ...string) {
	t.Helper()
	got := to.contents()
	if len(got) != len(want) {
		t.Fatalf("kept %d mails, want %d", len(got), len(want))
	}
	for at, raw := range got {
		if !strings.Contains(raw, "Subject: "+want[at]+"\r\n") {
			t.Errorf("mail %d is not %q: %.200q", at, want[at], raw)
		}
	}
}
