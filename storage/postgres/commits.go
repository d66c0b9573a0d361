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

// Advance writes what a stage did to the document that it was given, and opens
// the attempt of the next stage under the same lease; an empty next completes the document, and before a
// paused one it goes back to Queued and waits. waited is the
// time that the attempt spent waiting for a slot. domain.ErrSuperseded: the
// lease was lost and nothing was written.
func (s *Store) Advance(ctx context.Context, lease domain.Lease, document domain.Document, outcome domain.Outcome, next domain.StageInfo, waited time.Duration) (domain.Document, error) {
	for {
		after, err := s.advance(ctx, lease, document, outcome, next.Name, waited)
		if !errors.Is(err, pgx.ErrNoRows) {
			return after, leaseError(err, "advance", lease)
		}
		// The lease is lost, or somebody has changed the document since the stage began.
		document, err = s.underLease(ctx, lease)
		if err != nil || document.Stage == next.Name { // the latter was committed, and the answer was lost
			return document, leaseError(err, "advance", lease)
		}
	}
}

// advance does it in one round trip, for a document that has not changed.
func (s *Store) advance(ctx context.Context, lease domain.Lease, before domain.Document, outcome domain.Outcome, next domain.StageName, waited time.Duration) (domain.Document, error) {
	advancing, err := advancing(lease, before, outcome, next, waited)
	if err != nil {
		return domain.Document{}, err
	}
	return atOnce(ctx, s, lease.Workspace, scanDocument, append(delivering(lease, outcome.Deliveries), advancing)...)
}

// underLease reads the document of a lease that is still in force.
func (s *Store) underLease(ctx context.Context, lease domain.Lease) (document domain.Document, err error) {
	err = s.inWorkspace(ctx, lease.Workspace, func(tx pgx.Tx) error {
		document, err = selectFenced(ctx, tx, lease)
		return err
	})
	return document, err
}

