package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/page"
)

// example is one document with known answers.
type example struct {
	set   string
	file  string
	group string // documents that look alike: one vendor, one made-up layout
	truth map[domain.FieldName][]string
	pages page.Document
}

// vendor keeps all documents that look alike on one side of a validation.
func (e example) vendor() string { return e.group }

// document lets them be on both.
func (e example) document() string { return e.set + "/" + e.file }

// truthLine is a line of truth.jsonl.
type truthLine struct {
	File          string              `json:"file"`
	VendorName    string              `json:"vendor_name"`
	TotalAmount   string              `json:"total_amount"`
	InvoiceDate   string              `json:"invoice_date"`
	InvoiceNumber string              `json:"invoice_number"`
	Currency      string              `json:"currency"`
	Fields        []string            `json:"fields"`
	Accept        map[string][]string `json:"accept"`
	Group         string              `json:"group"`
	Layout        string              `json:"layout"`
}

// load reads every set of the corpus. Documents that cannot be found or read are left out.
func load(ctx context.Context, corpus string, reader *pageReader) ([]example, error) {
	files, err := filepath.Glob(filepath.Join(corpus, "*", "truth.jsonl"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var examples []example
	for _, file := range files {
		found, err := loadSet(ctx, file, reader)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", file, err)
		}
		examples = append(examples, found...)
	}
	return examples, nil
}

func loadSet(ctx context.Context, file string, reader *pageReader) ([]example, error) {
	truth, err := readTruth(file)
	if err != nil {
		return nil, err
	}
	set := filepath.Base(filepath.Dir(file))
	examples := make([]example, len(truth)) // in the file's order, whichever is read first
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	for i, line := range truth {
		group.Go(func() error {
			pages, found, err := reader.read(ctx, set, line.File)
			if found && len(pages.Pages) > 0 {
				examples[i] = example{set: set, file: line.File, group: line.groupName(), truth: line.answers(), pages: pages}
			}
			return err
		})
	}
	err = group.Wait()
	return slices.DeleteFunc(examples, func(e example) bool { return e.file == "" }), err
}

func readTruth(file string) ([]truthLine, error) {
	data, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	var truth []truthLine
	lines := bufio.NewScanner(data)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line truthLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, err
		}
		truth = append(truth, line)
	}
	return truth, lines.Err()
}

func (l truthLine) groupName() string {
	switch {
	case l.Layout != "":
		return l.Layout
	case l.Group != "":
		return l.Group
	}
	return strings.Join(plainName(l.VendorName), "")
}

// answers lists the right values of each field that counts.
func (l truthLine) answers() map[domain.FieldName][]string {
	values := map[domain.FieldName]string{domain.VendorName: l.VendorName, domain.TotalAmount: l.TotalAmount, domain.InvoiceDate: l.InvoiceDate,
		domain.InvoiceNumber: l.InvoiceNumber, domain.Currency: l.Currency}
	answers := map[domain.FieldName][]string{}
	for _, field := range l.Fields {
		name := domain.FieldName(field)
		answers[name] = append([]string{values[name]}, l.Accept[field]...)
	}
	return answers
}
