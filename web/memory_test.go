package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
	"github.com/google/uuid"
)

// memory keeps one workspace and stands in for the database and the object
// storage: what is tested here is the web server in front of them.
type memory struct {
	mu        sync.Mutex
	workspace domain.Workspace
	user      domain.User
	seq       int64
	documents map[domain.DocumentID]domain.Document
	mails     map[domain.MailID]domain.Mail
	attempts  map[domain.DocumentID][]domain.Attempt
	events    map[domain.DocumentID][]domain.Event
	settled   map[domain.DocumentID][]domain.ReviewReason // of the last approval
	files     map[domain.ObjectKey][]byte
	links     map[string]bool // one-time sign-in links
	people
	tokens    map[string]bool
	feeds     []chan domain.WorkspaceID
	samples   []string
	painted   []string
	paint     []byte // what every page looks like
	broken    error  // what every read of the ledger answers
	reads     int    // of Changes
	rules     []domain.SenderRule
	policy    domain.MailPolicy
	addresses []domain.Address
	deadMails []domain.Mail
	vendors   map[domain.DocumentID]domain.KnownVendor
	pauses    []domain.StagePause
	asked     []string // by operators
	replays   []domain.Replay
	reports   []domain.ConnectionReport
	notices   []domain.NoticeLine
	verifier  string // of the consent that was begun last
	bound     int64  // sequence numbers that one answer of Changes covers
}

func newMemory() *memory {
	return &memory{
		policy: domain.DefaultMailPolicy(), addresses: []domain.Address{{Address: "lindqvist-7f3k@in.docuflow.example"}},
		workspace: domain.Workspace{ID: "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a001", Name: "Lindqvist & Co", Slug: "lindqvist"},
		user:      domain.User{ID: "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a002", Email: "maria.aalto@lindqvist.example", Name: "Maria Aalto"},
		documents: map[domain.DocumentID]domain.Document{}, mails: map[domain.MailID]domain.Mail{},
		attempts: map[domain.DocumentID][]domain.Attempt{}, events: map[domain.DocumentID][]domain.Event{},
		files: map[domain.ObjectKey][]byte{}, links: map[string]bool{"link-1": true},
		bound: 500, people: newPeople(), tokens: map[string]bool{"token-1": true},
	}
}

// Memory and Forget stand for what was learned.
func (m *memory) Memory(_ context.Context, _ domain.WorkspaceID, id domain.DocumentID) (domain.KnownVendor, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	vendor, known := m.vendors[id]
	if !known {
		return vendor, domain.ErrNotFound
	}
	return vendor, nil
}

func (m *memory) Forget(_ context.Context, _ domain.WorkspaceID, id domain.DocumentID, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.vendors[id]; !known {
		return domain.ErrNotFound
	}
	delete(m.vendors, id)
	return nil
}

// put writes a document and tells the feed, as a commit does.
func (m *memory) put(d domain.Document) domain.Document {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.write(d)
}

func (m *memory) write(d domain.Document) domain.Document {
	m.seq++
	d.Seq, d.Workspace, d.UpdatedAt = m.seq, m.workspace.ID, time.Now()
	if d.ID == "" {
		d.ID = domain.DocumentID(uuid.NewString())
	}
	if d.CreatedAt.IsZero() {
		d.CreatedAt = time.Now()
	}
	m.documents[d.ID] = d
	m.tell()
	return d
}

func (m *memory) putMail(mail domain.Mail) domain.Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq++
	mail.Seq, mail.Workspace, mail.Outcome = m.seq, m.workspace.ID, outcomeOf(mail)
	m.mails[mail.ID] = mail
	m.tell()
	return mail
}

func (m *memory) tell() {
	for _, feed := range m.feeds {
		select {
		case feed <- m.workspace.ID:
		default:
		}
	}
}

func (m *memory) setBroken(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
	m.tell()
}

