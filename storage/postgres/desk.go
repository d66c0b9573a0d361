package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Edit sets fields to canonical values and locks them; nil takes an edit back.
func (s *Store) Edit(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, values map[domain.FieldName]*string, by string) (domain.Document, error) {
	return s.byPerson(ctx, workspace, id, domain.Event{Kind: "document.edited", Actor: by}, func(ctx context.Context, tx change, document domain.Document) (string, error) {
		var edits []string
		for _, name := range domain.FieldNames {
			value, given := values[name]
			if !given {
				continue
			}
			edits = append(edits, describeEdit(name, document.Fields.Value(name), value))
			document.Fields = edit(document.Fields, name, value, by)
			document.Review = withoutField(document.Review, name)
		}
		return strings.Join(edits, "; "), tx.writeFields(ctx, document)
	})
}

func edit(fields domain.Fields, name domain.FieldName, value *string, by string) domain.Fields {
	if value == nil {
		return fields.Unlock(name)
	}
	return fields.Edit(name, *value, by, time.Now().UTC())
}

func describeEdit(name domain.FieldName, was string, value *string) string {
	words := strings.ReplaceAll(string(name), "_", " ")
	if value == nil {
		return "Took the edit of " + words + " back"
	}
	if was == "" {
		return fmt.Sprintf("Set %s to %s", words, *value)
	}
	return fmt.Sprintf("Set %s to %s, was %s", words, *value, was)
}

// Approve settles a review: a person looked, and the fields are right.
func (s *Store) Approve(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) (domain.Document, error) {
	return s.byPerson(ctx, workspace, id, domain.Event{Kind: "document.approved", Actor: by}, func(ctx context.Context, tx change, document domain.Document) (string, error) {
		document.Review = nil
		return "Approved", tx.writeFields(ctx, document)
	})
}

// Retry makes a failed or retrying document due now, with a fresh budget.
// domain.ErrNotDue: it is being worked on, or completed.
func (s *Store) Retry(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) (domain.Document, error) {
	return s.byPerson(ctx, workspace, id, domain.Event{Kind: "document.retried", Actor: by}, func(ctx context.Context, tx change, document domain.Document) (string, error) {
		if document.Status != domain.Failed && document.Status != domain.Retrying {
			return "", domain.ErrNotDue
		}
		_, err := tx.Exec(ctx, `UPDATE documents SET status = 'QUEUED', attempt = 0, error = NULL,
			queued_at = clock_timestamp(), next_attempt_at = clock_timestamp() WHERE id = $1`, id)
		return "Retry asked for", err
	})
}

// Discard takes a document off every list. Its files stay until retention
// removes them, and a stage that runs is stopped by its fence.
func (s *Store) Discard(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) error {
	if !isUUID(id) {
		return domain.ErrNotFound
	}
	err := s.changing(ctx, workspace, func(tx change) error {
		seq, err := tx.record(ctx, domain.Event{Kind: "document.discarded", Document: id, Actor: by, Text: "Discarded"})
		if err != nil {
			return err
		}
		return one(tx.Exec(ctx, `UPDATE documents SET discarded_at = clock_timestamp(), seq = $2 WHERE id = $1 AND discarded_at IS NULL`, id, seq))
	})
	return notFound(err, "discard document "+string(id))
}

// byPerson changes one document and writes the event and the audit line. f
// returns the event's text.
func (s *Store) byPerson(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, event domain.Event,
	f func(context.Context, change, domain.Document) (string, error)) (document domain.Document, err error) {
	if !isUUID(id) {
		return domain.Document{}, domain.ErrNotFound
	}
	event.Document = id
	err = s.changing(ctx, workspace, func(tx change) error {
		if _, err := tx.Exec(ctx, "SELECT FROM workspaces WHERE id = current_workspace() FOR UPDATE"); err != nil {
			return err
		}
		before, err := selectDocument(ctx, tx, id)
		if err != nil {
			return err
		}
		if event.Text, err = f(ctx, tx, before); err != nil {
			return err
		}
		seq, err := tx.record(ctx, event)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE documents SET seq = $2, updated_at = clock_timestamp() WHERE id = $1", id, seq)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO audit (workspace_id, actor, action, subject) VALUES (current_workspace(), $1, $2, $3)", event.Actor, event.Kind, id)
		if err != nil {
			return err
		}
		document, err = selectDocument(ctx, tx, id)
		return err
	})
	return document, notFound(err, event.Kind+" "+string(id))
}
