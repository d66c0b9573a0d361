package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/integrations/oidc"
	"github.com/docuflow/docuflow/integrations/oidc/devprovider"
	"github.com/docuflow/docuflow/integrations/relay"
	"github.com/docuflow/docuflow/web"
)

// entrance is how people get in.
type entrance struct {
	OIDCIssuer       string `env:"DOCUFLOW_OIDC_ISSUER" default:"https://accounts.google.com" help:"OpenID Connect provider that people sign in with."`
	OIDCClientID     string `env:"DOCUFLOW_OIDC_CLIENT_ID" help:"This server's client id there. Without it people sign in by mailed links."`
	OIDCClientSecret secret `env:"DOCUFLOW_OIDC_CLIENT_SECRET" help:"Its secret."`
	SignUp           string `env:"DOCUFLOW_SIGN_UP" default:"open" enum:"open,invited" help:"open: whoever signs in for the first time gets a workspace. invited: newcomers need an invitation."`

	SMTPRelay secret `env:"DOCUFLOW_SMTP_RELAY" help:"Mail server that mail goes out through: sign-in links, invitations, answers to senders. Like smtps://user:password@smtp.example.com:465, or smtp:// for STARTTLS. Without it no mail is sent; docuflow dev prints links instead."`
	SMTPFrom  string `env:"DOCUFLOW_SMTP_FROM" help:"Who that mail is from, like DocuFlow <docuflow@example.com>. Default: no-reply at the mail domain."`
}

// callbackPath is where providers send people back to, registered there with
// the public URL before it.
const callbackPath = "/sign-in/callback"

func (s settings) checkEntrance(report func(bool, string, ...any)) {
	issuer, err := url.Parse(s.OIDCIssuer)
	report(s.OIDCClientID != "" && (err != nil || issuer.Host == "" || issuer.Scheme != "https" && issuer.Scheme != "http"), "DOCUFLOW_OIDC_ISSUER: %q is not a web address", s.OIDCIssuer)
	_, err = s.relay()
	report(err != nil, "DOCUFLOW_SMTP_RELAY and DOCUFLOW_SMTP_FROM: %v", err)
}

// sender is who letters come from.
func (s settings) sender() string {
	if s.SMTPFrom != "" {
		return s.SMTPFrom
	}
	return "DocuFlow <no-reply@" + s.MailDomain + ">"
}

// provider is what people sign in with, or nil.
func (s settings) provider() web.Provider {
	if s.OIDCClientID == "" {
		return nil
	}
	config := oidc.Config{
		Issuer: s.OIDCIssuer, ClientID: s.OIDCClientID, ClientSecret: string(s.OIDCClientSecret), RedirectURL: strings.TrimSuffix(s.PublicURL, "/") + callbackPath,
	}
	if s.devProvider {
		config.Account, config.Title = "development", "a development account"
	}
	return oidc.New(config)
}

// relay is where mail goes out, nil when none does.
func (s settings) relay() (*relay.Relay, error) {
	if s.SMTPRelay == "" {
		return nil, nil //nolint:nilnil // nowhere is what it means
	}
	return relay.New(string(s.SMTPRelay), s.sender())
}

// letters is what mails people, or nil.
func (n *node) letters() web.Letters {
	switch {
	case n.relay != nil:
		return n.relay
	case n.settings.development:
		return printed{n.log}
	}
	return nil
}

// printed prints letters instead of mailing them: for whoever develops.
type printed struct{ log *slog.Logger }

// Send prints a letter.
func (p printed) Send(_ context.Context, letter domain.Letter) error {
	p.log.Info("a letter", "to", letter.To, "subject", letter.Subject, "text", letter.Text)
	return nil
}

func (s settings) arrival() domain.Arrival {
	return domain.Arrival{SignUp: s.SignUp == "open", MailDomain: s.MailDomain}
}

// startDevProvider runs a provider that lets everybody in as anybody, on a
// loopback address that only this machine can reach, and makes it this
// server's provider. It does nothing when there is a real one.
func startDevProvider(s settings, suggested string) (settings, func(), error) {
	if s.OIDCClientID != "" {
		return s, func() {}, nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return s, nil, fmt.Errorf("start the development provider: %w", err)
	}
	s.OIDCIssuer, s.OIDCClientID, s.OIDCClientSecret, s.devProvider = "http://"+listener.Addr().String(), "docuflow", secret(rand.Text()), true
	provider, err := devprovider.New(devprovider.Config{
		Issuer: s.OIDCIssuer, ClientID: s.OIDCClientID, ClientSecret: string(s.OIDCClientSecret),
		RedirectURL: strings.TrimSuffix(s.PublicURL, "/") + callbackPath, Suggested: suggested,
	})
	if err != nil {
		listener.Close()
		return s, nil, err
	}
	server := &http.Server{Handler: provider, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close
	return s, func() { _ = server.Close() }, nil
}
