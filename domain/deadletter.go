package domain

import "time"

// UnpackStage names the work on a mail among the stages.
const UnpackStage StageName = "unpack"

// GroupHours is how many hours back a group of failures is counted.
const GroupHours = 12

// FailureGroup is what failed at one stage for one kind of reason.
type FailureGroup struct {
	Stage   StageName
	Kind    ErrorKind
	Message string // of the newest one
	Count   int
	First   time.Time
	Last    time.Time
	Hours   [GroupHours]int // failed in each of the last hours, the present one last
	// Samples are the newest ones: documents, or mails that could not be unpacked.
	Documents []Document
	Mails     []Mail
}

// StagePause is a stage of a workspace that waits until a person acts.
type StagePause struct {
	Stage      StageName
	Connection string // what has to be mended, empty when it is none
	Kind       ErrorKind
	Reason     string
	Since      time.Time
	Count      int             // documents that wait
	Oldest     time.Time       // when the one that waits longest became due; zero when none does
	Hours      [GroupHours]int // began to wait in each of the last hours, the present one last
	Everywhere bool            // it is an operator who must act
}

// Failures is everything of a workspace that failed or waits for a person.
type Failures struct {
	Open      int // dead letters: documents and mails
	Waiting   int // documents
	Discarded int // dead letters that were discarded and can be put back
	Groups    []FailureGroup
	Pauses    []StagePause
	Replays   []Replay // that run or ended lately, the newest first
}

// Replay gives dead letters another try, at most PerSecond of them each
// second. What fails again is not tried again by the same replay.
type Replay struct {
	ID         ReplayID
	Filter     DocumentQuery
	Actor      string // who asked for it
	Total      int
	Released   int // queued again so far
	Done       int // of these, completed
	Failed     int // of these, failed again
	PerSecond  int
	CreatedAt  time.Time
	FinishedAt time.Time // when the last one was released or the replay was stopped; zero while it runs
	StoppedBy  string    // empty unless a person stopped it
}

// Running says that the replay still releases dead letters.
func (r Replay) Running() bool { return r.FinishedAt.IsZero() }

// Left is how long the replay takes at least to release the rest.
func (r Replay) Left() time.Duration {
	if !r.Running() || r.PerSecond < 1 {
		return 0
	}
	return time.Duration(r.Total-r.Released) * time.Second / time.Duration(r.PerSecond)
}
