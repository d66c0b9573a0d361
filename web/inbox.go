package web

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
)

const (
	inboxRows = 50
	maxSearch = 200 // characters
	maxName   = 64  // octets of a stage or a kind of error
)

// listOf reads the selection of a list from a query string.
func listOf(values url.Values) (templates.List, error) {
	list := templates.List{
		Status: domain.Status(values.Get("status")),
		Review: values.Get("review") == "1",
		Text:   strings.TrimSpace(values.Get("q")),
		Stage:  domain.StageName(values.Get("stage")),
		Kind:   domain.ErrorKind(values.Get("kind")),
		Cursor: values.Get("cursor"),
	}
	if list.Status != "" && !slices.Contains(domain.Statuses, list.Status) {
		return list, &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Field: "status", Title: "There is no such status",
			Detail: "The statuses are QUEUED, PROCESSING, RETRYING, COMPLETED and FAILED."}
	}
	for name, value := range map[string]string{"stage": string(list.Stage), "kind": string(list.Kind)} {
		if !utf8.ValidString(value) || len(value) > maxName || strings.ContainsRune(value, 0) {
			return list, &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Field: name, Title: "There is no such " + name,
				Detail: "Stages and kinds of errors are short words."}
		}
	}
	if utf8.RuneCountInString(list.Text) > maxSearch || !utf8.ValidString(list.Text) {
		return list, &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Field: "q", Title: "This search is too long",
			Detail: fmt.Sprintf("At most %d characters can be searched for.", maxSearch)}
	}
	return list, nil
}

func query(list templates.List, limit int) domain.DocumentQuery {
	return domain.DocumentQuery{Status: list.Status, Review: list.Review, Text: list.Text, Stage: list.Stage, Kind: list.Kind, Cursor: list.Cursor, Limit: limit}
}

func (s *Server) inbox(w http.ResponseWriter, r *http.Request) error {
	list, err := listOf(r.URL.Query())
	if err != nil {
		return err
	}
	// The balance comes first: the live stream begins at its sequence number,
	// so that nothing can happen unseen between the two.
	balance, err := s.cfg.Ledger.Balance(r.Context(), workspaceOf(r))
	if err != nil {
		return fmt.Errorf("read balance: %w", err)
	}
	shell, err := s.inboxShell(r, list, balance)
	if err != nil {
		return err
	}
	if balance.Received == 0 && balance.Unpacking == 0 && !list.Filtered() {
		return s.emptyInbox(w, r, shell)
	}
	page, days, err := s.inboxDays(r, list)
	if err != nil {
		return err
	}
	return render(w, r, http.StatusOK, templates.InboxPage(templates.Inbox{Shell: shell, List: list, Days: days, Next: page.NextCursor}))
}

func (s *Server) inboxShell(r *http.Request, list templates.List, balance domain.Balance) (templates.Shell, error) {
	shell, err := s.shell(r, "Inbox", balance)
	if err != nil {
		return shell, err
	}
	shell.Tab = "inbox"
	switch {
	case list.Review:
		shell.Tab, shell.Title = "review", "To review"
	}
	values, _ := url.ParseQuery(strings.TrimPrefix(list.Query(), "?"))
	values.Set("since", strconv.FormatInt(balance.Seq, 10))
	shell.Live = "/events?" + values.Encode()
	return shell, nil
}

func (s *Server) emptyInbox(w http.ResponseWriter, r *http.Request, shell templates.Shell) error {
	code, err := qrCode(shell.Address)
	if err != nil {
		return err
	}
	const shown = 3
	notices, err := s.cfg.MailLog.Mails(r.Context(), workspaceOf(r), domain.MailQuery{Outcome: domain.OutcomeNotice, Limit: shown})
	if err != nil {
		return fmt.Errorf("list confirmations: %w", err)
	}
	return render(w, r, http.StatusOK, templates.EmptyPage(shell, code, notices.Mails))
}

