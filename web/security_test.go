package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/domain"
)

// pages are all kinds of pages there are.
func (s *site) pages(t *testing.T) map[string]answer {
	t.Helper()
	return map[string]answer{
		"inbox":    s.get(t, "/"),
		"filtered": s.get(t, "/?status=FAILED&q=x%22%3E%3Cscript%3Ealert(1)%3C/script%3E"),
		"document": s.get(t, "/documents/"+string(nordlys)),
		"original": s.get(t, "/documents/"+string(nordlys)+"?view=original"),
		"missing":  s.get(t, "/nowhere"),
		"sign-in":  s.do(t, http.MethodGet, "/sign-in/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E", nil),
		"help":     s.do(t, http.MethodGet, "/sign-in", nil),
		"account":  s.get(t, "/account"),
		"members":  s.get(t, "/members"),
		"join":     s.do(t, http.MethodGet, "/join/invitation-1", nil),
		"empty":    newSite(t).get(t, "/"),
	}
}

func hostile(s *site) {
	seed(s.memory)
	d := s.documents[nordlys]
	const evil = `<script>alert("x")</script><img src=x onerror=alert(1)>`
	d.FileName, d.Sender = evil, evil
	d.Review = []domain.ReviewReason{{Field: domain.VendorName, Message: evil}, {Message: evil}}
	d.Fields = domain.Fields{domain.VendorName: {Value: evil, Reason: evil, Alternatives: []domain.Candidate{{Value: evil}}}, domain.InvoiceNumber: {Value: evil}}
	d.Error = &domain.StageError{Stage: "announce", Kind: evil, Message: evil}
	d.Deliveries = []domain.Delivery{{Destination: evil, Reference: evil, Link: "javascript:alert(1)"}}
	s.put(d)
	s.attempts[nordlys] = []domain.Attempt{{Stage: "announce", Number: 1, Note: evil, Error: evil, Node: evil, Outcome: domain.AttemptRetry}}
	s.events[nordlys] = []domain.Event{{Text: evil, Actor: evil}}
	s.putMail(domain.Mail{ID: d.Mail, Subject: evil, Author: evil, Status: domain.MailAccepted, Envelope: domain.Envelope{From: evil, RemoteAddr: evil}, Parts: []domain.Part{{FileName: evil, Reason: evil}}})
}

func TestPagesHoldNothingInlineAndEscapeStrangers(t *testing.T) {
	s := newSite(t)
	hostile(s)
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|<script(?:>|\s+[^>]*>\s*[^<\s])|<[^>"']*\son[a-z]+=|javascript:`)
	for name, page := range s.pages(t) {
		// Quoted values may hold anything that is escaped; what is outside of them must not.
		outside := regexp.MustCompile(`"[^"]*"`).ReplaceAllStringFunc(page.body, func(quoted string) string {
			if strings.ContainsAny(quoted, "<>") {
				return quoted
			}
			return `""`
		})
		if found := inline.FindString(outside); found != "" {
			t.Errorf("%s holds inline code: %q", name, found)
		}
		page.wantNot(t, "<script>", "<img src=x", `href="javascript:`, "alert(1)</script>")
	}
}

func TestPolicyIsStrict(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	for name, page := range s.pages(t) {
		policy := page.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "data:") {
			t.Errorf("%s has the policy %q", name, policy)
		}
		for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store"} {
			if !strings.Contains(page.Header.Get(header), want) {
				t.Errorf("%s has %s: %q", name, header, page.Header.Get(header))
			}
		}
	}
}

func TestPrintedLinkSignsInAtOnce(t *testing.T) {
	s := newSite(t, func(c *Config) { c.PrintedLinks = true })
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Get(s.url + "/sign-in/link-1")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusSeeOther || response.Header.Get("Location") != "/" || len(response.Cookies()) != 1 {
		t.Fatalf("%s to %q with %d cookies", response.Status, response.Header.Get("Location"), len(response.Cookies()))
	}
}

