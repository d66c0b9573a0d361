package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// Mail servers deliver a mail again when our answer did not reach them. Such
// a redelivery has the Message-ID and the content of an earlier mail, and makes
// no documents. The same file in another mail is something else: perhaps a
// reminder, perhaps a monthly bill that never changes. It is a possible duplicate, and people decide.

// firstDelivery finds the mail that this one is a redelivery of, empty when it
// is none. A mail that was held back or blocked is not the first of anything.
func (c change) firstDelivery(ctx context.Context, id domain.MailID, unpacked domain.Unpacked) (first domain.MailID, err error) {
	if unpacked.MessageID == "" || unpacked.Disposition != domain.DispositionDocuments && unpacked.Disposition != domain.DispositionNothing {
		return "", nil
	}
	rows, err := c.Query(ctx, `SELECT id::text, parts FROM mails WHERE message_id = $1 AND id <> $2 AND status = 'UNPACKED'
		AND disposition IN ('documents', 'nothing_usable') ORDER BY received_at, id LIMIT 10`, unpacked.MessageID, id)
	if err != nil {
		return "", fmt.Errorf("look for an earlier delivery: %w", err)
	}
	var earlier domain.MailID
	var parts []domain.Part
	_, err = pgx.ForEachRow(rows, []any{&earlier, &parts}, func() error {
		if first == "" && sameContent(parts, unpacked.Parts) {
			first = earlier
		}
		parts = nil
		return nil
	})
	return first, err
}

func sameContent(a, b []domain.Part) bool {
	return slices.EqualFunc(a, b, func(x, y domain.Part) bool { return x.SHA256 == y.SHA256 })
}

func redelivered(unpacked domain.Unpacked) string {
	if len(unpacked.Documents) == 0 {
		return "This mail was delivered before."
	}
	return "This mail was delivered before; its documents are here already."
}

// insertDocuments makes the documents of a mail and completes its parts and
// its reason with what was here before.
func (c change) insertDocuments(ctx context.Context, id domain.MailID, unpacked domain.Unpacked) (domain.Unpacked, error) {
	policy, err := selectPolicy(ctx, c)
	if err != nil {
		return unpacked, err
	}
	var made, again, before int
	for _, n := range unpacked.Documents {
		part := partOf(unpacked.Parts, n)
		found, err := c.sameDelivery(ctx, n)
		switch {
		case err != nil:
			return unpacked, err
		case found.id != "" && found.mail == id: // the mail is unpacked once more
			*part = found.describe(*part)
			made++
		case found.id != "":
			part.Used, part.Document, part.Reason = false, found.id, "Delivered before"
			again++
		default:
			skipped, err := c.insertFresh(ctx, n, part, policy)
			if err != nil {
				return unpacked, err
			}
			if skipped {
				before++
			} else {
				made++
			}
		}
	}
	if len(unpacked.Documents) > 0 {
		unpacked.Disposition, unpacked.Reason = count(made, again, before)
	}
	return unpacked, nil
}

// count puts into words what became of the usable parts.
func count(made, again, before int) (domain.Disposition, string) {
	documents := fmt.Sprintf("%d documents", made)
	if made == 1 {
		documents = "1 document"
	}
	switch {
	case made > 0 && again+before > 0:
		return domain.DispositionDocuments, fmt.Sprintf("%s; %d of the files were here before.", documents, again+before)
	case made > 0:
		return domain.DispositionDocuments, documents
	case before > 0:
		return domain.DispositionDuplicate, "Every file in it came before with another mail, and such files are skipped here."
	}
	return domain.DispositionDuplicate, "This mail was delivered before; its documents are here already."
}

func partOf(parts []domain.Part, n domain.NewDocument) *domain.Part {
	for i := range parts {
		if parts[i].Document == n.ID {
			return &parts[i]
		}
	}
	return &domain.Part{} // none describes it
}

// delivered is a document that a mail with the same identity has made.
type delivered struct {
	id, duplicateOf domain.DocumentID
	mail            domain.MailID
	discarded       bool
}

func (d delivered) describe(part domain.Part) domain.Part {
	part.Document, part.DuplicateOf, part.Used = d.id, d.duplicateOf, !d.discarded
	if d.discarded {
		part.Document, part.Reason = "", "A person discarded its document."
	}
	return part
}

func (c change) sameDelivery(ctx context.Context, n domain.NewDocument) (found delivered, err error) {
	err = c.QueryRow(ctx, `SELECT id::text, coalesce(duplicate_of::text, ''), coalesce(mail_id::text, ''), discarded_at IS NOT NULL FROM documents
		WHERE message_id = $1 AND message_id <> '' AND sha256 = $2 AND part = $3`, n.MessageID, n.SHA256, n.Part).
		Scan(&found.id, &found.duplicateOf, &found.mail, &found.discarded)
	if errors.Is(err, pgx.ErrNoRows) {
		return delivered{}, nil
	}
	if err != nil {
		return delivered{}, fmt.Errorf("look for an earlier delivery: %w", err)
	}
	return found, nil
}

// insertFresh makes a document, or skips one whose bytes came before when
// the workspace wants that and nobody asked for it.
func (c change) insertFresh(ctx context.Context, n domain.NewDocument, part *domain.Part, policy domain.MailPolicy) (skipped bool, err error) {
	first, err := c.firstOfContent(ctx, n)
	if err != nil {
		return false, err
	}
	part.DuplicateOf = first
	if first != "" && policy.Duplicates == domain.DuplicatesSkip && !n.Wanted {
		part.Used, part.Document, part.Importable, part.Reason = false, "", true, "The same file came before."
		return true, nil
	}
	seq, err := c.record(ctx, domain.Event{Kind: "document.received", Document: n.ID, Mail: n.Mail, Text: "Arrived by email"})
	if err != nil {
		return false, err
	}
	return false, c.insertDocument(ctx, n, first, seq)
}

// firstOfContent finds the first document of the same bytes, empty when there is none.
func (c change) firstOfContent(ctx context.Context, n domain.NewDocument) (first domain.DocumentID, err error) {
	err = c.QueryRow(ctx, `SELECT id::text FROM documents WHERE sha256 = $1 AND id <> $2 AND discarded_at IS NULL AND duplicate_of IS NULL
		ORDER BY created_at, id LIMIT 1`, n.SHA256, n.ID).Scan(&first)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("look for the same file: %w", err)
	}
	return first, nil
}

// partsJSON is how a mail's parts are stored.
func partsJSON(parts []domain.Part) ([]byte, error) {
	return json.Marshal(append([]domain.Part{}, parts...))
}
