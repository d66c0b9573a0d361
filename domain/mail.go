package domain

import "time"

// MailStatus is the state of the work on an accepted mail.
type MailStatus string

// The states of a mail.
const (
	MailAccepted MailStatus = "ACCEPTED" // durable, not unpacked yet
	MailUnpacked MailStatus = "UNPACKED"
	MailFailed   MailStatus = "FAILED" // could not be unpacked; a dead letter
)

// Disposition says what became of an accepted mail.
type Disposition string

// What becomes of a mail.
const (
	DispositionNone      Disposition = ""          // not unpacked yet
	DispositionDocuments Disposition = "documents" // at least one document was made
	DispositionNothing   Disposition = "nothing_usable"
	DispositionDuplicate Disposition = "duplicate" // delivered again: everything was here already
	DispositionDamaged   Disposition = "damaged"   // could not be read at all
	// DispositionQuarantined is held back: its parts are known, none became a
	// document, and a person decides.
	DispositionQuarantined Disposition = "quarantined"
	DispositionBlocked     Disposition = "blocked" // a rule blocks its sender
	DispositionDeleted     Disposition = "deleted" // a person deleted it from quarantine
	DispositionNotice      Disposition = "notice"  // a confirmation for people, not filed
)

// Envelope is what the SMTP conversation said about a mail (RFC 5321). It is
// known before anything in the mail was looked at.
type Envelope struct {
	From       string   // reverse path; empty for bounces
	Recipients []string // accepted forward paths
	RemoteAddr string   // client's IP address
	Helo       string   // what the client called itself
	TLS        bool
	// HandedOver says that RemoteAddr is not the sender's server: another server
	// took the mail and handed it over, or a person signed in to send it. It says nothing about who may send for From.
	HandedOver bool
}

// Mail is one accepted mail in one workspace: the present state of its row.
type Mail struct {
	ID          MailID
	Workspace   WorkspaceID
	Envelope    Envelope
	Recipient   string // the address of this workspace that it was sent to
	Tag         string // what stood after a "+" in it: a hint for the category
	Raw         ObjectKey
	Size        int64  // octets of the raw mail
	SHA256      string // hex, of the raw mail
	Status      MailStatus
	Disposition Disposition
	Reason      string // the disposition in words
	MessageID   string // the fields from here on are known once unpacked
	Subject     string
	Author      string // address of the From header
	AuthorName  string
	Automatic   bool // a program wrote it, by its own account
	Verdict     Verdict
	Parts       []Part
	DuplicateOf MailID        // the first delivery of the same mail, empty when this is it
	Notice      *Confirmation // nil unless the disposition is DispositionNotice
	Outcome     MailOutcome   // what it is counted under
	Answer      *Answer       // nil: its sender is told nothing
	ApprovedBy  string        // the person who let it in; empty: its policy decides
	Wanted      []int         // indexes of parts that a person wants although they were skipped
	Attempt     int
	// Trying is how long ago it was received, by the database's clock, when the
	// row was read.
	Trying     time.Duration
	ReceivedAt time.Time
	UpdatedAt  time.Time
	Seq        int64
}

// Part is one attachment-like piece of a mail and what became of it.
type Part struct {
	Index     int        `json:"index"` // position in the mail, from 0
	FileName  string     `json:"file_name"`
	MediaType string     `json:"media_type"` // detected from the bytes
	Size      int64      `json:"size"`
	SHA256    string     `json:"sha256"`
	Used      bool       `json:"used"`             // became a document
	Reason    string     `json:"reason,omitempty"` // why not, in words
	Document  DocumentID `json:"document,omitempty"`
	// Importable says that a person can have it imported although it was skipped.
	Importable bool `json:"importable,omitempty"`
	// DuplicateOf is the first document of the same file that another mail or upload has brought.
	DuplicateOf DocumentID `json:"duplicate_of,omitempty"`
}
