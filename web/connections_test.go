package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/domain"
)

const vehicles = "0c0c0000-0000-4000-8000-000000000002"

func TestConnectionsPage(t *testing.T) {
	s := newSite(t)
	seedConnections(s.memory)
	page := s.get(t, "/connections?open="+vehicles)
	page.want(t, http.StatusOK, "Google Drive “Vehicles”", "Needs sign-in", "41 documents wait and lose nothing", "Google ended our access", "Sign in", "Paused by maria.aalto",
		"20 calls, 3 of them failed", "2026/Officina Bianchi S.r.l./<b>2026-11-12", "invalid_grant", "kept; type to replace it", "document.corrected", "Add connection")
	page.wantNot(t, "style=", "sealed")
	s.get(t, "/connections").wantNot(t, "invalid_grant", "Remove connection")
	s.get(t, "/connections?open=nothing").want(t, http.StatusOK)
	s.get(t, "/connections/new/webhook").want(t, http.StatusOK, `name="field.url"`, "Connect")
	s.get(t, "/connections/new/fax").want(t, http.StatusNotFound)
	newSite(t).get(t, "/connections").want(t, http.StatusOK, "Nothing is connected yet")
}

func TestConnectionsPageEscapesWhatStrangersWrote(t *testing.T) {
	s := newSite(t)
	seedConnections(s.memory)
	const evil = `"><script>alert(1)</script>`
	r := &s.reports[1]
	r.Name, r.Reason, r.Settings["pattern"], r.Test.Answered, r.Calls[0].Error = evil, evil, evil, evil, evil
	s.notices[0].Error = evil
	page := s.get(t, "/connections?open="+vehicles)
	page.want(t, http.StatusOK)
	page.wantNot(t, "<script>alert", `">alert`)
}

func TestConnectionIsAddedChangedSwitchedTestedAndRemoved(t *testing.T) {
	s := newSite(t)
	added := s.post(t, "/connections", url.Values{"kind": {"webhook"}, "field.url": {" https://x.example/hook "}})
	added.want(t, http.StatusSeeOther)
	c := s.reports[0]
	if c.Settings["url"] != "https://x.example/hook" || !strings.Contains(added.Header.Get("Location"), string(c.ID)) {
		t.Fatalf("%+v %s", c, added.Header.Get("Location"))
	}
	path := "/connections/" + string(c.ID)
	s.post(t, path, url.Values{"field.url": {"https://y.example"}}).want(t, http.StatusSeeOther)
	s.post(t, path+"/switch", url.Values{"state": {"paused"}}).want(t, http.StatusSeeOther)
	s.post(t, path+"/test", nil).want(t, http.StatusSeeOther)
	if c := s.reports[0]; c.Settings["url"] != "https://y.example" || c.State != domain.ConnectionPaused || c.Test == nil {
		t.Fatalf("%+v", c)
	}
	s.post(t, path+"/remove", nil).want(t, http.StatusSeeOther)
	s.post(t, "/connections", url.Values{"kind": {"fax"}}).want(t, http.StatusUnprocessableEntity, "There is no such kind.")
	s.post(t, "/connections/nonsense/test", nil).want(t, http.StatusNotFound)
	s.post(t, path+"/test", nil, "Sec-Fetch-Site", "cross-site").want(t, http.StatusForbidden)
}

func TestConsentIsBoundToTheBrowserThatBeganIt(t *testing.T) {
	s := newSite(t)
	seedConnections(s.memory)
	begun := s.get(t, "/connections/"+vehicles+"/sign-in")
	begun.want(t, http.StatusSeeOther)
	to, err := url.Parse(begun.Header.Get("Location"))
	if err != nil || !strings.Contains(to.RawQuery, "https://books.example/connections/granted") || strings.Contains(to.RawQuery, s.verifier) {
		t.Fatalf("%s %v", begun.Header.Get("Location"), err)
	}
	cookie := begun.Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/connections/granted" {
		t.Fatalf("%+v", cookie)
	}
	back := func(state, kept string) answer {
		return s.do(t, http.MethodGet, "/connections/granted?code=code-1&state="+url.QueryEscape(state), nil, "Cookie", s.cookie()+"; "+consentCookie+"="+kept)
	}
	state := to.Query().Get("state")
	back(state, "").want(t, http.StatusBadRequest)
	back("another", cookie.Value).want(t, http.StatusBadRequest)
	back(state, cookie.Value+"x").want(t, http.StatusBadRequest)
	if s.reports[1].State != domain.ConnectionBroken {
		t.Fatal("connected by a consent of somebody else")
	}
	back(state, cookie.Value).want(t, http.StatusSeeOther)
	if s.reports[1].State != domain.ConnectionActive {
		t.Fatalf("%+v", s.reports[1])
	}
}

func TestConnectionsAPI(t *testing.T) {
	s := newSite(t)
	s.api(t, "POST", "/connections", `{"kind":"webhook","values":{"url":"https://x.example"}}`).want(t, http.StatusCreated, `"kind": "webhook"`)
	path := "/connections/" + string(s.reports[0].ID)
	s.api(t, "PATCH", path, `{"state":"paused"}`).want(t, http.StatusOK, `"state": "paused"`)
	s.api(t, "POST", path+"/test", "").want(t, http.StatusOK, `"works": true`)
	s.api(t, "GET", "/connections", "").want(t, http.StatusOK, "https://x.example")
	s.api(t, "GET", "/settings", "").want(t, http.StatusOK, `"version": 1`, "https://x.example")
	s.api(t, "POST", "/connections", `{"knd":1}`).want(t, http.StatusBadRequest)
	s.api(t, "DELETE", path, "").want(t, http.StatusNoContent)
}
