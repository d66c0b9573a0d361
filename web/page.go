package web

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/a-h/templ"
	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
	"github.com/google/uuid"
)

// render draws a whole page before it sends anything: an error while drawing
// is still an answer of its own.
func render(w http.ResponseWriter, r *http.Request, status int, page templ.Component) error {
	var body bytes.Buffer
	if err := page.Render(r.Context(), &body); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the status is sent: a broken connection has nobody to be told
	return nil
}

// strangerShell is for pages that need no session.
func (s *Server) strangerShell(r *http.Request, title string) templates.Shell {
	return templates.Shell{
		View: s.view(), Title: title, Theme: theme(r), Version: s.cfg.Version,
		MaxUpload: s.cfg.MaxUpload, Asset: s.static.path,
	}
}

// shell is for pages of somebody who is signed in.
func (s *Server) shell(r *http.Request, title string, balance domain.Balance) (templates.Shell, error) {
	v := visitorOf(r)
	addresses, err := s.cfg.Mails.Addresses(r.Context(), v.Workspace.ID)
	if err != nil {
		return templates.Shell{}, fmt.Errorf("list addresses: %w", err)
	}
	shell := s.strangerShell(r, title)
	shell.User, shell.Workspace, shell.Balance, shell.KeysOff = v.User, v.Workspace, balance, keysOff(r)
	if approved, err := uuid.Parse(r.URL.Query().Get("approved")); err == nil {
		shell.Approved = domain.DocumentID(approved.String())
	}
	if len(addresses) > 0 {
		shell.Address = addresses[0].Address
	}
	return shell, nil
}

const (
	themeCookie = "theme"
	keysCookie  = "keys"
	year        = 365 * 24 * 60 * 60 // seconds
)

func theme(r *http.Request) string {
	cookie, err := r.Cookie(themeCookie)
	if err != nil || cookie.Value != "light" && cookie.Value != "dark" {
		return ""
	}
	return cookie.Value
}

func keysOff(r *http.Request) bool {
	cookie, err := r.Cookie(keysCookie)
	return err == nil && cookie.Value == "off"
}

// settings keeps how one browser shows the pages.
func (s *Server) settings(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	for _, name := range []string{themeCookie, keysCookie} {
		if !r.PostForm.Has(name) {
			continue
		}
		http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure where there is https
			Name: name, Value: chosen(r.PostForm.Get(name)), Path: "/", MaxAge: year,
			HttpOnly: true, Secure: s.cfg.Secure, SameSite: http.SameSiteLaxMode,
		})
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// chosen lets through nothing but the choices there are.
func chosen(value string) string {
	switch value {
	case "light", "dark", "on", "off":
		return value
	}
	return ""
}

const maxForm = 64 << 10 // octets

func badForm(err error) error {
	return &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Title: "This form could not be read", Detail: "Nothing was changed.", cause: err}
}
