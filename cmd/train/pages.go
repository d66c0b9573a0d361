package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/docuflow/docuflow/page"
	"github.com/docuflow/docuflow/press"
)

// pageReader gives the page models of documents: kept ones, or new ones from the press.
// It is safe for concurrent use.
type pageReader struct {
	settings settings

	opening sync.Mutex
	press   *press.Press // nil until it is needed
}

// read returns the page model of a document, false when the document is
// nowhere, cannot be read or is an e-invoice.
func (r *pageReader) read(ctx context.Context, set, file string) (page.Document, bool, error) {
	kept := filepath.Join(r.settings.pages, set, file+".json")
	data, err := os.ReadFile(kept)
	if err == nil {
		var document page.Document
		if err := json.Unmarshal(data, &document); err != nil {
			return page.Document{}, false, fmt.Errorf("page model %s: %w", kept, err)
		}
		return document, true, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return page.Document{}, false, err
	}
	original, found := r.find(set, file)
	if !found {
		return page.Document{}, false, nil
	}
	reading, err := r.fromPress(ctx, original)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s is left out: %v\n", original, err)
		return page.Document{}, false, ctx.Err()
	}
	if len(reading.XML) > 0 {
		return page.Document{}, false, nil // an e-invoice is read exactly: nothing is to be learned
	}
	return reading.Document, true, keep(kept, reading.Document)
}

func (r *pageReader) find(set, file string) (string, bool) {
	for _, root := range []string{r.settings.corpus, r.settings.documents} {
		path := filepath.Join(root, set, file)
		if _, err := os.Stat(path); root != "" && err == nil {
			return path, true
		}
	}
	return "", false
}

func (r *pageReader) fromPress(ctx context.Context, file string) (press.Reading, error) {
	opened, err := r.open()
	if err != nil {
		return press.Reading{}, err
	}
	return opened.Read(ctx, "corpus", file)
}

// open says what reads the pictures: weights learned from one reader do not suit the other.
func (r *pageReader) open() (*press.Press, error) {
	r.opening.Lock()
	defer r.opening.Unlock()
	if r.press != nil {
		return r.press, nil
	}
	reader, err := filepath.Abs(r.settings.reader)
	if err != nil {
		return nil, err
	}
	opened, err := press.New(press.Config{OCRDir: reader})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "pictures are read by %s\n", opened.Recognition())
	r.press = opened
	return opened, nil
}

func (r *pageReader) close() {
	if r.press != nil {
		_ = r.press.Close()
	}
}

func keep(file string, document page.Document) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	data, err := json.Marshal(document)
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}