func TestSignInLinkSurvivesPreviews(t *testing.T) {
	s := newSite(t)
	for range 3 {
		s.do(t, http.MethodGet, "/sign-in/link-1", nil).want(t, http.StatusOK, "Sign in on this device", `method="post"`)
		s.do(t, http.MethodHead, "/sign-in/link-1", nil)
	}
	in := s.do(t, http.MethodPost, "/sign-in/link-1", nil)
	in.want(t, http.StatusSeeOther)
	cookie := in.Header.Get("Set-Cookie")
	for _, part := range []string{"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=60"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie lacks %s: %s", part, cookie)
		}
	}
	value, _, _ := strings.Cut(cookie, ";")
	s.do(t, http.MethodGet, "/", nil, "Cookie", value).want(t, http.StatusOK, "Inbox")
	s.do(t, http.MethodPost, "/sign-in/link-1", nil).want(t, http.StatusGone, "used before")
	s.do(t, http.MethodPost, "/sign-out", nil, "Cookie", value).want(t, http.StatusSeeOther)
	s.do(t, http.MethodGet, "/", nil, "Cookie", value).want(t, http.StatusSeeOther)
}

func TestSecureCookiesAreBoundToTheHost(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Secure = true })
	in := s.do(t, http.MethodPost, "/sign-in/link-1", nil)
	if cookie := in.Header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-docuflow=") || !strings.Contains(cookie, "Secure") {
		t.Errorf("cookie is %s", cookie)
	}
	if in.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security")
	}
}

func TestTamperedCookiesAreNoSession(t *testing.T) {
	s := newSite(t)
	good := strings.TrimPrefix(s.cookie(), "docuflow=")
	other := newSite(t, func(c *Config) { c.CookieKey = []byte("another key of thirty-two octets") })
	for _, value := range []string{"", "session-1", "session-1.", ".", good + "A", "x" + good, good[:len(good)-2], strings.Replace(good, "session-1", "session-2", 1), other.server.sign(sessionPurpose, "session-1")} {
		page := s.do(t, http.MethodGet, "/", nil, "Cookie", "docuflow="+value)
		if page.StatusCode != http.StatusSeeOther || page.Header.Get("Location") != "/sign-in" {
			t.Errorf("cookie %q: status %d", value, page.StatusCode)
		}
	}
	s.get(t, "/").want(t, http.StatusOK)
}

func TestStrangersSeeNothing(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	for _, path := range []string{"/", "/events", "/documents/" + string(nordlys), "/documents/" + string(nordlys) + "/file/original", "/documents/" + string(nordlys) + "/events", "/mails/5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a009/raw"} {
		page := s.do(t, http.MethodGet, path, nil)
		if page.StatusCode != http.StatusSeeOther {
			t.Errorf("%s answers %d to a stranger", path, page.StatusCode)
		}
	}
	s.do(t, http.MethodPost, "/documents/"+string(nordlys)+"/discard", nil).want(t, http.StatusUnauthorized, "You are signed out")
	swap := s.do(t, http.MethodGet, "/documents/"+string(nordlys), nil, "HX-Request", "true")
	if swap.StatusCode != http.StatusUnauthorized || swap.Header.Get("HX-Redirect") != "/sign-in" {
		t.Errorf("htmx is answered %d and sent to %q", swap.StatusCode, swap.Header.Get("HX-Redirect"))
	}
}

func TestCrossOriginPostsAreRefused(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	for name, headers := range map[string][]string{
		"fetch metadata": {"Sec-Fetch-Site", "cross-site"},
		"sibling site":   {"Sec-Fetch-Site", "same-site"},
		"origin":         {"Origin", "https://evil.example"},
	} {
		for _, path := range []string{"/documents/" + string(nordlys) + "/discard", "/sign-out", "/upload", "/sign-in/link-1"} {
			if got := s.post(t, path, nil, headers...); got.StatusCode != http.StatusForbidden {
				t.Errorf("%s, %s: status %d", name, path, got.StatusCode)
			}
		}
	}
	if _, ok := s.documents[nordlys]; !ok || !s.links["link-1"] || s.sessions["session-1"].IsZero() {
		t.Error("a refused request changed something")
	}
	s.post(t, "/documents/"+string(nordlys)+"/discard", nil, "Sec-Fetch-Site", "same-origin").want(t, http.StatusSeeOther)
}

