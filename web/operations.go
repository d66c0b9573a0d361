package web

import (
	"fmt"
	"net/http"

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
