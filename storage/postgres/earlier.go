package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// SentBefore returns those of the hashes that parts of the author's 200 mails
// had that came before the mail with this Message-ID came first.
func (s *Store) SentBefore(ctx context.Context, workspace domain.WorkspaceID, author, messageID string, hashes []string) (known []string, err error) {
	err = s.inWorkspace(ctx, workspace, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT DISTINCT part->>'sha256' FROM (
				SELECT parts FROM mails WHERE author = $1 AND status = 'UNPACKED' AND message_id <> $2
					AND received_at < (SELECT coalesce(min(received_at), 'infinity') FROM mails WHERE author = $1 AND message_id = $2)
				ORDER BY received_at DESC LIMIT 200
			) earlier, jsonb_array_elements(parts) part WHERE part->>'sha256' = ANY ($3)`, author, messageID, hashes)
		if err != nil {
			return err
		}
		known, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for earlier mails of a sender: %w", err)
	}
	return known, nil
}