func TestFilesOfStrangersAreInert(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	seedDocument(t, s.memory)
	put := func(mediaType, name string) string {
		s.files["w/x"] = []byte("<script>alert(1)</script>")
		d := s.put(domain.Document{FileName: name, MediaType: mediaType, Original: "w/x", Size: 25, Status: domain.Queued})
		return "/documents/" + string(d.ID) + "/file/original"
	}
	for mediaType, want := range map[string]struct{ kind, disposition, policy string }{
		"application/pdf":       {"application/pdf", "inline", pdfPolicy},
		"image/png":             {"image/png", "inline", filePolicy},
		"text/html":             {"application/octet-stream", "attachment", filePolicy},
		"image/svg+xml":         {"application/octet-stream", "attachment", filePolicy},
		"application/xhtml+xml": {"application/octet-stream", "attachment", filePolicy},
		"":                      {"application/octet-stream", "attachment", filePolicy},
	} {
		file := s.get(t, put(mediaType, "r\u00e9sum\u00e9 \"x\"\r\nSet-Cookie: a=b.html"))
		file.want(t, http.StatusOK)
		disposition := file.Header.Get("Content-Disposition")
		if file.Header.Get("Content-Type") != want.kind || !strings.HasPrefix(disposition, want.disposition) || file.Header.Get("Content-Security-Policy") != want.policy {
			t.Errorf("%q is sent as %q, %q, %q", mediaType, file.Header.Get("Content-Type"), disposition, file.Header.Get("Content-Security-Policy"))
		}
		if file.Header.Get("X-Content-Type-Options") != "nosniff" || file.Header.Get("Set-Cookie") != "" {
			t.Errorf("%q: headers %v", mediaType, file.Header)
		}
	}
	pdf := "/documents/" + string(nordlys) + "/file/standardized"
	first := s.get(t, pdf)
	if first.body != string(drawnPDF()) || !strings.Contains(first.Header.Get("Content-Disposition"), "faktura.pdf") {
		t.Errorf("the standardized file is %d octets, %s", len(first.body), first.Header.Get("Content-Disposition"))
	}
	if got := s.get(t, pdf+"?download=1").Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
		t.Errorf("a download has the disposition %s", got)
	}
	s.get(t, pdf, "If-None-Match", first.Header.Get("ETag")).want(t, http.StatusNotModified)
	s.get(t, "/documents/"+string(nordlys)+"/file/../../secret").want(t, http.StatusNotFound)
	raw := s.get(t, "/mails/5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a009/raw")
	raw.want(t, http.StatusOK, "hello")
	if !strings.HasPrefix(raw.Header.Get("Content-Disposition"), "attachment") {
		t.Error("a mail is shown in the browser")
	}
}

func TestStaticFilesAreKeptForGood(t *testing.T) {
	s := newSite(t)
	for name, kind := range map[string]string{"base.css": "text/css", "live.js": "text/javascript", "icon.svg": "image/svg+xml", "fonts/ibm-plex-sans-latin-standard-normal.woff2": "font/woff2", "licences.txt": "text/plain"} {
		file := s.do(t, http.MethodGet, s.server.static.path(name), nil)
		file.want(t, http.StatusOK)
		if !strings.Contains(file.Header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(file.Header.Get("Content-Type"), kind) {
			t.Errorf("%s is sent as %s, %s", name, file.Header.Get("Content-Type"), file.Header.Get("Cache-Control"))
		}
	}
	s.do(t, http.MethodGet, "/static/../server.go", nil).want(t, http.StatusNotFound)
	stylesheet := s.do(t, http.MethodGet, "/static/tokens.css", nil)
	if strings.Contains(stylesheet.Header.Get("Cache-Control"), "immutable") {
		t.Error("a path without a version is kept for good")
	}
}
