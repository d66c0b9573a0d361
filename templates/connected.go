package templates

import (
	"fmt"
	"strings"

	"github.com/docuflow/docuflow/domain"
)

func (p Connections) kind(r domain.ConnectionReport) domain.ConnectionKind {
	for _, kind := range p.Kinds {
		if kind.Name == r.Kind {
			return kind
		}
	}
	return domain.ConnectionKind{Name: r.Kind, Title: r.Kind, Icon: "out"}
}

func (p Connections) title(r domain.ConnectionReport) string { return p.kind(r).TitleOf(r.Name) }

// fold unfolds a connection, or folds it up.
func (p Connections) fold(r domain.ConnectionReport) string {
	if r.ID == p.Open {
		return "/connections#" + string(r.ID)
	}
	return "/connections?open=" + string(r.ID) + "#" + string(r.ID)
}

// about says what tells the connection from others, from its settings.
func (p Connections) about(r domain.ConnectionReport) string {
	var parts []string
	if account := r.Settings["account"]; account != "" {
		parts = append(parts, account)
	}
	for _, field := range p.kind(r).Fields {
		if value := r.Settings[field.Name]; value != "" && len(parts) < 2 {
			parts = append(parts, value)
		}
	}
	if len(parts) == 0 {
		return p.kind(r).Help
	}
	return strings.Join(parts, ", ")
}

func (p Connections) connectionPill(r domain.ConnectionReport) pill {
	switch r.State {
	case domain.ConnectionPaused:
		return pill{Kind: "paused", Word: r.Reason, Reason: p.View.moment(r.Since)}
	case domain.ConnectionBroken:
		if p.kind(r).SignIn {
			return pill{Kind: "waiting", Word: "Needs sign-in"}
		}
		return pill{Kind: "waiting", Word: "Needs you"}
	case domain.ConnectionActive:
	}
	if len(r.Calls) > 0 && r.Calls[len(r.Calls)-1].Outcome != domain.CallDone {
		return pill{Kind: "retrying", Word: "Trying again", Reason: r.LastError}
	}
	if len(r.Calls) == 0 {
		return pill{Kind: "queued", Word: "Not used yet"}
	}
	return pill{Kind: "done", Word: "Working"}
}

func (p Connections) problem(r domain.ConnectionReport) string {
	if r.State == domain.ConnectionBroken {
		return r.Reason
	}
	return r.LastError
}

func (p Connections) waitingWords(r domain.ConnectionReport) string {
	if r.Waiting == 0 {
		return ""
	}
	return plural(r.Waiting, "document waits", "documents wait") + " and lose nothing."
}

type callBar struct {
	Kind   string
	Height int
}

// callsDrawn has a bar for each of the last calls and outlines before them.
func callsDrawn(calls []domain.Call) []callBar {
	bars := make([]callBar, 0, domain.CallsShown)
	for range domain.CallsShown - len(calls) {
		bars = append(bars, callBar{Kind: "none", Height: 6})
	}
	for _, call := range calls {
		bar := callBar{Kind: string(call.Outcome), Height: 18}
		if call.Outcome == domain.CallDone {
			bar.Height = 14
		}
		bars = append(bars, bar)
	}
	return bars
}

func callsSentence(calls []domain.Call) string {
	failed := 0
	for _, call := range calls {
		if call.Outcome != domain.CallDone {
			failed++
		}
	}
	return fmt.Sprintf("%d calls, %d of them failed", len(calls), failed)
}

func logWords(v View, line domain.NoticeLine) string {
	switch line.State {
	case "done":
		return "delivered"
	case "failed":
		return "given up: " + line.Error
	}
	if line.Error == "" {
		return "due"
	}
	return fmt.Sprintf("attempt %d: %s Again at %s.", line.Attempt, line.Error, v.seconds(line.Next))
}

func secretHint(sealed bool) string {
	if sealed {
		return "kept; type to replace it"
	}
	return ""
}

func settingOr(settings map[string]string, field domain.ConnectionField) string {
	if settings == nil {
		return field.Default
	}
	return settings[field.Name]
}