func (s *Server) inboxDays(r *http.Request, list templates.List) (domain.DocumentPage, []templates.Day, error) {
	page, err := s.cfg.Documents.Documents(r.Context(), workspaceOf(r), query(list, inboxRows))
	if err != nil {
		return page, nil, fmt.Errorf("list documents: %w", err)
	}
	var mails []domain.Mail
	if !list.Filtered() && list.Cursor == "" {
		if mails, err = s.cfg.Ledger.Unpacking(r.Context(), workspaceOf(r)); err != nil {
			return page, nil, fmt.Errorf("list mails being unpacked: %w", err)
		}
	}
	days := s.group(page.Documents, mails)
	if len(days) == 0 {
		return page, nil, nil
	}
	days[0].Continued = r.Header.Get("HX-Request") == "true" && r.URL.Query().Get("after") == s.dayKey(days[0].At)
	err = s.completeSums(r.Context(), workspaceOf(r), list, days, page.NextCursor != "")
	return page, days, err
}

func (s *Server) dayKey(t time.Time) string { return t.In(s.cfg.Zone).Format(time.DateOnly) }

// group puts rows under the days they were received on, newest first.
func (s *Server) group(documents []domain.Document, mails []domain.Mail) []templates.Day {
	days := map[string]templates.Day{}
	for _, m := range mails {
		day := days[s.dayKey(m.ReceivedAt)]
		day.At, day.Mails = m.ReceivedAt, append(day.Mails, m)
		days[s.dayKey(m.ReceivedAt)] = day
	}
	for _, d := range documents {
		day := days[s.dayKey(d.CreatedAt)]
		day.At, day.Documents = d.CreatedAt, append(day.Documents, d)
		days[s.dayKey(d.CreatedAt)] = day
	}
	ordered := make([]templates.Day, 0, len(days))
	for _, key := range slices.Backward(slices.Sorted(maps.Keys(days))) {
		day := days[key]
		day.Sums = templates.Sums(day.Documents)
		ordered = append(ordered, day)
	}
	return ordered
}

// completeSums asks for the sums of the days that the page cuts in two.
func (s *Server) completeSums(ctx context.Context, workspace domain.WorkspaceID, list templates.List, days []templates.Day, more bool) error {
	for i := range days {
		cutAbove := i == 0 && list.Cursor != "" && !days[i].Continued
		cutBelow := i == len(days)-1 && more
		if !cutAbove && !cutBelow {
			continue
		}
		sums, err := s.daySums(ctx, workspace, list, days[i].At)
		if err != nil {
			return err
		}
		days[i].Sums = sums
	}
	return nil
}

func (s *Server) daySums(ctx context.Context, workspace domain.WorkspaceID, list templates.List, at time.Time) ([]domain.Sum, error) {
	y, m, d := at.In(s.cfg.Zone).Date()
	from := time.Date(y, m, d, 0, 0, 0, 0, s.cfg.Zone)
	sums, err := s.cfg.Overview.Sums(ctx, workspace, query(list, 0), from, from.AddDate(0, 0, 1))
	if err != nil {
		return nil, fmt.Errorf("add up a day: %w", err)
	}
	return sums, nil
}

// matches says whether a document belongs to a selection, as the list's query does.
func matches(list templates.List, d domain.Document) bool {
	if list.Status != "" && d.Status != list.Status || list.Review && !d.NeedsReview() {
		return false
	}
	if list.Stage != "" && d.Stage != list.Stage || list.Kind != "" && (d.Error == nil || d.Error.Kind != list.Kind) {
		return false
	}
	text := strings.ToLower(list.Text)
	for _, s := range []string{d.Fields.Value(domain.VendorName), d.Fields.Value(domain.InvoiceNumber), d.FileName, d.Sender} {
		if strings.Contains(strings.ToLower(s), text) {
			return true
		}
	}
	return false
}
