package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"

	"github.com/docuflow/docuflow/domain"
)

// Artist draws pages of hostile PDFs, outside of this process.
type Artist interface {
	Draw(ctx context.Context, workspace domain.WorkspaceID, file, dir string, page, width int) (string, error)
}

// Painter draws pages of standardized documents when somebody looks at them,
// and keeps what it has drawn.
type Painter struct {
	blobs   Blobs
	artist  Artist
	width   int
	tempDir string
}

// NewPainter draws so many pixels wide.
func NewPainter(blobs Blobs, artist Artist, width int, tempDir string) *Painter {
	return &Painter{blobs: blobs, artist: artist, width: width, tempDir: tempDir}
}

// Page returns a page, from 1, as a PNG.
func (p *Painter) Page(ctx context.Context, document domain.Document, page int) (io.ReadCloser, error) {
	key := p.key(document, page)
	kept, err := p.blobs.Open(ctx, key)
	if !errors.Is(err, domain.ErrNotFound) {
		return kept, err
	}
	if err := p.draw(ctx, document, page, key); err != nil {
		return nil, err
	}
	return p.blobs.Open(ctx, key)
}

// key names a drawing by what is drawn: the standardized document never
// changes behind its own key.
func (p *Painter) key(document domain.Document, page int) domain.ObjectKey {
	name := path.Base(string(document.Standardized)) + "-" + strconv.Itoa(page) + "-" + strconv.Itoa(p.width) + ".png"
	return domain.ObjectKey(string(document.Workspace) + "/pages/" + name)
}

func (p *Painter) draw(ctx context.Context, document domain.Document, page int, key domain.ObjectKey) error {
	return workDir(p.tempDir, func(dir string) error {
		file, err := fetch(ctx, p.blobs, document.Standardized, dir)
		if err != nil {
			return err
		}
		drawn, err := p.artist.Draw(ctx, document.Workspace, file, dir, page, p.width)
		if err != nil {
			return err
		}
		if err := put(ctx, p.blobs, key, drawn); err != nil {
			return fmt.Errorf("keep a drawn page: %w", err)
		}
		return nil
	})
}
