package web

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// people is who can sign in to the workspace in memory.
type people struct {
	sessions map[string]time.Time // when they end, by token
	role     domain.Role
	known    map[string]bool // addresses that may have links
	wanted   chan string     // addresses that asked for one
	identity domain.Identity // who signed in by a provider last
	arrival  domain.Arrival
	deeds    []string
}

func newPeople() people {
	return people{sessions: map[string]time.Time{}, role: domain.RoleOwner, known: map[string]bool{"maria.aalto@lindqvist.example": true}, wanted: make(chan string, 100)}
}

func (m *memory) session(expires time.Time) domain.Session {
	return domain.Session{User: m.user, Workspace: m.workspace, Role: m.role, ExpiresAt: expires}
}

// begin makes a session as every way in does; m is locked.
func (m *memory) begin(arrival domain.Arrival) (string, domain.Session, error) {
	token := fmt.Sprintf("session-%d", len(m.sessions)+100)
	m.sessions[token] = time.Now().Add(sessionLife)
	m.arrival = arrival
	return token, m.session(m.sessions[token]), nil
}

func (m *memory) SignIn(_ context.Context, link string, arrival domain.Arrival) (string, domain.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.links[link] {
		return "", domain.Session{}, domain.ErrNotFound
	}
	delete(m.links, link)
	return m.begin(arrival)
}

func (m *memory) SignInAs(_ context.Context, identity domain.Identity, arrival domain.Arrival) (string, domain.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known[identity.Email] && !arrival.SignUp {
		return "", domain.Session{}, domain.ErrNoWorkspace
	}
	m.identity = identity
	return m.begin(arrival)
}

func (m *memory) AskForLink(_ context.Context, email string, signUp bool) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wanted <- email
	if !m.known[email] && !signUp {
		return "", domain.ErrNotFound
	}
	m.links["link-for-"+email] = true
	return "link-for-" + email, nil
}

func (m *memory) Session(_ context.Context, token string) (domain.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	expires, ok := m.sessions[token]
	if !ok || time.Now().After(expires) {
		return domain.Session{}, domain.ErrNotFound
	}
	return m.session(expires), nil
}

func (m *memory) RenewSession(_ context.Context, token string) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions[token] = time.Now().Add(sessionLife)
	return m.sessions[token], nil
}

func (m *memory) SignOut(_ context.Context, token string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, token)
	return nil
}

func (m *memory) Devices(context.Context, domain.UserID, string) ([]domain.Device, error) {
	now := time.Now()
	return []domain.Device{
		{ID: "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a0d1", Browser: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", Workspace: m.workspace.Name, CreatedAt: now.Add(-50 * time.Hour), SeenAt: now, Current: true},
		{ID: "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a0d2", Browser: "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) Safari/604.1", Workspace: m.workspace.Name, CreatedAt: now.Add(-90 * time.Hour), SeenAt: now.Add(-9 * time.Hour)},
	}, nil
}

func (m *memory) EndSession(_ context.Context, _ domain.UserID, id domain.SessionID) error {
	return m.did("end", string(id))
}

func (m *memory) EndOtherSessions(_ context.Context, _ domain.UserID, current string) error {
	return m.did("end all but", current)
}

// did writes down what was asked for.
func (m *memory) did(words ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.deeds = append(m.deeds, strings.Join(words, " "))
	return nil
}

func (m *memory) Memberships(context.Context, domain.UserID) ([]domain.Membership, error) {
	return []domain.Membership{
		{User: m.user, Workspace: m.workspace, Role: domain.RoleOwner, Since: time.Now().Add(-900 * time.Hour)},
		{User: m.user, Workspace: domain.Workspace{ID: "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a0e1", Name: "Aalto family"}, Role: domain.RoleMember, Since: time.Now().Add(-90 * time.Hour)},
	}, nil
}

func (m *memory) Enter(_ context.Context, token string, workspace domain.WorkspaceID) error {
	if workspace == "elsewhere" {
		return domain.ErrNotFound
	}
	return m.did("enter", token, string(workspace))
}

func (m *memory) Team(context.Context, domain.WorkspaceID) ([]domain.Membership, []domain.Invitation, error) {
	since := time.Now().Add(-900 * time.Hour)
	return []domain.Membership{
			{User: m.user, Role: domain.RoleOwner, Since: since},
			{User: domain.User{ID: "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a0f1", Email: "j.lindqvist@lindqvist.example", Name: "Jonas Lindqvist"}, Role: domain.RoleMember, Since: since},
		}, []domain.Invitation{
			{ID: "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a0f2", Email: "buero@steuer-kern.example", Role: domain.RoleMember, InvitedBy: m.user.Email, ExpiresAt: time.Now().Add(90 * time.Hour)},
		}, nil
}

func (m *memory) ChangeRole(_ context.Context, _ domain.WorkspaceID, user domain.UserID, role domain.Role, by string) error {
	if user == m.user.ID {
		return domain.ErrLastOwner
	}
	return m.did("role", string(user), string(role), by)
}

func (m *memory) RemoveMember(_ context.Context, _ domain.WorkspaceID, user domain.UserID, by string) error {
	return m.did("remove", string(user), by)
}

func (m *memory) Invite(_ context.Context, _ domain.WorkspaceID, email string, role domain.Role, by string) (string, error) {
	if m.known[email] {
		return "", domain.ErrNotDue
	}
	return "invitation-1", m.did("invite", email, string(role), by)
}

func (m *memory) Withdraw(_ context.Context, _ domain.WorkspaceID, id domain.InvitationID, by string) error {
	return m.did("withdraw", string(id), by)
}

func (m *memory) Invitation(_ context.Context, token string) (domain.Invitation, error) {
	if token != "invitation-1" {
		return domain.Invitation{}, domain.ErrNotFound
	}
	return domain.Invitation{Workspace: m.workspace, Email: "buero@steuer-kern.example", Role: domain.RoleMember, InvitedBy: m.user.Email}, nil
}

func (m *memory) Accept(ctx context.Context, token string, identity domain.Identity, browser string) (string, domain.Session, error) {
	invitation, err := m.Invitation(ctx, token)
	if err != nil {
		return "", domain.Session{}, err
	}
	if identity.Email != "" && identity.Email != invitation.Email {
		return "", domain.Session{}, domain.ErrOtherAddress
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.begin(domain.Arrival{Browser: browser})
}

// oracle is a provider that believes the code: it is the address.
type oracle struct{ fails error }

func (o *oracle) Title() string { return "Google" }

func (o *oracle) Begin(_ context.Context, state, nonce, verifier string) (string, error) {
	return "https://accounts.example/auth?state=" + state + "&nonce=" + nonce + "&verifier=" + verifier, o.fails
}

func (o *oracle) Finish(_ context.Context, code, nonce, verifier string) (domain.Identity, error) {
	return domain.Identity{Provider: "oracle", Subject: nonce + verifier, Email: code}, o.fails
}

// letterbox keeps letters.
type letterbox struct {
	mu      sync.Mutex
	letters []string
	fails   error
}

func (p *letterbox) Send(_ context.Context, letter domain.Letter) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fails == nil {
		p.letters = append(p.letters, letter.To+"\n"+letter.Subject+"\n"+letter.Text)
	}
	return p.fails
}

func (p *letterbox) read() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.letters, "\n")
}
