package templates

import (
	"net/url"
	"strconv"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// View is what every component needs to know of its surroundings.
type View struct {
	Stages []domain.StageInfo // in order
	Reads  domain.StageName   // the stage whose findings people review; empty when there is none
	Zone   *time.Location
	Now    time.Time
}

// Shell is what a page shows around its content.
type Shell struct {
	View
	Title     string
	Tab       string // "inbox", "review", "failures" or "operations"
	User      domain.User
	Workspace domain.Workspace
	Balance   domain.Balance
	Address   string            // the workspace's main mail address, empty when it has none
	Approved  domain.DocumentID // what was approved right before, to be taken back; empty for none
	Live      string            // path of the page's event stream, empty when it has none
	Theme     string            // "light" or "dark", empty to follow the system
	KeysOff   bool              // the person turned keyboard shortcuts off
	MaxUpload int64             // octets of one file
	Version   string
	Asset     func(name string) string // path of a static file
}

// List is the selection and the page of it that an inbox shows.
type List struct {
	Status domain.Status
	Review bool
	Text   string
	Stage  domain.StageName
	Kind   domain.ErrorKind // of the last error
	Cursor string
}

// Filtered says that the list leaves something out.
func (l List) Filtered() bool {
	return l.Status != "" || l.Review || l.Text != "" || l.Stage != "" || l.Kind != ""
}

// Query is the selection as a query string with its question mark, empty when
// nothing is selected. The cursor is not part of it.
func (l List) Query() string {
	values := url.Values{}
	if l.Status != "" {
		values.Set("status", string(l.Status))
	}
	if l.Review {
		values.Set("review", "1")
	}
	if l.Text != "" {
		values.Set("q", l.Text)
	}
	if l.Stage != "" {
		values.Set("stage", string(l.Stage))
	}
	if l.Kind != "" {
		values.Set("kind", string(l.Kind))
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}

// with returns a path of the inbox with another selection.
func (l List) with(change func(*List)) string {
	change(&l)
	return "/" + l.Query()
}

func (l List) withStatus(s domain.Status) string { return l.with(func(l *List) { l.Status = s }) }

func (l List) withReview(on bool) string { return l.with(func(l *List) { l.Review = on }) }

func (l List) more(cursor string) string {
	return join("/", l.Query(), "cursor="+url.QueryEscape(cursor))
}

// Link is the path of a document's page that keeps the list it was opened from.
func (l List) Link(id domain.DocumentID) string { return documentPath(id) + l.Query() }

func documentPath(id domain.DocumentID, rest ...string) string {
	path := "/documents/" + url.PathEscape(string(id))
	for _, element := range rest {
		path += "/" + url.PathEscape(element)
	}
	return path
}

// join adds one more parameter to a path with or without a query string.
func join(path, query, parameter string) string {
	if query == "" {
		return path + "?" + parameter
	}
	return path + query + "&" + parameter
}

func stageIndex(stages []domain.StageInfo, name domain.StageName) int {
	for i, stage := range stages {
		if stage.Name == name {
			return i
		}
	}
	return 0
}

// sortKey orders rows of a list, newest first is largest first. It is a
// number of fixed width, so that text order is time order.
func sortKey(at time.Time, id string) string {
	return strconv.FormatInt(1e17+at.UnixMicro(), 10) + id
}
