package domain

import (
	"errors"
	"testing"
)

func TestAdmission(t *testing.T) {
	verdict := func(dmarc CheckResult, asks string, aligned bool) Verdict {
		return Verdict{DMARC: Check{Result: dmarc}, Asks: asks, Aligned: aligned}
	}
	trusted, forged, unknown := verdict(CheckPass, "reject", true), verdict(CheckFail, "reject", false), verdict(CheckNone, "", false)
	away := verdict(CheckTempError, "", false)
	rules := []SenderRule{
		{Sender: "acme.example", Verb: RuleAllow}, {Sender: "spam@acme.example", Verb: RuleBlock}, {Sender: "odd.example", Verb: RuleQuarantine},
		{Sender: "good@odd.example", Verb: RuleAllow}, {Sender: "bad.example", Verb: RuleBlock},
	}
	open := MailPolicy{Unknown: UnknownAccept, Rules: rules}
	closed := MailPolicy{Unknown: UnknownQuarantine, Rules: rules, Members: []string{"me@home.example"}}
	for name, c := range map[string]struct {
		policy  MailPolicy
		author  string
		verdict Verdict
		want    Disposition
	}{
		"nobody in particular":           {open, "a@new.example", unknown, DispositionNone},
		"a stranger, closed":             {closed, "a@new.example", trusted, DispositionQuarantined},
		"allowed by domain":              {closed, "Billing@Acme.example", trusted, DispositionNone},
		"allowed by a domain above":      {closed, "a@mail.acme.example", trusted, DispositionNone},
		"not a suffix of the name":       {closed, "a@notacme.example", trusted, DispositionQuarantined},
		"claims to be allowed":           {closed, "billing@acme.example", unknown, DispositionQuarantined},
		"claims to be allowed, open":     {open, "billing@acme.example", unknown, DispositionNone},
		"forged":                         {open, "billing@acme.example", forged, DispositionQuarantined},
		"forged, domain does not mind":   {open, "a@new.example", verdict(CheckFail, "none", false), DispositionNone},
		"address goes before domain":     {open, "spam@acme.example", trusted, DispositionBlocked},
		"blocked though nothing proves":  {open, "a@bad.example", unknown, DispositionBlocked},
		"held by rule":                   {open, "a@odd.example", trusted, DispositionQuarantined},
		"allowed within a held domain":   {open, "good@odd.example", trusted, DispositionNone},
		"a member":                       {closed, "me@home.example", trusted, DispositionNone},
		"somebody who says they are one": {closed, "me@home.example", forged, DispositionQuarantined},
		"a bounce":                       {open, "", unknown, DispositionNone},
		"no DNS, open":                   {open, "billing@acme.example", away, DispositionNone},
		"no DNS, closed":                 {closed, "billing@acme.example", away, DispositionQuarantined},
	} {
		got := c.policy.Admit(c.author, c.verdict)
		if got.Disposition != c.want || (got.Reason == "") != (c.want == DispositionNone) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestCanonicalSender(t *testing.T) {
	for text, want := range map[string]string{" Billing@ACME.example ": "billing@acme.example", "@acme.example": "acme.example", "acme.example": "acme.example"} {
		if got, err := CanonicalSender(text); err != nil || got != want {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
	for _, text := range []string{"", "@", "acme", "a b@acme.example", "a@b@acme.example", "<a@acme.example>", "a@.example", "a@acme.", "a@acme..example", "a\x00@acme.example"} {
		if got, err := CanonicalSender(text); !errors.Is(err, ErrSender) {
			t.Errorf("%q was taken as %q", text, got)
		}
	}
}
