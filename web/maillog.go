package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
)

const mailRows = 50

// mailListOf reads the selection of mails from a query string.
func mailListOf(values url.Values) (templates.MailList, error) {
	list := templates.MailList{
		Outcome: domain.MailOutcome(values.Get("outcome")), Text: strings.TrimSpace(values.Get("q")), Cursor: values.Get("cursor"),
		Open: domain.MailID(values.Get("open")), One: values.Get("one") == "1",
	}
	if list.Outcome != "" && !slices.Contains(domain.MailOutcomes, list.Outcome) {
		return list, &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Field: "outcome", Title: "There is no such outcome",
			Detail: fmt.Sprintf("The outcomes are %v.", domain.MailOutcomes)}
	}
	if utf8.RuneCountInString(list.Text) > maxSearch || !utf8.ValidString(list.Text) {
		return list, &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Field: "q", Title: "This search is too long",
			Detail: fmt.Sprintf("At most %d characters can be searched for.", maxSearch)}
	}
	if list.Open != "" && uuid.Validate(string(list.Open)) != nil {
		list.Open = ""
	}
	return list, nil
}

func mailQuery(list templates.MailList, limit int) domain.MailQuery {
	return domain.MailQuery{Outcome: list.Outcome, Text: list.Text, Cursor: list.Cursor, Limit: limit}
}

// mailLog shows all mails with what became of them.
func (s *Server) mailLog(w http.ResponseWriter, r *http.Request) error {
	list, err := mailListOf(r.URL.Query())
	if err != nil {
		return err
	}
	list.One = false
	return s.showMails(w, r, list, func(ctx context.Context) (domain.MailPage, error) {
		return s.cfg.MailLog.Mails(ctx, workspaceOf(r), mailQuery(list, mailRows))
	})
}

// oneMail shows a mail alone, unfolded.
func (s *Server) oneMail(w http.ResponseWriter, r *http.Request) error {
	id, err := mailID(r)
	if err != nil {
		return err
	}
	return s.showMails(w, r, templates.MailList{Open: id, One: true}, func(ctx context.Context) (domain.MailPage, error) {
		mail, err := s.cfg.Mails.Mail(ctx, workspaceOf(r), id)
		return domain.MailPage{Mails: []domain.Mail{mail}}, err
	})
}

func (s *Server) showMails(w http.ResponseWriter, r *http.Request, list templates.MailList, read func(context.Context) (domain.MailPage, error)) error {
	// The balance comes first: the stream begins at its sequence number.
	balance, err := s.cfg.Ledger.Balance(r.Context(), workspaceOf(r))
	if err != nil {
		return fmt.Errorf("read balance: %w", err)
	}
	shell, err := s.shell(r, "Mail log", balance)
	if err != nil {
		return err
	}
	page := templates.MailLog{Shell: shell, List: list}
	mails, err := read(r.Context())
	if err != nil {
		return fmt.Errorf("list mails: %w", err)
	}
	if page.Counts, err = s.cfg.MailLog.CountMails(r.Context(), workspaceOf(r)); err != nil {
		return fmt.Errorf("count mails: %w", err)
	}
	page.Mails, page.Next = mails.Mails, mails.NextCursor
	if r.Header.Get("HX-Request") == "true" {
		page.After = r.URL.Query().Get("after")
	}
	page.Tab, page.Live = "mails", mailStream(list, balance.Seq)
	return render(w, r, http.StatusOK, templates.MailLogPage(page))
}

func mailStream(list templates.MailList, since int64) string {
	values, _ := url.ParseQuery(strings.TrimPrefix(list.Query(), "?"))
	if list.One {
		values.Set("one", "1")
	}
	values.Set("since", strconv.FormatInt(since, 10))
	return "/mails/events?" + values.Encode()
}

// mailEvents streams the mails of a list that change.
func (s *Server) mailEvents(w http.ResponseWriter, r *http.Request) error {
	list, err := mailListOf(r.URL.Query())
	if err != nil {
		return err
	}
	workspace := workspaceOf(r)
	return s.stream(w, r, func(ctx context.Context, u *update) ([]event, error) {
		frame, err := u.shared.draw(ctx, fmt.Sprintf("mails %v %s", list.One, list.Query()), func(ctx context.Context) ([]byte, error) {
			counts, err := s.cfg.MailLog.CountMails(ctx, workspace)
			if err != nil {
				return nil, fmt.Errorf("count mails: %w", err)
			}
			var lines []templates.MailLogLine
			for _, mail := range u.changes.Mails {
				lines = append(lines, templates.MailLogLine{Mail: mail, Matches: mailMatches(list, mail)})
			}
			return html(ctx, templates.MailLogFrame(templates.Shell{View: s.view(), Balance: u.balance}, list, counts, lines))
		})
		return []event{{name: "frame", data: frame}}, err
	})
}

