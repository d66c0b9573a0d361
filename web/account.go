package web

import (
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
)

// account shows a person where they belong and where they are signed in.
func (s *Server) account(w http.ResponseWriter, r *http.Request) error {
	visitor := visitorOf(r)
	shell, err := s.ledgerShell(r, "Account")
	if err != nil {
		return err
	}
	page := templates.Account{Shell: shell}
	if page.Memberships, err = s.cfg.Belongings.Memberships(r.Context(), visitor.User.ID); err != nil {
		return fmt.Errorf("list workspaces: %w", err)
	}
	if page.Devices, err = s.cfg.Devices.Devices(r.Context(), visitor.User.ID, visitor.token); err != nil {
		return fmt.Errorf("list sessions: %w", err)
	}
	return render(w, r, http.StatusOK, templates.AccountPage(page))
}

// ledgerShell is the shell of a page that counts nothing itself.
func (s *Server) ledgerShell(r *http.Request, title string) (templates.Shell, error) {
	balance, err := s.cfg.Ledger.Balance(r.Context(), workspaceOf(r))
	if err != nil {
		return templates.Shell{}, fmt.Errorf("read balance: %w", err)
	}
	return s.shell(r, title, balance)
}

func (s *Server) enterWorkspace(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	if err := s.cfg.Belongings.Enter(r.Context(), visitorOf(r).token, domain.WorkspaceID(r.PostForm.Get("workspace"))); err != nil {
		return fmt.Errorf("enter workspace: %w", err)
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func (s *Server) endSession(w http.ResponseWriter, r *http.Request) error {
	err := s.cfg.Devices.EndSession(r.Context(), visitorOf(r).User.ID, domain.SessionID(chi.URLParam(r, "id")))
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	http.Redirect(w, r, "/account", http.StatusSeeOther)
	return nil
}

func (s *Server) endOtherSessions(w http.ResponseWriter, r *http.Request) error {
	visitor := visitorOf(r)
	if err := s.cfg.Devices.EndOtherSessions(r.Context(), visitor.User.ID, visitor.token); err != nil {
		return fmt.Errorf("end other sessions: %w", err)
	}
	http.Redirect(w, r, "/account", http.StatusSeeOther)
	return nil
}
