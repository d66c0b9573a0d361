package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// MailPolicy reads what a workspace wants done with its mail.
func (s *Store) MailPolicy(ctx context.Context, workspace domain.WorkspaceID) (policy domain.MailPolicy, err error) {
	err = s.inSnapshot(ctx, workspace, func(tx pgx.Tx) error {
		if policy, err = selectPolicy(ctx, tx); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT sender, verb, made_by, created_at FROM sender_rules ORDER BY sender")
		if err != nil {
			return err
		}
		if policy.Rules, err = pgx.CollectRows(rows, pgx.RowToStructByPos[domain.SenderRule]); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, "SELECT email FROM users JOIN memberships ON user_id = id ORDER BY email")
		if err != nil {
			return err
		}
		policy.Members, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return domain.MailPolicy{}, fmt.Errorf("read the mail policy: %w", err)
	}
	return policy, nil
}

// selectPolicy reads the policy without its rules.
func selectPolicy(ctx context.Context, tx pgx.Tx) (domain.MailPolicy, error) {
	policy := domain.DefaultMailPolicy()
	err := tx.QueryRow(ctx, "SELECT duplicates, unknown_senders, answers FROM mail_policies").Scan(&policy.Duplicates, &policy.Unknown, &policy.Answers)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return policy, fmt.Errorf("read the mail policy: %w", err)
	}
	return policy, nil
}

// SetMailPolicy writes what a workspace wants; rules and members are not part of it.
func (s *Store) SetMailPolicy(ctx context.Context, workspace domain.WorkspaceID, policy domain.MailPolicy, by string) error {
	return s.setting(ctx, workspace, "mail_policy.set", fmt.Sprintf("duplicates %s, unknown senders %s, answers %t", policy.Duplicates, policy.Unknown, policy.Answers), by,
		func(ctx context.Context, tx change) error {
			_, err := tx.Exec(ctx, `INSERT INTO mail_policies (workspace_id, duplicates, unknown_senders, answers) VALUES (current_workspace(), $1, $2, $3)
				ON CONFLICT (workspace_id) DO UPDATE SET duplicates = $1, unknown_senders = $2, answers = $3`, policy.Duplicates, policy.Unknown, policy.Answers)
			return err
		})
}

// PutRule makes a sender rule, or changes the one there is.
func (s *Store) PutRule(ctx context.Context, workspace domain.WorkspaceID, rule domain.SenderRule) error {
	return s.setting(ctx, workspace, "sender_rule.set", string(rule.Verb)+" "+rule.Sender, rule.By, func(ctx context.Context, tx change) error {
		return tx.putRule(ctx, rule)
	})
}

func (c change) putRule(ctx context.Context, rule domain.SenderRule) error {
	_, err := c.Exec(ctx, `INSERT INTO sender_rules (workspace_id, sender, verb, made_by) VALUES (current_workspace(), $1, $2, $3)
		ON CONFLICT (workspace_id, sender) DO UPDATE SET verb = $2, made_by = $3, created_at = clock_timestamp()`, rule.Sender, rule.Verb, rule.By)
	if err != nil {
		return fmt.Errorf("write sender rule: %w", err)
	}
	return nil
}

// RemoveRule ends a sender rule; domain.ErrNotFound when there is none.
func (s *Store) RemoveRule(ctx context.Context, workspace domain.WorkspaceID, sender, by string) error {
	return s.setting(ctx, workspace, "sender_rule.removed", sender, by, func(ctx context.Context, tx change) error {
		return one(tx.Exec(ctx, "DELETE FROM sender_rules WHERE sender = $1", sender))
	})
}

// setting changes what a workspace has set, with its audit line.
func (s *Store) setting(ctx context.Context, workspace domain.WorkspaceID, action, subject, by string, f func(context.Context, change) error) error {
	err := s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		c := change{tx}
		if err := c.lock(ctx); err != nil {
			return err
		}
		if err := f(ctx, c); err != nil {
			return err
		}
		return c.audit(ctx, by, action, subject)
	})
	return notFound(err, action)
}

// notDue turns a statement that found nothing to change into the domain's word.
func notDue(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return domain.ErrNotDue
	}
	return err
}
