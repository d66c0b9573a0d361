package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
)

// members shows who belongs to the workspace and who is invited.
func (s *Server) members(w http.ResponseWriter, r *http.Request) error {
	return s.membersPage(w, r, http.StatusOK, "", "")
}

func (s *Server) membersPage(w http.ResponseWriter, r *http.Request, status int, refused, next string) error {
	shell, err := s.ledgerShell(r, "Members")
	if err != nil {
		return err
	}
	page := templates.Members{
		Shell: shell, Owner: visitorOf(r).Role == domain.RoleOwner, Mails: s.cfg.Letters != nil, SignUp: s.cfg.Arrival.SignUp, Refused: refused, Next: next,
	}
	if page.Members, page.Invited, err = s.cfg.Team.Team(r.Context(), workspaceOf(r)); err != nil {
		return fmt.Errorf("list members: %w", err)
	}
	return render(w, r, status, templates.MembersPage(page))
}

// owner lets owners pass. The role is that of this moment: it is read with the session.
func owner(r *http.Request) error {
	if visitorOf(r).Role == domain.RoleOwner {
		return nil
	}
	return &problem{Status: http.StatusForbidden, Kind: "owners_only", Title: "Only owners of the workspace may do this", Detail: "Nothing was changed. Ask an owner to do it."}
}

func (s *Server) invite(w http.ResponseWriter, r *http.Request) error {
	if err := owner(r); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	email, err := domain.CanonicalAddress(r.PostForm.Get("email"))
	if err != nil {
		return s.membersPage(w, r, http.StatusUnprocessableEntity, "This is not a mail address.", "Nobody was invited. Check it and try again.")
	}
	visitor := visitorOf(r)
	token, err := s.cfg.Inviter.Invite(r.Context(), workspaceOf(r), email, roleOf(r.PostForm.Get("role")), visitor.User.Email)
	if errors.Is(err, domain.ErrNotDue) {
		return s.membersPage(w, r, http.StatusConflict, email+" belongs to this workspace already.", "Nobody was invited.")
	}
	if err != nil {
		return fmt.Errorf("invite: %w", err)
	}
	if s.cfg.Letters == nil {
		return toMembers(w, r)
	}
	if err := s.mailInvitation(r.Context(), email, token, visitor.Session); err != nil {
		s.cfg.Log.WarnContext(r.Context(), "an invitation was not sent", slog.Any("error", err))
		return s.membersPage(w, r, http.StatusBadGateway, "The letter could not be sent.", "The invitation is kept. Invite "+email+" again in a minute.")
	}
	return toMembers(w, r)
}

// roleOf is the role that a form names; anything odd is the lesser one.
func roleOf(text string) domain.Role {
	if domain.Role(text) == domain.RoleOwner {
		return domain.RoleOwner
	}
	return domain.RoleMember
}

func (s *Server) withdraw(w http.ResponseWriter, r *http.Request) error {
	if err := owner(r); err != nil {
		return err
	}
	err := s.cfg.Inviter.Withdraw(r.Context(), workspaceOf(r), domain.InvitationID(chi.URLParam(r, "id")), visitorOf(r).User.Email)
	if err != nil && !errors.Is(err, domain.ErrNotFound) { // accepted or taken back meanwhile: the page shows which
		return fmt.Errorf("withdraw invitation: %w", err)
	}
	return toMembers(w, r)
}

func (s *Server) changeRole(w http.ResponseWriter, r *http.Request) error {
	if err := owner(r); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	err := s.cfg.Team.ChangeRole(r.Context(), workspaceOf(r), domain.UserID(chi.URLParam(r, "id")), roleOf(r.PostForm.Get("role")), visitorOf(r).User.Email)
	return s.aboutMember(w, r, err)
}

// removeMember takes somebody out; everybody may leave by themselves.
func (s *Server) removeMember(w http.ResponseWriter, r *http.Request) error {
	id := domain.UserID(chi.URLParam(r, "id"))
	if id != visitorOf(r).User.ID {
		if err := owner(r); err != nil {
			return err
		}
	}
	return s.aboutMember(w, r, s.cfg.Team.RemoveMember(r.Context(), workspaceOf(r), id, visitorOf(r).User.Email))
}

func (s *Server) aboutMember(w http.ResponseWriter, r *http.Request, err error) error {
	if errors.Is(err, domain.ErrLastOwner) {
		return s.membersPage(w, r, http.StatusConflict, "The workspace needs an owner.", "Nothing was changed. Make somebody else an owner first.")
	}
	if err != nil {
		return fmt.Errorf("change member: %w", err)
	}
	return toMembers(w, r)
}

func toMembers(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/members", http.StatusSeeOther)
	return nil
}

// invitationPage shows an invitation to whoever has its link. It changes nothing.
func (s *Server) invitationPage(w http.ResponseWriter, r *http.Request) error {
	invitation, err := s.cfg.Invited.Invitation(r.Context(), chi.URLParam(r, "token"))
	if errors.Is(err, domain.ErrNotFound) {
		return s.invitationGone(w, r)
	}
	if err != nil {
		return fmt.Errorf("read invitation: %w", err)
	}
	page := s.signInView(r)
	page.Token, page.Invitation = chi.URLParam(r, "token"), &invitation
	return render(w, r, http.StatusOK, templates.SignInPage(page))
}

func (s *Server) invitationGone(w http.ResponseWriter, r *http.Request) error {
	return s.refuseSignIn(w, r, http.StatusGone, "This invitation was used, taken back, or is too old.", "Nothing was changed. Sign in if you have joined, or ask for a new one.")
}

func (s *Server) acceptInvitation(w http.ResponseWriter, r *http.Request) error {
	return s.acceptAs(w, r, chi.URLParam(r, "token"), domain.Identity{})
}

// acceptAs joins the workspace of an invitation, as whom a provider has proved or as
// who has the link.
func (s *Server) acceptAs(w http.ResponseWriter, r *http.Request, token string, identity domain.Identity) error {
	session, signedIn, err := s.cfg.Invited.Accept(r.Context(), token, identity, browserName(r))
	if errors.Is(err, domain.ErrNotFound) {
		return s.invitationGone(w, r)
	}
	if errors.Is(err, domain.ErrOtherAddress) {
		return s.refuseSignIn(w, r, http.StatusForbidden, "The invitation is for another address than "+identity.Email+".", "Nothing was changed. Open its link again and press Join, or use the account of that address.")
	}
	return s.enter(w, r, session, signedIn, err)
}
