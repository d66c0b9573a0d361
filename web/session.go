package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
	"github.com/go-chi/chi/v5"
)

const sessionLife = 7 * 24 * time.Hour

// visitor is who asks: a signed-in browser or a program with a token.
type visitor struct {
	domain.Session
	// still checks that the session or token is good: streams outlive requests.
	still func(ctx context.Context) error
}

type visitorKey struct{}

func visitorOf(r *http.Request) visitor {
	v, _ := r.Context().Value(visitorKey{}).(visitor)
	return v
}

func workspaceOf(r *http.Request) domain.WorkspaceID { return visitorOf(r).Workspace.ID }

// signedIn lets browsers with a session pass and sends the others to the sign-in page.
func (s *Server) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Event streams stay below this for hours: admit keeps its stack to itself.
		if r = s.admit(w, r); r != nil {
			next.ServeHTTP(w, r)
		}
	})
}

// admit returns the request with its visitor, or answers it and returns nil.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) *http.Request {
	session, token, err := s.session(r)
	if errors.Is(err, domain.ErrNotFound) {
		s.sendToSignIn(w, r)
		return nil
	}
	if err == nil {
		err = s.limitVisitor(w, token)
	}
	if err != nil {
		s.refuse(w, r, err)
		return nil
	}
	v := visitor{Session: session, still: func(ctx context.Context) error {
		_, err := s.cfg.Sessions.Session(ctx, token)
		return err
	}}
	return r.WithContext(context.WithValue(r.Context(), visitorKey{}, v))
}

func (s *Server) session(r *http.Request) (domain.Session, string, error) {
	cookie, err := r.Cookie(s.cookieName())
	if err != nil {
		return domain.Session{}, "", domain.ErrNotFound
	}
	token, ok := s.verify(cookie.Value)
	if !ok {
		return domain.Session{}, "", domain.ErrNotFound
	}
	session, err := s.cfg.Sessions.Session(r.Context(), token)
	return session, token, err
}

func (s *Server) sendToSignIn(w http.ResponseWriter, r *http.Request) {
	if wantsJSON(r) || strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream") || r.Method != http.MethodGet {
		w.Header().Set("HX-Redirect", "/sign-in")
		s.refuse(w, r, &problem{Status: http.StatusUnauthorized, Kind: "signed_out", Title: "You are signed out", Detail: "Nothing was changed. Sign in and try again."})
		return
	}
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}

// bearer lets programs with a token pass (RFC 6750). Cookies do not count
// here: a page of another site could not be told from a program.
func (s *Server) bearer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			s.refuseToken(w, r, "Send an API token: Authorization: Bearer TOKEN. “docuflow token create” makes one.")
			return
		}
		session, err := s.cfg.Tokens.Token(r.Context(), token)
		if errors.Is(err, domain.ErrNotFound) {
			s.refuseToken(w, r, "The API token is unknown, or it was revoked.")
			return
		}
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		if err := s.limitVisitor(w, token); err != nil {
			s.refuse(w, r, err)
			return
		}
		v := visitor{Session: session, still: func(ctx context.Context) error {
			_, err := s.cfg.Tokens.Token(ctx, token)
			return err
		}}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
	})
}

func (s *Server) refuseToken(w http.ResponseWriter, r *http.Request, detail string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="docuflow"`)
	s.refuse(w, r, s.countFailure(w, r, &problem{Status: http.StatusUnauthorized, Kind: "unauthorized", Title: "This needs an API token", Detail: detail}))
}

func (s *Server) signInHelp(w http.ResponseWriter, r *http.Request) error {
	return render(w, r, http.StatusOK, templates.SignIn(s.strangerShell(r, "Sign in"), r.Host, "", ""))
}

// signInPage changes nothing, unless links are printed: previews and mail
// scanners open links too.
func (s *Server) signInPage(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.PrintedLinks {
		return s.signIn(w, r)
	}
	return render(w, r, http.StatusOK, templates.SignIn(s.strangerShell(r, "Sign in"), r.Host, chi.URLParam(r, "token"), ""))
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	token, session, err := s.cfg.Sessions.SignIn(r.Context(), chi.URLParam(r, "token"))
	if errors.Is(err, domain.ErrNotFound) {
		page := templates.SignIn(s.strangerShell(r, "Sign in"), r.Host, "", "This link was used before, or it is too old.")
		return render(w, r, http.StatusGone, page)
	}
	if err != nil {
		return err
	}
	http.SetCookie(w, s.sessionCookie(s.sign(token), min(sessionLife, time.Until(session.ExpiresAt))))
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	_, token, err := s.session(r)
	if err == nil {
		err = s.cfg.Sessions.SignOut(r.Context(), token)
	}
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return err
	}
	http.SetCookie(w, s.sessionCookie("", -time.Second))
	w.Header().Set("Clear-Site-Data", `"cache"`)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}

// cookieName is bound to the host by the browser itself where https allows it.
func (s *Server) cookieName() string {
	if s.cfg.Secure {
		return "__Host-docuflow"
	}
	return "docuflow"
}

func (s *Server) sessionCookie(value string, life time.Duration) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure where there is https
		Name: s.cookieName(), Value: value, Path: "/", MaxAge: int(life / time.Second),
		HttpOnly: true, Secure: s.cfg.Secure, SameSite: http.SameSiteLaxMode,
	}
}

// sign appends a signature, so that invented cookies never reach the database.
func (s *Server) sign(token string) string {
	return token + "." + base64.RawURLEncoding.EncodeToString(s.mac(token))
}

func (s *Server) verify(value string) (token string, ok bool) {
	dot := strings.LastIndexByte(value, '.')
	if dot < 1 {
		return "", false
	}
	signature, err := base64.RawURLEncoding.DecodeString(value[dot+1:])
	if err != nil || !hmac.Equal(signature, s.mac(value[:dot])) {
		return "", false
	}
	return value[:dot], true
}

func (s *Server) mac(token string) []byte {
	h := hmac.New(sha256.New, s.cfg.CookieKey)
	h.Write([]byte("docuflow session\x00" + token))
	return h.Sum(nil)
}