func (m *memory) selected(query domain.DocumentQuery) []domain.Document {
	list := templates.List{Status: query.Status, Review: query.Review, Text: query.Text, Stage: query.Stage, Kind: query.Kind}
	var found []domain.Document
	for _, d := range m.documents {
		if d.DiscardedAt.IsZero() && matches(list, d) {
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b domain.Document) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	return found
}

func (m *memory) Documents(_ context.Context, workspace domain.WorkspaceID, query domain.DocumentQuery) (domain.DocumentPage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if workspace != m.workspace.ID {
		return domain.DocumentPage{}, nil
	}
	found := m.selected(query)
	from, _ := strconv.Atoi(query.Cursor)
	found = found[min(from, len(found)):]
	if len(found) <= query.Limit {
		return domain.DocumentPage{Documents: found}, nil
	}
	return domain.DocumentPage{Documents: found[:query.Limit], NextCursor: strconv.Itoa(from + query.Limit)}, nil
}

func (m *memory) Document(_ context.Context, workspace domain.WorkspaceID, id domain.DocumentID) (domain.Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(workspace, id)
}

func (m *memory) find(workspace domain.WorkspaceID, id domain.DocumentID) (domain.Document, error) {
	d, ok := m.documents[id]
	if !ok || workspace != m.workspace.ID || !d.DiscardedAt.IsZero() {
		return domain.Document{}, fmt.Errorf("document %s: %w", id, domain.ErrNotFound)
	}
	return d, nil
}

func (m *memory) Timeline(_ context.Context, workspace domain.WorkspaceID, id domain.DocumentID) ([]domain.Attempt, []domain.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.find(workspace, id); err != nil {
		return nil, nil, err
	}
	return m.attempts[id], m.events[id], nil
}

func (m *memory) Sums(_ context.Context, _ domain.WorkspaceID, query domain.DocumentQuery, from, until time.Time) ([]domain.Sum, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := slices.DeleteFunc(m.selected(query), func(d domain.Document) bool {
		return d.CreatedAt.Before(from) || !d.CreatedAt.Before(until)
	})
	return templates.Sums(found), nil
}

func (m *memory) Place(_ context.Context, _ domain.WorkspaceID, query domain.DocumentQuery, id domain.DocumentID) (domain.Place, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := m.selected(query)
	at := slices.IndexFunc(found, func(d domain.Document) bool { return d.ID == id })
	if at < 0 {
		return domain.Place{}, domain.ErrNotFound
	}
	place := domain.Place{Index: at + 1, Of: len(found)}
	if at > 0 {
		place.Newer = found[at-1].ID
	}
	if at+1 < len(found) {
		place.Older = found[at+1].ID
	}
	return place, nil
}

func (m *memory) change(workspace domain.WorkspaceID, id domain.DocumentID, change func(*domain.Document) error) (domain.Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.find(workspace, id)
	if err != nil {
		return d, err
	}
	if err := change(&d); err != nil {
		return d, err
	}
	return m.write(d), nil
}

func (m *memory) Edit(_ context.Context, workspace domain.WorkspaceID, id domain.DocumentID, values map[domain.FieldName]*string, by string) (domain.Document, error) {
	return m.change(workspace, id, func(d *domain.Document) error {
		for name, value := range values {
			if value == nil {
				d.Fields = d.Fields.Unlock(name)
			} else {
				d.Fields = d.Fields.Edit(name, *value, by, time.Now())
			}
		}
		return nil
	})
}

func (m *memory) Retry(_ context.Context, workspace domain.WorkspaceID, id domain.DocumentID, _ string) (domain.Document, error) {
	return m.change(workspace, id, func(d *domain.Document) error {
		if d.Status != domain.Failed && d.Status != domain.Retrying {
			return domain.ErrNotDue
		}
		d.Status, d.Error, d.Attempt = domain.Queued, nil, 0
		return nil
	})
}

func (m *memory) Discard(_ context.Context, workspace domain.WorkspaceID, id domain.DocumentID, _ string) error {
	_, err := m.change(workspace, id, func(d *domain.Document) error {
		d.DiscardedAt = time.Now()
		return nil
	})
	return err
}

func (m *memory) Approve(_ context.Context, workspace domain.WorkspaceID, id domain.DocumentID, _ string) (domain.Document, error) {
	return m.change(workspace, id, func(d *domain.Document) error {
		m.settled = map[domain.DocumentID][]domain.ReviewReason{id: d.Review}
		d.Review = nil
		return nil
	})
}

func (m *memory) TakeBack(_ context.Context, workspace domain.WorkspaceID, id domain.DocumentID, _ string) (domain.Document, error) {
	return m.change(workspace, id, func(d *domain.Document) error {
		if m.settled[id] == nil {
			return domain.ErrNotDue
		}
		d.Review = m.settled[id]
		return nil
	})
}

func (m *memory) Balance(context.Context, domain.WorkspaceID) (domain.Balance, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := domain.Balance{Seq: m.seq}
	for _, d := range m.selected(domain.DocumentQuery{}) {
		b.Received++
		switch {
		case d.Status == domain.Completed && d.NeedsReview():
			b.Review++
		case d.Status == domain.Completed:
			b.Done++
		case d.Waiting != nil:
			b.Waiting++
		case d.Status == domain.Retrying:
			b.Retrying++
		case d.Status == domain.Failed:
			b.Failed++
		default:
			b.InProgress++
		}
	}
	b.Unpacking, b.DeadMails, b.HeldMails = len(m.unpacking()), len(m.deadMails), m.heldMails()
	return b, m.broken
}

func (m *memory) unpacking() []domain.Mail {
	var found []domain.Mail
	for _, mail := range m.mails {
		if mail.Status == domain.MailAccepted {
			found = append(found, mail)
		}
	}
	return found
}

func (m *memory) Unpacking(context.Context, domain.WorkspaceID) ([]domain.Mail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.unpacking(), m.broken
}

func (m *memory) Changes(_ context.Context, _ domain.WorkspaceID, since int64) (domain.Changes, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	changes := domain.Changes{Seq: min(m.seq, since+m.bound)}
	for _, d := range m.documents {
		if d.Seq > since && d.Seq <= changes.Seq {
			changes.Documents = append(changes.Documents, d)
		}
	}
	for _, mail := range m.mails {
		if mail.Seq > since && mail.Seq <= changes.Seq {
			changes.Mails = append(changes.Mails, mail)
		}
	}
	return changes, m.broken
}

func (m *memory) Mail(_ context.Context, workspace domain.WorkspaceID, id domain.MailID) (domain.Mail, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	mail, ok := m.mails[id]
	if !ok || workspace != m.workspace.ID {
		return domain.Mail{}, domain.ErrNotFound
	}
	return mail, nil
}

func (m *memory) Addresses(context.Context, domain.WorkspaceID) ([]domain.Address, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.addresses), nil
}

