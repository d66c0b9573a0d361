package domain

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// RuleVerb is what a sender rule does.
type RuleVerb string

// The verbs of sender rules.
const (
	RuleAllow      RuleVerb = "allow" // counts for authenticated mail alone
	RuleBlock      RuleVerb = "block"
	RuleQuarantine RuleVerb = "quarantine"
)

// RuleVerbs lists all verbs.
var RuleVerbs = []RuleVerb{RuleAllow, RuleQuarantine, RuleBlock}

// SenderRule says what is done with the mail of a sender.
type SenderRule struct {
	Sender    string // an address, or a domain for all of its addresses; lower case
	Verb      RuleVerb
	By        string // the person who made it; empty for the workspace's own people
	CreatedAt time.Time
}

// What a workspace can want.
const (
	DuplicatesFlag        = "flag" // make a document, marked as possible duplicate
	DuplicatesSkip        = "skip" // make none
	UnknownAccept         = "accept"
	UnknownQuarantine     = "quarantine"
	maxSender         int = 254 // octets of an address (RFC 5321)
)

// MailPolicy is what a workspace wants done with its mail.
type MailPolicy struct {
	Duplicates string // of files that came before: DuplicatesFlag or DuplicatesSkip
	Unknown    string // of senders without a rule: UnknownAccept or UnknownQuarantine
	Answers    bool   // senders are told what became of their mail
	Rules      []SenderRule
	Members    []string // addresses of the workspace's people, who are allowed without a rule
}

// DefaultMailPolicy is that of a workspace that has chosen nothing.
func DefaultMailPolicy() MailPolicy {
	return MailPolicy{Duplicates: DuplicatesFlag, Unknown: UnknownAccept}
}

// Admission is what a policy says of a mail.
type Admission struct {
	Disposition Disposition // DispositionNone: it is let in
	Reason      string      // in words, empty when it is let in
}

// Admit decides about a mail by its author. Block and quarantine rules count
// for whoever claims to be the author; permission is given to authenticated
// mail alone. That the DNS did not answer holds nothing back by itself.
func (p MailPolicy) Admit(author string, v Verdict) Admission {
	_, host, _ := strings.Cut(author, "@")
	rule, found := p.rule(author)
	switch {
	case found && rule.Verb == RuleBlock:
		return Admission{DispositionBlocked, "You block " + rule.Sender + "."}
	case found && rule.Verb == RuleQuarantine:
		return Admission{DispositionQuarantined, "You hold back everything from " + rule.Sender + "."}
	case found && rule.Verb == RuleAllow && v.Authenticated():
		return Admission{}
	case v.DMARC.Result == CheckFail && (v.Asks == "quarantine" || v.Asks == "reject"):
		return Admission{DispositionQuarantined, fmt.Sprintf("The sender could not be verified. The mail claims to be from %s, and that domain asks to %s mail that fails its checks.", cmp.Or(author, "nobody"), v.Asks)}
	case p.Unknown == UnknownQuarantine && found && v.Temporary():
		return Admission{DispositionQuarantined, "You allow " + rule.Sender + ", but the checks of this mail's sender could not be completed."}
	case p.Unknown == UnknownQuarantine && found:
		return Admission{DispositionQuarantined, "You allow " + rule.Sender + ", but this mail is not proven to come from " + cmp.Or(host, "there") + "."}
	case p.Unknown == UnknownQuarantine:
		return Admission{DispositionQuarantined, "This sender is not known here, and you hold back mail of unknown senders."}
	}
	return Admission{}
}

// Temporary says that a check could not be completed.
func (v Verdict) Temporary() bool {
	return v.SPF.Result == CheckTempError || v.DKIM.Result == CheckTempError || v.DMARC.Result == CheckTempError
}

// rule finds the most particular rule for an author: the address before its
// domain, and that before the domains above it.
func (p MailPolicy) rule(author string) (SenderRule, bool) {
	author = strings.ToLower(author)
	_, host, _ := strings.Cut(author, "@")
	for _, name := range append([]string{author}, parents(host)...) {
		for _, rule := range p.Rules {
			if rule.Sender == name {
				return rule, true
			}
		}
		for _, member := range p.Members {
			if member == name {
				return SenderRule{Sender: member, Verb: RuleAllow}, true
			}
		}
	}
	return SenderRule{}, false
}

func parents(host string) (names []string) {
	for host != "" {
		names = append(names, host)
		_, host, _ = strings.Cut(host, ".")
	}
	return names
}

// ErrSender is wrapped by every error of CanonicalSender. The text behind it
// is a sentence for the person who typed the sender.
var ErrSender = errors.New("invalid sender")

// CanonicalSender checks what a person entered as the sender of a rule: an
// address, or a domain with or without an @ before it.
func CanonicalSender(text string) (string, error) {
	text = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(text)), "@")
	host := text
	if at := strings.LastIndex(text, "@"); at >= 0 {
		host = text[at+1:]
	}
	isBad := func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`<>,;:"`, r)
	}
	if text == "" || len(text) > maxSender || strings.ContainsFunc(text, isBad) || !strings.Contains(host, ".") || strings.Contains(host, "..") ||
		strings.HasPrefix(host, ".") || strings.HasSuffix(host, ".") || strings.Count(text, "@") > 1 {
		return "", fmt.Errorf("%w: write an address like billing@acme.example, or a domain like acme.example", ErrSender)
	}
	return text, nil
}
