package web

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
)

// outcomeOf is the database's generated column.
func outcomeOf(m domain.Mail) domain.MailOutcome {
	switch m.Status {
	case domain.MailAccepted:
		return domain.OutcomeWorking
	case domain.MailFailed:
		return domain.OutcomeFailed
	}
	switch m.Disposition {
	case domain.DispositionDocuments:
		return domain.OutcomeAccepted
	case domain.DispositionDuplicate:
		return domain.OutcomeDuplicate
	case domain.DispositionQuarantined:
		return domain.OutcomeQuarantined
	case domain.DispositionBlocked, domain.DispositionDeleted:
		return domain.OutcomeRejected
	case domain.DispositionNotice:
		return domain.OutcomeNotice
	}
	return domain.OutcomeNothing
}

func (m *memory) Mails(_ context.Context, workspace domain.WorkspaceID, query domain.MailQuery) (domain.MailPage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []domain.Mail
	for _, mail := range m.mails {
		if workspace == m.workspace.ID && mailMatches(templates.MailList{Outcome: query.Outcome, Text: query.Text}, mail) {
			found = append(found, mail)
		}
	}
	slices.SortFunc(found, func(a, b domain.Mail) int { return cmp.Or(b.ReceivedAt.Compare(a.ReceivedAt), cmp.Compare(b.ID, a.ID)) })
	from, _ := strconv.Atoi(query.Cursor)
	found = found[min(from, len(found)):]
	if len(found) <= query.Limit {
		return domain.MailPage{Mails: found}, nil
	}
	return domain.MailPage{Mails: found[:query.Limit], NextCursor: strconv.Itoa(from + query.Limit)}, nil
}

func (m *memory) CountMails(context.Context, domain.WorkspaceID) (domain.MailCounts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := domain.MailCounts{}
	for _, mail := range m.mails {
		counts[mail.Outcome]++
	}
	return counts, nil
}

// decide changes one mail as a person's deed does.
func (m *memory) decide(workspace domain.WorkspaceID, id domain.MailID, held bool, change func(*domain.Mail)) (domain.Mail, error) {
	mail, err := m.Mail(context.Background(), workspace, id)
	if err != nil {
		return mail, err
	}
	if mail.Status == domain.MailAccepted || held && mail.Outcome != domain.OutcomeQuarantined {
		return mail, domain.ErrNotDue
	}
	change(&mail)
	return m.putMail(mail), nil
}

func again(mail *domain.Mail) { mail.Status, mail.Disposition = domain.MailAccepted, "" }

func (m *memory) Reprocess(_ context.Context, workspace domain.WorkspaceID, id domain.MailID, _ string) (domain.Mail, error) {
	return m.decide(workspace, id, false, again)
}

func (m *memory) ImportPart(_ context.Context, workspace domain.WorkspaceID, id domain.MailID, index int, _ string) (domain.Mail, error) {
	return m.decide(workspace, id, false, func(mail *domain.Mail) {
		mail.Wanted = append(mail.Wanted, index)
		again(mail)
	})
}

func (m *memory) ApproveMail(_ context.Context, workspace domain.WorkspaceID, id domain.MailID, always bool, by string) (domain.Mail, error) {
	return m.decide(workspace, id, true, func(mail *domain.Mail) {
		again(mail)
		mail.ApprovedBy = by
		if always {
			m.rules = append(m.rules, domain.SenderRule{Sender: mail.Author, Verb: domain.RuleAllow, By: by})
		}
	})
}

func (m *memory) BlockMail(_ context.Context, workspace domain.WorkspaceID, id domain.MailID, by string) (domain.Mail, error) {
	return m.decide(workspace, id, true, func(mail *domain.Mail) {
		mail.Disposition = domain.DispositionBlocked
		m.rules = append(m.rules, domain.SenderRule{Sender: mail.Author, Verb: domain.RuleBlock, By: by})
	})
}

func (m *memory) DeleteMail(_ context.Context, workspace domain.WorkspaceID, id domain.MailID, _ string) (domain.Mail, error) {
	return m.decide(workspace, id, true, func(mail *domain.Mail) { mail.Disposition = domain.DispositionDeleted })
}

