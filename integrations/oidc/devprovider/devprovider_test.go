package devprovider_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/integrations/oidc/devprovider"
)

func TestOnlyThisMachineIsServed(t *testing.T) {
	provider, err := devprovider.New(devprovider.Config{Issuer: "http://127.0.0.1:9", ClientID: "docuflow", RedirectURL: "http://127.0.0.1:8080/sign-in/callback"})
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{
		"client_id": {"docuflow"}, "redirect_uri": {"http://127.0.0.1:8080/sign-in/callback"}, "response_type": {"code"}, "scope": {"openid email"},
		"code_challenge": {"x"}, "code_challenge_method": {"S256"},
	}
	ask := func(method, client, host string, query url.Values, headers ...string) int {
		r := httptest.NewRequestWithContext(t.Context(), method, "http://"+host+"/authorize?"+query.Encode(), strings.NewReader("email=a@b.example"))
		r.RemoteAddr = client
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		provider.ServeHTTP(w, r)
		return w.Code
	}
	without := func(name, value string) url.Values {
		changed := url.Values{}
		for key, values := range query {
			changed[key] = values
		}
		changed.Set(name, value)
		return changed
	}
	const here, there = "127.0.0.1:5000", "192.0.2.7:5000"
	for name, c := range map[string]struct{ got, want int }{
		"from here":              {ask("GET", here, "127.0.0.1:9", query), http.StatusOK},
		"the form":               {ask("POST", here, "127.0.0.1:9", query), http.StatusSeeOther},
		"from there":             {ask("GET", there, "127.0.0.1:9", query), http.StatusForbidden},
		"the form from there":    {ask("POST", there, "127.0.0.1:9", query), http.StatusForbidden},
		"a name bound to us":     {ask("GET", here, "evil.example:9", query), http.StatusForbidden},
		"another site's form":    {ask("POST", here, "127.0.0.1:9", query, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
		"another redirect":       {ask("POST", here, "127.0.0.1:9", without("redirect_uri", "https://evil.example/")), http.StatusBadRequest},
		"another client":         {ask("POST", here, "127.0.0.1:9", without("client_id", "x")), http.StatusBadRequest},
		"no PKCE":                {ask("POST", here, "127.0.0.1:9", without("code_challenge", "")), http.StatusBadRequest},
		"PKCE without a hash":    {ask("POST", here, "127.0.0.1:9", without("code_challenge_method", "plain")), http.StatusBadRequest},
		"a token in the address": {ask("POST", here, "127.0.0.1:9", without("response_type", "token")), http.StatusBadRequest},
	} {
		if c.got != c.want {
			t.Errorf("%s: status %d, want %d", name, c.got, c.want)
		}
	}
}
