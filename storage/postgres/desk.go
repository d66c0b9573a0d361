package postgres

import (
	"context"
	"encoding/json"
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
		if document.NeedsReview() {
			if _, err := tx.Exec(ctx, "UPDATE documents SET settled_review = review WHERE id = $1", id); err != nil {
				return "", err
			}
		}
		document.Review = nil
		return "Approved", tx.writeFields(ctx, document)
	})
}

// TakeBack takes an approval back: the document needs a person's eyes again,
// for the reasons it had, but for fields that were corrected since.
// domain.ErrNotDue: there is no approval.
func (s *Store) TakeBack(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) (domain.Document, error) {
	return s.byPerson(ctx, workspace, id, domain.Event{Kind: "document.reopened", Actor: by}, func(ctx context.Context, tx change, document domain.Document) (string, error) {
		var settled []byte
		if err := tx.QueryRow(ctx, "SELECT settled_review FROM documents WHERE id = $1", id).Scan(&settled); err != nil {
			return "", err
		}
		if settled == nil || document.NeedsReview() {
			return "", domain.ErrNotDue
		}
		if _, err := tx.Exec(ctx, "UPDATE documents SET settled_review = NULL WHERE id = $1", id); err != nil {
			return "", err
		}
		if err := json.Unmarshal(settled, &document.Review); err != nil {
			return "", fmt.Errorf("read the reasons that were settled: %w", err)
		}
		for name, field := range document.Fields {
			if field.Locked {
				document.Review = withoutField(document.Review, name)
			}
		}
		return "Approval taken back", tx.writeFields(ctx, document)
	})
}

// Retry makes a failed or retrying document due now, with a fresh budget.
// domain.ErrNotDue: it is being worked on, or completed.
func (s *Store) Retry(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) (domain.Document, error) {
	return s.byPerson(ctx, workspace, id, domain.Event{Kind: "document.retried", Actor: by}, func(ctx context.Context, tx change, document domain.Document) (string, error) {
		if document.Status != domain.Failed && document.Status != domain.Retrying {
			return "", domain.ErrNotDue
		}
		_, err := tx.Exec(ctx, "UPDATE documents SET "+again+" WHERE id = $1", id)
		return "Retry asked for", err
	})
}

// again makes a document due as if its stage had never been tried.
const again = `status = 'QUEUED', attempt = 0, error = NULL, tried_at = NULL, failed_at = NULL,
	queued_at = clock_timestamp(), next_attempt_at = clock_timestamp()`

// Cancel ends the work on a document: it fails with domain.KindCancelled, and
// a stage that runs is stopped by its fence. domain.ErrNotDue: it rests already.
func (s *Store) Cancel(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) (domain.Document, error) {
	return s.byPerson(ctx, workspace, id, domain.Event{Kind: "document.cancelled", Actor: by}, func(ctx context.Context, tx change, document domain.Document) (string, error) {
		if document.Status.Rests() {
			return "", domain.ErrNotDue
		}
		stageError, err := json.Marshal(domain.StageError{Stage: document.Stage, Kind: domain.KindCancelled, Message: cancelledWords})
		if err != nil {
			return "", err
		}
		_, err = tx.Exec(ctx, `UPDATE documents SET status = 'FAILED', error = $2, epoch = epoch + 1, lease_until = '-infinity',
			failed_at = clock_timestamp() WHERE id = $1`, id, stageError)
		if err != nil {
			return "", err
		}
		_, err = tx.Exec(ctx, `UPDATE attempts SET outcome = 'failed', finished_at = clock_timestamp(), error_kind = $2, error = $3
			WHERE document_id = $1 AND outcome = ''`, id, domain.KindCancelled, cancelledWords)
		return "Cancelled", err
	})
}

const cancelledWords = "A person cancelled the work on this document."

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
		if err := tx.lock(ctx); err != nil {
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
		if told := toldOf(event.Kind); told != "" {
			if err := tx.owe(ctx, told, id, seq); err != nil {
				return err
			}
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

// toldOf is what connections are told of a person's deed; empty: nothing.
func toldOf(deed string) string {
	return map[string]string{
		"document.edited": domain.EventCorrected, "document.approved": domain.EventCorrected, "document.reopened": domain.EventCorrected, "document.cancelled": domain.EventFailed,
	}[deed]
}
