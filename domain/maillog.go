package domain

// MailOutcome is what the mail log counts a mail under. Each mail has one.
type MailOutcome string

// The outcomes of mails.
const (
	OutcomeWorking     MailOutcome = "working" // accepted, not unpacked yet
	OutcomeAccepted    MailOutcome = "accepted"
	OutcomeDuplicate   MailOutcome = "duplicate"
	OutcomeQuarantined MailOutcome = "quarantined"
	OutcomeRejected    MailOutcome = "rejected" // its sender is blocked, or a person deleted it
	OutcomeNothing     MailOutcome = "nothing"  // nothing in it was usable
	OutcomeNotice      MailOutcome = "notice"   // a confirmation for the workspace's people
	OutcomeFailed      MailOutcome = "failed"
)

// MailOutcomes lists all outcomes in the order in which they are counted.
var MailOutcomes = []MailOutcome{OutcomeAccepted, OutcomeWorking, OutcomeDuplicate, OutcomeQuarantined, OutcomeRejected, OutcomeNothing, OutcomeNotice, OutcomeFailed}

// MailQuery selects mails of one workspace, newest first.
type MailQuery struct {
	Outcome MailOutcome // empty: all
	Text    string      // in author, envelope sender, recipient, subject or Message-ID
	Limit   int
	Cursor  string // opaque, from the previous page
}

// MailPage is one page of an answer to a MailQuery.
type MailPage struct {
	Mails      []Mail
	NextCursor string // empty: this was the last page
}

// MailCounts counts a workspace's mails by outcome.
type MailCounts map[MailOutcome]int

// Total is the number of all mails.
func (c MailCounts) Total() (n int) {
	for _, count := range c {
		n += count
	}
	return n
}

// Confirmation is one that somebody waits for a person to act on.
type Confirmation struct {
	Service string `json:"service"`        // who asks: Gmail
	Account string `json:"account"`        // what it is about
	Code    string `json:"code,omitempty"` // to be entered there
	Link    string `json:"link,omitempty"` // https, at the service
}
