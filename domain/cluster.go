package domain

import "time"

// Member is one running node, as its last heartbeat told. All times are of
// the database's clock.
type Member struct {
	ID        string // of the process: new at every start
	Node      string // the node's name among attempts and leases
	Address   string // host:port where other nodes reach it; empty: it is on its own
	StartedAt time.Time
	BeatAt    time.Time
	Draining  bool // it finishes what it has and takes nothing new: it stops, or was asked to drain
	Mails     int  // in work
	Documents int  // in work
	Asked     bool // a person wants it to drain; it obeys at its next heartbeat
	Returns   int  // how often it took up work again after that
}

// QueueState is how much work there is in all workspaces together, without
// anything that belongs to them.
type QueueState struct {
	At           time.Time // of the count, by the database's clock
	MailsDue     int       // could be worked on now and are not
	DocumentsDue int       // could be worked on now and are not
	OldestDue    time.Time // since when the oldest of these has been due; zero: nothing is due
	MailsWaiting int       // accepted and not unpacked yet, due ones included
	MailsFailed  int
	Stages       []StageCount // of all documents that are not completed, by stage and status
}

// StageCount counts documents that are alike.
type StageCount struct {
	Stage     StageName
	Status    Status
	Documents int
}
