package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/docuflow/docuflow/domain"
)

// report prints the cross-validated results of each set.
func report(w io.Writer, examples []example, answers []map[domain.FieldName]prediction) {
	for _, set := range setsOf(examples) {
		fmt.Fprintf(w, "%s\n", set)
		for _, name := range learnedFields {
			known, good, missing, found := 0, 0, 0, 0
			for i, e := range examples {
				p := answers[i][name]
				if e.set != set || !p.scored {
					continue
				}
				known++
				if p.found {
					found++
				}
				switch {
				case p.right:
					good++
				case p.value == "":
					missing++
				}
			}
			if known > 0 {
				fmt.Fprintf(w, "  %-15s %4d known  %5.1f %% among the candidates  %5.1f %% right  %3d wrong  %3d missing\n", name, known, percent(found, known), percent(good, known), known-good-missing, missing)
			}
		}
	}
}

func percent(part, whole int) float64 { return 100 * float64(part) / float64(whole) }

func setsOf(examples []example) []string {
	var sets []string
	for _, e := range examples {
		if !slices.Contains(sets, e.set) {
			sets = append(sets, e.set)
		}
	}
	return sets
}

// predictedLine is a line as `docuflow extract` prints it.
type predictedLine struct {
	File          string                       `json:"file"`
	VendorName    *string                      `json:"vendor_name"`
	TotalAmount   *string                      `json:"total_amount"`
	InvoiceDate   *string                      `json:"invoice_date"`
	InvoiceNumber *string                      `json:"invoice_number"`
	Currency      *string                      `json:"currency"`
	Confidence    map[domain.FieldName]float64 `json:"confidence"`
}

// writePredictions writes SET.jsonl for each set.
func writePredictions(dir string, examples []example, answers []map[domain.FieldName]prediction) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, set := range setsOf(examples) {
		var lines []byte
		for i, e := range examples {
			if e.set != set {
				continue
			}
			line := predictedLine{File: e.file, Confidence: map[domain.FieldName]float64{}}
			for name, target := range map[domain.FieldName]**string{domain.VendorName: &line.VendorName, domain.TotalAmount: &line.TotalAmount,
				domain.InvoiceDate: &line.InvoiceDate, domain.InvoiceNumber: &line.InvoiceNumber, domain.Currency: &line.Currency} {
				p := answers[i][name]
				if p.value != "" {
					*target = &p.value
					line.Confidence[name] = p.confidence
				}
			}
			data, err := json.Marshal(line)
			if err != nil {
				return err
			}
			lines = append(append(lines, data...), '\n')
		}
		if err := os.WriteFile(filepath.Join(dir, set+".jsonl"), lines, 0o644); err != nil {
			return err
		}
	}
	return nil
}
