package web

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// site is a server over memory, as a browser sees it.
type site struct {
	*memory
	server *Server
	web    *httptest.Server
	url    string
	log    *bytes.Buffer
	client *http.Client
}

func newSite(t testing.TB, change ...func(*Config)) *site {
	t.Helper()
	m, log := newMemory(), &bytes.Buffer{}
	cfg := Config{
		Documents: m, Overview: m, Desk: m, Approver: m, Memory: m, Dead: m, Replays: m, Pauses: m, Operations: m, Operators: m, ReplayRate: 20, Ledger: m, Mails: m, MailLog: m, MailDesk: m, Quarantine: m, Policies: m, Rules: m, Addresses: m, Labels: m, Feed: m, Sessions: m, Doors: m, Devices: m, Belongings: m, Team: m, Inviter: m, Invited: m, Tokens: m, Intake: m, Files: m, Sampler: m,
		Connections: m, ConnectionDesk: m, ConnectionUse: m, ConnectionConsent: m, PublicURL: "https://books.example",
		Stages: stages(), Reads: "extract", Zone: time.UTC, Version: "1.4.0", CookieKey: bytes.Repeat([]byte("k"), 32), MaxUpload: 25 << 20,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	}
	cfg.Arrival = domain.Arrival{SignUp: true, MailDomain: "in.docuflow.example"}
	for _, c := range change {
		c(&cfg)
	}
	server, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = server.Run(ctx)
	}()
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		stop()
		<-stopped
		web.Close()
	})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &site{memory: m, server: server, web: web, url: web.URL, log: log, client: client}
}

// cookie is that of a signed-in browser.
func (s *site) cookie() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.sessions["session-1"]; !known {
		s.sessions["session-1"] = time.Now().Add(sessionLife)
	}
	return s.server.cookieName() + "=" + s.server.sign(sessionPurpose, "session-1")
}

type answer struct {
	*http.Response
	body string
}

func (s *site) do(t testing.TB, method, path string, body io.Reader, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response, string(content)}
}

func (s *site) get(t testing.TB, path string, headers ...string) answer {
	t.Helper()
	return s.do(t, http.MethodGet, path, nil, append(headers, "Cookie", s.cookie())...)
}

func (s *site) post(t testing.TB, path string, form url.Values, headers ...string) answer {
	t.Helper()
	headers = append(headers, "Cookie", s.cookie(), "Content-Type", "application/x-www-form-urlencoded")
	return s.do(t, http.MethodPost, path, strings.NewReader(form.Encode()), headers...)
}

func (s *site) api(t testing.TB, method, path, body string) answer {
	t.Helper()
	return s.do(t, method, "/api/v1"+path, strings.NewReader(body), "Authorization", "Bearer token-1", "Content-Type", "application/json")
}

func (a answer) want(t testing.TB, status int, parts ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("status %d, want %d\n%s", a.StatusCode, status, a.body)
	}
	for _, part := range parts {
		if !strings.Contains(a.body, part) {
			t.Errorf("the answer lacks %q:\n%s", part, a.body)
		}
	}
}

func (a answer) wantNot(t testing.TB, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(a.body, part) {
			t.Errorf("the answer contains %q:\n%s", part, a.body)
		}
	}
}
