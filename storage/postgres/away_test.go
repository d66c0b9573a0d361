package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/docuflow/docuflow/domain"
)

func TestFailuresOfTheDatabaseAreMarked(t *testing.T) {
	answer := func(code string) error { return fmt.Errorf("query: %w", &pgconn.PgError{Code: code}) }
	for name, c := range map[string]struct {
		err    error
		marked bool
	}{
		"shutdown":              {answer("57P01"), true},
		"starting up":           {answer("57P03"), true},
		"too many connections":  {answer("53300"), true},
		"disk full":             {answer("53100"), true},
		"input or output error": {answer("58030"), true},
		"connection cut":        {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), true},
		"connection refused":    {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		"unique violation":      {answer("23505"), false},
		"query cancelled":       {answer("57014"), false},
		"given up":              {context.Canceled, false},
		"no row":                {pgx.ErrNoRows, false},
		"lease lost":            {domain.ErrSuperseded, false},
		"nothing":               {nil, false},
	} {
		err := marked(c.err)
		failure, isFailure := errors.AsType[*domain.Failure](err)
		if isFailure != c.marked || !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
		if c.marked && (failure.Permanent || failure.Kind != domain.KindStorage) {
			t.Errorf("%s: %+v", name, failure)
		}
	}
	if !errors.Is(marked(answer("53100")), syscall.ENOSPC) {
		t.Error("a full disk of the database is not told from other failures")
	}
}
