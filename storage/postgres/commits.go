package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/docuflow/docuflow/domain"
)

// Advance writes what a stage did, and opens the attempt of the next stage
// under the same lease; an empty next completes the document, and before a
// paused one it goes back to Queued and waits. waited is the
// time that the attempt spent waiting for a slot. domain.ErrSuperseded: the
// lease was lost and nothing was written.
func (s *Store) Advance(ctx context.Context, lease domain.Lease, outcome domain.Outcome, next domain.StageInfo, waited time.Duration) (document domain.Document, err error) {
	err = s.changing(ctx, lease.Workspace, func(tx change) error {
		before, seq, err := tx.fenced(ctx, lease)
		if err != nil {
			return err
		}
		if before.Stage == next.Name { // this was committed, and the answer was lost
			document = before
			return nil
		}
		result := domain.AttemptDone
		if outcome.Skipped {
			result = domain.AttemptSkipped
		}
		after := apply(before, outcome)
		fields, err := writingFields(after)
		if err != nil {
			return err
		}
		statements := []statement{
			recording(domain.Event{Kind: "stage.done", Document: lease.Document, Text: outcome.Note}),
			closingAttempt(lease, result, attemptEnd{waited: waited, note: outcome.Note}),
			fields, advancing(lease, after, next.Name, seq+1),
		}
		if next.Name != "" {
			statements = append(statements, openingAttempt(lease))
		} else {
			statements = append(statements, owing(domain.EventCompleted, lease.Document, 0))
		}
		if next.Name == "" && after.NeedsReview() {
			statements = append(statements, owing(domain.EventReview, lease.Document, 0))
		}
		if err := tx.deliver(ctx, lease, outcome.Deliveries); err != nil {
			return err
		}
		if err := tx.together(ctx, statements...); err != nil {
			return err
		}
		document, err = selectDocument(ctx, tx, lease.Document)
		return err
	})
	return document, leaseError(err, "advance", lease)
}

// fenced reads the document of a lease that is still in force and locks it,
// and the workspace first, as every change does. It also returns the number of the workspace's last event.
func (c change) fenced(ctx context.Context, lease domain.Lease) (document domain.Document, seq int64, err error) {
	batch := &pgx.Batch{}
	batch.Queue("SELECT event_seq FROM workspaces WHERE id = current_workspace() FOR UPDATE")
	batch.Queue("SELECT "+documentColumns+" FROM documents WHERE id = $1 AND epoch = $2 AND status = 'PROCESSING' AND discarded_at IS NULL FOR UPDATE",
		lease.Document, lease.Epoch)
	results := c.SendBatch(ctx, batch)
	defer results.Close() //nolint:errcheck // what it says, the reads have said before
	if err := results.QueryRow().Scan(&seq); err != nil {
		return domain.Document{}, 0, err
	}
	rows, err := results.Query()
	if err != nil {
		return domain.Document{}, 0, err
	}
	document, err = pgx.CollectExactlyOneRow(rows, scanDocument)
	return document, seq, err
}

// apply returns the document with what a stage found out.
func apply(document domain.Document, outcome domain.Outcome) domain.Document {
	if outcome.Standardized != "" {
		document.Standardized, document.StandardSize = outcome.Standardized, outcome.StandardSize
	}
	if outcome.Pages != 0 {
		document.Pages = outcome.Pages
	}
	if outcome.Thumbnail != "" {
		document.Thumbnail = outcome.Thumbnail
	}
	if outcome.PageModel != "" {
		document.PageModel = outcome.PageModel
	}
	if outcome.Source != "" {
		document.Source = outcome.Source
	}
	if outcome.Fields == nil {
		return document
	}
	document.Fields = document.Fields.Merge(outcome.Fields)
	for name := range outcome.Fields {
		document.Review = withoutField(document.Review, name)
	}
	for _, reason := range outcome.Review {
		if !document.Fields[reason.Field].Locked {
			document.Review = append(document.Review, reason)
		}
	}
	return document
}

