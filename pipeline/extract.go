package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/extraction"
	"github.com/docuflow/docuflow/page"
	"github.com/docuflow/docuflow/press"
)

// Extract reads the fields: exactly from an e-invoice, otherwise from the
// words of the pages. It reads the original, because standardizing loses what
// recognition needs; the text of a mail has no pages before it was standardized.
type Extract struct {
	blobs      Blobs
	press      Press
	workspaces Workspaces
	memory     Memory
	tempDir    string
}

// Memory is what a workspace has learned about its vendors.
type Memory interface {
	KnownVendors(ctx context.Context, workspace domain.WorkspaceID, keys []domain.VendorKey) ([]domain.KnownVendor, error)
	// Recalled notes whose memory a document was read with; it may be nobody's.
	Recalled(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, vendor domain.VendorID) error
}

// NewExtract builds the stage.
func NewExtract(blobs Blobs, press Press, workspaces Workspaces, memory Memory, tempDir string) *Extract {
	return &Extract{blobs: blobs, press: press, workspaces: workspaces, memory: memory, tempDir: tempDir}
}

// Info names the stage.
func (e *Extract) Info() domain.StageInfo {
	return domain.StageInfo{Name: "extract", Doing: "Reading", Done: "Read"}
}

// Run does the stage's work.
func (e *Extract) Run(ctx context.Context, document domain.Document) (outcome domain.Outcome, err error) {
	workspace, err := e.workspaces.Workspace(ctx, document.Workspace)
	if err != nil {
		return domain.Outcome{}, err
	}
	err = workDir(e.tempDir, func(dir string) error {
		original, err := fetch(ctx, e.blobs, readable(document), dir)
		if err != nil {
			return err
		}
		reading, err := e.press.Read(ctx, document.Workspace, original)
		if err != nil {
			return err
		}
		if outcome, err = e.extractFields(ctx, document, workspace, reading); err != nil {
			return err
		}
		outcome.PageModel, err = e.keepPages(ctx, document.Workspace, dir, reading.Document)
		return err
	})
	return outcome, err
}

func readable(document domain.Document) domain.ObjectKey {
	if document.MediaType == "text/html" {
		return document.Standardized
	}
	return document.Original
}

func (e *Extract) extractFields(ctx context.Context, document domain.Document, workspace domain.Workspace, reading press.Reading) (domain.Outcome, error) {
	in := extraction.Input{
		Page: reading.Document, XML: reading.XML, Sender: document.Sender, Own: []string{workspace.Name}, Received: document.CreatedAt,
	}
	keys, err := extraction.Keys(in)
	if err != nil {
		return domain.Outcome{}, fmt.Errorf("find the keys of the vendor: %w", err)
	}
	if in.Known, err = e.memory.KnownVendors(ctx, document.Workspace, keys); err != nil {
		return domain.Outcome{}, err
	}
	result, err := extraction.Extract(in)
	if err != nil {
		return domain.Outcome{}, fmt.Errorf("extract fields: %w", err)
	}
	if err := e.memory.Recalled(ctx, document.Workspace, document.ID, result.Vendor); err != nil {
		return domain.Outcome{}, err
	}
	return domain.Outcome{
		Fields: result.Fields, Source: result.Source, Review: result.Review, Note: extractedNote(result),
	}, nil
}

func extractedNote(result extraction.Result) string {
	origin := map[string]string{"einvoice": "e-invoice", "text": "text layer", "ocr": "recognised text"}[result.Source]
	found := 0
	for _, field := range result.Fields {
		if field.Value != "" {
			found++
		}
	}
	return fmt.Sprintf("%s, %d of %d fields", origin, found, len(result.Fields))
}

// keepPages stores the page model, for the places of values on the page.
func (e *Extract) keepPages(ctx context.Context, workspace domain.WorkspaceID, dir string, pages page.Document) (domain.ObjectKey, error) {
	content, err := json.Marshal(pages)
	if err != nil {
		return "", fmt.Errorf("encode the page model: %w", err)
	}
	path := filepath.Join(dir, "pages.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return "", fmt.Errorf("write the page model: %w", err)
	}
	return keep(ctx, e.blobs, workspace, path)
}
