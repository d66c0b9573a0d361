package main

import (
	"context"

	"github.com/docuflow/docuflow/press"
)

type warmCommand struct {
	reading
}

func (c *warmCommand) Run(ctx context.Context) error {
	return withPress(c.reading, 1, func(press *press.Press) error { return press.WarmCache(ctx) })
}
