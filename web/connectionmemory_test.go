package web

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/google/uuid"
)

// What the connections' interfaces answer from memory. Secrets are only
// remembered as being there: what they do is the pipeline's matter.

func (m *memory) Kinds() []domain.ConnectionKind {
	pattern := domain.ConnectionField{Name: "pattern", Label: "File name and folder", Pattern: true, Required: true, Default: "{date} {vendor}"}
	return []domain.ConnectionKind{
		{Name: "drive", Title: "Google Drive", Icon: "folder", SignIn: true, Help: "Files.", Fields: []domain.ConnectionField{pattern, {Name: "service_account", Label: "Service account", Secret: true}}},
		{Name: "discord", Title: "Discord", Icon: "chat", Help: "One message per document, edited in place.", Fields: []domain.ConnectionField{{Name: "webhook_url", Label: "Webhook address", Required: true, Secret: true}, {Name: "channel", Label: "Channel"}}},
		{Name: "hubspot", Title: "HubSpot", Icon: "person", Help: "Notes on the sender’s contact."},
		{Name: "webhook", Title: "Webhook", Icon: "out", Help: "Calls a program of yours.", Fields: []domain.ConnectionField{{Name: "url", Label: "Address", Required: true}}},
	}
}

func (m *memory) Reports(context.Context, domain.WorkspaceID) ([]domain.ConnectionReport, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.reports), nil
}

func (m *memory) Log(context.Context, domain.WorkspaceID, domain.ConnectionID) ([]domain.NoticeLine, error) {
	return m.notices, nil
}

func (m *memory) Add(_ context.Context, workspace domain.WorkspaceID, kind, name string, values map[string]string, _ string) (domain.ConnectionID, error) {
	if kind != "webhook" {
		return "", domain.Permanent("invalid_value", "There is no such kind.", nil)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := domain.Connection{ID: domain.ConnectionID(uuid.NewString()), Workspace: workspace, Kind: kind, Name: name, State: domain.ConnectionActive, Settings: map[string]string{"url": values["url"]}}
	m.reports = append(m.reports, domain.ConnectionReport{Connection: c})
	return c.ID, nil
}

func (m *memory) onReport(id domain.ConnectionID, f func(*domain.ConnectionReport)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.reports {
		if m.reports[i].ID == id {
			f(&m.reports[i])
			return nil
		}
	}
	return domain.ErrNotFound
}

func (m *memory) Change(_ context.Context, _ domain.WorkspaceID, id domain.ConnectionID, values map[string]string, _ string) error {
	return m.onReport(id, func(r *domain.ConnectionReport) { maps.Copy(r.Settings, values) })
}

func (m *memory) Remove(_ context.Context, _ domain.WorkspaceID, id domain.ConnectionID, _ string) error {
	return m.onReport(id, func(r *domain.ConnectionReport) { r.State = "removed" })
}

func (m *memory) Switch(_ context.Context, _ domain.WorkspaceID, id domain.ConnectionID, state domain.ConnectionState, by string) error {
	return m.onReport(id, func(r *domain.ConnectionReport) { r.State, r.Reason = state, "Paused by "+by })
}

func (m *memory) Test(_ context.Context, _ domain.WorkspaceID, id domain.ConnectionID) (test domain.ConnectionTest, err error) {
	test = domain.ConnectionTest{At: time.Now(), Took: 412 * time.Millisecond, Sent: "POST /hook", Answered: "200 OK"}
	return test, m.onReport(id, func(r *domain.ConnectionReport) { r.Test = &test })
}

func (m *memory) Preview(_ context.Context, _ domain.WorkspaceID, pattern string) ([]string, error) {
	return []string{"2026/Officina Bianchi S.r.l./2026-11-12 Officina Bianchi S.r.l. 732.00 EUR.pdf", strings.ReplaceAll(pattern, "{vendor}", "Kestrel")}, nil
}

func (m *memory) Consent(_ context.Context, _ domain.WorkspaceID, id domain.ConnectionID, redirect, state, verifier string) (string, error) {
	m.verifier = verifier
	return "https://accounts.example/auth?redirect=" + redirect + "&state=" + state, m.onReport(id, func(*domain.ConnectionReport) {})
}

func (m *memory) Granted(_ context.Context, _ domain.WorkspaceID, id domain.ConnectionID, _, code, verifier, _ string) error {
	if code != "code-1" || verifier != m.verifier {
		return domain.Permanent("google_refused", "Google did not confirm the sign-in.", nil)
	}
	return m.onReport(id, func(r *domain.ConnectionReport) { r.State = domain.ConnectionActive })
}

// seedConnections connects what the design's picture shows.
func seedConnections(m *memory) {
	calls := func(bad ...int) (calls []domain.Call) {
		for i := range domain.CallsShown {
			call := domain.Call{At: time.Now(), Outcome: domain.CallDone}
			if slices.Contains(bad, i) {
				call.Outcome, call.Error = domain.CallFailed, "Refused."
			}
			calls = append(calls, call)
		}
		return calls
	}
	report := func(n int, kind, name string, state domain.ConnectionState, reason string, settings map[string]string, calls []domain.Call, today int) domain.ConnectionReport {
		id := domain.ConnectionID("0c0c0000-0000-4000-8000-00000000000" + string(rune('0'+n)))
		return domain.ConnectionReport{
			Connection: domain.Connection{ID: id, Kind: kind, Name: name, State: state, Reason: reason, Settings: settings, Since: time.Now().Add(-3 * time.Hour), Sealed: []byte("sealed")},
			Calls:      calls, LastSuccess: time.Now().Add(-time.Minute), Today: today, Slowest: 3100 * time.Millisecond,
		}
	}
	m.reports = []domain.ConnectionReport{
		report(1, "drive", "", domain.ConnectionActive, "", map[string]string{"account": "office@lindqvist.example", "pattern": "{year}/{vendor}"}, calls(14, 15), 61),
		report(2, "drive", "Vehicles", domain.ConnectionBroken, "Google ended our access. Sign in to Drive; documents wait and are filed by themselves.", map[string]string{"account": "garage@lindqvist.example", "pattern": "{year}/{vendor}/{date} {vendor} {total} {currency}"}, calls(15, 16)[:17], 9),
		report(3, "discord", "", domain.ConnectionActive, "", map[string]string{"channel": "#bookkeeping"}, calls(13, 16, 19), 131),
		report(4, "hubspot", "", domain.ConnectionActive, "", map[string]string{}, calls(8), 102),
		report(5, "webhook", "", domain.ConnectionPaused, "Paused by maria.aalto@lindqvist.example", map[string]string{"url": "https://books.lindqvist.example/hooks/docuflow"}, calls()[:14], 0),
	}
	m.reports[1].Waiting = 41
	m.reports[1].Test = &domain.ConnectionTest{At: time.Now(), Took: 412 * time.Millisecond, Sent: "GET /drive/v3/about", Answered: "invalid_grant Token has been expired or revoked.", Error: "Google ended our access."}
	m.notices = []domain.NoticeLine{{Document: nordlys, Event: domain.EventCorrected, State: "due", Attempt: 2, Error: "Google did not answer.", At: time.Now(), Next: time.Now()}}
}
