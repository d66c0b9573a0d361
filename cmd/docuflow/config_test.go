package main

import (
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

func TestStagesOutsideHaveABudgetOfTime(t *testing.T) {
	for name, c := range map[string]struct {
		args     []string
		attempts int
		budget   time.Duration
	}{
		"by default":       {nil, 5, 24 * time.Hour},
		"attempts instead": {[]string{"--stage-attempts=deliver=40"}, 40, 0},
		"another budget":   {[]string{"--stage-budgets=deliver=90m"}, 5, 90 * time.Minute},
	} {
		var s settings
		parser, err := kong.New(&s, kong.Vars{"data_dir": "d", "filed_names": "n"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(c.args); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if policy := s.policy("deliver", time.Minute); policy.Attempts != c.attempts || policy.Budget != c.budget {
			t.Errorf("%s: %+v", name, policy)
		}
		if policy := s.policy("extract", time.Minute); policy.Budget != 0 {
			t.Errorf("%s: extract has a budget of time: %+v", name, policy)
		}
	}
}

func TestSettingsOfTheOtherDoorsAreChecked(t *testing.T) {
	mailbox := []string{"--imap-addr=imap.example:993", "--imap-user=me", "--imap-password=p", "--imap-to=a@in.example"}
	for name, c := range map[string]struct {
		args    []string
		problem string // empty: none
	}{
		"nothing":               {nil, ""},
		"two secrets":           {[]string{"--inbound-secret=" + strings.Repeat("a", 32) + "," + strings.Repeat("b", 32)}, ""},
		"short secret":          {[]string{"--inbound-secret=" + strings.Repeat("a", 32) + ",b"}, "DOCUFLOW_INBOUND_SECRET"},
		"proxies":               {[]string{"--trusted-proxies=10.0.0.0/8,192.0.2.7/32,fd00::/8"}, ""},
		"mailbox":               {mailbox, ""},
		"mailbox without login": {mailbox[:1], "DOCUFLOW_IMAP_USER"},
		"open password":         {append(mailbox, "--imap-security=off"), "DOCUFLOW_IMAP_SECURITY"},
		"relay":                 {[]string{"--smtp-relay=smtps://me:p@mail.example", "--smtp-from=DocuFlow <a@here.example>"}, ""},
		"relay and no sender":   {[]string{"--smtp-relay=smtps://me:p@mail.example"}, ""},
		"relay of the web":      {[]string{"--smtp-relay=https://mail.example", "--smtp-from=a@here.example"}, "DOCUFLOW_SMTP_RELAY"},
		"on this machine":       {append(mailbox, "--imap-security=off", "--imap-addr=127.0.0.1:143"), ""},
	} {
		var s settings
		parser, err := kong.New(&s, kong.Vars{"data_dir": "d", "filed_names": "n"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(c.args); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, err = s.complete()
		if c.problem == "" && err != nil || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
