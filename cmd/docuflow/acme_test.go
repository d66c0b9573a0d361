package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority speaks ACME (RFC 8555) as far as one order goes. It asks the
// challenge of the address under test, whatever the name; it does not check signatures.
type authority struct {
	t          *testing.T
	url        string
	challenges string // where the mail host answers
	refuse     bool

	mu     sync.Mutex
	orders int
	valid  bool
	issued []byte
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Replay-Nonce", rand.Text())
	var signed struct{ Payload string }
	body, _ := io.ReadAll(r.Body)
	json.Unmarshal(body, &signed)
	payload, _ := base64.RawURLEncoding.DecodeString(signed.Payload)
	answer := func(status int, value any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(value)
	}
	switch r.URL.Path {
	case "/directory":
		answer(200, map[string]string{"newNonce": a.url + "/nonce", "newAccount": a.url + "/account", "newOrder": a.url + "/order", "revokeCert": a.url + "/x", "keyChange": a.url + "/x"})
	case "/nonce":
	case "/account":
		w.Header().Set("Location", a.url+"/account/1")
		answer(201, map[string]string{"status": "valid"})
	case "/order":
		a.orders++
		if a.refuse {
			answer(403, map[string]string{"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "not this name"})
			return
		}
		w.Header().Set("Location", a.url+"/order/1")
		answer(201, a.order())
	case "/order/1":
		answer(200, a.order())
	case "/authz":
		answer(200, map[string]any{"status": a.state(), "identifier": map[string]string{"type": "dns", "value": "mx.docuflow.test"}, "challenges": []any{a.challenge()}})
	case "/challenge":
		a.valid = a.asksMailHost()
		answer(200, a.challenge())
	case "/finalize":
		a.issue(payload)
		w.Header().Set("Location", a.url+"/order/1")
		answer(200, a.order())
	case "/certificate":
		w.Write(a.issued)
	default:
		answer(404, map[string]string{"type": "urn:ietf:params:acme:error:malformed", "detail": r.URL.Path})
	}
}

func (a *authority) state() string {
	if a.valid {
		return "valid"
	}
	return "pending"
}

func (a *authority) challenge() map[string]string {
	return map[string]string{"type": "http-01", "url": a.url + "/challenge", "token": "the-token", "status": a.state()}
}

func (a *authority) order() map[string]any {
	status := "pending"
	if a.valid {
		status = "ready"
	}
	order := map[string]any{"authorizations": []string{a.url + "/authz"}, "finalize": a.url + "/finalize"}
	if a.issued != nil {
		status, order["certificate"] = "valid", a.url+"/certificate"
	}
	order["status"] = status
	return order
}

// asksMailHost validates the challenge over HTTP, as RFC 8555 §8.3 says.
func (a *authority) asksMailHost() bool {
	request, _ := http.NewRequest(http.MethodGet, a.challenges+"/.well-known/acme-challenge/the-token", nil)
	request.Host = "mx.docuflow.test"
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Error(err)
		return false
	}
	defer response.Body.Close()
	content, _ := io.ReadAll(response.Body)
	return strings.HasPrefix(string(content), "the-token.")
}

func (a *authority) issue(payload []byte) {
	var request struct{ CSR string }
	json.Unmarshal(payload, &request)
	der, _ := base64.RawURLEncoding.DecodeString(request.CSR)
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		a.t.Error(err)
		return
	}
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: csr.DNSNames, NotAfter: time.Now().Add(90 * 24 * time.Hour)}
	issued, err := x509.CreateCertificate(rand.Reader, template, template, csr.PublicKey, key)
	if err != nil {
		a.t.Error(err)
	}
	a.issued = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issued})
}

func TestACME(t *testing.T) {
	a := newAuthority(t)
	s := settings{DataDir: t.TempDir(), mailing: mailing{MailHost: "mx.docuflow.test", ACMEAddr: "127.0.0.1:0", ACMEDirectory: a.url + "/directory"}}
	open := func() mailTLS {
		opened, err := openMailTLS(s, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		challenges := httptest.NewServer(opened.challenges)
		t.Cleanup(challenges.Close)
		a.challenges = challenges.URL
		return opened
	}
	first := open()
	if first.ready() {
		t.Error("TLS is offered before there is a certificate")
	}
	if err := first.order(); err != nil {
		t.Fatal(err)
	}
	if !first.ready() {
		t.Error("TLS is not offered")
	}
	for _, name := range []string{"", "mx.docuflow.test", "192.0.2.1", "another.test"} { // what mail servers say
		hello := &tls.ClientHelloInfo{ServerName: name, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
		certificate, err := first.config.GetCertificate(hello)
		if err != nil || certificate.Leaf.VerifyHostname("mx.docuflow.test") != nil {
			t.Errorf("asked for %q: %v", name, err)
		}
	}
	// After a restart the certificate is there.
	if err := open().order(); err != nil {
		t.Error(err)
	}
	if a.orders != 1 {
		t.Errorf("%d orders", a.orders)
	}
}

// Without a certificate mail goes on, and orderCertificate ends with the server.
func TestACMERefuses(t *testing.T) {
	a := newAuthority(t)
	a.refuse = true
	s := settings{DataDir: t.TempDir(), mailing: mailing{MailHost: "mx.docuflow.test", ACMEAddr: "127.0.0.1:0", ACMEDirectory: a.url + "/directory"}}
	opened, err := openMailTLS(s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.order(); err == nil || !strings.Contains(err.Error(), "order the mail certificate") {
		t.Errorf("got %v", err)
	}
	log := &output{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		(&node{settings: s, mailTLS: opened, log: slog.New(slog.NewTextHandler(log, nil))}).orderCertificate(ctx)
		close(ended)
	}()
	for !strings.Contains(fmt.Sprint(log), "goes on without TLS") {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-ended
}