func withoutField(review []domain.ReviewReason, name domain.FieldName) []domain.ReviewReason {
	kept := make([]domain.ReviewReason, 0, len(review))
	for _, reason := range review {
		if reason.Field != name {
			kept = append(kept, reason)
		}
	}
	return kept
}

// advancing is the end of a stage. The lease is known to be in force.
func advancing(lease domain.Lease, document domain.Document, next domain.StageName, seq int64) statement {
	return statement{`
		UPDATE documents SET standardized_key = $3, standard_size = $4, pages = $5, thumbnail_key = $6, page_model_key = $7, source = $8,
			error = NULL, updated_at = clock_timestamp(), seq = $9,
			stage = coalesce(nullif($10, ''), stage),
			status = CASE WHEN $10 = '' THEN 'COMPLETED' WHEN paused THEN 'QUEUED' ELSE status END,
			completed_at = CASE WHEN $10 = '' THEN clock_timestamp() END,
			attempt = CASE WHEN $10 = '' THEN attempt WHEN paused THEN 0 ELSE 1 END,
			lease_until = CASE WHEN $10 = '' OR paused THEN '-infinity' ELSE lease_until END,
			tried_at = CASE WHEN NOT paused THEN clock_timestamp() END, queued_at = clock_timestamp(), next_attempt_at = clock_timestamp()
		FROM (SELECT EXISTS (SELECT FROM stage_pauses WHERE stage_pauses.stage = $10) AS paused) next
		WHERE id = $1 AND epoch = $2`,
		[]any{lease.Document, lease.Epoch, document.Standardized, document.StandardSize, document.Pages, document.Thumbnail,
			document.PageModel, document.Source, seq, next}}
}

// writingFields writes the fields and the columns that repeat their values.
func writingFields(document domain.Document) (statement, error) {
	fields, err := json.Marshal(document.Fields)
	if err != nil {
		return statement{}, err
	}
	review, err := json.Marshal(append([]domain.ReviewReason{}, document.Review...))
	if err != nil {
		return statement{}, err
	}
	value := document.Fields.Value
	return statement{`
		UPDATE documents SET fields = $2, review = $3, vendor_name = nullif($4, ''), total_amount = nullif($5, '')::numeric,
			invoice_date = nullif($6, '')::date, invoice_number = nullif($7, ''), currency = nullif($8, ''), category = nullif($9, '')
		WHERE id = $1`,
		[]any{document.ID, fields, review, value(domain.VendorName), value(domain.TotalAmount), value(domain.InvoiceDate),
			value(domain.InvoiceNumber), value(domain.Currency), value(domain.CategoryName)}}, nil
}

// writeFields writes the fields alone.
func (c change) writeFields(ctx context.Context, document domain.Document) error {
	writing, err := writingFields(document)
	if err != nil {
		return err
	}
	return c.together(ctx, writing)
}

func (c change) deliver(ctx context.Context, lease domain.Lease, deliveries []domain.Delivery) error {
	for _, delivery := range deliveries {
		err := one(c.Exec(ctx, `UPDATE deliveries SET link = $3, delivered_at = coalesce(delivered_at, clock_timestamp())
			WHERE document_id = $1 AND destination = $2`, lease.Document, delivery.Destination, delivery.Link))
		if err != nil {
			return fmt.Errorf("delivery to %s was never reserved: %w", delivery.Destination, err)
		}
	}
	return nil
}

