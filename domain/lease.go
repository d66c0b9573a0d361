package domain

import "time"

// Lease is the right to work on one mail or document until it expires or is
// renewed. Its epoch fences every write: once somebody else has claimed the
// same work, writes under this lease are refused with ErrSuperseded.
type Lease struct {
	Workspace WorkspaceID
	Document  DocumentID // empty for a mail
	Mail      MailID     // empty for a document
	Epoch     int64
	Node      string
}

// Work is one mail or document that is due.
type Work struct {
	Document DocumentID // empty for a mail
	Mail     MailID     // empty for a document
}

// Shard is a part of a workspace: that of the mails and documents whose hash
// falls on its number. Most workspaces have one, with number 0.
type Shard struct {
	Workspace WorkspaceID
	Number    int
}

// Due is what a part of a workspace can have worked on now, oldest due first,
// and what its workspace may use.
type Due struct {
	Plan Plan
	Work []Work
}

// FailedAttempt is how an attempt ended that did not do its stage.
type FailedAttempt struct {
	Failure *Failure
	// Retry says that another attempt follows, RetryIn from now. Otherwise the
	// work is a dead letter from here on.
	Retry   bool
	RetryIn time.Duration
	// Uncounted says that the attempt told nothing about the work itself, and
	// uses nothing of its budget up.
	Uncounted bool
}

// Unpacked is what came out of a mail.
type Unpacked struct {
	MessageID   string
	Subject     string
	Author      string
	AuthorName  string
	Verdict     Verdict
	Disposition Disposition
	Reason      string
	Notice      *Confirmation
	Automatic   bool // a program wrote it, by its own account
	Parts       []Part
	Documents   []NewDocument
	AnswerTo    string // whom to tell what became of it; empty: nobody
}

// NewDocument is a document that does not have a row yet. Its original is
// durable already.
type NewDocument struct {
	ID        DocumentID
	Mail      MailID // empty for an upload
	MessageID string // empty for an upload; with Part and SHA256 it recognises a redelivered mail
	Part      int
	Sender    string
	FileName  string
	MediaType string
	Size      int64
	SHA256    string
	Original  ObjectKey
	Stage     StageName // the first one
	Hint      string    // the category that its sender chose, empty for none
	Wanted    bool      // a person asked for it: it is made even if the same file came before
}
