package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/domain"
)

// Join makes a process a member. It takes the place of an earlier one with
// the same node name or address, which therefore cannot run any more; if it
// does, its next Beat tells it.
func (s *Store) Join(ctx context.Context, member domain.Member) error {
	err := s.asService(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM cluster_members WHERE node = $1 OR (address = $2 AND address <> '')`, member.Node, member.Address)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO cluster_members (id, node, address) VALUES ($1, $2, $3)`, member.ID, member.Node, member.Address)
		return err
	})
	if err != nil {
		return fmt.Errorf("join the cluster as node %s: %w", member.Node, err)
	}
	return nil
}

// Beat says that a member lives and what it does, removes those that have not
// beaten for ttl, and returns the members that are left, itself included.
// domain.ErrEvicted: the caller has been removed.
//
// Only a member that has itself beaten all the time judges others: after a
// pause of the database, all of them are late and none is dead.
func (s *Store) Beat(ctx context.Context, member domain.Member, ttl time.Duration) (members []domain.Member, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		var judges bool
		err := tx.QueryRow(ctx, `
			UPDATE cluster_members SET beat_at = clock_timestamp(), draining = $2, mails = $3, documents = $4,
				steady_since = CASE WHEN beat_at < clock_timestamp() - $5::interval / 2 THEN clock_timestamp() ELSE steady_since END
			WHERE id = $1 RETURNING steady_since < clock_timestamp() - $5::interval`,
			member.ID, member.Draining, member.Mails, member.Documents, ttl).Scan(&judges)
		if err != nil {
			return err
		}
		if judges {
			_, err := tx.Exec(ctx, `
				DELETE FROM cluster_members WHERE id IN (
					SELECT id FROM cluster_members WHERE beat_at < clock_timestamp() - $1::interval FOR UPDATE SKIP LOCKED)`, ttl)
			if err != nil {
				return err
			}
		}
		members, err = selectMembers(ctx, tx)
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("node %s: %w", member.Node, domain.ErrEvicted)
	}
	if err != nil {
		return nil, fmt.Errorf("beat: %w", err)
	}
	return members, nil
}

// Leave ends a membership. Leaving twice is fine.
func (s *Store) Leave(ctx context.Context, member domain.Member) error {
	err := s.asService(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM cluster_members WHERE id = $1`, member.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("leave the cluster: %w", err)
	}
	return nil
}

// AskToDrain asks a node to take no new work and no mail, or to go on. It
// obeys at its next heartbeat. domain.ErrNotFound: no such node runs.
func (s *Store) AskToDrain(ctx context.Context, node string, drain bool, by string) error {
	err := s.asService(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE cluster_members SET drain_asked = $2, returns = returns + CASE WHEN drain_asked AND NOT $2 THEN 1 ELSE 0 END WHERE node = $1`, node, drain)
		if err := one(tag, err); err != nil {
			return err
		}
		action := "node.undrained"
		if drain {
			action = "node.drained"
		}
		return auditOperator(ctx, tx, by, action, node)
	})
	return notFound(err, "ask node "+node+" to drain")
}

// Members lists the nodes, by name. One that died is listed until the others
// have noticed.
func (s *Store) Members(ctx context.Context) (members []domain.Member, err error) {
	err = s.asService(ctx, func(tx pgx.Tx) error {
		members, err = selectMembers(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	return members, nil
}

func selectMembers(ctx context.Context, tx pgx.Tx) ([]domain.Member, error) {
	rows, err := tx.Query(ctx, `SELECT id, node, address, started_at, beat_at, draining, mails, documents, drain_asked, returns FROM cluster_members ORDER BY node`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[domain.Member])
}
