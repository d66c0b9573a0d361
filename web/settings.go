package web

import (
	"fmt"
	"net/http"

	"github.com/docuflow/docuflow/templates"
)

// settingsPage shows what the workspace has set. Each section has a handler
// file of its own.
func (s *Server) settingsPage(w http.ResponseWriter, r *http.Request) error {
	page, err := s.readSettings(r)
	if err != nil {
		return err
	}
	return render(w, r, http.StatusOK, templates.SettingsPage(page))
}

func (s *Server) readSettings(r *http.Request) (page templates.Settings, err error) {
	balance, err := s.cfg.Ledger.Balance(r.Context(), workspaceOf(r))
	if err != nil {
		return page, fmt.Errorf("read balance: %w", err)
	}
	if page.Shell, err = s.shell(r, "Settings", balance); err != nil {
		return page, err
	}
	page.Tab, page.CanAnswer = "settings", s.cfg.CanAnswer
	if page.Addresses, err = s.cfg.Mails.Addresses(r.Context(), workspaceOf(r)); err != nil {
		return page, fmt.Errorf("list addresses: %w", err)
	}
	if page.Policy, err = s.cfg.Policies.MailPolicy(r.Context(), workspaceOf(r)); err != nil {
		return page, fmt.Errorf("read mail policy: %w", err)
	}
	return page, nil
}

// readForm reads a form of the settings page.
func readForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	return nil
}

func backToSettings(w http.ResponseWriter, r *http.Request, section string) error {
	http.Redirect(w, r, "/settings#"+section, http.StatusSeeOther)
	return nil
}