// Fail writes that an attempt failed and when the next one is due, or that
// there is none. A failure that needs a person pauses the stage for the
// workspace and uses no attempt up. domain.ErrSuperseded: the lease was lost and nothing was written.
func (s *Store) Fail(ctx context.Context, lease domain.Lease, attempt domain.FailedAttempt, waited time.Duration) error {
	err := s.changing(ctx, lease.Workspace, func(tx change) error {
		document, _, err := tx.fenced(ctx, lease)
		if err != nil {
			return err
		}
		status, outcome, kind := domain.Failed, domain.AttemptFailed, "document.failed"
		switch {
		case attempt.Failure.Person:
			status, outcome, kind = domain.Retrying, domain.AttemptWaiting, "stage.waiting"
			if err := tx.pause(ctx, document.Stage, attempt.Failure); err != nil {
				return err
			}
		case attempt.Retry:
			status, outcome, kind = domain.Retrying, domain.AttemptRetry, "stage.retry"
		}
		seq, err := tx.record(ctx, domain.Event{Kind: kind, Document: lease.Document, Text: attempt.Failure.Message})
		if err != nil {
			return err
		}
		if status == domain.Failed {
			if err := tx.owe(ctx, domain.EventFailed, lease.Document, seq); err != nil {
				return err
			}
		}
		stageError, err := json.Marshal(domain.StageError{Stage: document.Stage, Kind: attempt.Failure.Kind, Message: attempt.Failure.Message})
		if err != nil {
			return err
		}
		err = one(tx.Exec(ctx, `
			UPDATE documents SET status = $3, error = $4, lease_until = '-infinity', next_attempt_at = clock_timestamp() + $5::interval,
				attempt = attempt - $7::int, failed_at = CASE WHEN $3 = 'FAILED' THEN clock_timestamp() END,
				updated_at = clock_timestamp(), seq = $6
			WHERE id = $1 AND epoch = $2`, lease.Document, lease.Epoch, status, stageError, attempt.RetryIn, seq, notCounted(attempt)))
		if err != nil {
			return err
		}
		return closeAttempt(ctx, tx, lease, outcome, attemptEnd{waited: waited, failure: attempt.Failure, retryIn: attempt.RetryIn})
	})
	return leaseError(err, "record the failure of", lease)
}

// notCounted is how many attempts a failed one does not use up.
func notCounted(attempt domain.FailedAttempt) int {
	if attempt.Uncounted || attempt.Failure.Person {
		return 1
	}
	return 0
}

// Reserve fixes what a destination will call a document before it is touched:
// the first of the proposed references that no other document has there. A
// repeat returns the same reference. propose is called with 1, 2, 3 …, outside of any transaction.
func (s *Store) Reserve(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, destination string, propose func(n int) (string, error)) (delivery domain.Delivery, err error) {
	const most = 10000
	delivery.Destination = destination
	for n := 0; n <= most; n++ {
		reference := ""
		if n > 0 { // a reservation that exists comes first
			if reference, err = propose(n); err != nil {
				return domain.Delivery{}, fmt.Errorf("propose a reference at %s: %w", destination, err)
			}
		}
		err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
			if n > 0 {
				// ON CONFLICT covers both unique keys.
				_, err := tx.Exec(ctx, `INSERT INTO deliveries (workspace_id, document_id, destination, reference)
					VALUES (current_workspace(), $1, $2, $3) ON CONFLICT DO NOTHING`, id, destination, reference)
				if err != nil {
					return err
				}
			}
			return tx.QueryRow(ctx, `SELECT reference, link, delivered_at FROM deliveries WHERE document_id = $1 AND destination = $2`, id, destination).
				Scan(&delivery.Reference, &delivery.Link, (*zeronull.Timestamptz)(&delivery.At))
		})
		if err == nil {
			return delivery, nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return domain.Delivery{}, fmt.Errorf("reserve a reference at %s: %w", destination, err)
		}
	}
	return domain.Delivery{}, fmt.Errorf("reserve a reference at %s: %d are taken", destination, most)
}

// Delivered says that a reserved delivery was made. It is true whoever says
// it, so it needs no lease.
func (s *Store) Delivered(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, delivery domain.Delivery) error {
	err := s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		return one(tx.Exec(ctx, `UPDATE deliveries SET link = $3, delivered_at = coalesce(delivered_at, clock_timestamp()) WHERE document_id = $1 AND destination = $2`,
			id, delivery.Destination, delivery.Link))
	})
	return notFound(err, "write the delivery to "+delivery.Destination)
}