const (
	heldMail   domain.MailID = "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3b002"
	copyMail   domain.MailID = "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3b004"
	noticeMail domain.MailID = "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3b009"
)

// seedMails is what the design's picture of the mail log shows.
func seedMails(m *memory) {
	const pass, fail, none = domain.CheckPass, domain.CheckFail, domain.CheckNone
	used := func(name string, size int64) domain.Part {
		return domain.Part{FileName: name, MediaType: "application/pdf", Size: size, Used: true, Document: nordlys}
	}
	skipped := func(name, reason string, importable bool) domain.Part {
		return domain.Part{Index: 1, FileName: name, MediaType: "image/png", Size: 4_000, Reason: reason, Importable: importable}
	}
	held := domain.Part{FileName: "Invoice_NO-88213.pdf", Size: 91_000, Reason: "Not opened: the mail is held back."}
	copied := used("Facture FA-2026-0812.pdf", 180_000)
	copied.DuplicateOf = "0d0c0000-0000-4000-8000-000000000008"
	for i, l := range []struct {
		minutes          int
		author, subject  string
		checks           [3]domain.CheckResult
		tls              bool
		size             int64
		disposition      domain.Disposition
		reason, sentName string
		parts            []domain.Part
	}{
		{3, "billing@nordlys.example", "Faktura NO-88213 for november", [3]domain.CheckResult{pass, pass, pass}, true, 281_000, domain.DispositionDocuments, "2 documents", "", []domain.Part{used("a.pdf", 1), used("b.pdf", 2), skipped("logo.png", "This image is part of the mail's design.", true)}},
		{14, "noreply@brightwater.example", "Your Brightwater bill is ready", [3]domain.CheckResult{pass, pass, pass}, true, 1_100_000, domain.DispositionDocuments, "1 document", "", []domain.Part{used("bill.pdf", 1_000_000)}},
		{21, "pay@nordlys-invoices.example", "URGENT: changed bank details, invoice NO-88213", [3]domain.CheckResult{fail, fail, fail}, false, 96_000, domain.DispositionQuarantined,
			"The sender could not be verified. The mail claims to be from pay@nordlys-invoices.example, and that domain asks to quarantine mail that fails its checks.", "Nordlys Hosting", []domain.Part{held}},
		{30, "folio@belvedere.example", "Votre facture de séjour / Ihre Rechnung", [3]domain.CheckResult{pass, pass, pass}, true, 644_000, domain.DispositionDocuments, "1 document", "", []domain.Part{used("folio.pdf", 600_000), skipped("banner.png", "This image is part of the mail's design.", true)}},
		{34, "compta@delacroix.example", "Facture FA-2026-0812 (renvoi)", [3]domain.CheckResult{pass, pass, pass}, true, 188_000, domain.DispositionDocuments, "1 document", "", []domain.Part{copied}},
		{48, "anna.berg@webmail.example", "Sv: lunch på fredag?", [3]domain.CheckResult{pass, pass, pass}, true, 18_000, domain.DispositionNothing, "The mail has no attachment.", "", nil},
		{52, "keiri@bungu.example", "invoice T-77-20419", [3]domain.CheckResult{pass, pass, none}, true, 402_000, domain.DispositionDuplicate, "This mail was delivered before; its documents are here already.", "", []domain.Part{{FileName: "t.pdf", Size: 400_000, Reason: "Delivered before", Document: nordlys}}},
		{70, "m.aalto@lindqvist.example", "Fwd: kvitton från Łódź", [3]domain.CheckResult{pass, fail, pass}, true, 7_900_000, domain.DispositionDocuments, "1 document", "", []domain.Part{used("paragon.jpg", 7_000_000)}},
		{96, "win@prize-desk.example", "You have (1) unpaid invoice", [3]domain.CheckResult{fail, none, fail}, false, 12_000, domain.DispositionBlocked, "You block prize-desk.example.", "", []domain.Part{held}},
		{140, "forwarding-noreply@google.com", "(#482915303) Gmail Forwarding Confirmation - Receive Mail from maria@lindqvist.example", [3]domain.CheckResult{pass, pass, pass}, true, 6_000, domain.DispositionNotice, "Gmail asks you to confirm that mail of maria@lindqvist.example may be forwarded to this address.", "", nil},
		{26 * 60, "faktura@vattenkraft.example", "Faktura OCR 7781 2044 15", [3]domain.CheckResult{pass, pass, pass}, true, 97_000, domain.DispositionDocuments, "1 document", "", []domain.Part{used("f.pdf", 90_000)}},
	} {
		check := func(at int) domain.Check { return domain.Check{Result: l.checks[at], Domain: "sender.example"} }
		mail := domain.Mail{
			ID: domain.MailID(fmt.Sprintf("5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3b%03d", i)), Status: domain.MailUnpacked, Disposition: l.disposition, Reason: l.reason,
			Author: l.author, AuthorName: l.sentName, Subject: l.subject, Size: l.size, Parts: l.parts, Recipient: "lindqvist-7f3k@in.docuflow.example",
			Envelope: domain.Envelope{From: l.author, RemoteAddr: "203.0.113.77", TLS: l.tls}, MessageID: fmt.Sprintf("m%d@sender.example", i), Raw: "w/mail",
			ReceivedAt: time.Now().Add(-time.Duration(l.minutes) * time.Minute), Verdict: domain.Verdict{SPF: check(0), DKIM: check(1), DMARC: check(2)},
		}
		if l.disposition == domain.DispositionNotice {
			mail.Notice = &domain.Confirmation{Service: "Gmail", Account: "maria@lindqvist.example", Code: "482915303", Link: "https://mail-settings.google.com/mail/vf-x"}
		}
		m.putMail(mail)
	}
	m.files["w/mail"] = []byte("From: Nordlys <billing@nordlys.example>\r\nSubject: <script>alert(1)</script>\r\n\r\nbody")
}

