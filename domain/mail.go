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
)

// Envelope is what the SMTP conversation said about a mail (RFC 5321). It is
// known before anything in the mail was looked at.
type Envelope struct {
	From       string   // reverse path; empty for bounces
	Recipients []string // accepted forward paths
	RemoteAddr string   // client's IP address
	Helo       string   // what the client called itself
	TLS        bool
}

// Mail is one accepted mail in one workspace: the present state of its row.
type Mail struct {
	ID          MailID
	Workspace   WorkspaceID
	Envelope    Envelope
	Recipient   string // the address of this workspace that it was sent to
	Raw         ObjectKey
	Size        int64  // octets of the raw mail
	SHA256      string // hex, of the raw mail
	Status      MailStatus
	Disposition Disposition
	Reason      string // the disposition in words
	MessageID   string // the fields from here on are known once unpacked
	Subject     string
	Author      string // address of the From header
	Parts       []Part
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
	Original  ObjectKey  `json:"original,omitempty"` // of a part that was skipped but can be imported anyway: where its bytes are kept
}
