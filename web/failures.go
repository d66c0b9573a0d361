package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
	"github.com/go-chi/chi/v5"
)

// failures shows what failed and what waits for a person.
func (s *Server) failures(w http.ResponseWriter, r *http.Request) error {
	// The balance comes first: the stream begins at its sequence number.
	balance, err := s.cfg.Ledger.Balance(r.Context(), workspaceOf(r))
	if err != nil {
		return fmt.Errorf("read balance: %w", err)
	}
	shell, err := s.shell(r, "Failures", balance)
	if err != nil {
		return err
	}
	page, err := s.readFailures(r.Context(), r)
	if err != nil {
		return err
	}
	values := url.Values{"since": {strconv.FormatInt(balance.Seq, 10)}, "show": {page.Show}, "stage": {string(page.Stage)}}
	page.Shell, page.Tab, page.Live = shell, "failures", "/failures/events?"+values.Encode()
	page.Undo = undoOf(r.URL.Query())
	return render(w, r, http.StatusOK, templates.FailuresPage(page))
}

// readFailures gathers everything but the shell.
func (s *Server) readFailures(ctx context.Context, r *http.Request) (page templates.Failures, err error) {
	list, err := listOf(url.Values{"stage": {r.URL.Query().Get("stage")}})
	if err != nil {
		return page, err
	}
	page.Show, page.Stage = templates.ShowOpen, list.Stage
	if show := r.URL.Query().Get("show"); show == templates.ShowWaiting || show == templates.ShowDiscarded {
		page.Show = show
	}
	page.Failures, err = s.cfg.Dead.Failures(ctx, workspaceOf(r), page.Show == templates.ShowDiscarded)
	if err != nil {
		return page, fmt.Errorf("list failures: %w", err)
	}
	return page, nil
}

// undoOf is what the page offers to take back. A made-up one restores nothing.
func undoOf(values url.Values) templates.Undo {
	count, err := strconv.Atoi(values.Get("discarded"))
	_, timeErr := time.Parse(time.RFC3339Nano, values.Get("at"))
	if err != nil || timeErr != nil || count < 1 {
		return templates.Undo{}
	}
	return templates.Undo{Count: count, At: values.Get("at")}
}

// failuresEvents streams the list each time something changes.
func (s *Server) failuresEvents(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.readFailures(r.Context(), r); err != nil {
		return err
	}
	return s.stream(w, r, func(ctx context.Context, u *update) ([]event, error) {
		frame, err := u.shared.draw(ctx, r.URL.Query().Get("show")+" "+r.URL.Query().Get("stage"), func(ctx context.Context) ([]byte, error) {
			page, err := s.readFailures(ctx, r)
			if err != nil {
				return nil, err
			}
			page.View, page.Balance = s.view(), u.balance
			return html(ctx, templates.FailuresFrame(page))
		})
		return []event{{name: "frame", data: frame}}, err
	})
}

// filterForm reads which dead letters a form is about.
func filterForm(w http.ResponseWriter, r *http.Request) (domain.DocumentQuery, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return domain.DocumentQuery{}, badForm(err)
	}
	list, err := listOf(url.Values{"stage": {r.PostForm.Get("stage")}, "kind": {r.PostForm.Get("kind")}, "q": {r.PostForm.Get("q")}, "review": {r.PostForm.Get("review")}})
	return query(list, 0), err
}

func (s *Server) startReplay(w http.ResponseWriter, r *http.Request) error {
	filter, err := filterForm(w, r)
	if err != nil {
		return err
	}
	if _, err := s.replay(r, filter); err != nil {
		return err
	}
	http.Redirect(w, r, "/failures", http.StatusSeeOther)
	return nil
}

func (s *Server) replay(r *http.Request, filter domain.DocumentQuery) (domain.Replay, error) {
	replay, err := s.cfg.Replays.StartReplay(r.Context(), workspaceOf(r), filter, s.cfg.ReplayRate, visitorOf(r).User.Email)
	if errors.Is(err, domain.ErrNotFound) {
		return replay, &problem{Status: http.StatusConflict, Kind: "nothing_to_replay", Title: "There is nothing to retry",
			Detail: "Nothing that matches has failed, or it is being retried already. Nothing was changed."}
	}
	if err != nil {
		return replay, fmt.Errorf("start replay: %w", err)
	}
	return replay, nil
}

func replayID(r *http.Request) domain.ReplayID { return domain.ReplayID(chi.URLParam(r, "id")) }

func (s *Server) stopReplay(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.cfg.Replays.StopReplay(r.Context(), workspaceOf(r), replayID(r), visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("stop replay: %w", err)
	}
	http.Redirect(w, r, "/failures", http.StatusSeeOther)
	return nil
}

// discardFailures discards one group; the page that follows offers to undo it.
func (s *Server) discardFailures(w http.ResponseWriter, r *http.Request) error {
	filter, err := filterForm(w, r)
	if err != nil {
		return err
	}
	if filter.Stage == "" || filter.Kind == "" {
		return badForm(errors.New("no group of failures"))
	}
	count, at, err := s.cfg.Dead.DiscardFailures(r.Context(), workspaceOf(r), filter, visitorOf(r).User.Email)
	if err != nil {
		return fmt.Errorf("discard failures: %w", err)
	}
	values := url.Values{"discarded": {strconv.Itoa(count)}, "at": {at.UTC().Format(time.RFC3339Nano)}}
	http.Redirect(w, r, "/failures?"+values.Encode(), http.StatusSeeOther)
	return nil
}

// restoreFailures puts back a discarded group, or what one deed discarded.
func (s *Server) restoreFailures(w http.ResponseWriter, r *http.Request) error {
	filter, err := filterForm(w, r)
	if err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339Nano, r.PostForm.Get("at"))
	if err != nil && (r.PostForm.Has("at") || filter.Stage == "" || filter.Kind == "") {
		return badForm(errors.New("neither a group nor a time"))
	}
	if _, err := s.cfg.Dead.RestoreFailures(r.Context(), workspaceOf(r), filter, at, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("restore failures: %w", err)
	}
	http.Redirect(w, r, "/failures", http.StatusSeeOther)
	return nil
}

// resume lifts a pause: a person says that the stage can go on.
func (s *Server) resume(w http.ResponseWriter, r *http.Request) error {
	filter, err := filterForm(w, r)
	if err != nil {
		return err
	}
	if _, err := s.lift(r, filter.Stage, r.PostForm.Get("connection")); err != nil {
		return err
	}
	http.Redirect(w, r, "/failures", http.StatusSeeOther)
	return nil
}

const maxConnection = 200 // octets

func (s *Server) lift(r *http.Request, stage domain.StageName, connection string) (int, error) {
	if len(connection) > maxConnection || !utf8.ValidString(connection) || strings.ContainsRune(connection, 0) {
		return 0, domain.ErrNotFound
	}
	documents, err := s.cfg.Pauses.Resume(r.Context(), workspaceOf(r), stage, connection, visitorOf(r).User.Email)
	if errors.Is(err, domain.ErrNotFound) {
		return 0, &problem{Status: http.StatusConflict, Kind: "not_paused", Title: "This step is not paused",
			Detail: "Somebody may have been faster. Nothing was changed."}
	}
	if err != nil {
		return 0, fmt.Errorf("resume stage: %w", err)
	}
	return documents, nil
}
