package press

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"

	"github.com/docuflow/docuflow/domain"
)

// qpdf writes a linearized copy with object streams, repairing what it can.
// It is given a share of the job's time.
func qpdf(ctx context.Context, wall time.Duration, source, target string) error {
	ctx, cancel := context.WithTimeout(ctx, wall/3)
	defer cancel()
	command := exec.CommandContext(ctx, "qpdf", "--linearize", "--object-streams=generate", "--compress-streams=y",
		"--warning-exit-0", "--no-warn", source, target)
	command.SysProcAttr = tool()
	var complaint bytes.Buffer
	command.Stderr = &complaint
	if err := command.Run(); err != nil {
		return fmt.Errorf("qpdf: %w: %s", err, complaint.Bytes())
	}
	return nil
}

// changes are what a PDF of scans or photos needs more than others.
type changes struct {
	photos bool        // its pictures are all there is: they may be encoded anew
	turns  map[int]int // clockwise quarter turns of its pages, from 1
}

// rewritePDF drops metadata and objects that are doubled or not used, and makes the changes.
func rewritePDF(source, target string, more changes) error {
	return withoutPanic(func() (err error) {
		api.DisableConfigDir()
		from, err := os.Open(source)
		if err != nil {
			return err
		}
		defer from.Close()
		to, err := os.Create(target)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, to.Close()) }()
		document, err := readForRewrite(from)
		if err != nil {
			return err
		}
		if err := stripMetadata(document); err != nil {
			return err
		}
		if err := turnPages(document, more.turns); err != nil {
			return err
		}
		if more.photos {
			info, err := from.Stat()
			if err != nil {
				return err
			}
			shrinkPhotos(document, int(info.Size()))
		}
		return api.WriteContext(document, to)
	})
}

func readForRewrite(from *os.File) (*model.Context, error) {
	config := model.NewDefaultConfiguration()
	config.Cmd = model.OPTIMIZE
	document, err := api.ReadContext(from, config)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	// Many real files use features of a later version than they claim, and the
	// validation that the optimization needs is strict about that.
	version := model.V17
	document.RootVersion = &version
	if err := api.ValidateContext(document); err != nil {
		return nil, fmt.Errorf("validate: %w", err)
	}
	if err := api.OptimizeContext(document); err != nil {
		return nil, fmt.Errorf("optimize: %w", err)
	}
	return document, nil
}

// stripMetadata drops the document's XMP stream, its information dictionary
// and other programs' private data.
func stripMetadata(document *model.Context) error {
	catalog, err := document.Catalog()
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	catalog.Delete("Metadata")
	catalog.Delete("PieceInfo")
	document.Info = nil
	return nil
}

func isLocked(err error) bool { return domain.AsFailure(err).Kind == domain.KindPassword }

// withoutPanic runs f, which calls into libraries that may panic on damaged files.
func withoutPanic(f func() error) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	return f()
}
