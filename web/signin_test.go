package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
)

func setCookie(a answer, name string) *http.Cookie {
	for _, cookie := range a.Cookies() {
		if cookie.Name == name {
			return cookie
		}
	}
	return nil
}

// toProvider begins a sign-in and returns what the provider was told and the browser's cookie.
func (s *site) toProvider(t *testing.T, query string) (url.Values, string) {
	t.Helper()
	begun := s.do(t, http.MethodGet, "/sign-in/provider"+query, nil)
	begun.want(t, http.StatusSeeOther)
	target, err := url.Parse(begun.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	cookie := setCookie(begun, "docuflow-sign-in")
	if cookie == nil || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.MaxAge != 600 {
		t.Fatalf("the flow's cookie is %v", cookie)
	}
	return target.Query(), cookie.Name + "=" + cookie.Value
}

func TestProviderSignsIn(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Provider = &oracle{} })
	s.do(t, http.MethodGet, "/sign-in", nil).want(t, http.StatusOK, "Continue with Google", `href="/sign-in/provider"`)
	told, cookie := s.toProvider(t, "")
	seen := map[string]bool{}
	for _, name := range []string{"state", "nonce", "verifier"} {
		value := told.Get(name)
		if len(value) < 43 || seen[value] || strings.Contains(cookie, value) { // RFC 7636, 4.1: at least 43 characters
			t.Errorf("%s is %q", name, value)
		}
		seen[value] = true
	}
	back := "/sign-in/callback?code=maria.aalto%40lindqvist.example&state=" + told.Get("state")
	in := s.do(t, http.MethodGet, back, nil, "Cookie", cookie, "User-Agent", "Mozilla Firefox/140")
	in.want(t, http.StatusSeeOther)
	if s.identity.Subject != told.Get("nonce")+told.Get("verifier") || s.arrival.Browser != "Mozilla Firefox/140" || !s.arrival.SignUp {
		t.Errorf("signed in as %+v, arrival %+v", s.identity, s.arrival)
	}
	if spent := setCookie(in, "docuflow-sign-in"); spent == nil || spent.MaxAge >= 0 {
		t.Error("the flow's cookie stays")
	}
	session := setCookie(in, "docuflow")
	s.do(t, http.MethodGet, "/", nil, "Cookie", session.Name+"="+session.Value).want(t, http.StatusOK, "Inbox")
}

func TestProviderNeedsTheBrowserThatBegan(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Provider = &oracle{} })
	told, cookie := s.toProvider(t, "")
	other, otherCookie := s.toProvider(t, "")
	old := s.server.sign(flowPurpose, "secret/1700000000/")
	for name, c := range map[string]struct{ query, cookie string }{
		"no cookie":         {"code=a&state=" + told.Get("state"), ""},
		"another's cookie":  {"code=a&state=" + told.Get("state"), otherCookie},
		"another's state":   {"code=a&state=" + other.Get("state"), cookie},
		"no state":          {"code=a", cookie},
		"invented cookie":   {"code=a&state=" + told.Get("state"), "docuflow-sign-in=secret/9999999999/.AAAA"},
		"session as a flow": {"code=a&state=x", "docuflow-sign-in=" + s.server.sign(sessionPurpose, "secret/9999999999/")},
		"too late":          {"code=a&state=" + s.server.state(flow{secret: "secret"}), "docuflow-sign-in=" + old},
	} {
		t.Run(name, func(t *testing.T) {
			refused := s.do(t, http.MethodGet, "/sign-in/callback?"+c.query, nil, "Cookie", c.cookie)
			refused.want(t, http.StatusBadRequest, "did not begin in this browser")
			if setCookie(refused, "docuflow") != nil {
				t.Error("it signs in")
			}
		})
	}
	s.do(t, http.MethodGet, "/sign-in/callback?error=access_denied&state="+told.Get("state"), nil, "Cookie", cookie).want(t, http.StatusForbidden, "did not let you in")
}

