package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/docuflow/docuflow/domain"
)

const (
	sessionLife = 7 * 24 * time.Hour
	renewAfter  = time.Hour
)

// visitor is who asks: a signed-in browser or a program with a token.
type visitor struct {
	domain.Session
	token string // of a browser's session; empty for programs
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
	s.renew(w, r, session, token)
	v := visitor{Session: session, token: token, still: func(ctx context.Context) error {
		_, err := s.cfg.Sessions.Session(ctx, token)
		return err
	}}
	return r.WithContext(context.WithValue(r.Context(), visitorKey{}, v))
}

// renew lets a session that is used last for seven days from now. It is
// written at most once an hour, and not for a page that just stays open.
func (s *Server) renew(w http.ResponseWriter, r *http.Request, session domain.Session, token string) {
	if time.Until(session.ExpiresAt) > sessionLife-renewAfter || isStream(r) {
		return
	}
	expires, err := s.cfg.Sessions.RenewSession(r.Context(), token)
	if err != nil {
		s.cfg.Log.WarnContext(r.Context(), "a session was not renewed", slog.Any("error", err)) // it is still good
		return
	}
	s.setSession(w, token, expires)
}

func (s *Server) setSession(w http.ResponseWriter, token string, expires time.Time) {
	http.SetCookie(w, s.cookie(s.cookieName(), s.sign(sessionPurpose, token), min(sessionLife, time.Until(expires))))
}

func isStream(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream")
}

func (s *Server) session(r *http.Request) (domain.Session, string, error) {
	cookie, err := r.Cookie(s.cookieName())
	if err != nil {
		return domain.Session{}, "", domain.ErrNotFound
	}
	token, ok := s.verify(sessionPurpose, cookie.Value)
	if !ok {
		return domain.Session{}, "", domain.ErrNotFound
	}
	session, err := s.cfg.Sessions.Session(r.Context(), token)
	return session, token, err
}

func (s *Server) sendToSignIn(w http.ResponseWriter, r *http.Request) {
	if wantsJSON(r) || isStream(r) || r.Method != http.MethodGet {
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

// cookieName is bound to the host by the browser itself where https allows it.
func (s *Server) cookieName() string { return s.hostCookie("docuflow") }

func (s *Server) hostCookie(name string) string {
	if s.cfg.Secure {
		return "__Host-" + name
	}
	return name
}

// cookie is one that scripts and requests of other sites do not have. Links
// from other sites bring it: a provider sends people back by one.
func (s *Server) cookie(name, value string, life time.Duration) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure where there is https
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second),
		HttpOnly: true, Secure: s.cfg.Secure, SameSite: http.SameSiteLaxMode,
	}
}

// What a signature is for: a value that was signed for one is nothing to another.
const (
	sessionPurpose = "docuflow session"
	flowPurpose    = "docuflow sign-in"
	consentPurpose = "docuflow consent"
)

// sign appends a signature, so that invented cookies never reach the database.
func (s *Server) sign(purpose, value string) string { return value + "." + s.mac(purpose, value) }

func (s *Server) verify(purpose, signed string) (value string, ok bool) {
	dot := strings.LastIndexByte(signed, '.')
	if dot < 1 {
		return "", false
	}
	value = signed[:dot]
	return value, hmac.Equal([]byte(signed[dot+1:]), []byte(s.mac(purpose, value)))
}

func (s *Server) mac(purpose, value string) string {
	h := hmac.New(sha256.New, s.cfg.CookieKey)
	h.Write([]byte(purpose + "\x00" + value))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
