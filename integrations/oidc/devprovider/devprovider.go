// Package devprovider is an OpenID Connect provider for development: whoever
// reaches it may be anybody. It therefore answers requests from this machine to
// this machine alone, and belongs behind a listener on a loopback address.
//
// It speaks the real protocol: discovery, the authorization code flow with
// PKCE (S256 only), tokens signed with RS256 and their keys. A code is good once, for a minute.
package devprovider

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Config is the provider and its one client.
type Config struct {
	Issuer       string // http://127.0.0.1:PORT
	ClientID     string
	ClientSecret string
	RedirectURL  string
	Suggested    string // the address that its page suggests
	// Claims may change what a token says, for tests of clients.
	Claims func(map[string]any)
}

// Provider answers HTTP requests.
type Provider struct {
	cfg    Config
	key    *rsa.PrivateKey
	signer jose.Signer
	page   *template.Template
	routes http.Handler

	mu    sync.Mutex
	codes map[string]grant
}

// grant is what a code is good for.
type grant struct {
	email, name, nonce, challenge string
	until                         time.Time
}

const (
	keyBits = 2048
	keyID   = "dev"
	codeTTL = time.Minute
)

// New makes a provider with a key of its own.
func New(cfg Config) (*Provider, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("make the development provider's key: %w", err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: keyID}}, nil)
	if err != nil {
		return nil, fmt.Errorf("make the development provider's signer: %w", err)
	}
	p := &Provider{cfg: cfg, key: key, signer: signer, codes: map[string]grant{}, page: template.Must(template.New("page").Parse(page))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.ask)
	mux.HandleFunc("POST /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	// Another site must not press the button.
	p.routes = http.NewCrossOriginProtection().Handler(mux)
	return p, nil
}

// ServeHTTP refuses whatever is not from this machine to this machine. The
// host's name is checked against pages whose name was bound to this address.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !loopback(r.RemoteAddr) || !loopback(r.Host) {
		http.Error(w, "This provider is for the machine it runs on.", http.StatusForbidden)
		return
	}
	p.routes.ServeHTTP(w, r)
}

func loopback(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"issuer": p.cfg.Issuer, "authorization_endpoint": p.cfg.Issuer + "/authorize", "token_endpoint": p.cfg.Issuer + "/token",
		"jwks_uri": p.cfg.Issuer + "/keys", "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
	})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: keyID, Algorithm: "RS256", Use: "sig"}}})
}

const page = `<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Development sign-in</title><meta name="viewport" content="width=device-width, initial-scale=1">
<h1>Development sign-in</h1>
<p>This takes the place of Google on this machine. You may be anybody.</p>
<form method="post">
<p><label>Email <input name="email" type="email" value="{{.Suggested}}" required></label></p>
<p><label>Name <input name="name" value="Ada Developer"></label></p>
<p><button>Continue</button></p>
</form>
`

// ask shows a form for whom to be. What it needs of the request stays in its address.
func (p *Provider) ask(w http.ResponseWriter, r *http.Request) {
	if problem := p.wrong(r.URL.Query()); problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	_ = p.page.Execute(w, p.cfg) // a broken connection has nobody to be told
}

// wrong says what is wrong with a request to sign somebody in.
func (p *Provider) wrong(query url.Values) string {
	switch {
	case query.Get("client_id") != p.cfg.ClientID:
		return "unknown client"
	case query.Get("redirect_uri") != p.cfg.RedirectURL:
		return "another redirect_uri than the registered one"
	case query.Get("response_type") != "code" || !strings.Contains(" "+query.Get("scope")+" ", " openid "):
		return "only response_type=code with the scope openid"
	case query.Get("code_challenge_method") != "S256" || query.Get("code_challenge") == "":
		return "code_challenge with the method S256 is needed"
	}
	return ""
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if problem := p.wrong(query); problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = grant{
		email: r.PostFormValue("email"), name: r.PostFormValue("name"), nonce: query.Get("nonce"), challenge: query.Get("code_challenge"), until: time.Now().Add(codeTTL),
	}
	p.mu.Unlock()
	back := url.Values{"code": {code}, "state": {query.Get("state")}}
	http.Redirect(w, r, p.cfg.RedirectURL+"?"+back.Encode(), http.StatusSeeOther)
}

// token trades a code in (RFC 6749, 4.1.3).
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if id != p.cfg.ClientID || subtle.ConstantTimeCompare([]byte(secret), []byte(p.cfg.ClientSecret)) != 1 {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	p.mu.Lock()
	granted, known := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	proved := base64.RawURLEncoding.EncodeToString(sum[:]) == granted.challenge
	if !known || !proved || time.Now().After(granted.until) || r.PostFormValue("redirect_uri") != p.cfg.RedirectURL || r.PostFormValue("grant_type") != "authorization_code" {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	token, err := p.sign(granted)
	if err != nil {
		http.Error(w, "the token could not be signed", http.StatusInternalServerError)
		return
	}
	answer(w, http.StatusOK, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": int(codeTTL / time.Second), "id_token": token})
}

func (p *Provider) sign(granted grant) (string, error) {
	// One address is always one person.
	subject := sha256.Sum256([]byte(strings.ToLower(granted.email)))
	claims := map[string]any{
		"iss": p.cfg.Issuer, "aud": p.cfg.ClientID, "sub": hex.EncodeToString(subject[:10]), "nonce": granted.nonce,
		"iat": time.Now().Unix(), "exp": time.Now().Add(codeTTL).Unix(), "email": granted.email, "email_verified": true, "name": granted.name,
	}
	if p.cfg.Claims != nil {
		p.cfg.Claims(claims)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := p.signer.Sign(body)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a broken connection has nobody to be told
}
