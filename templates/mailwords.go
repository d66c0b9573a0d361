package templates

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/docuflow/docuflow/domain"
)

// MailList is the selection of mails that a page shows, and the one that is unfolded.
type MailList struct {
	Outcome domain.MailOutcome
	Text    string
	Cursor  string
	Open    domain.MailID
	One     bool // a page of that mail alone
}

func (l MailList) filtered() bool { return l.Outcome != "" || l.Text != "" }

// Query is the selection as a query string with its question mark, empty
// when nothing is selected. The cursor is not part of it.
func (l MailList) Query() string {
	values := url.Values{}
	if l.Outcome != "" {
		values.Set("outcome", string(l.Outcome))
	}
	if l.Text != "" {
		values.Set("q", l.Text)
	}
	if l.Open != "" {
		values.Set("open", string(l.Open))
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}

// Path of the list.
func (l MailList) Path() string {
	if l.One {
		return "/mails/" + url.PathEscape(string(l.Open))
	}
	return "/mails" + l.Query()
}

func (l MailList) withOutcome(outcome domain.MailOutcome) string {
	l.Outcome, l.Open, l.One = outcome, "", false
	return l.Path()
}

func (l MailList) more(cursor string) string {
	l.Open = ""
	return join("/mails", l.Query(), "cursor="+url.QueryEscape(cursor))
}

// toggle unfolds a mail or folds it in again, in its place.
func (l MailList) toggle(id domain.MailID) string {
	if l.Open == id {
		l.Open, l.One = "", false
	} else {
		l.Open = id
	}
	path := l.Path()
	if l.Cursor != "" {
		path = join("/mails", l.Query(), "cursor="+url.QueryEscape(l.Cursor))
	}
	return path + "#log-" + url.PathEscape(string(id))
}

// deed is where a form about a mail is sent; the answer leads back to the list.
func (l MailList) deed(id domain.MailID, name string) string {
	path := "/mails/" + url.PathEscape(string(id)) + "/" + name
	if l.One {
		return path + "?one=1"
	}
	return path + l.Query()
}

// days are the mails of a page, day by day.
func (p MailLog) days() (days [][]domain.Mail) {
	for i, m := range p.Mails {
		if i == 0 || p.View.dayKey(p.Mails[i-1].ReceivedAt) != p.View.dayKey(m.ReceivedAt) {
			days = append(days, nil)
		}
		days[len(days)-1] = append(days[len(days)-1], m)
	}
	return days
}

// always says that an outcome is counted even if there is none.
func always(outcome domain.MailOutcome) bool {
	switch outcome {
	case domain.OutcomeAccepted, domain.OutcomeQuarantined, domain.OutcomeRejected, domain.OutcomeNothing:
		return true
	}
	return false
}

func outcomeWord(outcome domain.MailOutcome) string {
	switch outcome {
	case domain.OutcomeWorking:
		return "Unpacking"
	case domain.OutcomeAccepted:
		return "Accepted"
	case domain.OutcomeDuplicate:
		return "Duplicate"
	case domain.OutcomeQuarantined:
		return "Quarantined"
	case domain.OutcomeRejected:
		return "Rejected"
	case domain.OutcomeNotice:
		return "Confirmation"
	case domain.OutcomeFailed:
		return "Failed"
	}
	return "Nothing usable"
}

func outcomeIcon(outcome domain.MailOutcome) string {
	switch outcome {
	case domain.OutcomeWorking:
		return "running"
	case domain.OutcomeAccepted:
		return "done"
	case domain.OutcomeDuplicate:
		return "copy"
	case domain.OutcomeQuarantined:
		return "shield"
	case domain.OutcomeRejected, domain.OutcomeFailed:
		return "failed"
	case domain.OutcomeNotice:
		return "mail"
	}
	return "skipped"
}

// outcomeClass is the colour of an outcome's pill.
func outcomeClass(outcome domain.MailOutcome) string {
	switch outcome {
	case domain.OutcomeWorking:
		return "running"
	case domain.OutcomeAccepted:
		return "done"
	case domain.OutcomeDuplicate:
		return "copy"
	case domain.OutcomeQuarantined:
		return "waiting"
	case domain.OutcomeRejected, domain.OutcomeFailed:
		return "failed"
	case domain.OutcomeNotice:
		return "look"
	}
	return "queued"
}

func outcomeAside(m domain.Mail) string {
	switch m.Disposition {
	case domain.DispositionBlocked:
		return "blocked"
	case domain.DispositionDeleted:
		return "deleted"
	}
	if maybeCopied(m) {
		return "possible duplicate"
	}
	return ""
}

// maybeCopied says that a document of the mail may be here twice.
func maybeCopied(m domain.Mail) bool {
	return slices.ContainsFunc(m.Parts, func(p domain.Part) bool { return p.Used && p.DuplicateOf != "" })
}

func pillClass(m domain.Mail) string {
	if maybeCopied(m) {
		return "copy"
	}
	return outcomeClass(m.Outcome)
}

func pillIcon(m domain.Mail) string {
	if maybeCopied(m) {
		return "copy"
	}
	return outcomeIcon(m.Outcome)
}

// mailTitle heads an unfolded mail.
func mailTitle(m domain.Mail) string {
	switch m.Outcome {
	case domain.OutcomeWorking:
		return "It is being unpacked"
	case domain.OutcomeAccepted:
		return "It was accepted"
	case domain.OutcomeDuplicate:
		return "It was here before"
	case domain.OutcomeQuarantined:
		return "Held back until a person decides"
	case domain.OutcomeRejected:
		return "No documents were made of it"
	case domain.OutcomeNotice:
		return "A confirmation for you"
	case domain.OutcomeFailed:
		return "It could not be unpacked"
	}
	return "Nothing in it was usable"
}

func mailAuthor(m domain.Mail) string {
	return cmp.Or(m.Author, m.Envelope.From, "nobody (a bounce)")
}

func mailFrom(m domain.Mail) string {
	if m.AuthorName == "" {
		return dash(m.Author)
	}
	return m.AuthorName + " <" + m.Author + ">"
}

func mailSubject(m domain.Mail) string {
	if m.Subject == "" && m.Outcome == domain.OutcomeWorking {
		return "not unpacked yet"
	}
	return cmp.Or(m.Subject, "(no subject)")
}

func mailTLS(m domain.Mail) string {
	if m.Envelope.TLS {
		return "TLS"
	}
	return "none"
}

// partsWord sums up what became of a mail's parts.
func partsWord(m domain.Mail) string {
	if len(m.Parts) == 0 {
		return "–"
	}
	used, before, held := 0, 0, m.Outcome == domain.OutcomeQuarantined || m.Outcome == domain.OutcomeRejected
	for _, part := range m.Parts {
		switch {
		case part.Used:
			used++
		case part.Document != "" || part.DuplicateOf != "":
			before++
		}
	}
	var words []string
	if used > 0 {
		words = append(words, plural(used, "document", "documents"))
	}
	if before > 0 {
		words = append(words, plural(before, "duplicate", "duplicates"))
	}
	skipped := len(m.Parts) - used - before
	switch {
	case held:
		return fmt.Sprintf("%d held back", len(m.Parts))
	case len(words) == 0:
		return "0 of " + plural(len(m.Parts), "part", "parts")
	case skipped > 0:
		words = append(words, fmt.Sprintf("%d skipped", skipped))
	}
	return strings.Join(words, ", ")
}

func partIcon(part domain.Part) string {
	switch {
	case part.DuplicateOf != "":
		return "copy"
	case part.Used:
		return "page"
	}
	return "skipped"
}

func partOutcome(part domain.Part) string {
	switch {
	case part.Used && part.DuplicateOf != "":
		return "a document, possibly a duplicate"
	case part.Used:
		return "a document"
	}
	return cmp.Or(part.Reason, "not used")
}

func noParts(m domain.Mail) string {
	if m.Outcome == domain.OutcomeWorking {
		return "Not looked at yet."
	}
	return "No attachment."
}

func mailReason(m domain.Mail) string { return cmp.Or(m.Reason, "It waits to be unpacked.") }

func answerSentence(a *domain.Answer) string {
	switch {
	case a.State == domain.AnswerSent:
		return a.To + " was told what became of it."
	case a.State == domain.AnswerGivenUp:
		return a.To + " could not be told what became of it. " + a.Reason
	case a.Reason != "":
		return a.To + " is to be told; attempt " + strconv.Itoa(a.Attempt) + " failed and another follows. " + a.Reason
	}
	return a.To + " is about to be told what became of it."
}

// verdictClass is good, bad or neither.
func verdictClass(c domain.Check) string {
	switch c.Result {
	case domain.CheckPass:
		return "pass"
	case domain.CheckFail, domain.CheckSoftFail, domain.CheckPermError:
		return "fail"
	}
	return "none"
}

func verdictIcon(c domain.Check) string {
	switch verdictClass(c) {
	case "pass":
		return "done"
	case "fail":
		return "failed"
	}
	return "skipped"
}

func verdictSentence(c domain.Check) string {
	word := map[domain.CheckResult]string{
		domain.CheckPass: "passed", domain.CheckFail: "failed", domain.CheckSoftFail: "failed softly", domain.CheckNeutral: "says nothing",
		domain.CheckTempError: "could not be completed", domain.CheckPermError: "cannot be checked", domain.CheckNone: "nothing to check",
	}[c.Result]
	word = cmp.Or(word, "not checked")
	if c.Domain != "" {
		word += " for " + c.Domain
	}
	if c.Detail != "" {
		word += ": " + c.Detail
	}
	return word
}
