package templates

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docuflow/docuflow/domain"
)

const (
	// lateAfter is how long work may be due before an operator should look.
	lateAfter = time.Minute
	// silentAfter is how long a node may be silent before it looks dead.
	silentAfter = 6 * time.Second
)

func perMinute(counts [domain.OperationsMinutes]int) string {
	total := 0
	for _, n := range counts {
		total += n
	}
	if average := float64(total) / float64(len(counts)); average < 10 {
		return strings.TrimSuffix(strconv.FormatFloat(average, 'f', 1, 64), ".0")
	}
	return grouped(strconv.Itoa(total / len(counts)))
}

func spanOrDash(d time.Duration) string {
	if d <= 0 {
		return "–"
	}
	return span(d)
}

// queued is everything that could be worked on now and is not.
func (p Operations) queued() int { return p.Queue.MailsDue + p.Queue.DocumentsDue }

// late says that work has been due for so long that nobody may be taking it.
func (p Operations) late() bool {
	return !p.Queue.OldestDue.IsZero() && p.At.Sub(p.Queue.OldestDue) > lateAfter
}

func (p Operations) queueClass() string {
	if p.late() {
		return "figure-wait"
	}
	return ""
}

func (p Operations) oldestDue() string {
	if p.Queue.OldestDue.IsZero() {
		return "nothing is due"
	}
	return "oldest " + span(p.At.Sub(p.Queue.OldestDue))
}

// balanced says that everything was counted and nothing is in no proper state.
func (p Operations) balanced() bool { return !p.Count.At.IsZero() && p.Count.Unbalanced() == 0 }

func (p Operations) balanceSentence() string {
	switch {
	case p.Count.At.IsZero():
		return "Nobody has counted yet; a node does so within a minute."
	case p.balanced():
		return "Every one is in exactly one state, counted " + p.View.seconds(p.Count.At) + "."
	}
	return "Some are in no proper state; see below. Counted " + p.View.seconds(p.Count.At) + "."
}

// loads are the stages in their order, those that this version does not know last.
func (p Operations) loads() []domain.StageLoad {
	loads := make([]domain.StageLoad, 0, len(p.Stages))
	for _, stage := range p.Stages {
		at := slices.IndexFunc(p.Operations.Stages, func(l domain.StageLoad) bool { return l.Stage == stage.Name })
		if at < 0 {
			loads = append(loads, domain.StageLoad{Stage: stage.Name})
			continue
		}
		loads = append(loads, p.Operations.Stages[at])
	}
	for _, l := range p.Operations.Stages {
		if !slices.ContainsFunc(p.Stages, func(s domain.StageInfo) bool { return s.Name == l.Stage }) {
			loads = append(loads, l)
		}
	}
	return loads
}

func (p Operations) stageLabel(name domain.StageName) string {
	for _, stage := range p.Stages {
		if stage.Name == name {
			return stage.Doing
		}
	}
	return string(name)
}

func (p Operations) paused(name domain.StageName) bool {
	return slices.ContainsFunc(p.Pauses, func(pause domain.PausedStage) bool { return pause.Stage == name })
}

// pausedEverywhere says that an operator has paused a stage.
func (p Operations) pausedEverywhere(name domain.StageName) bool {
	return slices.ContainsFunc(p.Pauses, func(pause domain.PausedStage) bool { return pause.Stage == name && pause.Everywhere })
}

// pausable says that this version knows a stage and documents can wait at it. Mails wait for nobody.
func (p Operations) pausable(name domain.StageName) bool {
	return name != domain.UnpackStage && slices.ContainsFunc(p.Stages, func(s domain.StageInfo) bool { return s.Name == name })
}

// age is told by the database's clock, as everything here is.
func (p Operations) age(since time.Time) string {
	if since.IsZero() {
		return "–"
	}
	return span(p.At.Sub(since))
}

func (p Operations) memberState(m domain.Member) pill {
	left := m.Mails + m.Documents
	switch {
	case p.At.Sub(m.BeatAt) > silentAfter:
		return pill{Kind: "failed", Word: "Silent", Reason: "for " + p.age(m.BeatAt)}
	case m.Asked && m.Draining && left == 0:
		return pill{Kind: "waiting", Word: "Drained"}
	case m.Draining || m.Asked:
		return pill{Kind: "retrying", Word: "Draining", Reason: fmt.Sprintf("%d left", left)}
	case left == 0:
		return pill{Kind: "done", Word: "Idle"}
	}
	return pill{Kind: "done", Word: "Working"}
}

// need is one line of what an operator should know.
type need struct {
	Kind  string // done, wait, fail
	Icon  string
	What  string
	Next  string
	Since time.Time
}

func (p Operations) needs() (needs []need) {
	for _, rule := range p.Count.Broken() {
		needs = append(needs, need{"fail", "warn", "Out of balance: " + strconv.Itoa(p.Count.Problems[rule]) + " × " + strings.ReplaceAll(rule, "_", " ") + ".", "docs/operations.md says what that means and what to do.", time.Time{}})
	}
	if p.late() {
		needs = append(needs, need{"fail", "warn", "Work is due and nobody takes it.", "Are all nodes alive, and are their slots enough?", p.Queue.OldestDue})
	}
	for _, m := range p.Members {
		if p.At.Sub(m.BeatAt) > silentAfter {
			needs = append(needs, need{"wait", "warn", m.Node + " is silent.", "Its work moves to the other nodes by itself.", m.BeatAt})
		}
	}
	for _, m := range p.Members {
		if m.Asked {
			needs = append(needs, need{"wait", "warn", m.Node + " was asked to drain.", "It takes no mail and no work until somebody stops the draining or restarts it.", time.Time{}})
		}
	}
	for _, pause := range p.Pauses {
		if pause.Everywhere {
			needs = append(needs, need{"wait", "warn", p.stageLabel(pause.Stage) + " is paused in all workspaces.", "It goes on when an operator resumes it.", pause.Since})
		}
		if pause.Workspaces == 0 {
			continue
		}
		needs = append(needs, need{"wait", "warn", p.stageLabel(pause.Stage) + " waits in " + plural(pause.Workspaces, "workspace.", "workspaces."), "Their people must act; nothing to do here.", pause.Since})
	}
	if len(needs) == 0 {
		needs = append(needs, need{Kind: "done", Icon: "done", What: "Nothing.", Next: "All stages run and every document is accounted for."})
	}
	return needs
}

type sparkBar struct {
	X, Y, Width, Height string
	Last                bool
}

const sparkHeight = 33

// sparkBars lays bars out over a width in pixels. An empty one keeps a line.
func sparkBars(counts []int, width int) (bars []sparkBar) {
	most := max(1, slices.Max(counts))
	step := float64(width) / float64(len(counts))
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }
	for i, n := range counts {
		height := max(1, float64(n*sparkHeight)/float64(most))
		bars = append(bars, sparkBar{number(float64(i) * step), number(sparkHeight - height), number(step * 0.72), number(height), i == len(counts)-1})
	}
	return bars
}

func sparkSentence(counts []int) string {
	total := 0
	for _, n := range counts {
		total += n
	}
	return fmt.Sprintf("%d in the last hour, %d of them lately", total, counts[len(counts)-1])
}