func (m *memory) heldMails() (n int) {
	for _, mail := range m.mails {
		if mail.Outcome == domain.OutcomeQuarantined {
			n++
		}
	}
	return n
}

func (m *memory) MailPolicy(context.Context, domain.WorkspaceID) (domain.MailPolicy, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	policy := m.policy
	policy.Rules = slices.Clone(m.rules)
	return policy, nil
}

func (m *memory) SetMailPolicy(_ context.Context, _ domain.WorkspaceID, policy domain.MailPolicy, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.policy = policy
	return nil
}

func (m *memory) PutRule(_ context.Context, _ domain.WorkspaceID, rule domain.SenderRule) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rules = append(m.rules, rule)
	return nil
}

func (m *memory) RemoveRule(_ context.Context, _ domain.WorkspaceID, sender, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.rules)
	m.rules = slices.DeleteFunc(m.rules, func(r domain.SenderRule) bool { return r.Sender == sender })
	if len(m.rules) == before {
		return domain.ErrNotFound
	}
	return nil
}

func (m *memory) NewAddress(_ context.Context, workspace domain.WorkspaceID, label, mailDomain, _ string) (domain.Address, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	made := domain.Address{Workspace: workspace, Address: fmt.Sprintf("lindqvist-%d@%s", len(m.addresses), mailDomain), Label: label, CreatedAt: time.Now()}
	m.addresses = append(m.addresses, made)
	return made, nil
}

func (m *memory) onAddress(address string, change func(*domain.Address)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.addresses, func(a domain.Address) bool { return a.Address == address })
	if at < 0 {
		return domain.ErrNotFound
	}
	change(&m.addresses[at])
	return nil
}

func (m *memory) LabelAddress(_ context.Context, _ domain.WorkspaceID, address, label, _ string) error {
	return m.onAddress(address, func(a *domain.Address) { a.Label = label })
}

func (m *memory) RotateAddress(ctx context.Context, workspace domain.WorkspaceID, address string, grace time.Duration, by string) (domain.Address, error) {
	if err := m.onAddress(address, func(a *domain.Address) { a.RetiresAt = time.Now().Add(grace) }); err != nil {
		return domain.Address{}, err
	}
	return m.NewAddress(ctx, workspace, "", "in.docuflow.example", by)
}

func (m *memory) RemoveAddress(_ context.Context, _ domain.WorkspaceID, address, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.addresses) == 1 {
		return domain.ErrNotDue
	}
	m.addresses = slices.DeleteFunc(m.addresses, func(a domain.Address) bool { return a.Address == address })
	return nil
}