func TestProviderFailuresAreExplained(t *testing.T) {
	provider := &oracle{}
	s := newSite(t, func(c *Config) { c.Provider, c.Arrival.SignUp = provider, false })
	told, cookie := s.toProvider(t, "")
	callback := "/sign-in/callback?code=stranger%40example.com&state=" + told.Get("state")
	s.do(t, http.MethodGet, callback, nil, "Cookie", cookie).want(t, http.StatusForbidden, "That account has no workspace here.", "Nothing was created")
	provider.fails = domain.Temporary("sign_in_away", "Google does not answer right now. Nothing was changed.", errors.New("dial tcp 10.0.0.1"))
	for _, path := range []string{callback, "/sign-in/provider"} {
		away := s.do(t, http.MethodGet, path, nil, "Cookie", cookie)
		away.want(t, http.StatusServiceUnavailable, "Google does not answer right now.", "Nothing was changed.")
		away.wantNot(t, "10.0.0.1")
	}
	none := newSite(t)
	for _, path := range []string{"/sign-in/provider", "/sign-in/callback"} {
		none.do(t, http.MethodGet, path, nil).want(t, http.StatusNotFound)
	}
}

// TestSignInEndsTheSessionBefore: nobody who knows a session's token gets into the next one.
func TestSignInEndsTheSessionBefore(t *testing.T) {
	s := newSite(t)
	before := s.cookie()
	in := s.do(t, http.MethodPost, "/sign-in/link-1", nil, "Cookie", before)
	in.want(t, http.StatusSeeOther)
	session := setCookie(in, "docuflow")
	if "docuflow="+session.Value == before {
		t.Error("the session's token stays the same")
	}
	if _, lives := s.sessions["session-1"]; lives {
		t.Error("the session before goes on")
	}
}

func TestSessionSlides(t *testing.T) {
	s := newSite(t)
	cookie := s.cookie()
	s.mu.Lock()
	s.sessions["session-1"] = time.Now().Add(time.Hour)
	s.mu.Unlock()
	stream, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream.Header.Set("Cookie", cookie)
	stream.Header.Set("Accept", "text/event-stream")
	open, err := s.client.Do(stream)
	if err != nil {
		t.Fatal(err)
	}
	open.Body.Close()
	if len(open.Cookies()) != 0 {
		t.Error("a page that stays open renews the session")
	}
	renewed := setCookie(s.do(t, http.MethodGet, "/", nil, "Cookie", cookie), "docuflow")
	if renewed == nil || renewed.MaxAge < 7*24*3600-60 || "docuflow="+renewed.Value != cookie {
		t.Fatalf("the session is not renewed: %v", renewed)
	}
	if again := setCookie(s.do(t, http.MethodGet, "/", nil, "Cookie", cookie), "docuflow"); again != nil {
		t.Error("it is renewed with each request")
	}
}

func TestMailedLinkAnswersAllAlike(t *testing.T) {
	box := &letterbox{}
	s := newSite(t, func(c *Config) { c.Letters, c.Arrival.SignUp = box, false })
	ask := func(email string) answer {
		return s.do(t, http.MethodPost, "/sign-in", strings.NewReader("email="+url.QueryEscape(email)), "Content-Type", "application/x-www-form-urlencoded")
	}
	answers := map[string]string{}
	for _, email := range []string{"nobody@example.com", " Maria.Aalto@Lindqvist.example "} {
		a := ask(email)
		a.want(t, http.StatusOK, "Look into your mail.")
		canonical, _ := domain.CanonicalAddress(email)
		answers[email] = strings.ReplaceAll(a.body, canonical, "X")
		if got := <-s.wanted; got != canonical {
			t.Errorf("%q asked as %q", email, got)
		}
	}
	if answers["nobody@example.com"] != answers[" Maria.Aalto@Lindqvist.example "] {
		t.Error("the answers differ")
	}
	eventually(t, func() bool { return strings.Contains(box.read(), "link-for-maria") })
	letter := box.read()
	if !strings.Contains(letter, "https://books.example/sign-in/link-for-maria.aalto@lindqvist.example\n") || strings.Contains(letter, "nobody@") {
		t.Errorf("mailed:\n%s", letter)
	}
	for _, bad := range []string{"", "maria", "a@b\r\nBcc: c@d", "A <a@b.example>", strings.Repeat("a", 260) + "@b.example"} {
		ask(bad).want(t, http.StatusUnprocessableEntity, "not a mail address")
	}
	newSite(t).do(t, http.MethodPost, "/sign-in", strings.NewReader("email=a@b.example"), "Content-Type", "application/x-www-form-urlencoded").want(t, http.StatusNotFound)
}

// eventually waits for what another goroutine does.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

