package domain

import "time"

// Event is one line of a document's or mail's history.
type Event struct {
	Seq      int64 // without gaps in its workspace
	Kind     string
	Document DocumentID // empty when it concerns a mail alone
	Mail     MailID
	Actor    string // who did it: a person's address, or empty for the system
	Text     string // for people
	At       time.Time
}

// Changes is what a workspace looks like since a sequence number: the whole
// present state of everything that changed.
type Changes struct {
	Seq       int64 // of the last change; ask again from here
	Documents []Document
	Mails     []Mail // that are not unpacked yet, or have just been
}

// Balance counts a workspace's documents so that they add up:
// Received = Done + Review + InProgress + Retrying + Waiting + Failed.
type Balance struct {
	Received   int
	Done       int // completed, nothing to look at
	Review     int // completed, a person should look
	InProgress int // queued or processing, mails not unpacked yet not counted
	Retrying   int
	Waiting    int // their stage is paused: a person must act
	Failed     int
	Unpacking  int   // mails accepted and not unpacked yet
	DeadMails  int   // mails that could not be unpacked; no document stands for them
	HeldMails  int   // mails in quarantine
	Seq        int64 // of the last change that is counted here
}
