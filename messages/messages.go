// Package messages is what actors say to each other. All messages are sent as
// values, never as pointers. They carry ids and results, never bytes: storage
// keys stand for those.
package messages

import (
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Kick tells a workspace that it may have work that is due. It may be lost or
// come too often: the recovery scan kicks again.
type Kick struct {
	Workspace domain.WorkspaceID
}

// Due answers a workspace's question for work.
type Due struct {
	Work []domain.Work
	Err  error
}

// Claimed answers a document actor's claim.
type Claimed struct {
	Document domain.Document
	Lease    domain.Lease
	Err      error
}

// MailClaimed answers a mail actor's claim.
type MailClaimed struct {
	Mail  domain.Mail
	Lease domain.Lease
	Err   error
}

// Run tells a stage actor to begin.
type Run struct{}

// Ran is what a stage actor reports to its parent, which then stops it.
type Ran struct {
	Result any           // what the stage returned; its parent knows the type
	Err    error         // nil: the stage is done
	Waited time.Duration // for a slot, before it began
}

// Committed says that the outcome of an attempt was written, or why not.
type Committed struct {
	Document domain.Document // its present state, when another stage follows
	More     bool            // another stage follows under the same lease
	Err      error
}

// LeaseLost says that somebody else may work on this by now.
type LeaseLost struct {
	Err error
}
