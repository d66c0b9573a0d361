package postgres_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/postgres"
)

func newcomer() domain.Arrival {
	return domain.Arrival{Browser: "Firefox", SignUp: true, MailDomain: "in.example"}
}

func ada() domain.Identity {
	return domain.Identity{Provider: "google", Subject: "1", Email: "ada@example.com", Name: "Ada Lovelace"}
}

func signInAs(t testing.TB, store *postgres.Store, identity domain.Identity, arrival domain.Arrival) (string, domain.Session) {
	t.Helper()
	token, session, err := store.SignInAs(t.Context(), identity, arrival)
	if err != nil {
		t.Fatal(err)
	}
	return token, session
}

func TestFirstSignInMakesAWorkspace(t *testing.T) {
	store, _ := open(t)
	_, session := signInAs(t, store, ada(), newcomer())
	if session.User.Email != "ada@example.com" || session.User.Name != "Ada Lovelace" || session.Role != domain.RoleOwner || session.Workspace.Name != "Books of Ada Lovelace" {
		t.Errorf("signed in as %+v", session)
	}
	addresses, err := store.Addresses(t.Context(), session.Workspace.ID)
	if err != nil || len(addresses) != 1 {
		t.Fatalf("addresses %v, %v", addresses, err)
	}
	if found, err := store.Resolve(t.Context(), addresses[0].Address); err != nil || found.Workspace != session.Workspace.ID {
		t.Errorf("the address leads to %+v, %v", found, err)
	}

	// The account is the person, whatever their address is by now.
	moved := ada()
	moved.Email = "ada@elsewhere.example"
	if _, again := signInAs(t, store, moved, newcomer()); again.User.ID != session.User.ID || again.Workspace.ID != session.Workspace.ID {
		t.Errorf("signed in again as %+v", again)
	}
	// And so is the address, whatever proves it.
	link, err := store.AskForLink(t.Context(), "ada@example.com", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, byMail, err := store.SignIn(t.Context(), link, domain.Arrival{}); err != nil || byMail.User.ID != session.User.ID {
		t.Errorf("signed in by mail as %+v, %v", byMail, err)
	}
}

func TestFirstSignInsAtOnceMakeOneWorkspace(t *testing.T) {
	store, _ := open(t)
	var group sync.WaitGroup
	workspaces := make([]domain.WorkspaceID, 8)
	for i := range workspaces {
		group.Go(func() {
			_, session, err := store.SignInAs(t.Context(), ada(), newcomer())
			if err != nil {
				t.Error(err)
			}
			workspaces[i] = session.Workspace.ID
		})
	}
	group.Wait()
	for _, workspace := range workspaces {
		if workspace != workspaces[0] {
			t.Fatalf("workspaces %v", workspaces)
		}
	}
}

func TestStrangersNeedAnInvitation(t *testing.T) {
	store, _ := open(t)
	workspace := newWorkspace(t, store, "Alpha")
	closed := domain.Arrival{MailDomain: "in.example"}
	if _, _, err := store.SignInAs(t.Context(), ada(), closed); !errors.Is(err, domain.ErrNoWorkspace) {
		t.Fatalf("a stranger: %v", err)
	}
	if _, err := store.AskForLink(t.Context(), "ada@example.com", false); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("a stranger's link: %v", err)
	}
	if _, err := store.Invite(t.Context(), workspace, "ada@example.com", domain.RoleMember, "alpha@owner.example"); err != nil {
		t.Fatal(err)
	}
	_, session := signInAs(t, store, ada(), closed)
	if session.Workspace.ID != workspace || session.Role != domain.RoleMember {
		t.Errorf("signed in as %+v", session)
	}
	if _, invited, err := store.Team(t.Context(), workspace); err != nil || len(invited) != 0 {
		t.Errorf("still invited: %v, %v", invited, err)
	}
}

