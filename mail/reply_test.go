package mail_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// documented reads the codes of the table in docs/smtp.md: "550 5.1.1", or
// "354" for replies that have no enhanced code.
var documented = sync.OnceValues(func() (map[string]bool, error) {
	content, err := os.ReadFile(filepath.Join("..", "docs", "smtp.md"))
	codes := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\d{3}(?: \\d\\.\\d+\\.\\d+)?)` +\\|").FindAllStringSubmatch(string(content), -1) {
		codes[row[1]] = true
	}
	return codes, err
})

// Every reply in the code is in the documentation, and the other way round.
func TestRepliesAreDocumented(t *testing.T) {
	table, err := documented()
	if err != nil {
		t.Fatal(err)
	}
	inCode := map[string]bool{"220": true, "250": true, "334": true, "354": true} // go-smtp's, without an enhanced code
	inCode["250 2.0.0"] = true
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 3 {
				return true
			}
			if function, ok := call.Fun.(*ast.Ident); ok && function.Name == "reply" {
				status, err := strconv.Unquote(call.Args[1].(*ast.BasicLit).Value)
				if err != nil {
					t.Error(err)
				}
				inCode[call.Args[0].(*ast.BasicLit).Value+" "+status] = true
			}
			return true
		})
	}
	if len(inCode) < 30 {
		t.Fatalf("found %d replies in the code, too few", len(inCode))
	}
	if got, want := slices.Sorted(maps.Keys(table)), slices.Sorted(maps.Keys(inCode)); !slices.Equal(got, want) {
		t.Errorf("documented\n%q\nin the code\n%q", got, want)
	}
}

var replyCode = regexp.MustCompile(`^\d{3}(?: \d\.\d+\.\d+)?`)

// checkDocumented looks at a reply that a test has seen, so that a reply of
// go-smtp's that we do not know is noticed.
func checkDocumented(t testing.TB, reply string) {
	t.Helper()
	table, err := documented()
	if err != nil {
		t.Fatal(err)
	}
	if code := replyCode.FindString(reply); reply != "" && !table[code] {
		t.Errorf("reply %q is not documented in docs/smtp.md", reply)
	}
	if (strings.HasPrefix(reply, "4") || strings.HasPrefix(reply, "5")) && !strings.Contains(reply, "(reference ") {
		t.Errorf("reply %q has no reference", reply)
	}
}
