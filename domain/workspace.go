package domain

import "time"

// Workspace is one tenant.
type Workspace struct {
	ID        WorkspaceID
	Name      string
	Slug      string // part of its addresses and folder names
	CreatedAt time.Time
}

// Plan is what a workspace may use. FREE and PRO are rows of the database.
type Plan struct {
	Name               string
	Slots              int // mails and documents in work at a time
	DocumentsPerMinute int // that begin; as many may begin at once after a rest
	Shards             int // parts that different nodes can look after
}

// Share is what each of the plan's shards may use.
func (p Plan) Share() (slots, documentsPerMinute int) {
	shards := max(p.Shards, 1)
	return max(p.Slots/shards, 1), max(p.DocumentsPerMinute/shards, 1)
}

// User is a person who can sign in.
type User struct {
	ID    UserID
	Email string
	Name  string
	// Operator says that the person may see the installation as a whole.
	Operator bool
}

// Session is a signed-in browser, in one workspace.
type Session struct {
	User      User
	Workspace Workspace
	Role      Role
	ExpiresAt time.Time
}

// RetryPolicy says how often and how fast a stage is tried.
type RetryPolicy struct {
	Attempts int           // in all; after the last one the document is a dead letter
	Base     time.Duration // upper bound of the first wait
	Cap      time.Duration // upper bound of every wait
	Timeout  time.Duration // of one attempt
	// Budget is how long a stage is tried, from its first attempt on, however
	// many attempts that takes; 0: Attempts counts instead. It suits services
	// outside, which may be away for a night.
	Budget time.Duration
}

// Spent says that no other attempt follows after so many attempts in so long a time.
func (p RetryPolicy) Spent(attempts int, trying time.Duration) bool {
	if p.Budget > 0 {
		return trying >= p.Budget
	}
	return attempts >= p.Attempts
}

// Address is one of a workspace's mail addresses.
type Address struct {
	Workspace WorkspaceID
	Address   string // local@domain, lower case
	Label     string
	CreatedAt time.Time
	RetiresAt time.Time // when it stops to work, because another one took its place; zero: it stays
	// Tag is what stood after the "+" where a mail was sent to it, lower case.
	Tag string
}

// Category is what documents are sorted into. A document whose vendor or text
// has one of the words belongs to it.
type Category struct {
	Name  string
	Words []string
}
