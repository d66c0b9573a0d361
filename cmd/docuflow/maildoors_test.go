package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// selfSigned writes a certificate for a name, with its key.
func selfSigned(t *testing.T, certFile, keyFile, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	log := &bytes.Buffer{}
	files := &certificateFiles{cert: filepath.Join(dir, "cert"), key: filepath.Join(dir, "key"), log: slog.New(slog.NewTextHandler(log, nil))}
	if _, err := files.get(nil); err == nil {
		t.Error("no files, no error")
	}
	wantName := func(want string) {
		t.Helper()
		certificate, err := files.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := certificate.Leaf.DNSNames[0]; got != want {
			t.Errorf("certificate for %s, want %s", got, want)
		}
	}
	changeAt := func(at time.Time) { // file systems may be too coarse to notice
		for _, path := range []string{files.cert, files.key} {
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	selfSigned(t, files.cert, files.key, "first.test")
	wantName("first.test")
	selfSigned(t, files.cert, files.key, "second.test")
	changeAt(time.Now().Add(time.Minute))
	wantName("second.test")
	if err := os.WriteFile(files.cert, []byte("half a certi"), 0o600); err != nil {
		t.Fatal(err)
	}
	changeAt(time.Now().Add(2 * time.Minute))
	wantName("second.test")
	if !strings.Contains(log.String(), "the old one stays") {
		t.Errorf("nobody is told: %s", log)
	}
	selfSigned(t, files.cert, files.key, "third.test")
	changeAt(time.Now().Add(3 * time.Minute))
	wantName("third.test")
}

func TestMailSettings(t *testing.T) {
	for args, complaint := range map[string]string{
		"":                           "",
		"--submission-addr=:465":     "DOCUFLOW_SUBMISSION_ADDR: needs",
		"--mail-cert=a":              "one does not go without the other",
		"--mail-cert=a --mail-key=b": "",
		"--submission-addr=:465 --mail-cert=a --mail-key=b": "",
		"--mail-cert=a --mail-key=b --acme-addr=:80":        "not from both",
		"--lmtp-addr=/run/docuflow/lmtp":                    "",
		"--lmtp-addr=run/lmtp":                              "not host:port",
		"--submission-addr=/run/x --acme-addr=:80":          "not host:port",
		"--mail-rates=client=0":                             "client must be at least 1",
		"--mail-rates=clients=5":                            `no rate "clients"`,
		"--mail-rates=client=5":                             "",
		"--mail-proxies=10.0.0.0/8,fd00::/8":                "",
	} {
		var s settings
		parser, err := kong.New(&s, kong.Vars{"data_dir": "d", "filed_names": "n"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(strings.Fields(args)); err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		_, err = s.complete()
		if complaint == "" && err != nil || complaint != "" && (err == nil || !strings.Contains(err.Error(), complaint)) {
			t.Errorf("%s: %v, want %q", args, err, complaint)
		}
		if strings.Contains(args, "proxies") && len(s.MailProxies) != 2 {
			t.Errorf("%s: %v", args, s.MailProxies)
		}
		if strings.Contains(args, "client=5") && (s.mailRate("client") != 5 || s.mailRate("network") != 1200) {
			t.Errorf("%s: %v", args, s.MailRates)
		}
	}
}

// A program that was killed leaves its socket behind.
func TestUnixSocketIsFoundAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lmtp")
	first, err := listenAt(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listenAt(path); err != syscall.EADDRINUSE { //nolint:errorlint // exactly this
		t.Errorf("a socket in use: %v", err)
	}
	first.(*net.UnixListener).SetUnlinkOnClose(false)
	first.Close()
	second, err := listenAt(path)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
}

// The whole program, through its other doors: a person with a token of the
// workspace, and a mail server in front.
func TestOtherDoors(t *testing.T) {
	dir := newDataDir(t)
	cert, key, socket := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "lmtp")
	selfSigned(t, cert, key, "in.docuflow.localhost")
	submission := freeAddress(t)
	p := start(t, dir, "DOCUFLOW_SUBMISSION_ADDR="+submission, "DOCUFLOW_LMTP_ADDR="+socket, "DOCUFLOW_MAIL_CERT="+cert, "DOCUFLOW_MAIL_KEY="+key)

	insecure := &tls.Config{InsecureSkipVerify: true} // the certificate is its own
	client, err := smtp.DialTLS(submission, insecure)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const raw = "From: you@example.test\r\nSubject: nothing in it\r\n\r\nHello\r\n"
	if err := client.SendMail("you@example.test", []string{p.Address}, strings.NewReader(raw)); err == nil || !strings.Contains(err.Error(), "sign in first") {
		t.Errorf("without signing in: %v", err)
	}
	if err := client.Auth(sasl.NewPlainClient("", "me", "dfl_wrong")); err == nil {
		t.Error("a wrong token was taken")
	}
	if err := client.Auth(sasl.NewPlainClient("", "me", p.Token)); err != nil {
		t.Fatal(err)
	}
	if err := client.SendMail("you@example.test", []string{"friend@elsewhere.test"}, strings.NewReader(raw)); err == nil || !strings.Contains(err.Error(), "own workspace only") {
		t.Errorf("relayed: %v", err)
	}
	if err := client.Reset(); err != nil {
		t.Error(err)
	}
	if err := client.SendMail("you@example.test", []string{p.Address}, strings.NewReader(raw)); err != nil {
		t.Error(err)
	}

	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	front := smtp.NewClientLMTP(conn)
	defer front.Close()
	if err := front.SendMail("you@example.test", []string{p.Address}, strings.NewReader(raw)); err != nil {
		t.Error(err)
	}

	starting, err := smtp.DialStartTLS(p.SMTP, insecure)
	if err != nil {
		t.Fatal(err)
	}
	defer starting.Close()
	if err := starting.SendMail("you@example.test", []string{p.Address}, strings.NewReader(raw)); err != nil {
		t.Error(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return fmt.Sprint(listener.Addr())
}
