package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// mailTLS is the mail server's certificate, and where it comes from. All of it
// is nil when there is none.
type mailTLS struct {
	config *tls.Config
	// challenges answers the ACME authority over plain HTTP.
	challenges http.Handler
	// order gets the first certificate, so that no client waits for it; then TLS is ready.
	order func() error
	ready func() bool
}

func openMailTLS(s settings, log *slog.Logger) (mailTLS, error) {
	switch {
	case s.ACMEAddr != "":
		return acmeTLS(s), nil
	case s.MailCert != "":
		files := &certificateFiles{cert: s.MailCert, key: s.MailKey, log: log}
		_, err := files.get(nil)
		return mailTLS{config: &tls.Config{GetCertificate: files.get, MinVersion: tls.VersionTLS12}}, err
	}
	return mailTLS{}, nil
}

// certificateFiles is a certificate that somebody else renews.
type certificateFiles struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	loaded  *tls.Certificate
	changed [2]time.Time // of the files when they were read
}

// get reads the files again when they have changed. What cannot be used, such
// as a new certificate whose key is not there yet, leaves the old one in use.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed, err := f.lastChange()
	if err == nil && f.loaded != nil && changed == f.changed {
		return f.loaded, nil
	}
	var fresh tls.Certificate
	if err == nil {
		fresh, err = tls.LoadX509KeyPair(f.cert, f.key)
	}
	if err == nil {
		f.loaded, f.changed = &fresh, changed
		f.log.Info("mail certificate read", "names", fresh.Leaf.DNSNames, "expires", fresh.Leaf.NotAfter)
		return f.loaded, nil
	}
	if f.loaded == nil {
		return nil, fmt.Errorf("read the mail certificate: %w", err)
	}
	f.log.Error("new mail certificate cannot be used, the old one stays", "error", err)
	return f.loaded, nil
}

func (f *certificateFiles) lastChange() (changed [2]time.Time, err error) {
	for at, path := range []string{f.cert, f.key} {
		info, err := os.Stat(path)
		if err != nil {
			return changed, err
		}
		changed[at] = info.ModTime()
	}
	return changed, nil
}

// acmeTLS orders the certificate from an ACME authority (RFC 8555), keeps it in
// the data directory and renews it. Mail servers often do not say which name they
// want: it is always ours.
func acmeTLS(s settings) mailTLS {
	manager := &autocert.Manager{
		Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(s.MailHost),
		Cache: autocert.DirCache(filepath.Join(s.DataDir, "acme")), Client: &acme.Client{DirectoryURL: s.ACMEDirectory},
	}
	get := func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		named := *hello
		named.ServerName, named.SupportedProtos = s.MailHost, nil
		return manager.GetCertificate(&named)
	}
	var ready atomic.Bool
	order := func() error { // as a modern client would
		_, err := get(&tls.ClientHelloInfo{CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
		if err != nil {
			return fmt.Errorf("order the mail certificate: %w", err)
		}
		ready.Store(true)
		return nil
	}
	return mailTLS{
		config:     &tls.Config{GetCertificate: get, MinVersion: tls.VersionTLS12},
		challenges: manager.HTTPHandler(nil), order: order, ready: ready.Load,
	}
}

// orderCertificate tries until there is one; mail is taken without TLS meanwhile.
func (n *node) orderCertificate(ctx context.Context) {
	for wait := time.Minute; n.mailTLS.order != nil; wait = min(2*wait, time.Hour) {
		err := n.mailTLS.order()
		if err == nil {
			n.log.Info("mail certificate is ready", "host", n.settings.MailHost)
			return
		}
		n.log.Error("mail certificate is not ready, mail goes on without TLS", "error", err, "again_in", wait)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}
