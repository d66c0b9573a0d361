package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/docuflow/docuflow/domain"
)

const (
	apiRows    = 50
	maxAPIRows = 200
)

// apiList answers GET /api/v1/documents.
func (s *Server) apiList(w http.ResponseWriter, r *http.Request) error {
	list, err := listOf(r.URL.Query())
	if err != nil {
		return err
	}
	limit, err := limitOf(r.URL.Query().Get("limit"))
	if err != nil {
		return err
	}
	page, err := s.cfg.Documents.Documents(r.Context(), workspaceOf(r), query(list, limit))
	if err != nil {
		return fmt.Errorf("list documents: %w", err)
	}
	return writeJSON(w, http.StatusOK, documentsJSON(page.Documents, page.NextCursor))
}

func limitOf(text string) (int, error) {
	if text == "" {
		return apiRows, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > maxAPIRows {
		return 0, &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Field: "limit", Title: "This limit is not possible",
			Detail: fmt.Sprintf("The limit is a number from 1 to %d.", maxAPIRows)}
	}
	return limit, nil
}

// apiUpload answers POST /api/v1/documents: one file in a request, so that
// the answer is its document.
func (s *Server) apiUpload(w http.ResponseWriter, r *http.Request) error {
	parts, err := s.multipart(w, r)
	if err != nil {
		return err
	}
	part, err := nextFile(parts)
	if errors.Is(err, io.EOF) {
		return &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Field: "file", Title: "There is no file in this request",
			Detail: "Send one file as multipart/form-data in a part named “file”."}
	}
	if err != nil {
		return err
	}
	document, err := s.take(r, part)
	if err != nil {
		return err
	}
	if _, err := nextFile(parts); !errors.Is(err, io.EOF) {
		return &problem{Status: http.StatusUnprocessableEntity, Kind: "one_file", Title: "Only the first file was taken", Document: string(document.ID),
			Detail: "Send one file in a request. The first one is stored; send the others again, each on its own."}
	}
	w.Header().Set("Location", apiPrefix+"/documents/"+string(document.ID))
	return writeJSON(w, http.StatusCreated, documentJSON(document, true))
}

// apiGet answers GET /api/v1/documents/{id}.
func (s *Server) apiGet(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	document, err := s.cfg.Documents.Document(r.Context(), workspaceOf(r), id)
	if err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	return writeJSON(w, http.StatusOK, documentJSON(document, true))
}

// apiPatch answers PATCH /api/v1/documents/{id}: a merge patch (RFC 7396) of
// fields, in which null takes an edit back.
func (s *Server) apiPatch(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	values, err := patchOf(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		return err
	}
	document, err := s.cfg.Desk.Edit(r.Context(), workspaceOf(r), id, values, visitorOf(r).User.Email)
	if err != nil {
		return fmt.Errorf("edit document: %w", err)
	}
	return writeJSON(w, http.StatusOK, documentJSON(document, true))
}

func patchOf(body io.Reader) (map[domain.FieldName]*string, error) {
	content, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	var patch map[domain.FieldName]*string
	if err := json.Unmarshal(content, &patch); err != nil || len(patch) == 0 {
		return nil, &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Title: "This is no patch of fields", cause: err,
			Detail: `Send an object of fields with texts or null, like {"total_amount": "1234.50", "currency": null}.`}
	}
	for name, value := range patch {
		if !slices.Contains(domain.FieldNames, name) {
			return nil, &problem{Status: http.StatusUnprocessableEntity, Kind: "unknown_field", Field: string(name), Title: "This field cannot be set",
				Detail: fmt.Sprintf("The fields are %v.", domain.FieldNames)}
		}
		if value == nil {
			continue
		}
		canonical, err := domain.CanonicalValue(name, *value)
		if err != nil {
			return nil, &problem{Status: http.StatusUnprocessableEntity, Kind: "invalid_value", Field: string(name), Title: "This value was not saved", Detail: fieldSentence(err)}
		}
		patch[name] = &canonical
	}
	return patch, nil
}

// apiDiscard answers DELETE /api/v1/documents/{id}.
func (s *Server) apiDiscard(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	if err := s.cfg.Desk.Discard(r.Context(), workspaceOf(r), id, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("discard document: %w", err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// apiForget answers DELETE /api/v1/documents/{id}/memory: what was learned
// about the document's vendor is forgotten.
func (s *Server) apiForget(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	if err := s.cfg.Memory.Forget(r.Context(), workspaceOf(r), id, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("forget vendor: %w", err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// apiRetry answers POST /api/v1/documents/{id}/retry.
func (s *Server) apiRetry(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	document, err := s.cfg.Desk.Retry(r.Context(), workspaceOf(r), id, visitorOf(r).User.Email)
	if err != nil {
		return fmt.Errorf("retry document: %w", err)
	}
	return writeJSON(w, http.StatusAccepted, documentJSON(document, true))
}

// apiCancel answers POST /api/v1/documents/{id}/cancel.
func (s *Server) apiCancel(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	document, err := s.cfg.Desk.Cancel(r.Context(), workspaceOf(r), id, visitorOf(r).User.Email)
	if err != nil {
		return fmt.Errorf("cancel document: %w", err)
	}
	return writeJSON(w, http.StatusAccepted, documentJSON(document, true))
}

// apiFile answers GET /api/v1/documents/{id}/file.
func (s *Server) apiFile(w http.ResponseWriter, r *http.Request) error {
	name := r.URL.Query().Get("variant")
	if name == "" {
		name = "standardized"
	}
	if name != "original" && name != "standardized" {
		return &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Field: "variant", Title: "There is no such variant",
			Detail: "The variants are original and standardized."}
	}
	return s.sendVariant(w, r, name, false)
}

// apiTimeline answers GET /api/v1/documents/{id}/timeline.
func (s *Server) apiTimeline(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	attempts, events, err := s.cfg.Documents.Timeline(r.Context(), workspaceOf(r), id)
	if err != nil {
		return fmt.Errorf("read timeline: %w", err)
	}
	return writeJSON(w, http.StatusOK, timelineJSON(attempts, events))
}
