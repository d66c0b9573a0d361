package objects

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/docuflow/docuflow/domain"
)

// source is what Put reads from. It stops when ctx is done, and remembers
// whether it was the source that failed and not the storage.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	if s.err = context.Cause(s.ctx); s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// fill reads until buf is full or the source ends. Unlike io.ReadFull it never
// mistakes a source that failed with io.ErrUnexpectedEOF for one that ended.
func (s *source) fill(buf []byte) (n int, ended bool, err error) {
	for n < len(buf) {
		read, err := s.Read(buf[n:])
		n += read
		if errors.Is(err, io.EOF) {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

// failure names what went wrong with a Put: the source's own error, or
// a temporary one of the storage.
func (s *source) failure(key domain.ObjectKey, err error) error {
	if s.err != nil {
		return fmt.Errorf("read what to store as %s: %w", key, s.err)
	}
	return unavailable("store", key, err)
}

func unavailable(doing string, key domain.ObjectKey, err error) error {
	return domain.Temporary(domain.KindStorage, "Our storage did not answer.", fmt.Errorf("%s %s: %w", doing, key, err))
}
