package web

import (
	"errors"
	"fmt"
	"net/http"
)

// setAnswers keeps whether senders are told what became of their mail.
func (s *Server) setAnswers(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	choice := r.PostForm.Get("answers")
	if choice != "on" && choice != "off" {
		return badForm(errors.New("no such choice"))
	}
	policy, err := s.cfg.Policies.MailPolicy(r.Context(), workspaceOf(r))
	if err != nil {
		return fmt.Errorf("read mail policy: %w", err)
	}
	policy.Answers = choice == "on"
	if err := s.cfg.Policies.SetMailPolicy(r.Context(), workspaceOf(r), policy, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("set mail policy: %w", err)
	}
	return backToSettings(w, r, "answers")
}
