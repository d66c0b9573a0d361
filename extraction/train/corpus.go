package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

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

// load reads every set of the corpus that has page models.
func load(corpus, pages string) ([]example, error) {
	files, err := filepath.Glob(filepath.Join(corpus, "*", "truth.jsonl"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var examples []example
	for _, file := range files {
		set := filepath.Base(filepath.Dir(file))
		found, err := loadSet(file, set, filepath.Join(pages, set))
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", file, err)
		}
		examples = append(examples, found...)
	}
	return examples, nil
}

func loadSet(file, set, pages string) ([]example, error) {
	data, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	var examples []example
	lines := bufio.NewScanner(data)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line truthLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, err
		}
		model, err := os.ReadFile(filepath.Join(pages, line.File+".json"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		e := example{set: set, file: line.File, group: line.groupName(), truth: line.answers()}
		if err := json.Unmarshal(model, &e.pages); err != nil {
			return nil, fmt.Errorf("page model of %s: %w", line.File, err)
		}
		examples = append(examples, e)
	}
	return examples, lines.Err()
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
