// Package destinationtest is the contract of destinations: every one of them
// runs it in its tests.
package destinationtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"

	"github.com/docuflow/docuflow/domain"
)

// Destination is what package pipeline wants of a destination.
type Destination interface {
	Name() string
	Propose(ctx context.Context, filing domain.Filing, n int) (string, error)
	Deliver(ctx context.Context, filing domain.Filing) (link string, err error)
}

// Shelf looks at what a destination has kept, past the destination itself.
type Shelf struct {
	Content func(reference string) []byte // nil: nothing is there
	Count   func() int                    // files
}

// Run runs the contract. open makes a fresh destination.
//
//nolint:funlen // a list of cases
func Run(t *testing.T, open func(t *testing.T) (Destination, Shelf)) {
	t.Run("a document is filed with its bytes", func(t *testing.T) {
		d, shelf := open(t)
		content := bytes.Repeat([]byte("%PDF-1.7 "), 1000)
		reference := propose(t, d, filing("2026/a.pdf"), 1)
		deliver(t, d, filing("2026/a.pdf"), reference, content)
		if !bytes.Equal(shelf.Content(reference), content) || shelf.Count() != 1 {
			t.Fatalf("%d files; %d octets under the reference", shelf.Count(), len(shelf.Content(reference)))
		}
	})
	t.Run("a large document comes in whole", func(t *testing.T) {
		d, shelf := open(t)
		content := bytes.Repeat([]byte("0123456789abcdef"), 20<<20/16)
		reference := propose(t, d, filing("large.pdf"), 1)
		deliver(t, d, filing("large.pdf"), reference, content)
		if !bytes.Equal(shelf.Content(reference), content) {
			t.Fatalf("%d octets, want %d", len(shelf.Content(reference)), len(content))
		}
	})
	t.Run("a repeat finds its earlier work", func(t *testing.T) {
		d, shelf := open(t)
		f := filing("a.pdf")
		reference := propose(t, d, f, 1)
		first := deliver(t, d, f, reference, []byte("pdf"))
		if second := deliver(t, d, f, reference, []byte("pdf")); second != first || shelf.Count() != 1 {
			t.Fatalf("links %q and %q, %d files", first, second, shelf.Count())
		}
	})
	t.Run("documents of the same name stay apart", func(t *testing.T) {
		d, shelf := open(t)
		one, two := filing("a.pdf"), filing("a.pdf")
		first := propose(t, d, one, 1)
		deliver(t, d, one, first, []byte("one"))
		second := propose(t, d, two, 1)
		for n := 2; second == first && n < 5; n++ { // the reservation refuses what another document has
			second = propose(t, d, two, n)
		}
		deliver(t, d, two, second, []byte("two"))
		if first == second || string(shelf.Content(first)) != "one" || string(shelf.Content(second)) != "two" {
			t.Fatalf("%q holds %q, %q holds %q", first, shelf.Content(first), second, shelf.Content(second))
		}
	})
	t.Run("nothing is overwritten", func(t *testing.T) {
		d, shelf := open(t)
		f := filing("a.pdf")
		reference := propose(t, d, f, 1)
		deliver(t, d, f, reference, []byte("first"))
		f.Reference, f.Size, f.Body = reference, 6, bytes.NewReader([]byte("second"))
		if _, err := d.Deliver(t.Context(), f); err == nil || !domain.AsFailure(err).Permanent {
			t.Fatalf("over another file: %v", err)
		}
		if string(shelf.Content(reference)) != "first" {
			t.Fatalf("%q", shelf.Content(reference))
		}
	})
	t.Run("half a document is not kept", func(t *testing.T) {
		d, shelf := open(t)
		f := filing("a.pdf")
		reference := propose(t, d, f, 1)
		broken := domain.Temporary(domain.KindStorage, "Our disk is away.", errors.New("away"))
		f.Reference, f.Size, f.Body = reference, 10, io.MultiReader(bytes.NewReader([]byte("half")), iotest.ErrReader(broken))
		_, err := d.Deliver(t.Context(), f)
		if failure := domain.AsFailure(err); err == nil || failure.Kind != domain.KindStorage || failure.Person {
			t.Fatalf("the failure of our own storage became %+v", err)
		}
		if shelf.Count() != 0 {
			t.Fatalf("%d files", shelf.Count())
		}
		deliver(t, d, f, reference, []byte("whole"))
		if string(shelf.Content(reference)) != "whole" {
			t.Fatalf("%q", shelf.Content(reference))
		}
	})
	t.Run("a cancelled delivery is an error", func(t *testing.T) {
		d, _ := open(t)
		f := filing("a.pdf")
		f.Reference = propose(t, d, f, 1)
		f.Size, f.Body = 3, bytes.NewReader([]byte("pdf"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.Deliver(ctx, f); err == nil {
			t.Fatal("no error")
		}
	})
}

func filing(name string) domain.Filing {
	return domain.Filing{
		Workspace: domain.Workspace{ID: domain.WorkspaceID(uuid.NewString()), Slug: "acme"}, Name: name,
		Document: domain.Document{ID: domain.DocumentID(uuid.NewString()), Fields: domain.Fields{}, CreatedAt: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)},
	}
}

func propose(t *testing.T, d Destination, f domain.Filing, n int) string {
	t.Helper()
	reference, err := d.Propose(t.Context(), f, n)
	if err != nil || reference == "" {
		t.Fatalf("propose: %q %v", reference, err)
	}
	return reference
}

func deliver(t *testing.T, d Destination, f domain.Filing, reference string, content []byte) (link string) {
	t.Helper()
	f.Reference, f.Size, f.Body = reference, int64(len(content)), bytes.NewReader(content)
	link, err := d.Deliver(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return link
}
