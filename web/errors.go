package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
)

// problem is an error with the words for whoever asked, in the shape of RFC 9457.
type problem struct {
	Status    int      `json:"status"`
	Title     string   `json:"title"`
	Detail    string   `json:"detail,omitempty"`
	Kind      string   `json:"kind,omitempty"`      // machine-readable: "not_found", "invalid_value" …
	Reference string   `json:"reference,omitempty"` // for the operator's log
	Field     string   `json:"field,omitempty"`     // the member of the request that is wrong
	Document  string   `json:"document,omitempty"`  // made before the problem arose
	Refused   []string `json:"refused,omitempty"`   // files that were not taken, with the reason

	cause error // for the log
}

func (p *problem) Error() string {
	if p.cause == nil {
		return p.Title
	}
	return p.Title + ": " + p.cause.Error()
}

func (p *problem) Unwrap() error { return p.cause }

// handle is the one border where errors become answers and are logged, once.
func (s *Server) handle(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.refuse(w, r, err)
		}
	}
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody is there to be answered
	}
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError {
		p.Reference = reference()
		s.cfg.Log.ErrorContext(r.Context(), "request failed", slog.String("ref", p.Reference),
			slog.String("method", r.Method), slog.String("route", route(r)), slog.Any("error", err))
	}
	w.Header().Set("Cache-Control", "no-store")
	if wantsJSON(r) {
		writeProblem(w, *p)
		return
	}
	page := templates.Problem{Status: p.Status, What: p.Title, Why: p.Detail, Reference: p.Reference, Refused: p.Refused, SignIn: p.Status == http.StatusUnauthorized}
	if err := render(w, r, p.Status, templates.ErrorPage(s.strangerShell(r, p.Title), page)); err != nil {
		s.cfg.Log.ErrorContext(r.Context(), "error page failed", slog.Any("error", err))
		http.Error(w, p.Title, p.Status)
	}
}

// problemOf finds the words for an error. What it does not know is internal.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		copied := *p
		return &copied
	}
	if failure, ok := errors.AsType[*domain.Failure](err); ok {
		return problemOfFailure(failure, err)
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &problem{Status: http.StatusRequestEntityTooLarge, Kind: "too_large", Title: "This is too large",
			Detail: fmt.Sprintf("At most %d octets are taken. Nothing was stored.", tooLarge.Limit)}
	}
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return &problem{Status: http.StatusNotFound, Kind: "not_found", Title: "This is not in your workspace",
			Detail: "It may have been discarded, or the link belongs to another workspace. Nothing was changed."}
	case errors.Is(err, domain.ErrNotDue):
		return &problem{Status: http.StatusConflict, Kind: "not_due", Title: "There is nothing to retry",
			Detail: "The document is being worked on or is done. Nothing was changed."}
	case errors.Is(err, domain.ErrExists):
		return &problem{Status: http.StatusConflict, Kind: "exists", Title: "There is one of this name already", Detail: "Nothing was changed. Choose another name."}
	case errors.Is(err, domain.ErrFieldValue):
		return &problem{Status: http.StatusUnprocessableEntity, Kind: "invalid_value", Title: "This value was not saved", Detail: fieldSentence(err)}
	}
	return &problem{Status: http.StatusInternalServerError, Kind: "internal", Title: "This did not work",
		Detail: "The fault is on our side and was written down. Nothing that was accepted is lost. Try again in a moment.", cause: err}
}

func problemOfFailure(f *domain.Failure, err error) *problem {
	p := &problem{Status: http.StatusUnprocessableEntity, Kind: string(f.Kind), Title: "This was not taken", Detail: f.Message, cause: err}
	switch {
	case f.Kind == domain.KindTooLarge:
		p.Status = http.StatusRequestEntityTooLarge
	case !f.Permanent:
		p.Status, p.Title = http.StatusServiceUnavailable, "This did not work now"
	}
	return p
}

// fieldSentence is the sentence behind domain.ErrFieldValue.
func fieldSentence(err error) string {
	_, sentence, found := strings.Cut(err.Error(), domain.ErrFieldValue.Error()+": ")
	if !found {
		return "Check the value."
	}
	return strings.ToUpper(sentence[:1]) + sentence[1:] + "."
}

// writeProblem writes application/problem+json (RFC 9457).
func writeProblem(w http.ResponseWriter, p problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(struct { // the status is sent: nobody is left to tell about a broken connection
		Type string `json:"type"`
		problem
	}{"about:blank", p})
}

func wantsJSON(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, apiPrefix+"/") || r.Header.Get("HX-Request") == "true" ||
		strings.HasPrefix(r.Header.Get("Accept"), "application/json")
}

// recoverer turns a panic into an internal error, with its stack in the log.
func (s *Server) recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			s.refuse(w, r, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}()
		next.ServeHTTP(w, r)
	})
}

// reference is short enough to be read out over the phone: 7Q2K-81MX.
func reference() string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" // without letters that look like digits
	var random [8]byte
	rand.Read(random[:]) // never fails since Go 1.24
	for i, b := range random {
		random[i] = alphabet[int(b)%len(alphabet)]
	}
	return string(random[:4]) + "-" + string(random[4:])
}
