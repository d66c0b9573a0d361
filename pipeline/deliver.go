package pipeline

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/docuflow/docuflow/domain"
)

// Destination is where documents are filed: a folder, Google Drive …
type Destination interface {
	// Name tells destinations apart and never changes: "folder".
	Name() string
	// Propose returns the n-th choice (from 1) of a reference for the document
	// there. A chosen reference is committed before Deliver is called.
	Propose(workspace domain.Workspace, document domain.Document, n int) string
	// Deliver files the document under the reference and returns a link for
	// people, if there is one. It may be called again for the same document with the
	// same reference, and then finds its earlier work.
	Deliver(ctx context.Context, reference string, document io.Reader) (link string, err error)
}

// Reservations fixes references before destinations are touched, so that a
// delivery that is repeated finds what it did before.
type Reservations interface {
	Reserve(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, destination string, propose func(n int) string) (string, error)
}

// Deliver files the standardized document at every destination.
type Deliver struct {
	blobs        Blobs
	workspaces   Workspaces
	reservations Reservations
	destinations []Destination
}

// NewDeliver builds the stage.
func NewDeliver(blobs Blobs, workspaces Workspaces, reservations Reservations, destinations ...Destination) *Deliver {
	return &Deliver{blobs: blobs, workspaces: workspaces, reservations: reservations, destinations: destinations}
}

// Info names the stage.
func (d *Deliver) Info() domain.StageInfo {
	return domain.StageInfo{Name: "deliver", Doing: "Filing", Done: "Filed"}
}

// Run does the stage's work.
func (d *Deliver) Run(ctx context.Context, document domain.Document) (domain.Outcome, error) {
	if len(d.destinations) == 0 {
		return domain.Outcome{Skipped: true, Note: "No destination is set up; the document stays here."}, nil
	}
	workspace, err := d.workspaces.Workspace(ctx, document.Workspace)
	if err != nil {
		return domain.Outcome{}, err
	}
	var outcome domain.Outcome
	var names []string
	for _, destination := range d.destinations {
		delivery, err := d.deliver(ctx, destination, workspace, document)
		if err != nil {
			return domain.Outcome{}, err
		}
		outcome.Deliveries = append(outcome.Deliveries, delivery)
		names = append(names, delivery.Destination)
	}
	outcome.Note = strings.Join(names, ", ")
	return outcome, nil
}

func (d *Deliver) deliver(ctx context.Context, destination Destination, workspace domain.Workspace, document domain.Document) (domain.Delivery, error) {
	reference, err := d.reservations.Reserve(ctx, document.Workspace, document.ID, destination.Name(), func(n int) string {
		return destination.Propose(workspace, document, n)
	})
	if err != nil {
		return domain.Delivery{}, err
	}
	body, err := d.blobs.Open(ctx, document.Standardized)
	if err != nil {
		return domain.Delivery{}, fmt.Errorf("open the standardized document: %w", err)
	}
	defer body.Close()
	link, err := destination.Deliver(ctx, reference, body)
	if err != nil {
		return domain.Delivery{}, fmt.Errorf("deliver to %s: %w", destination.Name(), err)
	}
	return domain.Delivery{Destination: destination.Name(), Reference: reference, Link: link}, nil
}
