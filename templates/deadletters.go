package templates

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/docuflow/docuflow/domain"
)

// path of a section of the page.
func (p Failures) path(show string, stage domain.StageName) string {
	values := url.Values{}
	if show != ShowOpen {
		values.Set("show", show)
	}
	if stage != "" {
		values.Set("stage", string(stage))
	}
	if len(values) == 0 {
		return "/failures"
	}
	return "/failures?" + values.Encode()
}

func (p Failures) groups() (groups []domain.FailureGroup) {
	for _, g := range p.Groups {
		if p.Stage == "" || g.Stage == p.Stage {
			groups = append(groups, g)
		}
	}
	return groups
}

func (p Failures) pauses() (pauses []domain.StagePause) {
	for _, pause := range p.Pauses {
		if p.Stage == "" || pause.Stage == p.Stage {
			pauses = append(pauses, pause)
		}
	}
	return pauses
}

// open counts the dead letters that are shown.
func (p Failures) open() (n int) {
	for _, g := range p.groups() {
		n += g.Count
	}
	return n
}

func (p Failures) empty() bool {
	switch p.Show {
	case ShowWaiting:
		return len(p.pauses()) == 0
	case ShowDiscarded:
		return len(p.groups()) == 0
	}
	return len(p.groups())+len(p.pauses())+len(p.Replays) == 0
}

// stages are those that can be chosen, each once.
func (p Failures) stages() (stages []domain.StageName) {
	for _, pause := range p.Pauses {
		stages = append(stages, pause.Stage)
	}
	for _, g := range p.Groups {
		stages = append(stages, g.Stage)
	}
	slices.Sort(stages)
	return slices.Compact(stages)
}

func documentsWord(n int) string {
	if n == 1 {
		return "document"
	}
	return "documents"
}

// groupWord is what a group counts.
func groupWord(g domain.FailureGroup) string {
	switch {
	case len(g.Documents) > 0:
		return documentsWord(g.Count)
	case g.Count == 1:
		return "mail"
	}
	return "mails"
}

// kindTitle heads a group. Kinds are an open set: an unknown one is its own words.
func kindTitle(kind domain.ErrorKind) string {
	switch kind {
	case domain.KindInternal, domain.KindPanic:
		return "Something went wrong on our side"
	case domain.KindTimeout:
		return "It took too long"
	case domain.KindKilled:
		return "It needed more than one file may use"
	case domain.KindDamaged:
		return "The file cannot be read"
	case domain.KindPassword:
		return "The PDF needs a password"
	case domain.KindTooLarge:
		return "The file is too large"
	case domain.KindStorage:
		return "Our storage did not answer"
	case domain.KindRejected:
		return "It was refused"
	case domain.KindCancelled:
		return "Cancelled by a person"
	}
	return capital(strings.ReplaceAll(string(kind), "_", " "))
}

func pauseTitle(v View, pause domain.StagePause) string {
	if pause.Connection != "" {
		return "Paused: " + pause.Connection + " needs a person"
	}
	return "Paused: " + v.doing(pause.Stage) + " needs a person"
}

func resumeSentence(n int) string {
	switch n {
	case 0:
		return "Nothing waits yet."
	case 1:
		return "After that it goes on by itself."
	}
	return fmt.Sprintf("After that all %s go on by themselves, oldest first.", grouped(strconv.Itoa(n)))
}

func waitingSentence(v View, d domain.Document) string {
	if d.Waiting.Everywhere {
		return v.doing(d.Stage) + " waits since " + v.moment(d.Waiting.Since) + ". There is nothing for you to do: no attempts are used up, and it goes on by itself."
	}
	return v.doing(d.Stage) + " waits since " + v.moment(d.Waiting.Since) + ". No attempts are used up, and it goes on by itself once this is mended."
}

func groupID(g domain.FailureGroup) string { return "group-" + string(g.Stage) + "-" + string(g.Kind) }

// groupPath leads to the list of all documents of a group.
func groupPath(g domain.FailureGroup) string {
	if len(g.Documents) == 0 {
		return "/failures"
	}
	return "/" + List{Status: domain.Failed, Stage: g.Stage, Kind: g.Kind}.Query()
}

func groupChip(l List) string {
	return "Step: " + strings.Trim(string(l.Stage)+" "+string(l.Kind), " ")
}

// retryingPath leads to the documents that are counted as retrying, where that list has just them.
func retryingPath(b domain.Balance) string {
	if b.Waiting > 0 {
		return ""
	}
	return "/?status=RETRYING"
}

func samplesWord(g domain.FailureGroup) string {
	shown := len(g.Documents) + len(g.Mails)
	if shown == g.Count {
		return fmt.Sprintf("%d %s", g.Count, groupWord(g))
	}
	return fmt.Sprintf("The newest %d of %s", shown, grouped(strconv.Itoa(g.Count)))
}

const hourHeight = 33 // pixels

// hourBars are the heights of the bars. An empty hour keeps a line.
func hourBars(counts [domain.GroupHours]int) (bars [domain.GroupHours]int) {
	most := max(1, slices.Max(counts[:]))
	for i, n := range counts {
		bars[i] = max(1, n*hourHeight/most)
	}
	return bars
}

func hoursSentence(counts [domain.GroupHours]int) string {
	total := 0
	for _, n := range counts {
		total += n
	}
	return fmt.Sprintf("%d in the last %d hours, %d in this one", total, len(counts), counts[len(counts)-1])
}

func replaysHead(replays []domain.Replay) string {
	if slices.ContainsFunc(replays, domain.Replay.Running) {
		return "Running now"
	}
	return "Retried lately"
}

func replayTitle(r domain.Replay) string {
	verb := "Retried"
	if r.Running() {
		verb = "Retrying"
	}
	switch {
	case r.Filter.Kind != "":
		return verb + ": " + kindTitle(r.Filter.Kind)
	case r.Filter.Stage != "":
		return verb + " everything of this step"
	case r.Filter.Text != "":
		return verb + " what matches “" + r.Filter.Text + "”"
	}
	return verb + " everything"
}

type progressPart struct{ Kind, From, Width string }

// progressOf lays out what is done, failed again and under way, in percents.
func progressOf(r domain.Replay) (parts []progressPart) {
	from := 0.0
	for _, part := range []struct {
		kind string
		n    int
	}{{"done", r.Done}, {"failed", r.Failed}, {"run", max(0, r.Released-r.Done-r.Failed)}} {
		width := 100 * float64(part.n) / float64(max(1, r.Total))
		if part.n > 0 {
			parts = append(parts, progressPart{part.kind, percent(from), percent(width)})
		}
		from += width
	}
	return parts
}

func replaySentence(r domain.Replay) string {
	return fmt.Sprintf("%d of %d released, %d done, %d failed again", r.Released, r.Total, r.Done, r.Failed)
}

func replayPace(v View, r domain.Replay) string {
	switch {
	case r.Running():
		return fmt.Sprintf("%d a second · about %s left", r.PerSecond, span(r.Left()))
	case r.StoppedBy != "":
		return fmt.Sprintf("stopped %s, %s were left as they are", v.moment(r.FinishedAt), plural(r.Total-r.Released, "document", "documents"))
	}
	return "all released " + v.moment(r.FinishedAt)
}