// TestInvitationsTakeNobodyIn: where everybody gets a workspace, a stranger's
// invitation must not choose it for them.
func TestInvitationsTakeNobodyIn(t *testing.T) {
	store, _ := open(t)
	workspace := newWorkspace(t, store, "Alpha")
	token, err := store.Invite(t.Context(), workspace, "ada@example.com", domain.RoleMember, "alpha@owner.example")
	if err != nil {
		t.Fatal(err)
	}
	_, own := signInAs(t, store, ada(), newcomer())
	if own.Workspace.ID == workspace {
		t.Fatal("signing in joined a workspace unasked")
	}
	if _, _, err := store.Accept(t.Context(), token, domain.Identity{Provider: "google", Subject: "2", Email: "eve@example.com"}, ""); !errors.Is(err, domain.ErrOtherAddress) {
		t.Errorf("another address: %v", err)
	}
	_, joined, err := store.Accept(t.Context(), token, ada(), "Firefox")
	if err != nil || joined.Workspace.ID != workspace || joined.User.ID != own.User.ID {
		t.Fatalf("joined as %+v, %v", joined, err)
	}
	if _, _, err := store.Accept(t.Context(), token, ada(), ""); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("used twice: %v", err)
	}
	memberships, err := store.Memberships(t.Context(), own.User.ID)
	if err != nil || len(memberships) != 2 {
		t.Fatalf("belongs to %v, %v", memberships, err)
	}
}

func TestInvitationLinkProvesTheAddress(t *testing.T) {
	store, _ := open(t)
	workspace := newWorkspace(t, store, "Alpha")
	old, err := store.Invite(t.Context(), workspace, "ada@example.com", domain.RoleMember, "alpha@owner.example")
	if err != nil {
		t.Fatal(err)
	}
	token, err := store.Invite(t.Context(), workspace, "ada@example.com", domain.RoleOwner, "alpha@owner.example")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Invitation(t.Context(), old); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("the first link still works: %v", err)
	}
	_, session, err := store.Accept(t.Context(), token, domain.Identity{}, "")
	if err != nil || session.User.Email != "ada@example.com" || session.Role != domain.RoleOwner {
		t.Fatalf("joined as %+v, %v", session, err)
	}
	if _, err := store.Invite(t.Context(), workspace, "ada@example.com", domain.RoleMember, ""); !errors.Is(err, domain.ErrNotDue) {
		t.Errorf("a member was invited: %v", err)
	}
	if err := store.ChangeRole(t.Context(), workspace, session.User.ID, domain.RoleMember, ""); err != nil {
		t.Error(err)
	}
}

func TestLinksWorkOnceAndAreFew(t *testing.T) {
	store, admin := open(t)
	signInAs(t, store, ada(), newcomer())
	var links []string
	for range 5 {
		link, err := store.AskForLink(t.Context(), "ada@example.com", true)
		if err != nil {
			t.Fatal(err)
		}
		links = append(links, link)
	}
	if _, err := store.AskForLink(t.Context(), "ada@example.com", true); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("a sixth link: %v", err)
	}
	if _, _, err := store.SignIn(t.Context(), links[0], newcomer()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.SignIn(t.Context(), links[0], newcomer()); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("used twice: %v", err)
	}
	if _, err := connect(t, admin).Exec(t.Context(), "UPDATE verifications SET expires_at = now() - interval '1 second'"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.SignIn(t.Context(), links[1], newcomer()); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("used too late: %v", err)
	}
	var plain int
	err := connect(t, admin).QueryRow(t.Context(), "SELECT count(*) FROM verifications v, unnest($1::text[]) link WHERE v::text LIKE '%' || link || '%'", links).Scan(&plain)
	if err != nil || plain != 0 {
		t.Errorf("%d links are stored in the clear, %v", plain, err)
	}
}

