package main_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/docuflow/docuflow/"

// rooms says which rooms of the house each room may import; see "Who may import
// whom" in CONTRIBUTING.md. A room is a folder with everything below it, unless
// that is a room itself. A star makes each folder at its place a room: they are
// siblings and may not import each other. Tests are free to combine real parts.
var rooms = map[string][]string{
	"domain":                        {},
	"messages":                      {"domain"},
	"page":                          {},
	"extraction":                    {"domain", "page"},
	"extraction/madeup":             {"domain", "page"}, // imported by the trainer and tests
	"press":                         {"domain", "page"},
	"pipeline":                      {"domain", "page", "extraction", "press"},
	"integrations/*":                {"domain"},
	"mail":                          {"domain"},
	"actors":                        {"domain", "messages", "pipeline"},
	"storage/*":                     {"domain"},
	"storage/postgres":              {"domain", "migrations"},
	"storage/postgres/private":      {},
	"storage/postgres/postgrestest": {"storage/postgres/private"}, // itself imported by tests alone
	"migrations":                    {},
	"templates":                     {"domain"},
	"web":                           {"domain", "templates"},
	"cmd/*": {
		"domain", "messages", "page", "extraction", "extraction/madeup", "press", "pipeline", "integrations/*", "mail", "actors",
		"storage/*", "storage/postgres", "storage/postgres/private", "migrations", "templates", "web",
	},
}

// libraries lists those that are one room's affair. Other rooms can be read
// without knowing them.
var libraries = map[string][]string{
	"github.com/asynkron/protoactor-go": {"actors"},
	"github.com/a-h/templ":              {"templates", "web"},
	"github.com/pdfcpu/pdfcpu":          {"press"},
	"github.com/klippa-app/go-pdfium":   {"press"},
	"github.com/minio/minio-go":         {"storage/*", "integrations/*"},
	"github.com/tink-crypto/tink-go":    {"storage/*"},
	"github.com/emersion/go-imap":       {"integrations/*"},
	"github.com/ebitengine/purego":      {"press"}, // and there in onnx alone, which docuflow must not link: decision 0015
	"github.com/coreos/go-oidc":         {"integrations/*"},
	"golang.org/x/oauth2":               {"integrations/*", "cmd/*"},
}

// plain rooms have nothing but the standard library.
var plain = []string{"domain", "page"}

func TestImports(t *testing.T) {
	imports := parseImports(t)
	if len(imports) < 5 {
		t.Fatalf("found %d packages, too few to be the whole project", len(imports))
	}
	for importer, list := range imports {
		room := roomOf(importer)
		if room == "" {
			t.Errorf("%s is in no room: give it a line in the table", importer)
			continue
		}
		if slices.Contains(list, module+"press/onnx") && importer != module+"cmd/docuflow-ocr" {
			t.Errorf("%s imports press/onnx, which would link it to the C library", importer)
		}
		for _, imported := range list {
			if complaint := judge(importer, room, imported); complaint != "" {
				t.Errorf("%s imports %s: %s", importer, imported, complaint)
			}
		}
	}
}

// The judge itself is judged: a table that allows everything would pass above.
func TestJudge(t *testing.T) {
	tests := []struct {
		importer, imported string
		allowed            bool
	}{
		{"domain", "time", true},
		{"domain", "github.com/google/uuid", false},
		{"domain", module + "page", false},
		{"web", module + "templates", true},
		{"web", module + "actors", false},
		{"web", module + "storage/postgres", false},
		{"web/live", module + "web", true},
		{"web", "github.com/a-h/templ", true},
		{"pipeline", "github.com/a-h/templ", false},
		{"pipeline", "github.com/asynkron/protoactor-go/actor", false},
		{"actors", "github.com/asynkron/protoactor-go/actor", true},
		{"integrations/drive", module + "integrations/drive/upload", true},
		{"integrations/drive", module + "integrations/discord", false},
		{"storage/postgres", module + "storage/objects", false},
		{"storage/postgres", module + "migrations", true},
		{"storage/objects", module + "migrations", false},
		{"storage/postgres", module + "storage/postgres/private", false},
		{"cmd/docuflow", module + "storage/postgres/private", true},
		{"cmd/docuflow", module + "storage/postgres/postgrestest", false},
		{"cmd/docuflow", module + "integrations/folder", true},
	}
	for _, tt := range tests {
		complaint := judge(module+tt.importer, roomOf(module+tt.importer), tt.imported)
		if allowed := complaint == ""; allowed != tt.allowed {
			t.Errorf("%s imports %s: allowed = %v, want %v (%s)", tt.importer, tt.imported, allowed, tt.allowed, complaint)
		}
	}
}

// judge says what is wrong with an import; empty when it is allowed.
func judge(importer, room, imported string) string {
	if !strings.HasPrefix(imported, module) {
		return judgeLibrary(room, imported)
	}
	other := roomOf(imported)
	if other == room && sameFolder(room, importer, imported) {
		return ""
	}
	if slices.Contains(rooms[room], other) {
		return ""
	}
	return "room " + room + " may not import room " + other
}

func judgeLibrary(room, imported string) string {
	standard := !strings.Contains(strings.Split(imported, "/")[0], ".")
	if !standard && slices.Contains(plain, room) {
		return "room " + room + " has nothing but the standard library"
	}
	for library, allowed := range libraries {
		if strings.HasPrefix(imported, library) && !slices.Contains(allowed, room) {
			return "that library belongs to " + strings.Join(allowed, ", ")
		}
	}
	return ""
}

// sameFolder tells siblings apart that share a line of the table.
func sameFolder(room, a, b string) bool {
	depth := strings.Count(room, "/") + 1
	folder := func(importPath string) []string {
		parts := strings.Split(strings.TrimPrefix(importPath, module), "/")
		return parts[:min(depth, len(parts))]
	}
	return slices.Equal(folder(a), folder(b))
}

// roomOf finds the most specific line of the table for a package.
func roomOf(importPath string) string {
	folder := strings.TrimPrefix(importPath, module)
	for ; folder != "."; folder = path.Dir(folder) {
		if _, ok := rooms[folder]; ok {
			return folder
		}
		for room := range maps.Keys(rooms) {
			if ok, _ := path.Match(room, folder); ok {
				return room
			}
		}
	}
	return ""
}

// parseImports reads the imports of all files but tests, whatever system they
// are for. It opens the files itself, unlike go list, so that a cached test
// result is thrown away when one changes.
func parseImports(t *testing.T) map[string][]string {
	t.Helper()
	const root = "../.."
	imports := make(map[string][]string) // by package
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipFolder(file, entry)
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		folder, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		importer := module + filepath.ToSlash(folder)
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports[importer] = append(imports[importer], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return imports
}

// skipFolder leaves out what is no Go code of this module.
func skipFolder(folder string, entry fs.DirEntry) error {
	name := entry.Name()
	if name == "testdata" || strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") && name != ".." {
		return filepath.SkipDir
	}
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	if err == nil && name != ".." {
		return filepath.SkipDir // a module of its own
	}
	return nil
}
