package pipeline

import (
	"context"
	"fmt"
	"strings"

	"github.com/docuflow/docuflow/domain"
)

// Destination is where documents are filed: a folder, Google Drive …
type Destination interface {
	// Name tells destinations of a workspace apart and never changes: "folder".
	Name() string
	// Propose returns the n-th choice (from 1) of a reference for the document
	// there. A chosen reference is committed before Deliver is called.
	Propose(ctx context.Context, filing domain.Filing, n int) (string, error)
	// Deliver files the document under filing.Reference and returns a link for
	// people, if there is one. It may be called again for the same document with the
	// same reference, and then finds its earlier work.
	Deliver(ctx context.Context, filing domain.Filing) (link string, err error)
}

// Place is a destination with the pattern that names files there.
type Place struct {
	Destination
	Pattern string
}

// Places finds where the documents of a workspace are filed.
type Places interface {
	Places(ctx context.Context, workspace domain.WorkspaceID) ([]Place, error)
}

// Reservations fixes references before destinations are touched, so that a
// delivery that is repeated finds what it did before.
type Reservations interface {
	// Reserve returns the delivery as it stands: its At is zero until Delivered.
	Reserve(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, destination string, propose func(n int) (string, error)) (domain.Delivery, error)
	// Delivered says that a reserved delivery was made: it is not made again.
	Delivered(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, delivery domain.Delivery) error
}

// Deliver files the standardized document at every destination.
type Deliver struct {
	blobs        Blobs
	workspaces   Workspaces
	reservations Reservations
	places       Places
}

// NewDeliver builds the stage.
func NewDeliver(blobs Blobs, workspaces Workspaces, reservations Reservations, places Places) *Deliver {
	return &Deliver{blobs: blobs, workspaces: workspaces, reservations: reservations, places: places}
}

// Info names the stage.
func (d *Deliver) Info() domain.StageInfo {
	return domain.StageInfo{Name: "deliver", Doing: "Filing", Done: "Filed"}
}

// Run does the stage's work. One destination that fails does not keep the
// document from the others, and what they did is not done again.
func (d *Deliver) Run(ctx context.Context, document domain.Document) (domain.Outcome, error) {
	places, err := d.places.Places(ctx, document.Workspace)
	if err != nil {
		return domain.Outcome{}, err
	}
	if len(places) == 0 {
		return domain.Outcome{Skipped: true, Note: "No destination is set up; the document stays here."}, nil
	}
	workspace, err := d.workspaces.Workspace(ctx, document.Workspace)
	if err != nil {
		return domain.Outcome{}, err
	}
	var outcome domain.Outcome
	var names []string
	var failed []error
	for _, place := range places {
		delivery, err := d.deliver(ctx, place, workspace, document)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		outcome.Deliveries = append(outcome.Deliveries, delivery)
		names = append(names, delivery.Destination)
	}
	if len(failed) > 0 {
		return domain.Outcome{}, decisive(failed)
	}
	outcome.Note = strings.Join(names, ", ")
	return outcome, nil
}

func (d *Deliver) deliver(ctx context.Context, place Place, workspace domain.Workspace, document domain.Document) (domain.Delivery, error) {
	filing := domain.Filing{Workspace: workspace, Document: document, Name: FileName(place.Pattern, workspace, document), Size: document.StandardSize}
	delivery, err := d.reservations.Reserve(ctx, document.Workspace, document.ID, place.Name(), func(n int) (string, error) {
		return place.Propose(ctx, filing, n)
	})
	if err != nil || !delivery.At.IsZero() {
		return delivery, err
	}
	body, err := d.blobs.Open(ctx, document.Standardized)
	if err != nil {
		return domain.Delivery{}, fmt.Errorf("open the standardized document: %w", err)
	}
	defer body.Close()
	filing.Reference, filing.Body = delivery.Reference, body
	if delivery.Link, err = place.Deliver(ctx, filing); err != nil {
		return domain.Delivery{}, fmt.Errorf("deliver to %s: %w", place.Name(), err)
	}
	return delivery, d.reservations.Delivered(ctx, document.Workspace, document.ID, delivery)
}

// decisive chooses among the failures of one run: what needs a person first,
// then what another attempt may mend, and only then what nothing can.
func decisive(failed []error) error {
	best, rank := failed[0], -1
	for _, err := range failed {
		failure := domain.AsFailure(err)
		own := 1
		switch {
		case failure.Person:
			own = 2
		case failure.Permanent:
			own = 0
		}
		if own > rank {
			best, rank = err, own
		}
	}
	return best
}
