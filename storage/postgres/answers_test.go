package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
)

func TestAnswerIsMadeOnceAndSentOnce(t *testing.T) {
	store, admin := open(t)
	ctx := t.Context()
	workspace := newWorkspace(t, store, "Acme")
	answered := func(u *domain.Unpacked) { u.AnswerTo = "A@sender.example" }
	arriving := func(messageID, content string) domain.Mail {
		return finish(t, store, workspace, arrive(t, store, workspace), messageID, answered, content)
	}
	first := arriving("one@x", "aa")
	if first.Answer == nil || first.Answer.State != domain.AnswerDue || first.Answer.To != "a@sender.example" {
		t.Fatalf("%+v", first.Answer)
	}
	if second := arriving("two@x", "bb"); second.Answer != nil {
		t.Errorf("a second one within the hour: %+v", second.Answer)
	}
	sql(t, admin, "UPDATE answers SET made_at = made_at - interval '61 minutes'")
	if again := arriving("one@x", "aa"); again.Outcome != domain.OutcomeDuplicate || again.Answer != nil {
		t.Errorf("a redelivery: %+v", again)
	}
	if third := arriving("three@x", "cc"); third.Answer == nil {
		t.Error("none after an hour")
	}
	sql(t, admin, "DELETE FROM answers WHERE mail_id <> $1", first.ID)
	if _, err := store.Reprocess(ctx, workspace, first.ID, "me"); err != nil {
		t.Fatal(err)
	}
	if same := finish(t, store, workspace, first.ID, "one@x", answered, "aa"); same.Answer == nil || !same.Answer.MadeAt.Equal(first.Answer.MadeAt.Add(-61*time.Minute)) {
		t.Errorf("unpacked again: %+v", same.Answer)
	}

	claimed, err := store.ClaimAnswer(ctx, "n1", time.Minute)
	if err != nil || claimed.Mail.ID != first.ID || claimed.Mail.Answer.Attempt != 1 || claimed.Trying < time.Hour {
		t.Fatalf("%+v %v", claimed, err)
	}
	if _, err := store.ClaimAnswer(ctx, "n2", time.Minute); !errors.Is(err, domain.ErrNotDue) {
		t.Errorf("claimed twice: %v", err)
	}
	sql(t, admin, "UPDATE answers SET lease_until = now() - interval '1 second'")
	later, err := store.ClaimAnswer(ctx, "n2", time.Minute)
	if err != nil || later.Mail.Answer.Attempt != 2 {
		t.Fatalf("after the lease: %+v %v", later, err)
	}
	if err := store.EndAnswer(ctx, claimed, nil); !errors.Is(err, domain.ErrSuperseded) {
		t.Errorf("the slow node wrote: %v", err)
	}
	retry := &domain.FailedAttempt{Failure: &domain.Failure{Message: "Not now."}, Retry: true, RetryIn: time.Hour}
	if err := store.EndAnswer(ctx, later, retry); err != nil {
		t.Fatal(err)
	}
	mail, err := store.Mail(ctx, workspace, first.ID)
	if err != nil || mail.Answer.State != domain.AnswerDue || mail.Answer.Reason != "Not now." || mail.Seq <= first.Seq {
		t.Errorf("%+v %v", mail.Answer, err)
	}
	if _, err := store.ClaimAnswer(ctx, "n2", time.Minute); !errors.Is(err, domain.ErrNotDue) {
		t.Errorf("claimed before it is due: %v", err)
	}
	sql(t, admin, "UPDATE answers SET next_attempt_at = now()")
	last, err := store.ClaimAnswer(ctx, "n1", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.EndAnswer(ctx, last, nil); err != nil {
		t.Fatal(err)
	}
	if mail, _ = store.Mail(ctx, workspace, first.ID); mail.Answer.State != domain.AnswerSent || mail.Answer.Reason != "" {
		t.Errorf("%+v", mail.Answer)
	}
	if err := store.EndAnswer(ctx, last, nil); !errors.Is(err, domain.ErrSuperseded) {
		t.Errorf("ended twice: %v", err)
	}
}

func TestAnswersAreAChoice(t *testing.T) {
	store, _ := open(t)
	workspace := newWorkspace(t, store, "Acme")
	policy, err := store.MailPolicy(t.Context(), workspace)
	if err != nil || policy.Answers {
		t.Fatalf("on by default: %+v %v", policy, err)
	}
	policy.Answers = true
	if err := store.SetMailPolicy(t.Context(), workspace, policy, "me"); err != nil {
		t.Fatal(err)
	}
	if policy, err = store.MailPolicy(t.Context(), workspace); err != nil || !policy.Answers {
		t.Errorf("%+v %v", policy, err)
	}
}
