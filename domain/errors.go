package domain

import (
	"errors"
	"time"
)

// ErrorKind groups failures for people and for replays: "damaged",
// "password", "timeout". Kinds are an open set of short snake_case words.
type ErrorKind string

// Kinds that more than one package uses.
const (
	KindInternal ErrorKind = "internal" // ours, or not understood
	KindTimeout  ErrorKind = "timeout"
	KindPanic    ErrorKind = "panic"
	KindKilled   ErrorKind = "killed"   // a child process ran out of its limits
	KindDamaged  ErrorKind = "damaged"  // the file cannot be read
	KindPassword ErrorKind = "password" // the file is encrypted
	KindTooLarge ErrorKind = "too_large"
	KindStorage  ErrorKind = "storage"  // database or object storage did not answer
	KindRejected ErrorKind = "rejected" // a service refused for good
	KindBusy     ErrorKind = "busy"     // a service asks us to come later
	// KindPaused says that an operator has paused a stage.
	KindPaused ErrorKind = "paused"
	// KindCancelled says that a person ended the work.
	KindCancelled ErrorKind = "cancelled"
)

var (
	// ErrNotFound says that there is no such row or object, or that it belongs
	// to another workspace.
	ErrNotFound = errors.New("not found")
	// ErrExists says that there is one of this name already.
	ErrExists = errors.New("exists already")
	// ErrNotDue says that a claim found nothing to do: the work is done, not
	// due yet, or another node holds its lease.
	ErrNotDue = errors.New("not due")
	// ErrSuperseded says that a lease was lost: somebody else has claimed the
	// work since, and nothing was written.
	ErrSuperseded = errors.New("superseded by another claim")
	// ErrEvicted says that this node is not a member of the cluster any more:
	// it was silent for too long, or another process has taken its name or address.
	ErrEvicted = errors.New("not a member of the cluster any more")
)

// Failure is an error of a stage with what the retry policy and the
// document's owner need to know. An error without a Failure in its chain is
// temporary and internal.
type Failure struct {
	Kind       ErrorKind
	Permanent  bool          // another attempt cannot help
	Message    string        // for the document's owner: what happened, what to do
	RetryAfter time.Duration // not before, 0 when the service did not say
	// Person says that nothing goes on at this stage until a person acts. The
	// stage is paused for the workspace and no attempt is used up.
	Person     bool
	Connection string // what has to be mended then; may be empty
	Err        error  // for the log; may be nil
}

// Error is for logs.
func (f *Failure) Error() string {
	if f.Err == nil {
		return f.Message
	}
	return f.Message + ": " + f.Err.Error()
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Permanent says that another attempt cannot help. The message is shown to
// the document's owner; err is for the log and may be nil.
func Permanent(kind ErrorKind, message string, err error) error {
	return &Failure{Kind: kind, Permanent: true, Message: message, Err: err}
}

// Temporary says that another attempt may help. The message is shown to the
// document's owner; err is for the log and may be nil.
func Temporary(kind ErrorKind, message string, err error) error {
	return &Failure{Kind: kind, Message: message, Err: err}
}

// NeedsPerson says that the stage cannot go on in this workspace until a
// person acts, for example signs in again to a service. connection names what
// has to be mended and may be empty; the message is shown to the workspace's
// people; err is for the log and may be nil.
func NeedsPerson(kind ErrorKind, connection, message string, err error) error {
	return &Failure{Kind: kind, Person: true, Connection: connection, Message: message, Err: err}
}

// AsFailure returns the Failure in an error's chain, or a temporary internal one.
func AsFailure(err error) *Failure {
	if failure, ok := errors.AsType[*Failure](err); ok {
		return failure
	}
	return &Failure{Kind: KindInternal, Message: "Something went wrong on our side.", Err: err}
}
