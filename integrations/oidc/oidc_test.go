package oidc_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/integrations/oidc"
	"github.com/docuflow/docuflow/integrations/oidc/devprovider"
)

const callback = "http://127.0.0.1:1/sign-in/callback"

// world is a client and a provider that speaks the real protocol.
type world struct {
	provider *oidc.Provider
	http     *httptest.Server
	claims   func(map[string]any)
	status   int // what the provider answers to everything, unless 0
}

func newWorld(t *testing.T, change ...func(*oidc.Config)) *world {
	t.Helper()
	w := &world{}
	var handler http.Handler
	w.http = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.status != 0 {
			rw.WriteHeader(w.status)
			return
		}
		handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.http.Close)
	provider, err := devprovider.New(devprovider.Config{
		Issuer: w.http.URL, ClientID: "docuflow", ClientSecret: "s3cret", RedirectURL: callback, Suggested: "ada@example.com",
		Claims: func(claims map[string]any) {
			if w.claims != nil {
				w.claims(claims)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	handler = provider
	config := oidc.Config{Issuer: w.http.URL, ClientID: "docuflow", ClientSecret: "s3cret", RedirectURL: callback}
	for _, c := range change {
		c(&config)
	}
	w.provider = oidc.New(config)
	return w
}

// signIn goes the way of a browser and returns the code.
func (w *world) signIn(t *testing.T, email string) string {
	t.Helper()
	target, err := w.provider.Begin(t.Context(), "the-state", "the-nonce", verifier)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	page, err := client.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	shown, _ := io.ReadAll(page.Body)
	page.Body.Close()
	if page.StatusCode != http.StatusOK || !strings.Contains(string(shown), "ada@example.com") {
		t.Fatalf("the provider shows %s: %s", page.Status, shown)
	}
	response, err := client.PostForm(target, url.Values{"email": {email}, "name": {"  Ada \n Lovelace "}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	back, err := url.Parse(response.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(back.String(), callback+"?") || back.Query().Get("state") != "the-state" {
		t.Fatalf("back to %q", response.Header.Get("Location"))
	}
	return back.Query().Get("code")
}

const verifier = "a-verifier-of-at-least-forty-three-characters-long"

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	code := w.signIn(t, "Ada@Example.com")
	identity, err := w.provider.Finish(t.Context(), code, "the-nonce", verifier)
	if err != nil {
		t.Fatal(err)
	}
	if identity.Provider != w.http.URL || identity.Subject == "" || identity.Email != "ada@example.com" || identity.Name != "Ada Lovelace" {
		t.Errorf("it is %+v", identity)
	}
	refused(t, "a code that was used", func() error { _, err := w.provider.Finish(t.Context(), code, "the-nonce", verifier); return err })
	again, err := w.provider.Finish(t.Context(), w.signIn(t, "ada@example.com"), "the-nonce", verifier)
	if err != nil || again.Subject != identity.Subject {
		t.Errorf("the second time it is %+v, %v", again, err)
	}
}

func refused(t *testing.T, what string, f func() error) {
	t.Helper()
	failure, ok := errors.AsType[*domain.Failure](f())
	if !ok || !failure.Permanent || failure.Message == "" {
		t.Errorf("%s: %v", what, failure)
	}
}

func TestFinishRefusesWhatIsNotProved(t *testing.T) {
	for name, claims := range map[string]func(map[string]any){
		"another client's":    func(c map[string]any) { c["aud"] = "other" },
		"another issuer":      func(c map[string]any) { c["iss"] = "https://evil.example" },
		"expired":             func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() },
		"another nonce":       func(c map[string]any) { c["nonce"] = "other" },
		"no nonce":            func(c map[string]any) { delete(c, "nonce") },
		"unverified address":  func(c map[string]any) { c["email_verified"] = false },
		"verified as a word":  func(c map[string]any) { c["email_verified"] = "false" },
		"nothing on verified": func(c map[string]any) { delete(c, "email_verified") },
		"no address":          func(c map[string]any) { delete(c, "email") },
		"no address at all":   func(c map[string]any) { c["email"] = "ada" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.claims = claims
			refused(t, name, func() error {
				_, err := w.provider.Finish(t.Context(), w.signIn(t, "ada@example.com"), "the-nonce", verifier)
				return err
			})
		})
	}
	w := newWorld(t)
	refused(t, "another verifier", func() error {
		_, err := w.provider.Finish(t.Context(), w.signIn(t, "ada@example.com"), "the-nonce", strings.ToUpper(verifier))
		return err
	})
	wrong := newWorld(t, func(c *oidc.Config) { c.ClientSecret = "guessed" })
	refused(t, "a wrong secret", func() error {
		_, err := wrong.provider.Finish(t.Context(), wrong.signIn(t, "ada@example.com"), "the-nonce", verifier)
		return err
	})
}

func TestProviderThatIsAwayIsTemporary(t *testing.T) {
	w := newWorld(t)
	w.status = http.StatusBadGateway
	away := func(err error) {
		t.Helper()
		failure, ok := errors.AsType[*domain.Failure](err)
		if !ok || failure.Permanent || !strings.Contains(failure.Message, "does not answer") {
			t.Errorf("away: %v", err)
		}
	}
	_, err := w.provider.Begin(t.Context(), "s", "n", verifier)
	away(err)
	w.status = 0
	code := w.signIn(t, "ada@example.com")
	w.status = http.StatusServiceUnavailable
	_, err = w.provider.Finish(t.Context(), code, "the-nonce", verifier)
	away(err)
	w.status = 0
	if _, err := w.provider.Finish(t.Context(), code, "the-nonce", verifier); err != nil {
		t.Errorf("after the outage: %v", err)
	}
}

func TestTitle(t *testing.T) {
	for issuer, want := range map[string]string{oidc.Google: "Google", "https://login.example.org/realms/x": "login.example.org"} {
		if got := oidc.New(oidc.Config{Issuer: issuer}).Title(); got != want {
			t.Errorf("%s is called %q", issuer, got)
		}
	}
}
