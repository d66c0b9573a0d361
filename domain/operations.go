package domain

import "time"

// OperationsMinutes is how far back operators look.
const OperationsMinutes = 60

// Operations is how the installation does, over all workspaces, without
// anything that belongs to one of them.
type Operations struct {
	At       time.Time              // the database's clock
	Accepted [OperationsMinutes]int // mails in each of the last minutes, the present one last
	Done     [OperationsMinutes]int // documents likewise
	Typical  time.Duration          // from arrival to done, of the documents done in that time; 0: none
	Slowest  time.Duration          // the same, exceeded by one in twenty
	Stages   []StageLoad            // mails and documents, by stage
	Count    BalanceCheck           // the last one
	Pauses   []PausedStage
}

// StageSlices is how many slices the last hour of a stage is shown in.
const StageSlices = 20

// StageLoad is what happens at one stage.
type StageLoad struct {
	Stage   StageName
	Done    [StageSlices]int // in each slice of the last hour, the present one last
	Queued  int              // due, and nobody works on them
	Oldest  time.Time        // when the one that waits longest was queued; zero: none
	Running int
	Retries int           // in the last hour
	Failed  int           // became dead letters in the last hour
	Typical time.Duration // of the last hour's runs; 0: none
	Slowest time.Duration // the same, exceeded by one in twenty
}

// PausedStage is a stage that waits for people of some workspaces, or for an
// operator.
type PausedStage struct {
	Stage      StageName
	Workspaces int       // whose people must act
	Since      time.Time // the first one
	Everywhere bool      // an operator has paused it
}
