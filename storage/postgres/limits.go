package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// Take takes one token of a limit that all nodes share, or says how long
// there is none. A limit that is new begins full, one that changed applies at once.
func (s *Store) Take(ctx context.Context, limit domain.Limit) (wait time.Duration, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO outside_limits (name, capacity, refill_per_second, tokens) VALUES ($1, $2, $3, $2) ON CONFLICT DO NOTHING`,
			limit.Name, limit.Burst, limit.PerSecond)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "SELECT FROM outside_limits WHERE name = $1 FOR UPDATE", limit.Name); err != nil {
			return err
		}
		var tokens float64
		err = tx.QueryRow(ctx, `
			UPDATE outside_limits SET capacity = $2, refill_per_second = $3, updated_at = clock_timestamp(),
				tokens = least($2, tokens + greatest(extract(epoch FROM clock_timestamp() - updated_at), 0) * refill_per_second)
			WHERE name = $1 RETURNING tokens`, limit.Name, limit.Burst, limit.PerSecond).Scan(&tokens)
		if err != nil {
			return err
		}
		if tokens < 1 {
			wait = time.Duration((1-tokens)/limit.PerSecond*float64(time.Second)) + time.Microsecond // of the database's clock
			return nil
		}
		_, err = tx.Exec(ctx, "UPDATE outside_limits SET tokens = tokens - 1 WHERE name = $1", limit.Name)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("take of the limit %s: %w", limit.Name, err)
	}
	return wait, nil
}
