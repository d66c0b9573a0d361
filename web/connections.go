package web

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
)

// connections shows what the workspace is connected with.
func (s *Server) connections(w http.ResponseWriter, r *http.Request) error {
	page, err := s.connectionsPage(r, "Connections")
	if err != nil {
		return err
	}
	open := domain.ConnectionID(r.URL.Query().Get("open"))
	at := slices.IndexFunc(page.Reports, func(report domain.ConnectionReport) bool { return report.ID == open })
	if at < 0 {
		return render(w, r, http.StatusOK, templates.ConnectionsPage(page))
	}
	page.Open = open
	if page.Log, err = s.cfg.Connections.Log(r.Context(), workspaceOf(r), open); err != nil {
		return fmt.Errorf("read the log of a connection: %w", err)
	}
	if page.Preview, err = s.preview(r, page, page.Reports[at].Connection); err != nil {
		return err
	}
	return render(w, r, http.StatusOK, templates.ConnectionsPage(page))
}

func (s *Server) connectionsPage(r *http.Request, title string) (page templates.Connections, err error) {
	balance, err := s.cfg.Ledger.Balance(r.Context(), workspaceOf(r))
	if err != nil {
		return page, fmt.Errorf("read balance: %w", err)
	}
	if page.Shell, err = s.shell(r, title, balance); err != nil {
		return page, err
	}
	page.Tab, page.Kinds = "connections", s.cfg.Connections.Kinds()
	if page.Reports, err = s.cfg.Connections.Reports(r.Context(), workspaceOf(r)); err != nil {
		return page, fmt.Errorf("report on connections: %w", err)
	}
	return page, nil
}

// preview is how the newest documents are named by the connection's pattern, or by one that is tried.
func (s *Server) preview(r *http.Request, page templates.Connections, c domain.Connection) ([]string, error) {
	for _, kind := range page.Kinds {
		for _, field := range kind.Fields {
			if kind.Name == c.Kind && field.Pattern {
				return s.cfg.ConnectionUse.Preview(r.Context(), workspaceOf(r), c.Settings[field.Name])
			}
		}
	}
	return nil, nil
}

// newConnection shows an empty form.
func (s *Server) newConnection(w http.ResponseWriter, r *http.Request) error {
	page, err := s.connectionsPage(r, "Add a connection")
	if err != nil {
		return err
	}
	at := slices.IndexFunc(page.Kinds, func(k domain.ConnectionKind) bool { return k.Name == chi.URLParam(r, "kind") })
	if at < 0 {
		return domain.ErrNotFound
	}
	return render(w, r, http.StatusOK, templates.NewConnectionPage(page, page.Kinds[at]))
}

// fieldPrefix keeps settings apart from the form's own fields.
const fieldPrefix = "field."

func valuesForm(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, badForm(err)
	}
	values := map[string]string{}
	for name := range r.PostForm {
		if field, ok := strings.CutPrefix(name, fieldPrefix); ok {
			values[field] = strings.TrimSpace(r.PostForm.Get(name))
		}
	}
	return values, nil
}

func (s *Server) addConnection(w http.ResponseWriter, r *http.Request) error {
	values, err := valuesForm(w, r)
	if err != nil {
		return err
	}
	id, err := s.cfg.ConnectionDesk.Add(r.Context(), workspaceOf(r), r.PostForm.Get("kind"), strings.TrimSpace(r.PostForm.Get("name")), values, visitorOf(r).User.Email)
	if err != nil {
		return fmt.Errorf("add a connection: %w", err)
	}
	return backTo(w, r, id)
}

func backTo(w http.ResponseWriter, r *http.Request, id domain.ConnectionID) error {
	there := "/connections?open=" + url.QueryEscape(string(id)) + "#" + url.PathEscape(string(id))
	http.Redirect(w, r, there, http.StatusSeeOther)
	return nil
}

// connectionID reads the id of the path. What is no UUID is not found.
func connectionID(r *http.Request) (domain.ConnectionID, error) {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return "", domain.ErrNotFound
	}
	return domain.ConnectionID(id.String()), nil
}

func (s *Server) changeConnection(w http.ResponseWriter, r *http.Request) error {
	id, err := connectionID(r)
	if err != nil {
		return err
	}
	values, err := valuesForm(w, r)
	if err != nil {
		return err
	}
	if err := s.cfg.ConnectionDesk.Change(r.Context(), workspaceOf(r), id, values, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("change a connection: %w", err)
	}
	return backTo(w, r, id)
}

