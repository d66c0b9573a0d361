package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// lessonsRecalled is how many lessons of a vendor are used: layouts change.
const lessonsRecalled = 8

// vendorColumns are those of a domain.KnownVendor, but for Matched.
const vendorColumns = `v.id::text, v.name,
	(SELECT coalesce(jsonb_agg(l.lesson ORDER BY l.learned_at DESC), '[]') FROM (SELECT lesson, learned_at FROM vendor_lessons
		WHERE vendor_id = v.id ORDER BY learned_at DESC LIMIT $1) l),
	(SELECT count(*) FROM vendor_lessons WHERE vendor_id = v.id),
	(SELECT count(*) FROM vendor_recalls r JOIN vendor_lessons l USING (document_id) WHERE r.vendor_id = v.id AND l.vendor_id = v.id AND l.unchanged),
	(SELECT count(*) FROM vendor_recalls r JOIN vendor_lessons l USING (document_id) WHERE r.vendor_id = v.id AND NOT (l.vendor_id = v.id AND l.unchanged))`

// KnownVendors finds the vendors that have one of the keys. A key that
// several vendors have says nothing and is left out, but for names, which the
// document itself prints.
func (s *Store) KnownVendors(ctx context.Context, workspace domain.WorkspaceID, keys []domain.VendorKey) (vendors []domain.KnownVendor, err error) {
	kinds, values := make([]string, len(keys)), make([]string, len(keys))
	for i, key := range keys {
		kinds[i], values[i] = string(key.Kind), key.Value
	}
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			WITH matched AS (
				SELECT kind, value, min(vendor_id::text)::uuid AS vendor_id FROM vendor_keys
				JOIN unnest($2::text[], $3::text[]) AS given (kind, value) USING (kind, value)
				GROUP BY kind, value HAVING count(DISTINCT vendor_id) = 1)
			SELECT `+vendorColumns+`, (SELECT jsonb_agg(jsonb_build_object('kind', m.kind, 'value', m.value) ORDER BY m.kind, m.value)
				FROM matched m WHERE m.vendor_id = v.id)
			FROM vendors v WHERE v.id IN (SELECT vendor_id FROM matched) ORDER BY v.id LIMIT 50`, lessonsRecalled, kinds, values)
		if err != nil {
			return err
		}
		vendors, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (v domain.KnownVendor, err error) {
			err = row.Scan(&v.ID, &v.Name, &v.Lessons, &v.Documents, &v.Right, &v.Wrong, &v.Matched)
			return v, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find known vendors: %w", err)
	}
	return vendors, nil
}

// Recalled notes that a document was read with the memory of a vendor, or
// with none when it is empty.
func (s *Store) Recalled(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, vendor domain.VendorID) error {
	err := s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM vendor_recalls WHERE document_id = $1", id); err != nil || vendor == "" {
			return err
		}
		// The vendor may have been forgotten meanwhile.
		_, err := tx.Exec(ctx, `INSERT INTO vendor_recalls (workspace_id, document_id, vendor_id)
			SELECT current_workspace(), $1, id FROM vendors WHERE id = $2`, id, vendor)
		return err
	})
	if err != nil {
		return fmt.Errorf("note the memory of document %s: %w", id, err)
	}
	return nil
}

// Learn keeps the lesson of a document in place of an earlier one. right says
// that nothing that was read had to be corrected; it counts for or against the memory
// that the document was read with.
func (s *Store) Learn(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, lesson domain.Lesson, right bool) error {
	content, err := json.Marshal(lesson)
	if err != nil {
		return fmt.Errorf("encode the lesson of document %s: %w", id, err)
	}
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		var vendor domain.VendorID
		if err := tx.QueryRow(ctx, `INSERT INTO vendors (workspace_id, name, name_key) VALUES (current_workspace(), $1, $2)
			ON CONFLICT (workspace_id, name_key) DO UPDATE SET name = excluded.name RETURNING id::text`, lesson.Vendor, lesson.Key).Scan(&vendor); err != nil {
			return err
		}
		if err := forgetLesson(ctx, tx, id, vendor); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO vendor_lessons (workspace_id, document_id, vendor_id, lesson, unchanged)
			VALUES (current_workspace(), $1, $2, $3, $4)`,
			id, vendor, content, right)
		if err != nil {
			return err
		}
		batch := &pgx.Batch{}
		for _, key := range lesson.Keys {
			batch.Queue(`INSERT INTO vendor_keys (workspace_id, document_id, vendor_id, kind, value) VALUES (current_workspace(), $1, $2, $3, $4)
				ON CONFLICT DO NOTHING`, id, vendor, key.Kind, key.Value)
		}
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return fmt.Errorf("learn from document %s: %w", id, err)
	}
	return nil
}

// Unlearn takes the lesson of a document back.
func (s *Store) Unlearn(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID) error {
	err := s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error { return forgetLesson(ctx, tx, id, "") })
	if err != nil {
		return fmt.Errorf("take the lesson of document %s back: %w", id, err)
	}
	return nil
}

// forgetLesson removes a document's lesson, and its vendor when that was the
// only one, unless it is the vendor to keep.
func forgetLesson(ctx context.Context, tx pgx.Tx, id domain.DocumentID, keep domain.VendorID) error {
	_, err := tx.Exec(ctx, `WITH gone AS (DELETE FROM vendor_lessons WHERE document_id = $1 RETURNING vendor_id)
		DELETE FROM vendors WHERE id IN (SELECT vendor_id FROM gone) AND id::text <> $2
			AND NOT EXISTS (SELECT FROM vendor_lessons l WHERE l.vendor_id = vendors.id AND l.document_id <> $1)`, id, keep)
	return err
}

// Memory is what the workspace knows about the vendor of a document: the one
// whose memory it was read with, else the one that it taught. domain.ErrNotFound when there is none.
func (s *Store) Memory(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID) (vendor domain.KnownVendor, err error) {
	if !isUUID(id) {
		return vendor, domain.ErrNotFound
	}
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT `+vendorColumns+` FROM vendors v WHERE v.id = coalesce(
			(SELECT vendor_id FROM vendor_lessons WHERE document_id = $2), (SELECT vendor_id FROM vendor_recalls WHERE document_id = $2))`,
			0, id).Scan(&vendor.ID, &vendor.Name, &vendor.Lessons, &vendor.Documents, &vendor.Right, &vendor.Wrong)
	})
	return vendor, notFound(err, "read the memory of document "+string(id))
}

// Forget removes everything that was learned about the vendor of a document;
// domain.ErrNotFound when that is nothing.
func (s *Store) Forget(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) error {
	vendor, err := s.Memory(ctx, workspace, id)
	if err != nil {
		return err
	}
	_, err = s.byPerson(ctx, workspace, id, domain.Event{Kind: "vendor.forgotten", Actor: by}, func(ctx context.Context, tx change, _ domain.Document) (string, error) {
		return fmt.Sprintf("Forgot what was learned about %s", vendor.Name), one(tx.Exec(ctx, "DELETE FROM vendors WHERE id = $1", vendor.ID))
	})
	return err
}
