package actors

import (
	"context"
	"log/slog"
)

// lowered logs everything one level lower. The library's errors are ordinary
// events here, such as a node that does not answer.
type lowered struct{ slog.Handler }

const oneLevel = slog.LevelInfo - slog.LevelDebug

// Enabled looks at the level that a record will have.
func (l lowered) Enabled(ctx context.Context, level slog.Level) bool {
	return l.Handler.Enabled(ctx, level-oneLevel)
}

// Handle lowers a record's level.
func (l lowered) Handle(ctx context.Context, record slog.Record) error {
	record.Level -= oneLevel
	return l.Handler.Handle(ctx, record)
}

// WithAttrs keeps lowering.
func (l lowered) WithAttrs(attrs []slog.Attr) slog.Handler {
	return lowered{l.Handler.WithAttrs(attrs)}
}

// WithGroup keeps lowering.
func (l lowered) WithGroup(name string) slog.Handler { return lowered{l.Handler.WithGroup(name)} }
