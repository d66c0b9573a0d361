package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/postgres"
)

// arrive makes a mail's row.
func arrive(t testing.TB, store *postgres.Store, workspace domain.WorkspaceID) domain.MailID {
	t.Helper()
	id := domain.MailID(uuid.NewString())
	if err := store.AddMail(t.Context(), domain.Mail{ID: id, Workspace: workspace, Raw: "r", Envelope: domain.Envelope{From: "a@sender.example"}}); err != nil {
		t.Fatal(err)
	}
	return id
}

// finish unpacks a mail whose parts hold the contents.
func finish(t testing.TB, store *postgres.Store, workspace domain.WorkspaceID, id domain.MailID, messageID string, change func(*domain.Unpacked), contents ...string) domain.Mail {
	t.Helper()
	_, lease, err := store.ClaimMail(t.Context(), workspace, id, "unpack", "node", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	unpacked := domain.Unpacked{MessageID: messageID, Author: "a@sender.example", Subject: "Subject of " + messageID, Disposition: domain.DispositionNothing, Reason: "Nothing."}
	for i, content := range contents {
		document := domain.DocumentID(uuid.NewString())
		unpacked.Disposition = domain.DispositionDocuments
		unpacked.Parts = append(unpacked.Parts, domain.Part{Index: i, FileName: content + ".pdf", SHA256: content, Used: true, Document: document})
		unpacked.Documents = append(unpacked.Documents, domain.NewDocument{ID: document, Mail: id, MessageID: messageID, Part: i, SHA256: content, Stage: "first"})
	}
	if change != nil {
		change(&unpacked)
	}
	if err := store.FinishMail(t.Context(), lease, unpacked); err != nil {
		t.Fatal(err)
	}
	mail, err := store.Mail(t.Context(), workspace, id)
	if err != nil {
		t.Fatal(err)
	}
	return mail
}

func received(t testing.TB, store *postgres.Store, workspace domain.WorkspaceID, messageID string, contents ...string) domain.Mail {
	t.Helper()
	return finish(t, store, workspace, arrive(t, store, workspace), messageID, nil, contents...)
}

func documents(t testing.TB, store *postgres.Store, workspace domain.WorkspaceID) []domain.Document {
	t.Helper()
	page, err := store.Documents(t.Context(), workspace, domain.DocumentQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return page.Documents
}

func TestRedeliveryIsKnownByItsIdentityAndContent(t *testing.T) {
	store, _ := open(t)
	workspace := newWorkspace(t, store, "Acme")
	first := received(t, store, workspace, "one@x", "aa", "bb")
	again := received(t, store, workspace, "one@x", "aa", "bb")
	if again.Disposition != domain.DispositionDuplicate || again.Outcome != domain.OutcomeDuplicate || again.DuplicateOf != first.ID || again.Parts[0].Document != first.Parts[0].Document {
		t.Errorf("redelivered: %+v", again)
	}
	// The same Message-ID with other content is another mail: nobody can hide a mail behind an identity that was used.
	other := received(t, store, workspace, "one@x", "cc")
	if other.Disposition != domain.DispositionDocuments || other.DuplicateOf != "" {
		t.Errorf("other content: %+v", other)
	}
	empty := received(t, store, workspace, "two@x")
	if same := received(t, store, workspace, "two@x"); same.DuplicateOf != empty.ID || same.Disposition != domain.DispositionDuplicate {
		t.Errorf("nothing usable, redelivered: %+v", same)
	}
	if n := len(documents(t, store, workspace)); n != 3 {
		t.Errorf("%d documents", n)
	}
}

func TestSameFileOfAnotherMailIsAPossibleDuplicate(t *testing.T) {
	store, _ := open(t)
	workspace := newWorkspace(t, store, "Acme")
	first := received(t, store, workspace, "one@x", "aa")
	second := received(t, store, workspace, "two@x", "aa", "bb")
	if second.Outcome != domain.OutcomeAccepted || second.Parts[0].DuplicateOf != first.Parts[0].Document || !second.Parts[0].Used || second.Parts[1].DuplicateOf != "" {
		t.Fatalf("%+v", second)
	}
	document, err := store.Document(t.Context(), workspace, second.Parts[0].Document)
	if err != nil || document.DuplicateOf != first.Parts[0].Document || document.Status != domain.Queued {
		t.Fatalf("%+v %v", document, err)
	}
	// The third is one of the first, not of the second.
	if third := received(t, store, workspace, "three@x", "aa"); third.Parts[0].DuplicateOf != first.Parts[0].Document {
		t.Errorf("%+v", third.Parts)
	}
	stranger := newWorkspace(t, store, "Other")
	if other := received(t, store, stranger, "one@x", "aa"); other.Parts[0].DuplicateOf != "" || other.Disposition != domain.DispositionDocuments {
		t.Errorf("a workspace knows another's files: %+v", other)
	}
}

func TestSkippedDuplicatesCanBeImported(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	policy := domain.DefaultMailPolicy()
	policy.Duplicates = domain.DuplicatesSkip
	if err := store.SetMailPolicy(ctx, workspace, policy, "me"); err != nil {
		t.Fatal(err)
	}
	first := received(t, store, workspace, "one@x", "aa")
	second := received(t, store, workspace, "two@x", "aa")
	part := second.Parts[0]
	if second.Outcome != domain.OutcomeDuplicate || part.Used || !part.Importable || part.DuplicateOf != first.Parts[0].Document || len(documents(t, store, workspace)) != 1 {
		t.Fatalf("%+v", second)
	}
	if _, err := store.ImportPart(ctx, workspace, second.ID, 7, "me"); !errors.Is(err, domain.ErrNotDue) {
		t.Errorf("a part that is not there: %v", err)
	}
	wanted, err := store.ImportPart(ctx, workspace, second.ID, 0, "me")
	if err != nil || wanted.Status != domain.MailAccepted || len(wanted.Wanted) != 1 || wanted.Wanted[0] != 0 {
		t.Fatalf("%+v %v", wanted, err)
	}
	again := finish(t, store, workspace, second.ID, "two@x", func(u *domain.Unpacked) { u.Documents[0].Wanted = true }, "aa")
	if again.Outcome != domain.OutcomeAccepted || !again.Parts[0].Used || len(documents(t, store, workspace)) != 2 {
		t.Fatalf("%+v", again)
	}
}

func TestReprocessingMakesNothingTwice(t *testing.T) {
	store, admin := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	mail := received(t, store, workspace, "one@x", "aa", "bb")
	if err := store.Discard(ctx, workspace, mail.Parts[1].Document, "me"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Reprocess(ctx, workspace, mail.ID, "me"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Reprocess(ctx, workspace, mail.ID, "me"); !errors.Is(err, domain.ErrNotDue) {
		t.Errorf("while it is due: %v", err)
	}
	again := finish(t, store, workspace, mail.ID, "one@x", nil, "aa", "bb")
	if again.Outcome != domain.OutcomeAccepted || again.DuplicateOf != "" || again.Parts[0].Document != mail.Parts[0].Document || !again.Parts[0].Used || again.Parts[1].Used {
		t.Fatalf("%+v", again)
	}
	if n := len(documents(t, store, workspace)); n != 1 {
		t.Errorf("%d documents", n)
	}
	noGaps(t, admin, workspace)
	dead := failMail(t, store, workspace)
	revived, err := store.Reprocess(ctx, workspace, dead, "me")
	if err != nil || revived.Status != domain.MailAccepted || revived.Attempt != 0 {
		t.Fatalf("a mail that failed: %+v %v", revived, err)
	}
}

func TestMailLogCountsAddUp(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	received(t, store, workspace, "one@x", "aa")
	received(t, store, workspace, "one@x", "aa")
	received(t, store, workspace, "two@x")
	arrive(t, store, workspace)
	failMail(t, store, workspace)
	for _, disposition := range []domain.Disposition{domain.DispositionQuarantined, domain.DispositionBlocked, domain.DispositionNotice} {
		finish(t, store, workspace, arrive(t, store, workspace), string(disposition)+"@x", func(u *domain.Unpacked) {
			u.Disposition, u.Verdict.SPF = disposition, domain.Check{Result: domain.CheckFail, Domain: "x.example"}
			if disposition == domain.DispositionNotice {
				u.Notice = &domain.Confirmation{Service: "Gmail", Code: "123456"}
			}
		})
	}
	counts, err := store.CountMails(ctx, workspace)
	if err != nil || counts.Total() != 8 {
		t.Fatalf("%v %v", counts, err)
	}
	for _, outcome := range domain.MailOutcomes {
		page, err := store.Mails(ctx, workspace, domain.MailQuery{Outcome: outcome, Limit: 10})
		if err != nil || counts[outcome] != 1 || len(page.Mails) != 1 || page.Mails[0].Outcome != outcome {
			t.Errorf("%s: counted %d, listed %d, %v", outcome, counts[outcome], len(page.Mails), err)
		}
	}
	balance, err := store.Balance(ctx, workspace)
	if err != nil || balance.HeldMails != 1 {
		t.Errorf("%+v %v", balance, err)
	}
	held, err := store.Mails(ctx, workspace, domain.MailQuery{Text: "QUARANTINED@X", Limit: 10})
	if err != nil || len(held.Mails) != 1 || held.Mails[0].Verdict.SPF.Domain != "x.example" {
		t.Errorf("search: %+v %v", held, err)
	}
	var seen []domain.MailID
	query := domain.MailQuery{Limit: 3}
	for {
		page, err := store.Mails(ctx, workspace, query)
		if err != nil {
			t.Fatal(err)
		}
		for _, mail := range page.Mails {
			seen = append(seen, mail.ID)
		}
		if query.Cursor = page.NextCursor; query.Cursor == "" {
			break
		}
	}
	if len(seen) != 8 {
		t.Errorf("paging gives %d mails", len(seen))
	}
	if _, err := store.Mails(ctx, workspace, domain.MailQuery{Limit: 3, Cursor: "x"}); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("a made-up cursor: %v", err)
	}
}

func TestQuarantine(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	hold := func(id string) domain.Mail {
		return finish(t, store, workspace, arrive(t, store, workspace), id, func(u *domain.Unpacked) {
			u.Disposition, u.Reason, u.Documents = domain.DispositionQuarantined, "Held.", nil
		}, id)
	}
	rules := func() map[string]domain.RuleVerb {
		policy, err := store.MailPolicy(ctx, workspace)
		if err != nil {
			t.Fatal(err)
		}
		if len(policy.Members) != 1 {
			t.Errorf("members are %v", policy.Members)
		}
		verbs := map[string]domain.RuleVerb{}
		for _, rule := range policy.Rules {
			verbs[rule.Sender] = rule.Verb
		}
		return verbs
	}
	mail := hold("one@x")
	if n := len(documents(t, store, workspace)); n != 0 {
		t.Fatalf("quarantine made %d documents", n)
	}
	approved, err := store.ApproveMail(ctx, workspace, mail.ID, false, "me@acme.example")
	if err != nil || approved.Status != domain.MailAccepted || approved.ApprovedBy != "me@acme.example" || len(rules()) != 0 {
		t.Fatalf("%+v %v", approved, err)
	}
	if _, err := store.DeleteMail(ctx, workspace, mail.ID, "me"); !errors.Is(err, domain.ErrNotDue) {
		t.Errorf("decided twice: %v", err)
	}
	if _, err := store.ApproveMail(ctx, workspace, hold("two@x").ID, true, "me"); err != nil || rules()["a@sender.example"] != domain.RuleAllow {
		t.Errorf("%v %v", rules(), err)
	}
	blocked, err := store.BlockMail(ctx, workspace, hold("three@x").ID, "me")
	if err != nil || blocked.Outcome != domain.OutcomeRejected || rules()["a@sender.example"] != domain.RuleBlock {
		t.Errorf("%+v %v", blocked, err)
	}
	deleted, err := store.DeleteMail(ctx, workspace, hold("four@x").ID, "me")
	if err != nil || deleted.Outcome != domain.OutcomeRejected || deleted.Disposition != domain.DispositionDeleted {
		t.Errorf("%+v %v", deleted, err)
	}
	if err := store.RemoveRule(ctx, workspace, "a@sender.example", "me"); err != nil || len(rules()) != 0 {
		t.Error(err)
	}
	if err := store.RemoveRule(ctx, workspace, "a@sender.example", "me"); !errors.Is(err, domain.ErrNotFound) {
		t.Error(err)
	}
	if _, err := store.ApproveMail(ctx, newWorkspace(t, store, "Other"), mail.ID, false, "x"); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("another workspace: %v", err)
	}
}
