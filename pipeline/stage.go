package pipeline

import (
	"context"
	"io"

	"github.com/docuflow/docuflow/domain"
)

// Stage is one step of a document's way. Run returns what it found out or
// made; an error follows the rules of domain.Failure. Cancelling ctx stops the
// work, child processes included.
type Stage interface {
	Info() domain.StageInfo
	Run(ctx context.Context, document domain.Document) (domain.Outcome, error)
}

// Step is a stage as it is wired: with its retry policy and its weight.
type Step struct {
	Stage
	Policy domain.RetryPolicy
	// Heavy stages use the processor: they take a slot of the node's pool.
	Heavy bool
}

// Blobs is object storage. Keys are written once: the bytes behind a key never
// change, and writing the same bytes again is harmless.
type Blobs interface {
	// Put stores everything that r gives and returns once it is durable. It
	// uses constant memory. When r fails, nothing is stored.
	Put(ctx context.Context, key domain.ObjectKey, r io.Reader) error
	// Open reads an object from its beginning; domain.ErrNotFound when there is none.
	Open(ctx context.Context, key domain.ObjectKey) (io.ReadCloser, error)
}
