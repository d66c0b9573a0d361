// Package migrations holds the database schema, in goose's format, embedded
// into the binary. A released migration never changes; the next one mends it.
package migrations

import "embed"

// FS holds every migration, named NNNN_name.sql.
//
//go:embed *.sql
var FS embed.FS
