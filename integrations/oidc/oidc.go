// Package oidc signs people in with Google or any other OpenID Connect
// provider: the authorization code flow with PKCE (RFC 7636), a state and a
// nonce. Nothing but the provider's word on who somebody is comes out of it; access tokens
// are thrown away.
package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/docuflow/docuflow/domain"
)

// Google is the issuer of Google accounts.
const Google = "https://accounts.google.com"

// Config is a provider and this server as its client.
type Config struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	// RedirectURL is where the provider sends people back; it must be registered there.
	RedirectURL string
	// Account names the provider among a user's accounts and never changes.
	// Empty: the issuer.
	Account string
	// Title names it to people. Empty: Google, or the issuer's host.
	Title string
}

// Provider signs people in. It learns the provider's addresses and keys when
// the first person comes, and keeps them.
type Provider struct {
	cfg    Config
	client *http.Client

	mu   sync.Mutex
	oidc *oidc.Provider // nil until the provider has answered
}

const timeout = 10 * time.Second // of each request to the provider

// New makes a provider. Nothing is asked of it yet.
func New(cfg Config) *Provider {
	if cfg.Account == "" {
		cfg.Account = cfg.Issuer
	}
	return &Provider{cfg: cfg, client: &http.Client{Timeout: timeout}}
}

// Title names the provider to people.
func (p *Provider) Title() string {
	if p.cfg.Title != "" {
		return p.cfg.Title
	}
	if p.cfg.Issuer == Google {
		return "Google"
	}
	issuer, err := url.Parse(p.cfg.Issuer)
	if err != nil || issuer.Host == "" {
		return p.cfg.Issuer
	}
	return issuer.Hostname()
}

// Begin returns where a browser goes to sign in. The three values are secrets
// of that browser: state comes back with it, nonce in the token, and verifier is shown
// when the code is traded in.
func (p *Provider) Begin(ctx context.Context, state, nonce, verifier string) (string, error) {
	provider, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	// Who has several accounts should see which one is used.
	return p.oauth(provider).AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("prompt", "select_account")), nil
}

// Finish trades the code in and returns whom the provider has proved. An error
// is a domain.Failure with a sentence for that person.
func (p *Provider) Finish(ctx context.Context, code, nonce, verifier string) (domain.Identity, error) {
	provider, err := p.discover(ctx)
	if err != nil {
		return domain.Identity{}, err
	}
	tokens, err := p.oauth(provider).Exchange(oidc.ClientContext(ctx, p.client), code, oauth2.VerifierOption(verifier))
	if refusal, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refusal.Response != nil && refusal.Response.StatusCode < http.StatusInternalServerError {
		return domain.Identity{}, p.refused(err)
	}
	if err != nil {
		return domain.Identity{}, p.away(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	token, err := provider.VerifierContext(oidc.ClientContext(ctx, p.client), &oidc.Config{ClientID: p.cfg.ClientID}).Verify(ctx, raw)
	if err != nil {
		return domain.Identity{}, p.refused(err)
	}
	if token.Nonce != nonce {
		return domain.Identity{}, p.refused(errors.New("the token has another nonce"))
	}
	return p.identity(token)
}

func (p *Provider) identity(token *oidc.IDToken) (domain.Identity, error) {
	var claims struct {
		Email    string `json:"email"`
		Verified any    `json:"email_verified"` // some providers send a text
		Name     string `json:"name"`
	}
	if err := token.Claims(&claims); err != nil {
		return domain.Identity{}, p.refused(err)
	}
	email, err := domain.CanonicalAddress(claims.Email)
	if err != nil {
		return domain.Identity{}, domain.Permanent("no_address", p.Title()+" did not tell us your mail address. Allow it there, then try again.", err)
	}
	// An address that somebody merely claims could be another user's.
	if claims.Verified != true && claims.Verified != "true" {
		return domain.Identity{}, domain.Permanent("unverified_address", p.Title()+" has not verified that "+email+" is yours. Verify it there, then try again.", nil)
	}
	return domain.Identity{Provider: p.cfg.Account, Subject: token.Subject, Email: email, Name: oneLine(claims.Name)}, nil
}

const maxName = 100

// oneLine keeps a name from being anything else.
func oneLine(name string) string {
	runes := []rune(strings.Join(strings.Fields(name), " "))
	return string(runes[:min(len(runes), maxName)])
}

func (p *Provider) oauth(provider *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, RedirectURL: p.cfg.RedirectURL,
		Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}
}

// discover reads the provider's addresses once (OpenID Connect Discovery 1.0).
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.oidc != nil {
		return p.oidc, nil
	}
	// The keys are fetched with this context later on: it must not end with the request.
	provider, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.cfg.Issuer)
	if err != nil {
		return nil, p.away(err)
	}
	p.oidc = provider
	return provider, nil
}

func (p *Provider) away(err error) error {
	return domain.Temporary("sign_in_away", p.Title()+" does not answer right now. Nothing was changed. Try again in a minute.", err)
}

func (p *Provider) refused(err error) error {
	return domain.Permanent("sign_in_refused", p.Title()+" did not confirm this sign-in. Nothing was changed. Begin again.", err)
}
