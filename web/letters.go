package web

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
)

// askedRoom is how many addresses wait for their link at most.
const askedRoom = 100

// askForLink takes an address that wants a sign-in link. The answer is the
// same, and as quick, whether anybody here has it: what follows is done elsewhere.
func (s *Server) askForLink(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Letters == nil {
		return s.notFound(w, r)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	email, err := domain.CanonicalAddress(r.PostForm.Get("email"))
	if err != nil {
		return s.refuseSignIn(w, r, http.StatusUnprocessableEntity, "This is not a mail address.", "Nothing was sent. Check it and try again.")
	}
	select {
	case s.asked <- email:
	default:
		return s.refuseSignIn(w, r, http.StatusServiceUnavailable, "Too many people ask for a link right now.", "Nothing was sent. Try again in a minute.")
	}
	page := s.signInView(r)
	page.SentTo = email
	return render(w, r, http.StatusOK, templates.SignInPage(page))
}

// mailLinks sends the links that were asked for until ctx is done. One that
// is lost is asked for again.
func (s *Server) mailLinks(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case email := <-s.asked:
			if err := s.mailLink(ctx, email); err != nil {
				s.cfg.Log.WarnContext(ctx, "a sign-in link was not sent", slog.Any("error", err))
			}
		}
	}
}

const letterTime = time.Minute

func (s *Server) mailLink(ctx context.Context, email string) error {
	ctx, cancel := context.WithTimeout(ctx, letterTime)
	defer cancel()
	token, err := s.cfg.Doors.AskForLink(ctx, email, s.cfg.Arrival.SignUp)
	if errors.Is(err, domain.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.cfg.Letters.Send(ctx, domain.Letter{ID: rand.Text(), To: email, Subject: "Your sign-in link", Text: "Somebody, hopefully you, wants to sign in to DocuFlow at " + s.host() + " with this address.\n\n" +
		"Open this link and press the button. It works once, within half an hour:\n\n" + s.link("sign-in", token) + "\n\n" +
		"If it was not you, do nothing: without the link nobody gets in.\n"})
}

func (s *Server) mailInvitation(ctx context.Context, to, token string, by domain.Session) error {
	ctx, cancel := context.WithTimeout(ctx, letterTime)
	defer cancel()
	return s.cfg.Letters.Send(ctx, domain.Letter{ID: rand.Text(), To: to, Subject: by.User.Email + " invites you to their books", Text: by.User.Email + " invites you to the workspace " + quoted(by.Workspace.Name) + " of DocuFlow at " + s.host() + ".\n\n" +
		"Open this link to join. It works once, within seven days:\n\n" + s.link("join", token) + "\n\n" +
		"If you do not know the sender, do nothing.\n"})
}

// quoted puts a name that somebody chose into a letter: on one line, and not
// long enough to tell a story.
func quoted(name string) string {
	const longest = 60
	runes := []rune(strings.Join(strings.Fields(name), " "))
	return "“" + string(runes[:min(len(runes), longest)]) + "”"
}

func (s *Server) link(path, token string) string {
	return s.cfg.PublicURL + "/" + path + "/" + url.PathEscape(token)
}

func (s *Server) host() string {
	public, err := url.Parse(s.cfg.PublicURL)
	if err != nil {
		return s.cfg.PublicURL
	}
	return public.Host
}

// constantEqual compares secrets without telling how much of them agrees.
func constantEqual(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
