package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/domain"
)

const mainAddress = "lindqvist-7f3k@in.docuflow.example"

func TestSettingsOfAddresses(t *testing.T) {
	s := newSite(t, func(c *Config) { c.MailDomain = "in.docuflow.example" })
	page := s.get(t, "/settings")
	page.want(t, http.StatusOK, mainAddress, "lindqvist-7f3k+travel@", "old one works 30 days")
	page.wantNot(t, ">Remove<", "style=")
	s.post(t, "/settings/addresses/remove", url.Values{"address": {mainAddress}}).want(t, http.StatusConflict, "only address that stays")
	s.post(t, "/settings/addresses", url.Values{"label": {" Travel <b>"}}).want(t, http.StatusSeeOther)
	s.get(t, "/settings").want(t, http.StatusOK, "lindqvist-1@in.docuflow.example", "Travel &lt;b&gt;", ">Remove<")
	s.post(t, "/settings/addresses/label", url.Values{"address": {mainAddress}, "label": {"Everything"}}).want(t, http.StatusSeeOther)
	s.post(t, "/settings/addresses/label", url.Values{"address": {"x@y"}, "label": {"E"}}).want(t, http.StatusNotFound)
	s.post(t, "/settings/addresses", url.Values{"label": {strings.Repeat("x", 81)}}).want(t, http.StatusUnprocessableEntity)
	s.post(t, "/settings/addresses/rotate", url.Values{"address": {mainAddress}, "days": {"7"}}).want(t, http.StatusSeeOther)
	s.get(t, "/settings").want(t, http.StatusOK, "Replaced", "works until", `value="Everything"`)
	for _, days := range []string{"", "-1", "366", "x"} {
		s.post(t, "/settings/addresses/rotate", url.Values{"address": {mainAddress}, "days": {days}}).want(t, http.StatusBadRequest)
	}
	s.post(t, "/settings/addresses", nil, "Sec-Fetch-Site", "cross-site").want(t, http.StatusForbidden)
}

func TestSettingsOfSenders(t *testing.T) {
	s := newSite(t)
	s.post(t, "/settings/senders", url.Values{"sender": {"@Acme.example"}, "verb": {"allow"}}).want(t, http.StatusSeeOther)
	if len(s.rules) != 1 || s.rules[0].Sender != "acme.example" || s.rules[0].Verb != domain.RuleAllow || s.rules[0].By != s.user.Email {
		t.Fatalf("%+v", s.rules)
	}
	s.get(t, "/settings").want(t, http.StatusOK, "acme.example", "Allow")
	s.post(t, "/settings/senders", url.Values{"sender": {`"><script>`}, "verb": {"block"}}).want(t, http.StatusUnprocessableEntity, "was not added: write an address", "&lt;script&gt;")
	s.post(t, "/settings/senders", url.Values{"sender": {"a@b.example"}, "verb": {"hug"}}).want(t, http.StatusBadRequest)
	s.post(t, "/settings/senders/remove", url.Values{"sender": {"acme.example"}}).want(t, http.StatusSeeOther)
	s.post(t, "/settings/senders/remove", url.Values{"sender": {"acme.example"}}).want(t, http.StatusNotFound)

	s.post(t, "/settings/policy", url.Values{"unknown": {"quarantine"}, "duplicates": {"skip"}}).want(t, http.StatusSeeOther)
	if s.policy.Unknown != domain.UnknownQuarantine || s.policy.Duplicates != domain.DuplicatesSkip {
		t.Errorf("%+v", s.policy)
	}
	s.get(t, "/settings").want(t, http.StatusOK, `value="skip" checked`, `value="quarantine" checked`)
	if s.policy.Answers {
		t.Error("answers without being asked for")
	}
	s.get(t, "/settings").want(t, http.StatusOK, `value="off" checked`, "This installation sends no mail", "Subject: Re: Invoice 2026-117", "logo.png: This image")
	s.post(t, "/settings/answers", url.Values{"answers": {"on"}}).want(t, http.StatusSeeOther)
	if !s.policy.Answers || s.policy.Duplicates != domain.DuplicatesSkip {
		t.Errorf("%+v", s.policy)
	}
	s.post(t, "/settings/answers", url.Values{"answers": {"perhaps"}}).want(t, http.StatusBadRequest)
	s.post(t, "/settings/policy", url.Values{"unknown": {"x"}, "duplicates": {"skip"}}).want(t, http.StatusBadRequest)
}
