package postgres_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A node whose clock jumps must neither lose nor steal a lease: whatever is
// compared with another time in the database comes from its clock. Go asks the
// kernel itself, so a test cannot make the clock of one process jump; it can
// see that nobody looks at it.
func TestNodesClockIsNotAsked(t *testing.T) {
	// When a person edited a field: shown, never compared. And how far the clocks are apart, which the doctor tells.
	allowed := []string{"desk.go", "inspect.go"}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || slices.Contains(allowed, name) {
			continue
		}
		positions := token.NewFileSet()
		file, err := parser.ParseFile(positions, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			from, ok := selector.X.(*ast.Ident)
			if ok && from.Name == "time" && slices.Contains([]string{"Now", "Since", "Until"}, selector.Sel.Name) {
				t.Errorf("%s: time.%s is this node's clock; use clock_timestamp()", positions.Position(selector.Pos()), selector.Sel.Name)
			}
			return true
		})
	}
}
