package domain

import (
	"errors"
	"io"
	"log/slog"
	"time"
)

// ConnectionID is the UUID of a connection.
type ConnectionID string

// ConnectionState says whether a connection is used.
type ConnectionState string

// The states of a connection.
const (
	ConnectionActive ConnectionState = "active"
	ConnectionPaused ConnectionState = "paused"       // a person switched it off
	ConnectionBroken ConnectionState = "needs_person" // the service refuses us until a person acts
)

// Connection is an outside service of one workspace: the present state of its row.
type Connection struct {
	ID        ConnectionID
	Workspace WorkspaceID
	Kind      string // an open set: nothing may switch on it
	Name      string // tells connections of one kind apart; never changes, may be empty
	State     ConnectionState
	Reason    string            // why it is not active, for people
	Settings  map[string]string // plain: may be shown and exported
	Events    []string          // what it wants to be told
	Sealed    []byte            // its Secrets, encrypted; nil: it has none
	Version   int64             // another one after every change of settings or secrets
	CreatedAt time.Time
	Since     time.Time // when it came into its present state
}

// Secrets are a connection's tokens and keys by name. They do not print themselves.
type Secrets map[string]string

const redacted = "[redacted]"

// String keeps fmt from printing them.
func (s Secrets) String() string { return redacted }

// GoString keeps %#v from printing them.
func (s Secrets) GoString() string { return redacted }

// LogValue keeps logs from printing them.
func (s Secrets) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON keeps exports from containing them: what seals them does not use it.
func (s Secrets) MarshalJSON() ([]byte, error) { return nil, errors.New("secrets are not exported") }

// ConnectionKind describes one kind of connections to people: their pages are made from it.
type ConnectionKind struct {
	Name   string // "drive"
	Title  string // "Google Drive"
	Icon   string
	Help   string // what it does, a sentence
	Fields []ConnectionField
	Events []string // what its connections are told; empty: it files documents
	SignIn bool     // people connect it by signing in there
}

// ConnectionField is one setting or secret of a kind of connections.
type ConnectionField struct {
	Name     string
	Label    string
	Help     string
	Default  string
	Required bool
	Secret   bool
	Pattern  bool     // names files
	Choices  []string // empty: any text
}

// TitleOf names a connection of the kind for people. It never changes.
func (k ConnectionKind) TitleOf(name string) string {
	if name == "" {
		return k.Title
	}
	return k.Title + " “" + name + "”"
}

// Call is one use of a connection.
type Call struct {
	At      time.Time
	Took    time.Duration
	Outcome CallOutcome
	Error   string // for people; empty when it succeeded
}

// CallOutcome says how a call ended.
type CallOutcome string

// How a call ends.
const (
	CallDone    CallOutcome = "done"
	CallRetried CallOutcome = "retried" // failed, and is tried again
	CallFailed  CallOutcome = "failed"  // refused
)

// CallsShown is how many of the last calls people see.
const CallsShown = 20

// ConnectionReport is a connection with what became of its use lately.
type ConnectionReport struct {
	Connection
	Calls       []Call        // the last CallsShown, the newest last
	LastSuccess time.Time     // zero: never
	LastError   string        // since the last success; empty: none
	Today       int           // calls that succeeded on this day of the database's clock, in UTC
	Slowest     time.Duration // exceeded by one in twenty, of the last day; 0: no calls
	Waiting     int           // documents that wait for it
	Test        *ConnectionTest
}

// ConnectionTest is a test of a connection in full, without secrets.
type ConnectionTest struct {
	At       time.Time
	Took     time.Duration
	Sent     string
	Answered string
	Error    string // for people; empty: it works
}

// Filing is a document on its way to a destination.
type Filing struct {
	Workspace Workspace
	Document  Document
	Name      string // folders and file name, with slashes, as the destination's pattern gives it
	Reference string // what the destination calls it; reserved before
	Size      int64  // octets of Body
	Body      io.Reader
}

// Notice is one thing that one connection is to be told.
type Notice struct {
	ID         NoticeID // the same at every attempt
	Connection ConnectionID
	Event      string // EventReceived …
	Workspace  Workspace
	Document   Document
	Link       string // where people open the document
	Name       string // what the document's file is to be called, for connections that file
	Reference  string // what the service calls our earlier notice about the document; empty: there is none
	At         time.Time
}

// NoticeID is the UUID of a notice.
type NoticeID string

// Events that connections are told of. EventFiled is told by a stage, before the
// document is completed. EventQuarantined is reserved.
const (
	EventFiled       = "document.filed"
	EventReceived    = "document.received"
	EventCompleted   = "document.completed"
	EventReview      = "document.needs_review"
	EventFailed      = "document.failed"
	EventCorrected   = "document.corrected"
	EventQuarantined = "mail.quarantined"
)

// ClaimedNotice is a notice that may be told under a lease.
type ClaimedNotice struct {
	ID         NoticeID
	Connection ConnectionID
	Event      string
	Document   Document
	Attempt    int           // this one, from 1
	Trying     time.Duration // since it came to be, by the database's clock
	Epoch      int64
	At         time.Time // when it came to be
}

// NoticeEnd is how telling a notice ended.
type NoticeEnd struct {
	Failure   *Failure // nil: it was told
	Over      bool     // it failed, and no other attempt follows
	RetryIn   time.Duration
	Title     string // of the connection
	Reference string // what the service calls what was made; empty: nothing to remember
	Link      string
}

// NoticeLine is one line of the log of what a connection was told.
type NoticeLine struct {
	ID       NoticeID
	Document DocumentID
	Event    string
	State    string // due, done, failed
	Attempt  int
	Error    string
	At       time.Time
	Next     time.Time // when it ended, or when the next attempt is due
}
