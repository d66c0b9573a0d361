// Package messages is what actors say to each other. All messages are sent as
// values, never as pointers, except for those of kick.proto, which cross from
// node to node. They carry ids and results, never bytes: storage keys stand for those.
package messages

import (
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Kick tells a part of a workspace that it may have work that is due. It may
// be lost or come too often: the recovery scan kicks again.
type Kick struct {
	Shard domain.Shard
}

// Retire tells a part of a workspace that another node looks after it from
// now on, or should: it finishes what it has and asks for no more work,
// unless it is kicked again.
type Retire struct {
	Shard domain.Shard
}

// Paced tells a workspace that its plan lets it begin more work.
type Paced struct{}

// Due answers a workspace's question for work.
type Due struct {
	domain.Due
	Err error
}

// Claimed answers a claim.
type Claimed struct {
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
	Took   time.Duration // since then
}

// Committed says that the outcome of an attempt was written, or why not.
type Committed struct {
	More bool // another attempt follows under the same lease
	Err  error
}

// LeaseLost says that somebody else may work on this by now.
type LeaseLost struct {
	Err error
}
