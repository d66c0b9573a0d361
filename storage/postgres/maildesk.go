package postgres

import (
	"context"
	"slices"

	"github.com/docuflow/docuflow/domain"
)

// Reprocess unpacks a mail once more, from its raw bytes and by the present
// policy. domain.ErrNotDue: it is being unpacked.
func (s *Store) Reprocess(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, by string) (domain.Mail, error) {
	return s.mailByPerson(ctx, workspace, id, domain.Event{Kind: "mail.reprocessed", Actor: by}, func(ctx context.Context, tx change, _ domain.Mail) (string, error) {
		return "Asked to be unpacked again", tx.unpackAgain(ctx, id)
	})
}

// ImportPart makes a document of a part that was skipped. domain.ErrNotDue:
// the part cannot be imported, or the mail is being unpacked.
func (s *Store) ImportPart(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, index int, by string) (domain.Mail, error) {
	return s.mailByPerson(ctx, workspace, id, domain.Event{Kind: "mail.part_imported", Actor: by}, func(ctx context.Context, tx change, mail domain.Mail) (string, error) {
		at := slices.IndexFunc(mail.Parts, func(p domain.Part) bool { return p.Index == index && p.Importable })
		if at < 0 {
			return "", domain.ErrNotDue
		}
		if _, err := tx.Exec(ctx, "UPDATE mails SET wanted = array_append(array_remove(wanted, $2), $2) WHERE id = $1", id, index); err != nil {
			return "", err
		}
		return "Asked for " + mail.Parts[at].FileName, tx.unpackAgain(ctx, id)
	})
}

// ApproveMail lets a mail out of quarantine. With always, its author is
// allowed from now on. domain.ErrNotDue: it is not in quarantine.
func (s *Store) ApproveMail(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, always bool, by string) (domain.Mail, error) {
	return s.mailByPerson(ctx, workspace, id, domain.Event{Kind: "mail.approved", Actor: by}, func(ctx context.Context, tx change, mail domain.Mail) (string, error) {
		if mail.Disposition != domain.DispositionQuarantined {
			return "", domain.ErrNotDue
		}
		text := "Approved once"
		if always {
			rule, err := tx.ruleFor(ctx, mail, domain.RuleAllow, by)
			if err != nil {
				return "", err
			}
			text = "Approved; always allow " + rule
		}
		if _, err := tx.Exec(ctx, "UPDATE mails SET approved_by = $2 WHERE id = $1", id, by); err != nil {
			return "", err
		}
		return text, tx.unpackAgain(ctx, id)
	})
}

// BlockMail blocks a mail's author from now on, and takes the mail out of
// quarantine. domain.ErrNotDue: it is not in quarantine.
func (s *Store) BlockMail(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, by string) (domain.Mail, error) {
	return s.mailByPerson(ctx, workspace, id, domain.Event{Kind: "mail.blocked", Actor: by}, func(ctx context.Context, tx change, mail domain.Mail) (string, error) {
		if mail.Disposition != domain.DispositionQuarantined {
			return "", domain.ErrNotDue
		}
		rule, err := tx.ruleFor(ctx, mail, domain.RuleBlock, by)
		if err != nil {
			return "", err
		}
		_, err = tx.Exec(ctx, "UPDATE mails SET disposition = 'blocked', reason = $2 WHERE id = $1", id, "You block "+rule+".")
		return "Blocked " + rule, err
	})
}

// DeleteMail takes a mail out of quarantine without making documents. Its
// raw bytes stay until retention removes them. domain.ErrNotDue: it is not in quarantine.
func (s *Store) DeleteMail(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, by string) (domain.Mail, error) {
	return s.mailByPerson(ctx, workspace, id, domain.Event{Kind: "mail.deleted", Actor: by}, func(ctx context.Context, tx change, mail domain.Mail) (string, error) {
		if mail.Disposition != domain.DispositionQuarantined {
			return "", domain.ErrNotDue
		}
		_, err := tx.Exec(ctx, "UPDATE mails SET disposition = 'deleted', reason = 'Deleted from quarantine by a person.' WHERE id = $1", id)
		return "Deleted from quarantine", err
	})
}

// unpackAgain makes a mail due as if it had just arrived.
func (c change) unpackAgain(ctx context.Context, id domain.MailID) error {
	return notDue(one(c.Exec(ctx, `UPDATE mails SET status = 'ACCEPTED', disposition = '', reason = '', duplicate_of = NULL, notice = NULL, attempt = 0, error_kind = '',
		failed_at = NULL, discarded_at = NULL, lease_until = '-infinity', next_attempt_at = clock_timestamp() WHERE id = $1 AND status <> 'ACCEPTED'`, id)))
}

// ruleFor makes a rule for a mail's author and returns whom it is for.
func (c change) ruleFor(ctx context.Context, mail domain.Mail, verb domain.RuleVerb, by string) (string, error) {
	sender, err := domain.CanonicalSender(mail.Author)
	if err != nil {
		return "", domain.ErrNotDue // it names nobody whom a rule could be for
	}
	return sender, c.putRule(ctx, domain.SenderRule{Sender: sender, Verb: verb, By: by})
}

// mailByPerson changes one mail and writes the event and the audit line. f
// returns the event's text.
func (s *Store) mailByPerson(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, event domain.Event,
	f func(context.Context, change, domain.Mail) (string, error)) (mail domain.Mail, err error) {
	if !isUUID(id) {
		return domain.Mail{}, domain.ErrNotFound
	}
	event.Mail = id
	err = s.changing(ctx, workspace, func(tx change) error {
		if err := tx.lock(ctx); err != nil {
			return err
		}
		before, err := selectMail(ctx, tx, id)
		if err != nil {
			return err
		}
		if before.Status == domain.MailAccepted {
			return domain.ErrNotDue
		}
		if event.Text, err = f(ctx, tx, before); err != nil {
			return err
		}
		seq, err := tx.record(ctx, event)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE mails SET seq = $2, updated_at = clock_timestamp() WHERE id = $1", id, seq); err != nil {
			return err
		}
		if err := tx.audit(ctx, event.Actor, event.Kind, string(id)); err != nil {
			return err
		}
		mail, err = selectMail(ctx, tx, id)
		return err
	})
	return mail, notFound(err, event.Kind+" "+string(id))
}
