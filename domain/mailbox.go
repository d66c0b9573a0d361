package domain

import "time"

// MailboxCursor says how far a mailbox elsewhere was read (RFC 9051, section 2.3.1.1).
type MailboxCursor struct {
	UIDValidity uint32 // 0: it was never read
	UID         uint32 // the last one that was taken
	// Since is when we began to read the mailbox: what it received before is not ours.
	Since time.Time
}