// mailMatches says whether a mail belongs to a selection, as the list's query does.
func mailMatches(list templates.MailList, m domain.Mail) bool {
	if list.One {
		return m.ID == list.Open
	}
	if list.Outcome != "" && m.Outcome != list.Outcome {
		return false
	}
	all := strings.Join([]string{m.Author, m.AuthorName, m.Envelope.From, m.Recipient, m.Subject, m.MessageID}, " ")
	return strings.Contains(strings.ToLower(all), strings.ToLower(list.Text))
}

func mailID(r *http.Request) (domain.MailID, error) {
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil {
		return "", domain.ErrNotFound
	}
	return domain.MailID(id.String()), nil
}

// maxShownHeader is how much of a mail's header is shown, in octets.
const maxShownHeader = 256 << 10

// mailHeaders shows a mail's header as it came, as plain text.
func (s *Server) mailHeaders(w http.ResponseWriter, r *http.Request) error {
	id, err := mailID(r)
	if err != nil {
		return err
	}
	mail, err := s.cfg.Mails.Mail(r.Context(), workspaceOf(r), id)
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	raw, err := s.cfg.Files.Open(r.Context(), mail.Raw)
	if err != nil {
		return fmt.Errorf("open %s: %w", mail.Raw, err)
	}
	defer raw.Close()
	head, err := io.ReadAll(io.LimitReader(raw, maxShownHeader))
	if err != nil {
		return fmt.Errorf("read %s: %w", mail.Raw, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Security-Policy", filePolicy)
	h.Set("Cache-Control", "private, no-cache")
	_, _ = io.WriteString(w, headerOf(string(head))) // nobody is left to tell about a broken connection
	return nil
}

// headerOf is what stands before the first empty line.
func headerOf(raw string) string {
	raw = strings.ReplaceAll(raw, "\r\n", "\n")
	header, _, _ := strings.Cut(raw, "\n\n")
	return strings.ToValidUTF8(header, "\uFFFD") + "\n"
}

// mailDeed is what a person does to a mail.
type mailDeed func(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, by string) (domain.Mail, error)

// mailDeed finds a deed by its name in paths.
func (s *Server) mailDeed(r *http.Request) (mailDeed, error) {
	switch chi.URLParam(r, "deed") {
	case "reprocess":
		return s.cfg.MailDesk.Reprocess, nil
	case "approve":
		always := r.PostForm.Get("always") == "1"
		return func(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, by string) (domain.Mail, error) {
			return s.cfg.Quarantine.ApproveMail(ctx, workspace, id, always, by)
		}, nil
	case "block":
		return s.cfg.Quarantine.BlockMail, nil
	case "delete":
		return s.cfg.Quarantine.DeleteMail, nil
	case "import":
		part, err := strconv.Atoi(r.PostForm.Get("part"))
		if err != nil || part < 0 || part > maxPart {
			return nil, badForm(errors.New("no part"))
		}
		return func(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, by string) (domain.Mail, error) {
			return s.cfg.MailDesk.ImportPart(ctx, workspace, id, part, by)
		}, nil
	}
	return nil, domain.ErrNotFound
}

const maxPart = 10_000

// doToMail does a deed and leads back to the list that the form was in.
func (s *Server) doToMail(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	list, err := mailListOf(r.URL.Query())
	if err != nil {
		return err
	}
	mail, err := s.actOnMail(r)
	if err != nil {
		return err
	}
	list.Open = mail.ID
	http.Redirect(w, r, list.Path(), http.StatusSeeOther) //nolint:gosec // the path is ours, strangers choose the query alone
	return nil
}

func (s *Server) actOnMail(r *http.Request) (domain.Mail, error) {
	id, err := mailID(r)
	if err != nil {
		return domain.Mail{}, err
	}
	deed, err := s.mailDeed(r)
	if err != nil {
		return domain.Mail{}, err
	}
	mail, err := deed(r.Context(), workspaceOf(r), id, visitorOf(r).User.Email)
	if errors.Is(err, domain.ErrNotDue) {
		return mail, &problem{Status: http.StatusConflict, Kind: "not_due", Title: "This cannot be done to the mail now",
			Detail: "It may be in work, or somebody was faster. Nothing was changed. Look at the mail again."}
	}
	if err != nil {
		return mail, fmt.Errorf("%s mail: %w", chi.URLParam(r, "deed"), err)
	}
	return mail, nil
}
