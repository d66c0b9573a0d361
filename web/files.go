package web

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/go-chi/chi/v5"
)

const (
	pdfType      = "application/pdf"
	downloadTime = 30 * time.Minute

	// filePolicy is for what strangers sent: nothing in it runs or loads.
	filePolicy = "default-src 'none'; sandbox; frame-ancestors 'self'"
	// pdfPolicy leaves out the sandbox, in which browsers refuse to show PDFs
	// at all; their viewers isolate scripts of the PDF themselves.
	pdfPolicy = "default-src 'none'; object-src 'self'; frame-ancestors 'self'"
)

// stored is a file as it is sent.
type stored struct {
	key       domain.ObjectKey
	name      string
	mediaType string
	size      int64 // 0 when it is not known
	download  bool  // never shown in the browser
}

// variant finds one of a document's files.
func variant(d domain.Document, name string) (stored, error) {
	base := strings.TrimSuffix(d.FileName, path.Ext(d.FileName))
	file := stored{key: d.Original, name: d.FileName, mediaType: d.MediaType, size: d.Size}
	switch name {
	case "original":
	case "standardized":
		file = stored{key: d.Standardized, name: base + ".pdf", mediaType: pdfType, size: d.StandardSize}
	case "picture":
		file = stored{key: d.Thumbnail, name: base + ".png", mediaType: "image/png"}
	default:
		return stored{}, domain.ErrNotFound
	}
	if file.key == "" {
		return stored{}, &problem{Status: http.StatusNotFound, Kind: "not_ready", Title: "This file is not there yet", Detail: "It is made while the document is worked on."}
	}
	return file, nil
}

func (s *Server) file(w http.ResponseWriter, r *http.Request) error {
	return s.sendVariant(w, r, chi.URLParam(r, "variant"), r.URL.Query().Get("download") == "1")
}

func (s *Server) sendVariant(w http.ResponseWriter, r *http.Request, name string, download bool) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	document, err := s.cfg.Documents.Document(r.Context(), workspaceOf(r), id)
	if err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	if name == "picture" && s.cfg.Painter != nil {
		return s.sendPage(w, r, document)
	}
	file, err := variant(document, name)
	if err != nil {
		return err
	}
	file.download = download
	return s.send(w, r, file)
}

// sendPage draws a page of the standardized PDF.
func (s *Server) sendPage(w http.ResponseWriter, r *http.Request, document domain.Document) error {
	page, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || page < 1 || page > max(1, document.Pages) || document.Standardized == "" {
		return domain.ErrNotFound
	}
	tag := strconv.Quote(string(document.Standardized) + "/" + strconv.Itoa(page))
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	picture, err := s.cfg.Painter.Page(r.Context(), document, page)
	if err != nil {
		return fmt.Errorf("draw page %d: %w", page, err)
	}
	defer picture.Close()
	return s.copyOut(w, r, stored{key: document.Standardized, name: document.FileName + ".png", mediaType: "image/png"}, tag, picture)
}

func (s *Server) rawMail(w http.ResponseWriter, r *http.Request) error {
	id, err := mailID(r)
	if err != nil {
		return err
	}
	m, err := s.cfg.Mails.Mail(r.Context(), workspaceOf(r), id)
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	name := "mail-" + m.ReceivedAt.UTC().Format("20060102-150405") + ".eml"
	return s.send(w, r, stored{key: m.Raw, name: name, mediaType: "message/rfc822", size: m.Size, download: true})
}

// shownTypes are the types that a browser may show. Everything else is only
// downloaded, as octets without a meaning.
func shownTypes() []string {
	return []string{pdfType, "image/jpeg", "image/png", "image/webp", "image/gif"}
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, file stored) error {
	tag := strconv.Quote(string(file.key)) // the bytes behind a key never change
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	content, err := s.cfg.Files.Open(r.Context(), file.key)
	if err != nil {
		return fmt.Errorf("open %s: %w", file.key, err)
	}
	defer content.Close()
	return s.copyOut(w, r, file, tag, content)
}

func (s *Server) copyOut(w http.ResponseWriter, r *http.Request, file stored, tag string, content io.Reader) error {
	s.describe(w.Header(), file)
	w.Header().Set("ETag", tag)
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(downloadTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("set download deadline: %w", err)
	}
	if _, err := io.Copy(w, content); err != nil {
		// The head is sent. Breaking the connection tells that the file is cut off.
		s.cfg.Log.WarnContext(r.Context(), "download broken off", "key", string(file.key), "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (s *Server) describe(h http.Header, file stored) {
	disposition := "inline"
	policy := filePolicy
	if file.download || !slices.Contains(shownTypes(), file.mediaType) {
		disposition = "attachment"
		if file.mediaType != "message/rfc822" {
			file.mediaType = "application/octet-stream"
		}
	} else if file.mediaType == pdfType {
		policy = pdfPolicy
	}
	h.Set("Content-Type", file.mediaType)
	h.Set("Content-Disposition", contentDisposition(disposition, file.name))
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "private, no-cache")
	if file.size > 0 {
		h.Set("Content-Length", strconv.FormatInt(file.size, 10))
	}
}

// contentDisposition encodes any file name (RFC 6266).
func contentDisposition(kind, name string) string {
	if value := mime.FormatMediaType(kind, map[string]string{"filename": name}); value != "" {
		return value
	}
	return kind
}
