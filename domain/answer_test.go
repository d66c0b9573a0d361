package domain

import (
	"strings"
	"testing"
)

func TestWhoIsAnswered(t *testing.T) {
	policy := MailPolicy{Answers: true}
	envelope := Envelope{From: "billing@acme.example"}
	unpacked := Unpacked{Author: "billing@acme.example", Disposition: DispositionDocuments, Verdict: Verdict{DMARC: Check{Result: CheckPass}}}
	if to := policy.AnswersTo(envelope, unpacked); to != "billing@acme.example" {
		t.Fatalf("answers %q", to)
	}
	for name, change := range map[string]func(*MailPolicy, *Envelope, *Unpacked){
		"nobody wants it":      func(p *MailPolicy, _ *Envelope, _ *Unpacked) { p.Answers = false },
		"a bounce":             func(_ *MailPolicy, e *Envelope, _ *Unpacked) { e.From = "" },
		"automatic":            func(_ *MailPolicy, _ *Envelope, u *Unpacked) { u.Automatic = true },
		"DMARC failed":         func(_ *MailPolicy, _ *Envelope, u *Unpacked) { u.Verdict.DMARC.Result = CheckFail },
		"no policy, aligned":   func(_ *MailPolicy, _ *Envelope, u *Unpacked) { u.Verdict = Verdict{Aligned: true} },
		"quarantined":          func(_ *MailPolicy, _ *Envelope, u *Unpacked) { u.Disposition = DispositionQuarantined },
		"blocked":              func(_ *MailPolicy, _ *Envelope, u *Unpacked) { u.Disposition = DispositionBlocked },
		"redelivered":          func(_ *MailPolicy, _ *Envelope, u *Unpacked) { u.Disposition = DispositionDuplicate },
		"no-reply":             func(_ *MailPolicy, _ *Envelope, u *Unpacked) { u.Author = "No-Reply+7@acme.example" },
		"rechnung-noreply":     func(_ *MailPolicy, _ *Envelope, u *Unpacked) { u.Author = "rechnung-noreply@acme.example" },
		"sent by a daemon":     func(_ *MailPolicy, e *Envelope, _ *Unpacked) { e.From = "MAILER-DAEMON@acme.example" },
		"a list":               func(_ *MailPolicy, e *Envelope, _ *Unpacked) { e.From = "owner-list@acme.example" },
		"nobody":               func(_ *MailPolicy, _ *Envelope, u *Unpacked) { u.Author = "" },
		"more than an address": func(_ *MailPolicy, _ *Envelope, u *Unpacked) { u.Author = "a@acme.example>\r\nBcc: x@y.example" },
	} {
		p, e, u := policy, envelope, unpacked
		change(&p, &e, &u)
		if to := p.AnswersTo(e, u); to != "" {
			t.Errorf("%s: answers %q", name, to)
		}
	}
}

func TestAnswerSaysWhatBecameOfEachPart(t *testing.T) {
	letter := AnswerTo(Mail{
		ID: "m", Author: "a@acme.example", Recipient: "in@here.example", Subject: "Invoice\r\nBcc: x@y.example", MessageID: "one@acme.example",
		Parts: []Part{{FileName: "a.pdf", Used: true}, {FileName: "lo\r\ngo.png", Reason: "This image is part of the mail's design."}},
	})
	if letter.To != "a@acme.example" || letter.Subject != "Re: Invoice Bcc: x@y.example" || letter.InReplyTo != "one@acme.example" || !letter.Answer || letter.ID != "answer-m" {
		t.Errorf("%+v", letter)
	}
	for _, want := range []string{"to in@here.example has arrived", "Received: 1 document.\n  a.pdf\n", "Skipped: 1 part.\n  lo go.png: This image is part of the mail's design.\n"} {
		if !strings.Contains(letter.Text, want) {
			t.Errorf("%q is not in:\n%s", want, letter.Text)
		}
	}
	nothing := AnswerTo(Mail{Subject: "RE: hello", MessageID: "content:abc", Parts: make([]Part, 30)})
	if nothing.Subject != "RE: hello" || nothing.InReplyTo != "" || !strings.Contains(nothing.Text, "nothing that could be filed") || !strings.Contains(nothing.Text, "and 10 more") {
		t.Errorf("%+v", nothing)
	}
}
