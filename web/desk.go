package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
)

// editField sets one field, or takes an edit back.
func (s *Server) editField(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	name := domain.FieldName(r.PostForm.Get("field"))
	value, err := editedValue(name, r.PostForm.Get("value"), r.PostForm.Get("undo") != "")
	if errors.Is(err, domain.ErrFieldValue) && slices.Contains(domain.FieldNames, name) {
		return s.refuseDraft(w, r, templates.Draft{Field: name, Value: r.PostForm.Get("value"), Problem: fieldSentence(err)})
	}
	if err != nil {
		return err
	}
	_, err = s.cfg.Desk.Edit(r.Context(), workspaceOf(r), id, map[domain.FieldName]*string{name: value}, visitorOf(r).User.Email)
	if err != nil {
		return fmt.Errorf("edit document: %w", err)
	}
	return backToDocument(w, r, id)
}

// editedValue is the canonical value, nil to take an edit back.
func editedValue(name domain.FieldName, text string, undo bool) (*string, error) {
	if !slices.Contains(domain.FieldNames, name) {
		return nil, fmt.Errorf("%w: there is no field %q", domain.ErrFieldValue, name)
	}
	if undo {
		return nil, nil
	}
	value, err := domain.CanonicalValue(name, text)
	return &value, err
}

// refuseDraft shows the page again with what was typed and what is wrong with it.
func (s *Server) refuseDraft(w http.ResponseWriter, r *http.Request, draft templates.Draft) error {
	page, err := s.documentPage(r, draft)
	if err != nil {
		return err
	}
	return render(w, r, http.StatusUnprocessableEntity, templates.DocumentPage(page))
}

// approve settles a review and goes on to the next document that needs one.
func (s *Server) approve(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	// The neighbours are asked for before the document leaves the list.
	toReview := templates.List{Review: true}
	place, err := s.cfg.Overview.Place(r.Context(), workspaceOf(r), query(toReview, 0), id)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return fmt.Errorf("find place in list: %w", err)
	}
	if _, err := s.cfg.Approver.Approve(r.Context(), workspaceOf(r), id, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("approve document: %w", err)
	}
	next := "/" + toReview.Query()
	if place.Older != "" {
		next = toReview.Link(place.Older)
	} else if place.Newer != "" {
		next = toReview.Link(place.Newer)
	}
	http.Redirect(w, r, next+"&approved="+string(id), http.StatusSeeOther) //nolint:gosec // the path is ours, ids are UUIDs
	return nil
}

// takeBack undoes an approval and shows the document again.
func (s *Server) takeBack(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	if _, err := s.cfg.Approver.TakeBack(r.Context(), workspaceOf(r), id, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("take approval back: %w", err)
	}
	http.Redirect(w, r, templates.List{Review: true}.Link(id), http.StatusSeeOther) //nolint:gosec // as above
	return nil
}

func (s *Server) retry(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	if _, err := s.cfg.Desk.Retry(r.Context(), workspaceOf(r), id, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("retry document: %w", err)
	}
	if r.URL.Query().Get("back") == "failures" {
		http.Redirect(w, r, "/failures", http.StatusSeeOther)
		return nil
	}
	return backToDocument(w, r, id)
}

// cancel ends the work on a document; it can be retried.
func (s *Server) cancel(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	if _, err := s.cfg.Desk.Cancel(r.Context(), workspaceOf(r), id, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("cancel document: %w", err)
	}
	return backToDocument(w, r, id)
}

func (s *Server) discard(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	list, err := listOf(r.URL.Query())
	if err != nil {
		return err
	}
	if err := s.cfg.Desk.Discard(r.Context(), workspaceOf(r), id, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("discard document: %w", err)
	}
	http.Redirect(w, r, "/"+list.Query(), http.StatusSeeOther) //nolint:gosec // the path is ours, strangers choose the query alone
	return nil
}

// forget removes what was learned about the document's vendor.
func (s *Server) forget(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	if err := s.cfg.Memory.Forget(r.Context(), workspaceOf(r), id, visitorOf(r).User.Email); err != nil && !errors.Is(err, domain.ErrNotFound) {
		return fmt.Errorf("forget vendor: %w", err)
	}
	return backToDocument(w, r, id)
}

// backToDocument leads to the page that a form was on.
func backToDocument(w http.ResponseWriter, r *http.Request, id domain.DocumentID) error {
	list, err := listOf(r.URL.Query())
	if err != nil {
		return err
	}
	path := list.Link(id)
	if view := r.URL.Query().Get("view"); view == templates.ViewPage || view == templates.ViewStandardized || view == templates.ViewOriginal {
		separator := "?"
		if list.Query() != "" {
			separator = "&"
		}
		path += separator + "view=" + view
	}
	http.Redirect(w, r, path, http.StatusSeeOther) //nolint:gosec // as above
	return nil
}