func TestInvitationJoins(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Provider = &oracle{} })
	s.do(t, http.MethodGet, "/join/invitation-1", nil).want(t, http.StatusOK, "Join Lindqvist", "buero@steuer-kern.example", "/sign-in/provider?invitation=invitation-1")
	s.do(t, http.MethodGet, "/join/other", nil).want(t, http.StatusGone, "used, taken back")
	in := s.do(t, http.MethodPost, "/join/invitation-1", nil)
	in.want(t, http.StatusSeeOther)
	if setCookie(in, "docuflow") == nil {
		t.Error("joining does not sign in")
	}
	told, cookie := s.toProvider(t, "?invitation=invitation-1")
	callback := func(email string) answer {
		return s.do(t, http.MethodGet, "/sign-in/callback?code="+url.QueryEscape(email)+"&state="+told.Get("state"), nil, "Cookie", cookie)
	}
	callback("other@example.com").want(t, http.StatusForbidden, "another address than other@example.com")
	callback("buero@steuer-kern.example").want(t, http.StatusSeeOther)
}

func TestMembersAreTheOwnersAffair(t *testing.T) {
	box := &letterbox{}
	s := newSite(t, func(c *Config) { c.Letters = box })
	colleague := "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a0f1"
	s.get(t, "/members").want(t, http.StatusOK, "Jonas Lindqvist", "buero@steuer-kern.example", "Invite somebody")
	s.post(t, "/members/invite", url.Values{"email": {"Fresh@example.com"}, "role": {"admin"}}).want(t, http.StatusSeeOther)
	s.post(t, "/members/invite", url.Values{"email": {"maria.aalto@lindqvist.example"}}).want(t, http.StatusConflict, "belongs to this workspace already")
	s.post(t, "/members/invite", url.Values{"email": {"x"}}).want(t, http.StatusUnprocessableEntity)
	s.post(t, "/members/"+colleague+"/role", url.Values{"role": {"owner"}}).want(t, http.StatusSeeOther)
	s.post(t, "/members/"+colleague+"/remove", nil).want(t, http.StatusSeeOther)
	s.post(t, "/members/"+string(s.user.ID)+"/role", url.Values{"role": {"member"}}).want(t, http.StatusConflict, "needs an owner")
	want := "invite fresh@example.com member maria.aalto@lindqvist.example; role " + colleague + " owner maria.aalto@lindqvist.example; remove " + colleague + " maria.aalto@lindqvist.example"
	if got := strings.Join(s.deeds, "; "); got != want {
		t.Errorf("done: %s", got)
	}
	if letter := box.read(); !strings.Contains(letter, "fresh@example.com\n") || !strings.Contains(letter, "https://books.example/join/invitation-1\n") || !strings.Contains(letter, "“Lindqvist & Co”") {
		t.Errorf("mailed:\n%s", letter)
	}
	box.fails = errors.New("connection refused")
	s.post(t, "/members/invite", url.Values{"email": {"fresh@example.com"}}).want(t, http.StatusBadGateway, "The letter could not be sent.", "The invitation is kept.")

	s.role = domain.RoleMember
	s.deeds = nil
	s.get(t, "/members").wantNot(t, "Invite somebody", "Make owner", "Take back")
	for _, path := range []string{"/members/invite", "/members/" + colleague + "/role", "/members/" + colleague + "/remove", "/members/invitations/" + colleague + "/withdraw"} {
		s.post(t, path, url.Values{"email": {"a@b.example"}}).want(t, http.StatusForbidden, "Only owners")
	}
	s.post(t, "/members/"+string(s.user.ID)+"/remove", nil).want(t, http.StatusSeeOther)
	if len(s.deeds) != 1 {
		t.Errorf("a member did %v", s.deeds)
	}
}

func TestAccountEndsSessionsAndEntersWorkspaces(t *testing.T) {
	s := newSite(t)
	s.get(t, "/account").want(t, http.StatusOK, "Firefox on Linux", "Safari on iPhone", "this one", "Aalto family", "Sign out everywhere else")
	s.post(t, "/account/sessions/5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a0d2/end", nil).want(t, http.StatusSeeOther)
	s.post(t, "/account/sessions/end-others", nil).want(t, http.StatusSeeOther)
	s.post(t, "/account/enter", url.Values{"workspace": {"there"}}).want(t, http.StatusSeeOther)
	s.post(t, "/account/enter", url.Values{"workspace": {"elsewhere"}}).want(t, http.StatusNotFound)
	if got := strings.Join(s.deeds, "; "); got != "end 5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a0d2; end all but session-1; enter session-1 there" {
		t.Errorf("done: %s", got)
	}
	for _, path := range []string{"/account", "/members"} {
		s.do(t, http.MethodGet, path, nil).want(t, http.StatusSeeOther)
	}
}
