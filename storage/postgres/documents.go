package postgres

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/docuflow/docuflow/domain"
)

const documentColumns = `id::text, workspace_id::text, coalesce(mail_id::text, ''), sender, file_name, media_type, size, sha256,
	original_key, standardized_key, standard_size, pages, thumbnail_key, page_model_key, status, stage, fields, source, review,
	attempt, next_attempt_at, error, coalesce(clock_timestamp() - tried_at, '0'), (SELECT jsonb_build_object('connection', p.connection, 'reason', p.reason, 'since', p.since, 'everywhere', p.workspace_id IS NULL)
		FROM stage_pauses p WHERE (p.workspace_id = documents.workspace_id OR p.workspace_id IS NULL) AND p.stage = documents.stage AND documents.status IN ('QUEUED', 'RETRYING')
		ORDER BY p.workspace_id IS NULL, p.since LIMIT 1), created_at, updated_at, completed_at, discarded_at, coalesce(duplicate_of::text, ''), category_hint, seq,
	(SELECT coalesce(jsonb_agg(jsonb_build_object('destination', x.destination, 'reference', x.reference, 'link', x.link, 'at', x.delivered_at)
		ORDER BY x.delivered_at), '[]') FROM deliveries x WHERE x.document_id = documents.id AND x.delivered_at IS NOT NULL)`

func scanDocument(row pgx.CollectableRow) (domain.Document, error) { return scanDocumentAnd(row) }

// scanDocumentAnd also scans the columns that come after those of the document.
func scanDocumentAnd(row pgx.CollectableRow, more ...any) (d domain.Document, err error) {
	err = row.Scan(append([]any{&d.ID, &d.Workspace, &d.Mail, &d.Sender, &d.FileName, &d.MediaType, &d.Size, &d.SHA256,
		&d.Original, &d.Standardized, &d.StandardSize, &d.Pages, &d.Thumbnail, &d.PageModel, &d.Status, &d.Stage, &d.Fields, &d.Source, &d.Review,
		&d.Attempt, &d.NextAttemptAt, &d.Error, &d.Trying, &d.Waiting, &d.CreatedAt, &d.UpdatedAt, (*zeronull.Timestamptz)(&d.CompletedAt),
		(*zeronull.Timestamptz)(&d.DiscardedAt), &d.DuplicateOf, &d.Hint, &d.Seq, &d.Deliveries}, more...)...)
	return d, err
}

func selectDocument(ctx context.Context, tx pgx.Tx, id domain.DocumentID) (domain.Document, error) {
	rows, err := tx.Query(ctx, "SELECT "+documentColumns+" FROM documents WHERE id = $1 AND discarded_at IS NULL", id)
	if err != nil {
		return domain.Document{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanDocument)
}

// Document reads one document.
func (s *Store) Document(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID) (document domain.Document, err error) {
	if !isUUID(id) {
		return domain.Document{}, domain.ErrNotFound
	}
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		document, err = selectDocument(ctx, tx, id)
		return err
	})
	return document, notFound(err, "load document "+string(id))
}

// Documents lists documents, newest first. A cursor that is not from an
// earlier page is domain.ErrNotFound.
func (s *Store) Documents(ctx context.Context, workspace domain.WorkspaceID, query domain.DocumentQuery) (page domain.DocumentPage, err error) {
	before, err := parseCursor(query.Cursor)
	if err != nil {
		return page, err
	}
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+documentColumns+` FROM documents
			WHERE `+selected+` AND ($6::timestamptz IS NULL OR (created_at, id) < ($6, $7::uuid))
			ORDER BY created_at DESC, id DESC LIMIT $8`,
			selection(query, before.at, before.id, query.Limit+1)...)
		if err != nil {
			return err
		}
		page.Documents, err = pgx.CollectRows(rows, scanDocument)
		return err
	})
	if err != nil {
		return page, fmt.Errorf("list documents: %w", err)
	}
	if len(page.Documents) > query.Limit {
		page.Documents = page.Documents[:query.Limit]
		last := page.Documents[query.Limit-1]
		page.NextCursor = formatCursor(last.CreatedAt, string(last.ID))
	}
	return page, nil
}

// selected is the condition of a domain.DocumentQuery, with its parameters
// $1 to $5 as selection gives them.
const selected = `discarded_at IS NULL AND ` + matching