func (s *Server) switchConnection(w http.ResponseWriter, r *http.Request) error {
	id, err := connectionID(r)
	if err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	state := domain.ConnectionState(r.PostFormValue("state"))
	if err := s.cfg.ConnectionUse.Switch(r.Context(), workspaceOf(r), id, state, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("switch a connection: %w", err)
	}
	return backTo(w, r, id)
}

func (s *Server) testConnection(w http.ResponseWriter, r *http.Request) error {
	id, err := connectionID(r)
	if err != nil {
		return err
	}
	if _, err := s.cfg.ConnectionUse.Test(r.Context(), workspaceOf(r), id); err != nil {
		return fmt.Errorf("test a connection: %w", err)
	}
	return backTo(w, r, id)
}

func (s *Server) removeConnection(w http.ResponseWriter, r *http.Request) error {
	id, err := connectionID(r)
	if err != nil {
		return err
	}
	if err := s.cfg.ConnectionDesk.Remove(r.Context(), workspaceOf(r), id, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("remove a connection: %w", err)
	}
	http.Redirect(w, r, "/connections", http.StatusSeeOther)
	return nil
}

const (
	consentCookie = "docuflow-consent"
	consentLife   = 10 * time.Minute
	consentPath   = "/connections/granted"
)

// consent sends the person to the service. What comes back is bound to this
// browser by a cookie: the state against a consent of somebody else, the
// verifier against a stolen code (RFC 7636).
func (s *Server) consent(w http.ResponseWriter, r *http.Request) error {
	id, err := connectionID(r)
	if err != nil {
		return err
	}
	state, verifier := rand.Text(), rand.Text()+rand.Text()
	address, err := s.cfg.ConnectionConsent.Consent(r.Context(), workspaceOf(r), id, s.cfg.PublicURL+consentPath, state, verifier)
	if err != nil {
		return fmt.Errorf("ask for consent: %w", err)
	}
	kept := base64.RawURLEncoding.EncodeToString([]byte(strings.Join([]string{state, verifier, string(id)}, " ")))
	http.SetCookie(w, s.keptConsent(s.sign(consentPurpose, kept), consentLife))
	http.Redirect(w, r, address, http.StatusSeeOther)
	return nil
}

// granted is where the service sends the person back to.
func (s *Server) granted(w http.ResponseWriter, r *http.Request) error {
	state, verifier, id, err := s.consentOf(r)
	if err != nil || !hmac.Equal([]byte(state), []byte(r.URL.Query().Get("state"))) {
		return &problem{Status: http.StatusBadRequest, Kind: "consent", Title: "This sign-in was not begun here",
			Detail: "It may be too old, or another browser began it. Nothing was changed. Begin again on the connections page."}
	}
	http.SetCookie(w, s.keptConsent("", -time.Second))
	if r.URL.Query().Get("error") != "" {
		return backTo(w, r, id) // the person has refused
	}
	err = s.cfg.ConnectionConsent.Granted(r.Context(), workspaceOf(r), id, s.cfg.PublicURL+consentPath, r.URL.Query().Get("code"), verifier, visitorOf(r).User.Email)
	if err != nil {
		return fmt.Errorf("keep a consent: %w", err)
	}
	return backTo(w, r, id)
}

func (s *Server) keptConsent(value string, life time.Duration) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure where there is https
		Name: consentCookie, Value: value, Path: consentPath, MaxAge: int(life / time.Second), HttpOnly: true, Secure: s.cfg.Secure, SameSite: http.SameSiteLaxMode,
	}
}

func (s *Server) consentOf(r *http.Request) (state, verifier string, id domain.ConnectionID, err error) {
	cookie, err := r.Cookie(consentCookie)
	if err != nil {
		return "", "", "", err
	}
	value, ok := s.verify(consentPurpose, cookie.Value)
	kept, err := base64.RawURLEncoding.DecodeString(value)
	parts := strings.Split(string(kept), " ")
	if !ok || err != nil || len(parts) != 3 {
		return "", "", "", errors.New("not a consent of ours")
	}
	return parts[0], parts[1], domain.ConnectionID(parts[2]), nil
}
