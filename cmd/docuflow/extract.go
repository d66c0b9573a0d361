package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/extraction"
	"github.com/docuflow/docuflow/press"
)

type extractCommand struct {
	NoEmbeddedXML bool     `name:"no-embedded-xml" help:"Read the page even when the file carries an e-invoice."`
	Jobs          int      `env:"DOCUFLOW_JOBS" help:"Files at a time. Default: the number of processors."`
	Files         []string `arg:"" name:"file" help:"PDF, image or e-invoice XML files."`
	reading
}

// extracted is one line of output. Fields that were not found are null.
type extracted struct {
	File          string                       `json:"file"`
	VendorName    *string                      `json:"vendor_name"`
	TotalAmount   *string                      `json:"total_amount"`
	InvoiceDate   *string                      `json:"invoice_date"`
	InvoiceNumber *string                      `json:"invoice_number"`
	Currency      *string                      `json:"currency"`
	Confidence    map[domain.FieldName]float64 `json:"confidence"`
	Source        *string                      `json:"source"`
	Error         *string                      `json:"error"`
}

func (c *extractCommand) Run(ctx context.Context, term terminal) error {
	return withPress(c.reading, c.Jobs, func(press *press.Press) error {
		// Each file has its own place in line, so that results keep the files' order.
		lines := make([]chan extracted, len(c.Files))
		for i := range lines {
			lines[i] = make(chan extracted, 1)
		}
		go func() {
			slots := make(chan struct{}, orProcessors(c.Jobs))
			for i, file := range c.Files {
				slots <- struct{}{}
				go func() {
					defer func() { <-slots }()
					lines[i] <- c.extract(ctx, press, file)
				}()
			}
		}()
		return printLines(term.out, lines)
	})
}

func printLines(out io.Writer, lines []chan extracted) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	failed := 0
	for _, line := range lines {
		result := <-line
		if result.Error != nil {
			failed++
		}
		if err := encoder.Encode(result); err != nil {
			return fmt.Errorf("print the result: %w", err)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d files could not be read", failed, len(lines))
	}
	return nil
}

func (c *extractCommand) extract(ctx context.Context, press *press.Press, file string) extracted {
	line := extracted{File: file, Confidence: map[domain.FieldName]float64{}}
	result, err := c.read(ctx, press, file)
	if err != nil {
		message := ownerMessage(err)
		line.Error = &message
		return line
	}
	for name, target := range map[domain.FieldName]**string{
		domain.VendorName: &line.VendorName, domain.TotalAmount: &line.TotalAmount, domain.InvoiceDate: &line.InvoiceDate,
		domain.InvoiceNumber: &line.InvoiceNumber, domain.Currency: &line.Currency,
	} {
		field := result.Fields[name]
		if field.Value == "" {
			continue // its confidence would be that there is none
		}
		*target = &field.Value
		line.Confidence[name] = field.Confidence
	}
	line.Source = &result.Source
	return line
}

func (c *extractCommand) read(ctx context.Context, press *press.Press, file string) (extraction.Result, error) {
	if _, err := os.Stat(file); err != nil {
		return extraction.Result{}, err
	}
	reading, err := press.Read(ctx, caller, file)
	if err != nil {
		return extraction.Result{}, err
	}
	if c.NoEmbeddedXML {
		reading.XML = nil
	}
	return extraction.Extract(extraction.Input{Page: reading.Document, XML: reading.XML})
}

// ownerMessage is what a person should read about an error.
func ownerMessage(err error) string {
	if failure, ok := errors.AsType[*domain.Failure](err); ok {
		return failure.Message
	}
	return err.Error()
}

// caller is the workspace of files that are named on the command line: they
// all belong to whoever named them.
const caller = domain.WorkspaceID("command line")

// withPress runs f with a press that lives as long as the command.
func withPress(r reading, jobs int, f func(*press.Press) error) (err error) {
	tempDir, err := os.MkdirTemp("", "docuflow-")
	if err != nil {
		return fmt.Errorf("make a directory for temporary files: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tempDir)) }()
	if err := os.Chmod(tempDir, 0o711); err != nil { // the press's children are another user
		return fmt.Errorf("open the directory for temporary files: %w", err)
	}
	press, err := openPress(r, orProcessors(jobs), tempDir, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, press.Close()) }()
	return f(press)
}

func orProcessors(jobs int) int {
	if jobs > 0 {
		return jobs
	}
	return runtime.NumCPU()
}
