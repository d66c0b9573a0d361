package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
)

// setPolicy keeps what is done with unknown senders and with duplicates.
func (s *Server) setPolicy(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	policy, err := s.cfg.Policies.MailPolicy(r.Context(), workspaceOf(r))
	if err != nil {
		return fmt.Errorf("read mail policy: %w", err)
	}
	policy.Unknown, policy.Duplicates = r.PostForm.Get("unknown"), r.PostForm.Get("duplicates")
	if !slices.Contains([]string{domain.UnknownAccept, domain.UnknownQuarantine}, policy.Unknown) ||
		!slices.Contains([]string{domain.DuplicatesFlag, domain.DuplicatesSkip}, policy.Duplicates) {
		return badForm(errors.New("no such choice"))
	}
	if err := s.cfg.Policies.SetMailPolicy(r.Context(), workspaceOf(r), policy, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("set mail policy: %w", err)
	}
	return backToSettings(w, r, "policy")
}

// addRule makes a sender rule, or shows the page again with what is wrong with it.
func (s *Server) addRule(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	rule := domain.SenderRule{Verb: domain.RuleVerb(r.PostForm.Get("verb")), By: visitorOf(r).User.Email}
	if !slices.Contains(domain.RuleVerbs, rule.Verb) {
		return badForm(errors.New("no such verb"))
	}
	sender, err := domain.CanonicalSender(r.PostForm.Get("sender"))
	if err != nil {
		return s.refuseRule(w, r, err)
	}
	rule.Sender = sender
	if err := s.cfg.Rules.PutRule(r.Context(), workspaceOf(r), rule); err != nil {
		return fmt.Errorf("make sender rule: %w", err)
	}
	return backToSettings(w, r, "senders")
}

func (s *Server) refuseRule(w http.ResponseWriter, r *http.Request, cause error) error {
	page, err := s.readSettings(r)
	if err != nil {
		return err
	}
	sentence := strings.TrimPrefix(cause.Error(), domain.ErrSender.Error()+": ")
	page.Draft, page.Problem = strings.ToValidUTF8(r.PostForm.Get("sender"), "\uFFFD"), "The rule was not added: "+sentence+"."
	return render(w, r, http.StatusUnprocessableEntity, templates.SettingsPage(page))
}

func (s *Server) removeRule(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	sender, err := domain.CanonicalSender(r.PostForm.Get("sender"))
	if err != nil {
		return domain.ErrNotFound
	}
	if err := s.cfg.Rules.RemoveRule(r.Context(), workspaceOf(r), sender, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("remove sender rule: %w", err)
	}
	return backToSettings(w, r, "senders")
}
