package pipeline

import (
	"context"
	"fmt"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/press"
)

// Standardize makes one optimized, linearized PDF of the original, and a
// picture of its first page.
type Standardize struct {
	blobs   Blobs
	press   Press
	tempDir string
}

// NewStandardize builds the stage.
func NewStandardize(blobs Blobs, press Press, tempDir string) *Standardize {
	return &Standardize{blobs: blobs, press: press, tempDir: tempDir}
}

// Info names the stage.
func (s *Standardize) Info() domain.StageInfo {
	return domain.StageInfo{Name: "standardize", Doing: "Standardizing", Done: "Standardized"}
}

// Run does the stage's work.
func (s *Standardize) Run(ctx context.Context, document domain.Document) (outcome domain.Outcome, err error) {
	err = workDir(s.tempDir, func(dir string) error {
		original, err := fetch(ctx, s.blobs, document.Original, dir)
		if err != nil {
			return err
		}
		made, err := s.press.Standardize(ctx, document.Workspace, original, dir)
		if err != nil {
			return err
		}
		outcome, err = s.store(ctx, document, made)
		return err
	})
	return outcome, err
}

func (s *Standardize) store(ctx context.Context, document domain.Document, made press.Standardized) (outcome domain.Outcome, err error) {
	outcome = domain.Outcome{Pages: made.Pages, StandardSize: made.Size, Note: standardizedNote(document.Size, made)}
	if outcome.Standardized, err = keep(ctx, s.blobs, document.Workspace, made.File); err != nil {
		return domain.Outcome{}, err
	}
	if made.Thumbnail == "" {
		return outcome, nil
	}
	outcome.Thumbnail, err = keep(ctx, s.blobs, document.Workspace, made.Thumbnail)
	return outcome, err
}

func standardizedNote(before int64, made press.Standardized) string {
	pages := "1 page"
	if made.Pages != 1 {
		pages = fmt.Sprintf("%d pages", made.Pages)
	}
	if made.Kept {
		return pages + ", " + made.Reason
	}
	note := fmt.Sprintf("%s, %s → %s", pages, kilobytes(before), kilobytes(made.Size))
	if made.Reason != "" {
		note += ", " + made.Reason
	}
	return note
}

func kilobytes(octets int64) string {
	return fmt.Sprintf("%d KB", (octets+1023)/1024)
}