func (m *memory) Subscribe(context.Context) <-chan domain.WorkspaceID {
	m.mu.Lock()
	defer m.mu.Unlock()
	feed := make(chan domain.WorkspaceID, 64)
	m.feeds = append(m.feeds, feed)
	return feed
}

func (m *memory) Token(_ context.Context, bearer string) (domain.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.tokens[bearer] {
		return domain.Session{}, domain.ErrNotFound
	}
	return m.session(time.Now().Add(sessionLife)), nil
}

var errStorage = errors.New("disk on fire at /var/lib/secret")

func (m *memory) Upload(_ context.Context, workspace domain.WorkspaceID, by, fileName string, r io.Reader) (domain.Document, error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return domain.Document{}, fmt.Errorf("read upload: %w", err)
	}
	switch {
	case strings.HasPrefix(fileName, "broken"):
		return domain.Document{}, errStorage
	case len(content) == 0:
		return domain.Document{}, domain.Permanent(domain.KindDamaged, "The file is empty.", nil)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := domain.ObjectKey(string(workspace) + "/" + uuid.NewString())
	m.files[key] = content
	return m.write(domain.Document{Sender: by, FileName: fileName, MediaType: "application/pdf", Size: int64(len(content)), Original: key, Status: domain.Queued}), nil
}

func (m *memory) Open(_ context.Context, key domain.ObjectKey) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	content, ok := m.files[key]
	if !ok {
		return nil, domain.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func (m *memory) Page(_ context.Context, d domain.Document, page int) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.painted = append(m.painted, fmt.Sprintf("%s page %d", d.ID, page))
	return io.NopCloser(bytes.NewReader(m.paint)), nil
}

func (m *memory) SendSample(_ context.Context, address string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.samples = append(m.samples, address)
	return nil
}
