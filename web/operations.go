package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
)

// operations shows the installation to operators. To everybody else the page
// does not exist.
func (s *Server) operations(w http.ResponseWriter, r *http.Request) error {
	if !visitorOf(r).User.Operator {
		return s.notFound(w, r)
	}
	balance, err := s.cfg.Ledger.Balance(r.Context(), workspaceOf(r))
	if err != nil {
		return fmt.Errorf("read balance: %w", err)
	}
	page := templates.Operations{}
	if page.Shell, err = s.shell(r, "Operations", balance); err != nil {
		return err
	}
	page.Tab = "operations"
	if page.Operations, err = s.cfg.Operations.Operations(r.Context()); err != nil {
		return fmt.Errorf("count operations: %w", err)
	}
	if page.Members, err = s.cfg.Operations.Members(r.Context()); err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	if page.Queue, err = s.cfg.Operations.Queue(r.Context()); err != nil {
		return fmt.Errorf("count the queue: %w", err)
	}
	page.Stages = append([]domain.StageInfo{{Name: domain.UnpackStage, Doing: "Unpacking", Done: "Unpacked"}}, s.cfg.Stages...)
	return render(w, r, http.StatusOK, templates.OperationsPage(page))
}

// operate is a form of the operations page with one field. To everybody but
// operators it does not exist.
func (s *Server) operate(field string, deed func(ctx context.Context, value, by string) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		visitor := visitorOf(r)
		if !visitor.User.Operator {
			return s.notFound(w, r)
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			return badForm(err)
		}
		err := deed(r.Context(), r.PostForm.Get(field), visitor.User.Email)
		if errors.Is(err, domain.ErrNotFound) {
			return &problem{Status: http.StatusConflict, Kind: "not_there", Title: "There is no such " + field + " any more",
				Detail: "Somebody may have been faster. Nothing was changed."}
		}
		if err != nil {
			return fmt.Errorf("operate: %w", err)
		}
		http.Redirect(w, r, "/operations", http.StatusSeeOther)
		return nil
	}
}

func (s *Server) pauseStage(ctx context.Context, stage, by string) error {
	if !slices.ContainsFunc(s.cfg.Stages, func(known domain.StageInfo) bool { return string(known.Name) == stage }) {
		return domain.ErrNotFound
	}
	return s.cfg.Operators.PauseStage(ctx, domain.StageName(stage), by)
}

func (s *Server) resumeStage(ctx context.Context, stage, by string) error {
	return s.cfg.Operators.ResumeStage(ctx, domain.StageName(stage), by)
}

func (s *Server) drainNode(ctx context.Context, node, by string) error {
	return s.cfg.Operators.AskToDrain(ctx, node, true, by)
}

func (s *Server) undrainNode(ctx context.Context, node, by string) error {
	return s.cfg.Operators.AskToDrain(ctx, node, false, by)
}
