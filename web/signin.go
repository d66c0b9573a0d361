package web

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
)

// signInView is what every form of the sign-in page needs.
func (s *Server) signInView(r *http.Request) templates.SignIn {
	page := templates.SignIn{Shell: s.strangerShell(r, "Sign in"), Host: r.Host, Mails: s.cfg.Letters != nil, SignUp: s.cfg.Arrival.SignUp}
	if s.cfg.Provider != nil {
		page.Provider = s.cfg.Provider.Title()
	}
	return page
}

func (s *Server) signInPage(w http.ResponseWriter, r *http.Request) error {
	return render(w, r, http.StatusOK, templates.SignInPage(s.signInView(r)))
}

// refuseSignIn shows the sign-in page with what happened.
func (s *Server) refuseSignIn(w http.ResponseWriter, r *http.Request, status int, what, next string) error {
	page := s.signInView(r)
	page.Refused, page.Next = what, next
	return render(w, r, status, templates.SignInPage(page))
}

// linkPage changes nothing, unless links are printed: previews and mail
// scanners open links too.
func (s *Server) linkPage(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.PrintedLinks {
		return s.useLink(w, r)
	}
	page := s.signInView(r)
	page.Token = chi.URLParam(r, "token")
	return render(w, r, http.StatusOK, templates.SignInPage(page))
}

func (s *Server) useLink(w http.ResponseWriter, r *http.Request) error {
	token, session, err := s.cfg.Doors.SignIn(r.Context(), chi.URLParam(r, "token"), s.arrival(r))
	if errors.Is(err, domain.ErrNotFound) {
		return s.refuseSignIn(w, r, http.StatusGone, "This link was used before, or it is too old.", "Links work once and for a short time. Nothing was changed.")
	}
	return s.enter(w, r, token, session, err)
}

const maxBrowser = 256 // octets of its name

// arrival is how the request's person comes in.
func (s *Server) arrival(r *http.Request) domain.Arrival {
	arrival := s.cfg.Arrival
	arrival.Browser = browserName(r)
	return arrival
}

func browserName(r *http.Request) string {
	name := strings.ToValidUTF8(strings.ReplaceAll(r.UserAgent(), "\x00", ""), "")
	return strings.ToValidUTF8(name[:min(len(name), maxBrowser)], "")
}

// enter is the end of every way in. The session that the browser had before is
// over: nothing that was known of it opens the new one.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, token string, session domain.Session, err error) error {
	if errors.Is(err, domain.ErrNoWorkspace) {
		return s.refuseSignIn(w, r, http.StatusForbidden, "That account has no workspace here.", "Nothing was created. Ask an owner of a workspace to invite you, or use another account.")
	}
	if err != nil {
		return err
	}
	if _, before, err := s.session(r); err == nil {
		if err := s.cfg.Sessions.SignOut(r.Context(), before); err != nil {
			return fmt.Errorf("end the session before: %w", err)
		}
	}
	s.setSession(w, token, session.ExpiresAt)
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	err := s.cfg.Sessions.SignOut(r.Context(), visitorOf(r).token)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return err
	}
	http.SetCookie(w, s.cookie(s.cookieName(), "", -time.Second))
	w.Header().Set("Clear-Site-Data", `"cache"`)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}

// flow is one way to the provider and back. The browser keeps its secret, in a
// signed cookie; what the provider is told is derived from that with our key. So
// no node keeps anything, and neither the provider nor the cookie alone is enough.
type flow struct {
	secret     string
	invitation string // token of the invitation that is accepted with it, or empty
}

const flowTime = 10 * time.Minute

func (s *Server) flowCookie() string { return s.hostCookie("docuflow-sign-in") }

func (s *Server) state(f flow) string    { return s.mac("docuflow state", f.secret) }
func (s *Server) nonce(f flow) string    { return s.mac("docuflow nonce", f.secret) }
func (s *Server) verifier(f flow) string { return s.mac("docuflow verifier", f.secret) }

// toProvider sends the browser to the provider.
func (s *Server) toProvider(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Provider == nil {
		return s.notFound(w, r)
	}
	f := flow{secret: rand.Text(), invitation: r.URL.Query().Get("invitation")}
	target, err := s.cfg.Provider.Begin(r.Context(), s.state(f), s.nonce(f), s.verifier(f))
	if err != nil {
		return s.providerFailed(w, r, err)
	}
	until := strconv.FormatInt(time.Now().Add(flowTime).Unix(), 10)
	value := s.sign(flowPurpose, f.secret+"/"+until+"/"+url.QueryEscape(f.invitation))
	http.SetCookie(w, s.cookie(s.flowCookie(), value, flowTime))
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}

// readFlow returns the flow that this browser began, and has it forget it.
func (s *Server) readFlow(w http.ResponseWriter, r *http.Request) (flow, bool) {
	cookie, err := r.Cookie(s.flowCookie())
	if err != nil {
		return flow{}, false
	}
	http.SetCookie(w, s.cookie(s.flowCookie(), "", -time.Second))
	value, ok := s.verify(flowPurpose, cookie.Value)
	parts := strings.Split(value, "/")
	if !ok || len(parts) != 3 {
		return flow{}, false
	}
	until, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || time.Now().Unix() > until {
		return flow{}, false
	}
	invitation, err := url.QueryUnescape(parts[2])
	return flow{secret: parts[0], invitation: invitation}, err == nil
}

// fromProvider is where the provider sends the browser back to.
func (s *Server) fromProvider(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Provider == nil {
		return s.notFound(w, r)
	}
	f, ok := s.readFlow(w, r)
	query := r.URL.Query()
	if !ok || !constantEqual(query.Get("state"), s.state(f)) {
		return s.refuseSignIn(w, r, http.StatusBadRequest, "This sign-in did not begin in this browser, or took too long.", "Nothing was changed. Begin again.")
	}
	if query.Get("code") == "" {
		return s.refuseSignIn(w, r, http.StatusForbidden, s.cfg.Provider.Title()+" did not let you in.", "Nothing was changed. Begin again, or use another way.")
	}
	identity, err := s.cfg.Provider.Finish(r.Context(), query.Get("code"), s.nonce(f), s.verifier(f))
	if err != nil {
		return s.providerFailed(w, r, err)
	}
	if f.invitation != "" {
		return s.acceptAs(w, r, f.invitation, identity)
	}
	token, session, err := s.cfg.Doors.SignInAs(r.Context(), identity, s.arrival(r))
	return s.enter(w, r, token, session, err)
}

// providerFailed says what the provider did, in its words for people.
func (s *Server) providerFailed(w http.ResponseWriter, r *http.Request, err error) error {
	failure, ok := errors.AsType[*domain.Failure](err)
	if !ok {
		return err
	}
	s.cfg.Log.WarnContext(r.Context(), "a sign-in failed", "error", err)
	status := http.StatusForbidden
	if !failure.Permanent {
		status = http.StatusServiceUnavailable
	}
	what, next, _ := strings.Cut(failure.Message, ". ")
	return s.refuseSignIn(w, r, status, strings.TrimSuffix(what, ".")+".", next)
}
