package web

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
)

// documentID reads the id of the path. What is no UUID is not found.
func documentID(r *http.Request) (domain.DocumentID, error) {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return "", domain.ErrNotFound
	}
	return domain.DocumentID(id.String()), nil
}

func (s *Server) document(w http.ResponseWriter, r *http.Request) error {
	page, err := s.documentPage(r, templates.Draft{})
	if err != nil {
		return err
	}
	return render(w, r, http.StatusOK, templates.DocumentPage(page))
}

func (s *Server) documentPage(r *http.Request, draft templates.Draft) (templates.Document, error) {
	balance, err := s.cfg.Ledger.Balance(r.Context(), workspaceOf(r))
	if err != nil {
		return templates.Document{}, fmt.Errorf("read balance: %w", err)
	}
	page, err := s.readDocument(r, draft)
	if err != nil {
		return page, err
	}
	if page.Shell, err = s.shell(r, page.Document.FileName, balance); err != nil {
		return page, err
	}
	page.Tab = "inbox"
	if page.List.Review {
		page.Tab = "review"
	}
	page.Live = liveDocumentPath(r, page.Document.ID, balance.Seq)
	return page, nil
}

// liveDocumentPath keeps what the page shows, so that frames look like it.
func liveDocumentPath(r *http.Request, id domain.DocumentID, since int64) string {
	values := url.Values{"since": {strconv.FormatInt(since, 10)}}
	for _, name := range []string{"status", "review", "q", "stage", "kind", "view", "edit", "page"} {
		if value := r.URL.Query().Get(name); value != "" {
			values.Set(name, value)
		}
	}
	return "/documents/" + string(id) + "/events?" + values.Encode()
}

// reviewRows is how much of the queue is listed beside a document.
const reviewRows = 100

// review leads to the document that has waited shortest, or says that there is nothing to review.
func (s *Server) review(w http.ResponseWriter, r *http.Request) error {
	list := templates.List{Review: true}
	waiting, err := s.cfg.Documents.Documents(r.Context(), workspaceOf(r), query(list, 1))
	if err != nil {
		return fmt.Errorf("list the review queue: %w", err)
	}
	next := "/" + list.Query()
	if len(waiting.Documents) > 0 {
		next = list.Link(waiting.Documents[0].ID)
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// readDocument gathers everything but the shell.
func (s *Server) readDocument(r *http.Request, draft templates.Draft) (page templates.Document, err error) {
	ctx, workspace := r.Context(), workspaceOf(r)
	id, err := documentID(r)
	if err != nil {
		return page, err
	}
	if page.List, err = listOf(r.URL.Query()); err != nil {
		return page, err
	}
	if page.Document, err = s.cfg.Documents.Document(ctx, workspace, id); err != nil {
		return page, fmt.Errorf("read document: %w", err)
	}
	if page.Attempts, page.Events, err = s.cfg.Documents.Timeline(ctx, workspace, id); err != nil {
		return page, fmt.Errorf("read timeline: %w", err)
	}
	if page.Mail, err = s.mailOf(ctx, page.Document); err != nil {
		return page, err
	}
	page.Place, err = s.cfg.Overview.Place(ctx, workspace, query(page.List, 0), id)
	if err != nil && !errors.Is(err, domain.ErrNotFound) { // it may have left the list since
		return page, fmt.Errorf("find place in list: %w", err)
	}
	if page.List.Review {
		waiting, err := s.cfg.Documents.Documents(ctx, workspace, query(page.List, reviewRows))
		if err != nil {
			return page, fmt.Errorf("list the review queue: %w", err)
		}
		page.Queue = waiting.Documents
	}
	page.Memory, err = s.cfg.Memory.Memory(ctx, workspace, id)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return page, fmt.Errorf("read memory: %w", err)
	}
	page.Picture = s.picture(ctx, page.Document)
	page.Paper, page.Chosen = paperView(page, r.URL.Query().Get("view"))
	page.Draft, page.Editing = draft, editing(page.Document, domain.FieldName(r.URL.Query().Get("edit")), draft)
	page.Page = s.pageShown(page, r.URL.Query().Get("page"))
	return page, nil
}

func (s *Server) mailOf(ctx context.Context, d domain.Document) (*domain.Mail, error) {
	if d.Mail == "" {
		return nil, nil
	}
	m, err := s.cfg.Mails.Mail(ctx, d.Workspace, d.Mail)
	if errors.Is(err, domain.ErrNotFound) {
		return nil, nil // retention may remove a mail before its documents
	}
	if err != nil {
		return nil, fmt.Errorf("read mail: %w", err)
	}
	return &m, nil
}

// maxPictureSide bounds what a page's picture may claim, in pixels.
const maxPictureSide = 20000

// picture reads the size of the first page's picture from its first octets. A
// picture that cannot be read is left out: the PDF is there too.
func (s *Server) picture(ctx context.Context, d domain.Document) templates.Picture {
	if d.Thumbnail == "" {
		return templates.Picture{}
	}
	file, err := s.cfg.Files.Open(ctx, d.Thumbnail)
	if err != nil {
		return templates.Picture{}
	}
	defer file.Close()
	header, err := png.DecodeConfig(io.LimitReader(file, 4096))
	if err != nil || min(header.Width, header.Height) < 1 || max(header.Width, header.Height) > maxPictureSide {
		return templates.Picture{}
	}
	if s.cfg.Painter != nil { // the page itself is drawn later, in the proportions of the small picture
		return templates.Picture{Width: PageWidth, Height: PageWidth * header.Height / header.Width, Turns: true}
	}
	return templates.Picture{Width: header.Width, Height: header.Height}
}

// pageShown is the chosen page, or the one where the edited field was found.
func (s *Server) pageShown(page templates.Document, choice string) int {
	if s.cfg.Painter == nil {
		return 1
	}
	number, err := strconv.Atoi(choice)
	if err != nil {
		number = page.Document.Fields[page.Editing].Page
	}
	return min(max(1, number), max(1, page.Document.Pages))
}

// paperView is how the pages are shown: as chosen where possible, else the
// picture with its marks, else the best there is.
func paperView(page templates.Document, choice string) (view string, chosen bool) {
	possible := map[string]bool{
		templates.ViewPage:         page.Picture.Legible(),
		templates.ViewStandardized: page.Document.Standardized != "",
		templates.ViewOriginal:     true,
	}
	if possible[choice] {
		return choice, true
	}
	for _, view := range []string{templates.ViewPage, templates.ViewStandardized} {
		if possible[view] {
			return view, false
		}
	}
	return templates.ViewOriginal, false
}

// editing is the field shown as a form: the refused one, the chosen one, or
// the one that a person should look at first.
func editing(d domain.Document, choice domain.FieldName, draft templates.Draft) domain.FieldName {
	switch {
	case draft.Field != "":
		return draft.Field
	case slices.Contains(domain.FieldNames, choice):
		return choice
	}
	return templates.WeakField(d)
}
