package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/docuflow/docuflow/press"
)

type standardizeCommand struct {
	In  string `arg:"" help:"PDF, JPG, PNG, WEBP, TIFF or HEIC file."`
	Out string `arg:"" help:"PDF to write. An existing file is replaced."`
	reading
}

func (c *standardizeCommand) Run(ctx context.Context, term terminal) error {
	before, err := os.Stat(c.In)
	if err != nil {
		return err
	}
	return withPress(c.reading, 1, func(press *press.Press) error {
		dir, err := os.MkdirTemp("", "docuflow-")
		if err != nil {
			return fmt.Errorf("make a directory for the result: %w", err)
		}
		defer os.RemoveAll(dir)
		made, err := press.Standardize(ctx, caller, c.In, dir)
		if err != nil {
			return fmt.Errorf("%s: %s", c.In, ownerMessage(err))
		}
		if err := copyFile(made.File, c.Out); err != nil {
			return fmt.Errorf("write %s: %w", c.Out, err)
		}
		fmt.Fprintf(term.log, "%d pages, %d → %d octets %s\n", made.Pages, before.Size(), made.Size, made.Reason)
		return nil
	})
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
