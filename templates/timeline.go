package templates

import (
	"strconv"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// timeline lays attempts out on one time axis. Places are percents of its width.
type timeline struct {
	Start time.Time
	Total time.Duration // what the axis spans
	Lanes []lane
	Ticks []axisTick
	Now   string // percent; empty when nothing happens any more
	Took  time.Duration
}

type axisTick struct {
	At    string // percent
	Label string
}

// lane is one stage: its attempts, and how long it waited and ran in all.
type lane struct {
	Name     string
	Bars     []laneBar
	Waited   time.Duration
	Ran      time.Duration
	Outcome  pill
	Next     time.Time // when the next attempt is due, else zero
	Attempts []domain.Attempt
}

type laneBar struct {
	Kind        string // wait, run, done, failed, next
	From, Width string // percent
}

// leadOut keeps the end of the axis free.
const leadOut = 1.04

func (v View) timeline(d domain.Document, attempts []domain.Attempt, received time.Time) timeline {
	end := v.axisEnd(d, attempts)
	t := timeline{Start: received, Total: max(time.Second, time.Duration(float64(end.Sub(received))*leadOut))}
	t.Ticks = t.axis()
	t.Took = end.Sub(received)
	if d.Status == domain.Retrying {
		t.Took = v.Now.Sub(received)
	}
	if !d.Status.Rests() {
		t.Now = t.place(v.Now)
	}
	t.Lanes = append(t.Lanes, t.arrival(d))
	for _, stage := range v.Stages {
		t.Lanes = append(t.Lanes, v.lane(t, stage, d, attempts))
	}
	return t
}

func (v View) axisEnd(d domain.Document, attempts []domain.Attempt) time.Time {
	end := d.CreatedAt
	for _, a := range attempts {
		if a.FinishedAt.After(end) {
			end = a.FinishedAt
		}
	}
	if !d.Status.Rests() && v.Now.After(end) {
		end = v.Now
	}
	if d.Status == domain.Retrying && d.NextAttemptAt.After(end) {
		end = d.NextAttemptAt
	}
	return end
}

func (t timeline) arrival(d domain.Document) lane {
	took := d.CreatedAt.Sub(t.Start)
	note := "by mail · " + size(d.Size)
	if d.Mail == "" {
		note = "uploaded · " + size(d.Size)
	}
	return lane{
		Name:    "Received",
		Bars:    []laneBar{t.bar("done", t.Start, d.CreatedAt)},
		Ran:     took,
		Outcome: pill{Kind: "done", Word: "Done", Reason: note},
	}
}

func (v View) lane(t timeline, stage domain.StageInfo, d domain.Document, attempts []domain.Attempt) lane {
	l := lane{Name: stage.Done, Outcome: pill{Kind: "queued", Word: "Queued"}}
	for _, a := range attempts {
		if a.Stage == stage.Name {
			l.Attempts = append(l.Attempts, a)
			v.addAttempt(&l, t, a)
		}
	}
	if d.Waiting != nil && d.Stage == stage.Name {
		l.Outcome = pill{Kind: "waiting", Word: "Waiting", Reason: d.Waiting.Reason}
		l.Bars = append(l.Bars, t.bar("wait", d.Waiting.Since, v.Now))
		return l
	}
	if d.Status == domain.Retrying && d.Stage == stage.Name {
		l.Next = d.NextAttemptAt
		l.Outcome = pill{Kind: "retrying", Word: "Retrying", Clock: true}
		if n := len(l.Attempts); n > 0 {
			l.Bars = append(l.Bars, t.bar("wait", l.Attempts[n-1].FinishedAt, v.Now))
		}
		l.Bars = append(l.Bars, t.bar("next", v.Now, d.NextAttemptAt))
	}
	return l
}

func (v View) addAttempt(l *lane, t timeline, a domain.Attempt) {
	end := a.FinishedAt
	if end.IsZero() {
		end = v.Now
	}
	l.Waited += max(0, a.StartedAt.Sub(a.QueuedAt))
	l.Ran += max(0, end.Sub(a.StartedAt))
	l.Bars = append(l.Bars, t.bar("wait", a.QueuedAt, a.StartedAt), t.bar(barOf(a.Outcome), a.StartedAt, end))
	l.Outcome = outcomeOf(a)
}

func barOf(o domain.AttemptOutcome) string {
	switch o {
	case domain.AttemptRunning:
		return "run"
	case domain.AttemptDone, domain.AttemptSkipped:
		return "done"
	}
	return "failed"
}

func outcomeOf(a domain.Attempt) pill {
	switch a.Outcome {
	case domain.AttemptRunning:
		return pill{Kind: "running", Word: "Running", Reason: attemptName(a)}
	case domain.AttemptDone:
		return pill{Kind: "done", Word: "Done", Reason: a.Note}
	case domain.AttemptSkipped:
		return pill{Kind: "skipped", Word: "Skipped", Reason: a.Note}
	case domain.AttemptFailed:
		return pill{Kind: "failed", Word: "Failed", Reason: a.Error}
	case domain.AttemptWaiting:
		return pill{Kind: "waiting", Word: "Waited", Reason: a.Error}
	case domain.AttemptLost:
		return pill{Kind: "retrying", Word: "Interrupted", Reason: "it runs again"}
	}
	return pill{Kind: "retrying", Word: "Tried", Reason: a.Error}
}

func attemptName(a domain.Attempt) string {
	if a.Number < 2 {
		return ""
	}
	return "attempt " + strconv.Itoa(a.Number)
}

// telling says that a lane's attempts say more than its outcome does.
func (l lane) telling() bool {
	return len(l.Attempts) > 1 || len(l.Attempts) == 1 && l.Attempts[0].Error != ""
}

func (t timeline) bar(kind string, from, to time.Time) laneBar {
	width := max(0, 100*float64(to.Sub(from))/float64(t.Total))
	return laneBar{Kind: kind, From: t.place(from), Width: percent(width)}
}

func (t timeline) place(at time.Time) string {
	return percent(100 * float64(at.Sub(t.Start)) / float64(t.Total))
}

func percent(p float64) string {
	return strconv.FormatFloat(min(100, max(0, p)), 'f', 2, 64) + "%"
}

const maxTicks = 5

// axis chooses the smallest round step that leaves room for the labels.
func (t timeline) axis() []axisTick {
	var ticks []axisTick
	step := t.step()
	for at := time.Duration(0); at < t.Total; at += step {
		ticks = append(ticks, axisTick{percent(100 * float64(at) / float64(t.Total)), span(at)})
	}
	return ticks
}

func (t timeline) step() time.Duration {
	const day = 24 * time.Hour
	for _, step := range []time.Duration{
		200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second,
		30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour,
		6 * time.Hour, 12 * time.Hour, day, 2 * day, 7 * day, 30 * day,
	} {
		if t.Total/step < maxTicks {
			return step
		}
	}
	return t.Total
}
