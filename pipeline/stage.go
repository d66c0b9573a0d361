package pipeline

import (
	"context"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/press"
)

// Stage is one step of a document's way. Run returns what it found out or
// made; an error follows the rules of domain.Failure. Cancelling ctx stops the
// work, child processes included.
type Stage interface {
	Info() domain.StageInfo
	Run(ctx context.Context, document domain.Document) (domain.Outcome, error)
}

// Step is a stage as it is wired: with its retry policy and its weight.
type Step struct {
	Stage
	Policy domain.RetryPolicy
	// Heavy stages use the processor: they take a slot of the node's pool.
	Heavy bool
}

// Press works on hostile bytes, outside of this process, and on those of one
// workspace apart from all others.
type Press interface {
	Unpack(ctx context.Context, workspace domain.WorkspaceID, raw, dir string) (press.Message, error)
	Standardize(ctx context.Context, workspace domain.WorkspaceID, original, dir string) (press.Standardized, error)
	Read(ctx context.Context, workspace domain.WorkspaceID, file string) (press.Reading, error)
}

// Workspaces reads what stages need to know of a document's workspace.
type Workspaces interface {
	Workspace(ctx context.Context, id domain.WorkspaceID) (domain.Workspace, error)
	Categories(ctx context.Context, id domain.WorkspaceID) ([]domain.Category, error)
}
