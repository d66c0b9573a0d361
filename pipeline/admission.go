package pipeline

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/press"
)

// Checker finds out who sent a mail. It never fails: what it could not find
// out is part of the verdict.
type Checker interface {
	// Check is told the author's address, empty when the mail does not name
	// exactly one. open reads the raw mail from its beginning and may be called several times.
	Check(ctx context.Context, envelope domain.Envelope, author string, open func() (io.ReadCloser, error)) domain.Verdict
}

// Policies reads what a workspace wants done with its mail.
type Policies interface {
	MailPolicy(ctx context.Context, workspace domain.WorkspaceID) (domain.MailPolicy, error)
}

// Admission decides whether the attachments of a mail become documents.
type Admission struct {
	checker  Checker
	policies Policies
	answers  bool
}

// NewAdmission builds the decision. answers says that senders can be answered.
func NewAdmission(checker Checker, policies Policies, answers bool) *Admission {
	return &Admission{checker: checker, policies: policies, answers: answers}
}

// policy reads what a workspace wants, as far as it is possible here.
func (a *Admission) policy(ctx context.Context, workspace domain.WorkspaceID) (domain.MailPolicy, error) {
	policy, err := a.policies.MailPolicy(ctx, workspace)
	policy.Answers = policy.Answers && a.answers
	return policy, err
}

// admit finds out who sent a mail and whether the workspace lets it in.
func (a *Admission) admit(ctx context.Context, mail domain.Mail, policy domain.MailPolicy, message press.Message, raw string) (domain.Verdict, domain.Admission) {
	claimed := message.From
	if message.Authors != 1 {
		claimed = ""
	}
	verdict := a.checker.Check(ctx, mail.Envelope, claimed, func() (io.ReadCloser, error) { return os.Open(raw) })
	verdict.Forwarded = message.Forwarded
	if mail.ApprovedBy != "" {
		return verdict, domain.Admission{}
	}
	return verdict, policy.Admit(author(mail, message), verdict)
}

// holdBack keeps the parts of a mail from becoming documents.
func holdBack(unpacked domain.Unpacked, admission domain.Admission) domain.Unpacked {
	unpacked.Documents = nil
	for i := range unpacked.Parts {
		part := &unpacked.Parts[i]
		if part.Used {
			part.Used, part.Document, part.Reason = false, "", "Not opened: the mail is held back."
		}
		part.Importable = false
	}
	unpacked.Disposition, unpacked.Reason = admission.Disposition, admission.Reason
	return unpacked
}

// wants says that a person asked for a part that was skipped.
func wants(mail domain.Mail, part press.MessagePart) bool {
	return slices.Contains(mail.Wanted, part.Index)
}

// gmailSender asks for the confirmation of a forwarding. The code and the link
// are in the text, and Google's own domain must vouch for it.
const gmailSender = "forwarding-noreply@google.com"

var (
	gmailCode    = regexp.MustCompile(`(?i)confirmation code:?\s*([0-9]{6,12})`)
	gmailSubject = regexp.MustCompile(`\(#([0-9]{6,12})\)`)
	gmailLink    = regexp.MustCompile(`https://(?:mail-settings|mail)\.google\.com/[^\s<>"]+`)
	anyAddress   = regexp.MustCompile(`[^\s<>"@]+@[^\s<>"@]+\.[A-Za-z]+`)
)

// notice recognises a forwarding confirmation, nil when the mail is none.
func notice(message press.Message, verdict domain.Verdict) *domain.Confirmation {
	if message.From != gmailSender || message.Authors != 1 || !verdict.Authenticated() {
		return nil
	}
	found := &domain.Confirmation{Service: "Gmail"}
	if match := gmailCode.FindStringSubmatch(message.Text); match != nil {
		found.Code = match[1]
	} else if match := gmailSubject.FindStringSubmatch(message.Subject); match != nil {
		found.Code = match[1]
	}
	if link, err := url.Parse(gmailLink.FindString(message.Text)); err == nil && link.Scheme == "https" {
		found.Link = link.String()
	}
	if found.Code == "" && found.Link == "" {
		return nil
	}
	if account := anyAddress.FindString(message.Subject); account != "" {
		found.Account = strings.Trim(account, ".,;:")
	}
	return found
}

func noticeReason(n *domain.Confirmation) string {
	if n.Account == "" {
		return n.Service + " asks you to confirm that it may forward mail to this address."
	}
	return fmt.Sprintf("%s asks you to confirm that mail of %s may be forwarded to this address.", n.Service, n.Account)
}