func selectFenced(ctx context.Context, tx pgx.Tx, lease domain.Lease) (domain.Document, error) {
	rows, err := tx.Query(ctx, "SELECT "+documentColumns+" FROM documents WHERE id = $1 AND epoch = $2 AND status = 'PROCESSING' AND discarded_at IS NULL",
		lease.Document, lease.Epoch)
	if err != nil {
		return domain.Document{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanDocument)
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

// advancing is the end of a stage and the beginning of the next: the document,
// the event and both attempts. It changes nothing when the lease is lost, or
// the document is not as it was before.
func advancing(lease domain.Lease, before domain.Document, outcome domain.Outcome, next domain.StageName, waited time.Duration) (statement, error) {
	after, result := apply(before, outcome), domain.AttemptDone
	if outcome.Skipped {
		result = domain.AttemptSkipped
	}
	args := []any{lease.Document, lease.Epoch, before.Seq, lease.Node, next, outcome.Note, result, waited,
		after.Standardized, after.StandardSize, after.Pages, after.Thumbnail, after.PageModel, after.Source}
	assignments := ""
	if outcome.Fields != nil {
		fields, err := fieldValues(after)
		if err != nil {
			return statement{}, err
		}
		assignments = ", " + fieldAssignments(len(args)+1)
		args = append(args, fields...)
	}
	return statement{`
		WITH moved AS (
			UPDATE documents SET standardized_key = $9, standard_size = $10, pages = $11, thumbnail_key = $12, page_model_key = $13, source = $14,
				error = NULL, updated_at = clock_timestamp(), seq = (SELECT event_seq + 1 FROM workspaces WHERE id = current_workspace()),
				stage = coalesce(nullif($5, ''), stage),
				status = CASE WHEN $5 = '' THEN 'COMPLETED' WHEN paused THEN 'QUEUED' ELSE status END,
				completed_at = CASE WHEN $5 = '' THEN clock_timestamp() END,
				attempt = CASE WHEN $5 = '' THEN attempt WHEN paused THEN 0 ELSE 1 END,
				lease_until = CASE WHEN $5 = '' OR paused THEN '-infinity' ELSE lease_until END,
				tried_at = CASE WHEN NOT paused THEN clock_timestamp() END, queued_at = clock_timestamp(),
				next_attempt_at = CASE WHEN paused THEN clock_timestamp() ELSE next_attempt_at END` + assignments + `
			FROM (SELECT EXISTS (SELECT FROM stage_pauses WHERE stage_pauses.stage = $5) AS paused) next
			WHERE id = $1 AND epoch = $2 AND seq = $3 AND status = 'PROCESSING' AND discarded_at IS NULL
			RETURNING ` + documentColumns + `
		), counted AS (
			UPDATE workspaces SET event_seq = moved.seq FROM moved WHERE workspaces.id = current_workspace()
		), recorded AS (
			INSERT INTO events (workspace_id, seq, kind, document_id, text) SELECT current_workspace(), seq, 'stage.done', $1, $6 FROM moved
		), closed AS (
			UPDATE attempts SET outcome = $7, finished_at = clock_timestamp(), started_at = started_at + $8::interval, note = $6
			FROM moved WHERE attempts.document_id = $1 AND attempts.epoch = $2 AND attempts.outcome = ''
		), opened AS (
			INSERT INTO attempts (workspace_id, document_id, stage, number, epoch, node, queued_at, started_at)
			SELECT current_workspace(), $1, stage, attempt, $2, $4, clock_timestamp(), clock_timestamp() FROM moved WHERE status = 'PROCESSING'
		), owed AS (
			INSERT INTO notices (workspace_id, connection_id, document_id, event)
			SELECT current_workspace(), c.id, $1, told.event FROM moved CROSS JOIN connections c CROSS JOIN LATERAL (VALUES ('` + domain.EventCompleted + `', true), ('` + domain.EventReview + `', moved.review <> '[]')) told (event, happened)
			WHERE moved.status = 'COMPLETED' AND told.happened AND told.event = ANY (c.events) AND c.state <> 'paused' ON CONFLICT DO NOTHING
		)
		SELECT * FROM moved`, args}, nil
}

// fieldAssignments sets the fields and the columns that repeat their values to
// what fieldValues returns, as parameters from the nth on.
func fieldAssignments(n int) string {
	return fmt.Sprintf(`fields = $%d, review = $%d, vendor_name = nullif($%d, ''), total_amount = nullif($%d, '')::numeric,
		invoice_date = nullif($%d, '')::date, invoice_number = nullif($%d, ''), currency = nullif($%d, ''), category = nullif($%d, '')`,
		n, n+1, n+2, n+3, n+4, n+5, n+6, n+7)
}

func fieldValues(document domain.Document) ([]any, error) {
	fields, err := json.Marshal(document.Fields)
	if err != nil {
		return nil, err
	}
	review, err := json.Marshal(append([]domain.ReviewReason{}, document.Review...))
	if err != nil {
		return nil, err
	}
	value := document.Fields.Value
	return []any{fields, review, value(domain.VendorName), value(domain.TotalAmount), value(domain.InvoiceDate),
		value(domain.InvoiceNumber), value(domain.Currency), value(domain.CategoryName)}, nil
}

// writeFields writes the fields alone.
func (c change) writeFields(ctx context.Context, document domain.Document) error {
	fields, err := fieldValues(document)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, "UPDATE documents SET "+fieldAssignments(2)+" WHERE id = $1", append([]any{document.ID}, fields...)...)
	return err
}

// delivering notes what has arrived at destinations, under a lease that is in force.
func delivering(lease domain.Lease, deliveries []domain.Delivery) (statements []statement) {
	for _, delivery := range deliveries {
		statements = append(statements, statement{`
			UPDATE deliveries SET link = $4, delivered_at = coalesce(delivered_at, clock_timestamp())
			WHERE document_id = $1 AND destination = $3 AND EXISTS (SELECT FROM documents WHERE id = $1 AND epoch = $2)`,
			[]any{lease.Document, lease.Epoch, delivery.Destination, delivery.Link}})
	}
	return statements
}

// Fail writes that an attempt failed and when the next one is due, or that
// there is none. A failure that needs a person pauses the stage for the
// workspace and uses no attempt up. domain.ErrSuperseded: the lease was lost and nothing was written.
func (s *Store) Fail(ctx context.Context, lease domain.Lease, attempt domain.FailedAttempt, waited time.Duration) error {
	err := s.changing(ctx, lease.Workspace, func(tx change) error {
		if err := tx.lock(ctx); err != nil {
			return err
		}
		document, err := selectFenced(ctx, tx, lease)
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
