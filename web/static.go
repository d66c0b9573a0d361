package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
)

//go:embed static
var staticFiles embed.FS

// static serves embedded files under names that change with their content,
// so that browsers keep them for good.
type static struct {
	files map[string]staticFile
}

type staticFile struct {
	content []byte
	hash    string
}

func newStatic() (*static, error) {
	s := &static{files: map[string]staticFile{}}
	err := fs.WalkDir(staticFiles, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		s.files[strings.TrimPrefix(name, "static/")] = staticFile{content, hex.EncodeToString(sum[:6])}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read static files: %w", err)
	}
	return s, nil
}

// path of a static file with the version of its content.
func (s *static) path(name string) string {
	return "/static/" + name + "?v=" + s.files[name].hash
}

func (s *static) serve(w http.ResponseWriter, r *http.Request) error {
	name := chi.URLParam(r, "*")
	file, ok := s.files[name]
	if !ok {
		return &problem{Status: http.StatusNotFound, Title: "There is no such file"}
	}
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == file.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("ETag", `"`+file.hash+`"`)
	h.Set("Content-Type", contentType(name))
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(file.content))
	return nil
}

// contentType does not depend on the machine's table of types for what we serve.
func contentType(name string) string {
	switch extension := path.Ext(name); extension {
	case ".woff2":
		return "font/woff2"
	case ".js":
		return "text/javascript; charset=utf-8"
	default:
		return mime.TypeByExtension(extension)
	}
}
