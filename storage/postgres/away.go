package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/docuflow/docuflow/domain"
)

// marked marks an error that is about the database itself and not about what
// it was asked, as a temporary failure of the storage. A disk that is full is
// also syscall.ENOSPC, as it is for files.
func marked(err error) error {
	if err == nil || !isAway(err) {
		return err
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok && answer.Code == diskFull {
		err = errors.Join(err, syscall.ENOSPC)
	}
	return domain.Temporary(domain.KindStorage, "Our database did not answer.", err)
}

const diskFull = "53100"

// isAway says that the server could not be reached, went away, or answered
// that it cannot work now.
func isAway(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false // the caller gave up
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch answer.Code[:2] {
		case "08", "53", "57", "58": // connection, resources, operator intervention, system error
			return answer.Code != queryCanceled
		}
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || pgconn.SafeToRetry(err)
}

const queryCanceled = "57014"