func TestSessionsAreRenewedListedAndEnded(t *testing.T) {
	store, admin := open(t)
	first, session := signInAs(t, store, ada(), newcomer())
	second, _ := signInAs(t, store, ada(), domain.Arrival{Browser: "Safari"})
	third, _ := signInAs(t, store, ada(), domain.Arrival{Browser: "curl"})
	if first == second {
		t.Fatal("two sessions have one token")
	}
	super := connect(t, admin)
	if _, err := super.Exec(t.Context(), "UPDATE sessions SET expires_at = now() + interval '1 hour' WHERE browser = 'Firefox'"); err != nil {
		t.Fatal(err)
	}
	expires, err := store.RenewSession(t.Context(), first)
	if err != nil || time.Until(expires) < 7*24*time.Hour-time.Minute {
		t.Errorf("renewed until %v, %v", expires, err)
	}
	devices, err := store.Devices(t.Context(), session.User.ID, second)
	if err != nil || len(devices) != 3 || !devices[0].Current || devices[0].Browser != "Safari" || devices[1].Current {
		t.Fatalf("devices %+v, %v", devices, err)
	}
	stranger, _ := signInAs(t, store, domain.Identity{Provider: "google", Subject: "9", Email: "eve@example.com"}, newcomer())
	eve, err := store.Session(t.Context(), stranger)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.EndSession(t.Context(), eve.User.ID, devices[0].ID); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("a stranger ended a session: %v", err)
	}
	if err := store.EndSession(t.Context(), session.User.ID, devices[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Session(t.Context(), second); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("an ended session: %v", err)
	}
	if err := store.EndOtherSessions(t.Context(), session.User.ID, first); err != nil {
		t.Fatal(err)
	}
	for token, lives := range map[string]bool{first: true, third: false, stranger: true} {
		if _, err := store.Session(t.Context(), token); (err == nil) != lives {
			t.Errorf("session lives: %v, want %v", err == nil, lives)
		}
	}
	if _, err := super.Exec(t.Context(), "UPDATE sessions SET expires_at = now()"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Session(t.Context(), first); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("a session that is over: %v", err)
	}
	if _, err := store.RenewSession(t.Context(), first); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("it was renewed: %v", err)
	}
}

func TestMembersLeaveAndOneOwnerStays(t *testing.T) {
	store, _ := open(t)
	_, owner := signInAs(t, store, ada(), newcomer())
	workspace := owner.Workspace.ID
	token, err := store.Invite(t.Context(), workspace, "bob@example.com", domain.RoleMember, owner.User.Email)
	if err != nil {
		t.Fatal(err)
	}
	inWorkspace, bob, err := store.Accept(t.Context(), token, domain.Identity{}, "")
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"leave":  store.RemoveMember(t.Context(), workspace, owner.User.ID, ""),
		"demote": store.ChangeRole(t.Context(), workspace, owner.User.ID, domain.RoleMember, ""),
	} {
		if !errors.Is(err, domain.ErrLastOwner) {
			t.Errorf("%s the last owner: %v", what, err)
		}
	}
	other := newWorkspace(t, store, "Other")
	if err := store.RemoveMember(t.Context(), other, bob.User.ID, ""); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("removed from elsewhere: %v", err)
	}
	if err := store.Enter(t.Context(), inWorkspace, other); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("entered a foreign workspace: %v", err)
	}
	if err := store.RemoveMember(t.Context(), workspace, bob.User.ID, owner.User.Email); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Session(t.Context(), inWorkspace); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("the session of who was removed: %v", err)
	}
	members, _, err := store.Team(t.Context(), workspace)
	if err != nil || len(members) != 1 || members[0].User.Email != "ada@example.com" {
		t.Errorf("members %+v, %v", members, err)
	}
}

func TestEnterTakesTheSessionAlong(t *testing.T) {
	store, _ := open(t)
	token, own := signInAs(t, store, ada(), newcomer())
	other := newWorkspace(t, store, "Other")
	invitation, err := store.Invite(t.Context(), other, "ada@example.com", domain.RoleMember, "other@owner.example")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Accept(t.Context(), invitation, domain.Identity{}, ""); err != nil {
		t.Fatal(err)
	}
	if err := store.Enter(t.Context(), token, other); err != nil {
		t.Fatal(err)
	}
	session, err := store.Session(t.Context(), token)
	if err != nil || session.Workspace.ID != other || session.Role != domain.RoleMember || session.User.ID != own.User.ID {
		t.Errorf("entered as %+v, %v", session, err)
	}
}
