package templates

import (
	"strings"

	"github.com/docuflow/docuflow/domain"
)

// mark is one stage on a strip. Its state names the shape and the colour.
type mark struct {
	State string // queued, running, done, quiet, look, retrying, waiting, failed, skipped
	Label string // "Read"
}

// marks are a document's stages, with the arrival as the first one. Documents
// do not remember which stages were skipped: attempts do, see lanes.
func (v View) marks(d domain.Document) []mark {
	marks := []mark{{"done", "Received"}}
	present := stageIndex(v.Stages, d.Stage)
	for i, stage := range v.Stages {
		state := "queued"
		switch {
		case d.Status == domain.Completed, i < present:
			state = "done"
		case i == present:
			state = stateOf(d.Status)
			if d.Waiting != nil {
				state = "waiting"
			}
		}
		if state == "done" && d.NeedsReview() && stage.Name == v.Reads {
			state = "look"
		}
		marks = append(marks, mark{state, stage.Done})
	}
	if d.Status == domain.Completed {
		quieten(marks)
	}
	return marks
}

func stateOf(s domain.Status) string {
	switch s {
	case domain.Processing:
		return "running"
	case domain.Retrying:
		return "retrying"
	case domain.Failed:
		return "failed"
	}
	return "queued"
}

func quieten(marks []mark) {
	for i := range marks {
		if marks[i].State == "done" {
			marks[i].State = "quiet"
		}
	}
}

func spoken(state string) string {
	switch state {
	case "running":
		return "runs now"
	case "look":
		return "needs your eyes"
	case "retrying":
		return "is tried again"
	case "waiting":
		return "waits for a person"
	case "failed", "skipped":
		return state
	case "queued":
		return "waits its turn"
	}
	return "done"
}

// sentence says a strip for those who do not see it.
func sentence(marks []mark) string {
	parts := make([]string, len(marks))
	for i, m := range marks {
		parts[i] = m.Label + " " + spoken(m.State)
	}
	return strings.Join(parts, ", ")
}

// pill is a status in words.
type pill struct {
	Kind   string // queued, running, done, look, copy, retrying, waiting, failed: colour and icon
	Word   string
	Reason string
	Clock  bool // the reason is a countdown to the next attempt
}

func (v View) pill(d domain.Document) pill {
	if d.Waiting != nil {
		return pill{Kind: "waiting", Word: "Waiting", Reason: d.Waiting.Reason}
	}
	switch d.Status {
	case domain.Processing:
		return pill{Kind: "running", Word: v.doing(d.Stage)}
	case domain.Retrying:
		return pill{Kind: "retrying", Word: "Retrying", Clock: true}
	case domain.Failed:
		return pill{Kind: "failed", Word: "Failed", Reason: failureReason(d)}
	case domain.Completed:
		if d.NeedsReview() {
			return pill{Kind: "look", Word: "To review", Reason: d.Review[0].Message}
		}
		if d.DuplicateOf != "" {
			return pill{Kind: "copy", Word: "Possible duplicate", Reason: took(d)}
		}
		return pill{Kind: "done", Word: "Done", Reason: took(d)}
	}
	return pill{Kind: "queued", Word: "Queued"}
}

func (v View) doing(name domain.StageName) string {
	for _, stage := range v.Stages {
		if stage.Name == name {
			return stage.Doing
		}
	}
	return "In progress"
}

func failureReason(d domain.Document) string {
	if d.Error == nil {
		return ""
	}
	return d.Error.Message
}

func took(d domain.Document) string {
	if d.CompletedAt.IsZero() {
		return ""
	}
	return span(d.CompletedAt.Sub(d.CreatedAt))
}

// trust is how sure a field is, in words and in filled bars.
type trust struct {
	Kind string // sure, check, guess, none, edited
	Word string
	Bars int // filled, of three
}

// How confidence between 0 and 1 reads. Extraction calibrates the numbers.
const (
	sureFrom  = 0.9
	checkFrom = 0.5
)

// trustOf never calls a value sure that a person should look at.
func trustOf(f domain.Field, flagged bool) trust {
	switch {
	case f.Locked:
		return trust{"edited", "Edited", 0}
	case f.Value == "":
		return trust{"none", "Not found", 0}
	case f.Confidence >= sureFrom && !flagged:
		return trust{"sure", "Sure", 3}
	case f.Confidence >= checkFrom:
		return trust{"check", "Check", 2}
	}
	return trust{"guess", "Guess", 1}
}

// finished is the strip of a document that is done.
func (v View) finished() []mark {
	return v.marks(domain.Document{Status: domain.Completed})
}