const matching = `($1 = '' OR status = $1) AND (NOT $2 OR review <> '[]') AND ($4 = '' OR stage = $4) AND ($5 = '' OR error->>'kind' = $5)
	AND ($3 = '' OR concat_ws(' ', vendor_name, invoice_number, file_name, sender, category, total_amount) ILIKE $3)`

func selection(query domain.DocumentQuery, more ...any) []any {
	return append([]any{query.Status, query.Review, likePattern(query.Text), query.Stage, query.Kind}, more...)
}

func likePattern(text string) string {
	if text == "" {
		return ""
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`, "\x00", "").Replace(text) + "%"
}

type cursor struct {
	at *time.Time
	id *string
}

func formatCursor(at time.Time, id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(at.UTC().Format(time.RFC3339Nano) + " " + id))
}

func parseCursor(text string) (cursor, error) {
	if text == "" {
		return cursor{}, nil
	}
	decoded, _ := base64.RawURLEncoding.DecodeString(text)
	stamp, id, _ := strings.Cut(string(decoded), " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil || !isUUID(domain.DocumentID(id)) {
		return cursor{}, fmt.Errorf("cursor %q: %w", text, domain.ErrNotFound)
	}
	return cursor{at: &at, id: &id}, nil
}

// Timeline lists all attempts of a document, oldest first, and its events,
// newest first. Claims and leases are not part of the events.
func (s *Store) Timeline(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID) (attempts []domain.Attempt, events []domain.Event, err error) {
	if !isUUID(id) {
		return nil, nil, domain.ErrNotFound
	}
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		if _, err := selectDocument(ctx, tx, id); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT stage, number, node, queued_at, started_at, finished_at, outcome, note, error_kind, error, next_run_at
			FROM attempts WHERE document_id = $1 ORDER BY id`, id)
		if err != nil {
			return err
		}
		if attempts, err = pgx.CollectRows(rows, scanAttempt); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `SELECT seq, kind, coalesce(document_id::text, ''), coalesce(mail_id::text, ''), actor, text, at
			FROM events WHERE document_id = $1 AND kind NOT IN ('document.claimed', 'released') ORDER BY seq DESC`, id)
		if err != nil {
			return err
		}
		events, err = pgx.CollectRows(rows, pgx.RowToStructByPos[domain.Event])
		return err
	})
	return attempts, events, notFound(err, "load the timeline of document "+string(id))
}

func scanAttempt(row pgx.CollectableRow) (a domain.Attempt, err error) {
	err = row.Scan(&a.Stage, &a.Number, &a.Node, &a.QueuedAt, &a.StartedAt, (*zeronull.Timestamptz)(&a.FinishedAt),
		&a.Outcome, &a.Note, &a.ErrorKind, &a.Error, (*zeronull.Timestamptz)(&a.NextRunAt))
	return a, err
}

// insertDocument makes the row of a document, marked as a possible duplicate
// when a document of the same bytes came before.
func (c change) insertDocument(ctx context.Context, n domain.NewDocument, first domain.DocumentID, seq int64) error {
	_, err := c.Exec(ctx, `
		INSERT INTO documents (id, workspace_id, mail_id, message_id, part, sender, file_name, media_type, size, sha256, original_key, stage, duplicate_of, seq, category_hint)
		VALUES ($1, current_workspace(), nullif($2, '')::uuid, $3, $4, $5, $6, $7, $8, $9, $10, $11, nullif($12, '')::uuid, $13, $14)`,
		n.ID, n.Mail, n.MessageID, n.Part, n.Sender, n.FileName, n.MediaType, n.Size, n.SHA256, n.Original, n.Stage, first, seq, n.Hint)
	if err != nil {
		return fmt.Errorf("insert document: %w", err)
	}
	return c.owe(ctx, domain.EventReceived, n.ID, 0)
}

// AddDocument makes the row of an uploaded document.
func (s *Store) AddDocument(ctx context.Context, workspace domain.WorkspaceID, n domain.NewDocument) (document domain.Document, err error) {
	err = s.changing(ctx, workspace, func(tx change) error {
		seq, err := tx.record(ctx, domain.Event{Kind: "document.received", Document: n.ID, Actor: n.Sender, Text: "Uploaded"})
		if err != nil {
			return err
		}
		first, err := tx.firstOfContent(ctx, n)
		if err != nil {
			return err
		}
		if err := tx.insertDocument(ctx, n, first, seq); err != nil {
			return err
		}
		document, err = selectDocument(ctx, tx, n.ID)
		return err
	})
	if err != nil {
		return domain.Document{}, fmt.Errorf("add document: %w", err)
	}
	return document, nil
}
