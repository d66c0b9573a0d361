package web

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/google/uuid"
)

// What the dead letters' interfaces answer from memory. Replays only count
// what they would release: that they do is the database's matter.

func (m *memory) Cancel(_ context.Context, workspace domain.WorkspaceID, id domain.DocumentID, _ string) (domain.Document, error) {
	return m.change(workspace, id, func(d *domain.Document) error {
		if d.Status.Rests() {
			return domain.ErrNotDue
		}
		d.Status, d.Error = domain.Failed, &domain.StageError{Stage: d.Stage, Kind: domain.KindCancelled, Message: "Cancelled."}
		return nil
	})
}

func (m *memory) dead(filter domain.DocumentQuery, discarded bool) (found []domain.Document) {
	for _, d := range m.documents {
		if d.Status == domain.Failed && d.DiscardedAt.IsZero() != discarded && (filter.Stage == "" || filter.Stage == d.Stage) && (filter.Kind == "" || filter.Kind == d.Error.Kind) {
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b domain.Document) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return found
}

func (m *memory) Failures(_ context.Context, _ domain.WorkspaceID, discarded bool) (domain.Failures, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := domain.Failures{
		Open: len(m.dead(domain.DocumentQuery{}, false)) + len(m.deadMails), Discarded: len(m.dead(domain.DocumentQuery{}, true)),
		Pauses: slices.Clone(m.pauses), Replays: slices.Clone(m.replays),
	}
	for _, pause := range m.pauses {
		f.Waiting += pause.Count
	}
	for _, d := range m.dead(domain.DocumentQuery{}, discarded) {
		at := slices.IndexFunc(f.Groups, func(g domain.FailureGroup) bool { return g.Stage == d.Stage && g.Kind == d.Error.Kind })
		if at < 0 {
			at = len(f.Groups)
			f.Groups = append(f.Groups, domain.FailureGroup{Stage: d.Stage, Kind: d.Error.Kind, Message: d.Error.Message, First: d.CreatedAt, Last: d.CreatedAt})
		}
		g := &f.Groups[at]
		g.Count, g.First, g.Documents = g.Count+1, d.CreatedAt, append(g.Documents, d)
		if hour := domain.GroupHours - 1 - int(time.Since(d.CreatedAt)/time.Hour); hour >= 0 {
			g.Hours[hour]++
		}
	}
	if !discarded && len(m.deadMails) > 0 {
		f.Groups = append(f.Groups, domain.FailureGroup{Stage: domain.UnpackStage, Kind: domain.KindDamaged, Message: m.deadMails[0].Reason,
			Count: len(m.deadMails), First: m.deadMails[0].ReceivedAt, Last: m.deadMails[0].ReceivedAt, Mails: m.deadMails})
	}
	return f, nil
}

func (m *memory) DiscardFailures(_ context.Context, _ domain.WorkspaceID, filter domain.DocumentQuery, _ string) (int, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, found := time.Now().Truncate(time.Microsecond), m.dead(filter, false)
	for _, d := range found {
		d.DiscardedAt = at
		m.write(d)
	}
	return len(found), at, nil
}

func (m *memory) RestoreFailures(_ context.Context, _ domain.WorkspaceID, filter domain.DocumentQuery, at time.Time, _ string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	count := 0
	for _, d := range m.dead(filter, true) {
		if at.IsZero() || d.DiscardedAt.Equal(at) {
			d.DiscardedAt = time.Time{}
			m.write(d)
			count++
		}
	}
	return count, nil
}

func (m *memory) StartReplay(_ context.Context, _ domain.WorkspaceID, filter domain.DocumentQuery, perSecond int, by string) (domain.Replay, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	total := len(m.dead(filter, false))
	if total == 0 {
		return domain.Replay{}, domain.ErrNotFound
	}
	r := domain.Replay{ID: domain.ReplayID(uuid.NewString()), Filter: filter, Total: total, PerSecond: perSecond, Actor: by, CreatedAt: time.Now()}
	m.replays = append(m.replays, r)
	m.seq++
	m.tell()
	return r, nil
}

func (m *memory) Replay(_ context.Context, _ domain.WorkspaceID, id domain.ReplayID) (domain.Replay, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.replays, func(r domain.Replay) bool { return r.ID == id })
	if at < 0 {
		return domain.Replay{}, domain.ErrNotFound
	}
	return m.replays[at], nil
}

func (m *memory) StopReplay(_ context.Context, _ domain.WorkspaceID, id domain.ReplayID, by string) (domain.Replay, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.replays, func(r domain.Replay) bool { return r.ID == id })
	if at < 0 {
		return domain.Replay{}, domain.ErrNotFound
	}
	m.replays[at].FinishedAt, m.replays[at].StoppedBy = time.Now(), by
	return m.replays[at], nil
}

func (m *memory) Resume(_ context.Context, _ domain.WorkspaceID, stage domain.StageName, connection, _ string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.pauses)
	m.pauses = slices.DeleteFunc(m.pauses, func(p domain.StagePause) bool {
		return p.Stage == stage && (connection == "" || p.Connection == connection)
	})
	if len(m.pauses) == before {
		return 0, domain.ErrNotFound
	}
	m.seq++
	m.tell()
	return 41, nil
}

func (m *memory) Operations(context.Context) (domain.Operations, error) {
	o := domain.Operations{At: time.Now(), Typical: 4200 * time.Millisecond, Slowest: 9400 * time.Millisecond,
		Count: domain.BalanceCheck{At: time.Now(), Mails: map[string]int{"documents": 5210, "nothing_usable": 31}, Documents: map[string]int{"completed": 6120, "failed": 3}},
		Pauses: []domain.PausedStage{{Stage: "deliver", Workspaces: 1, Since: time.Now().Add(-165 * time.Minute)},
			{Stage: "extract", Everywhere: true, Since: time.Now().Add(-4 * time.Minute)}}}
	for i := range o.Done {
		o.Done[i], o.Accepted[i] = 28+i*i%17, 11+i*7%13
	}
	for i, stage := range []domain.StageName{domain.UnpackStage, "standardize", "extract", "categorize", "deliver", "announce"} {
		load := domain.StageLoad{Stage: stage, Queued: i * 3, Oldest: time.Now().Add(-time.Duration(i) * 7 * time.Second), Running: i % 4, Typical: time.Duration(i+1) * 300 * time.Millisecond, Slowest: time.Duration(i+1) * 900 * time.Millisecond}
		for j := range load.Done {
			load.Done[j] = 5 + (i+j*j)%9
		}
		if stage == "deliver" {
			load.Queued, load.Failed, load.Retries = 41, 3, 9
		}
		o.Stages = append(o.Stages, load)
	}
	return o, nil
}

func (m *memory) PauseStage(_ context.Context, stage domain.StageName, by string) error {
	m.asked = append(m.asked, fmt.Sprint("pause ", stage, " by ", by))
	return nil
}

func (m *memory) ResumeStage(_ context.Context, stage domain.StageName, by string) error {
	if stage != "extract" {
		return domain.ErrNotFound
	}
	m.asked = append(m.asked, fmt.Sprint("resume ", stage, " by ", by))
	return nil
}

func (m *memory) AskToDrain(_ context.Context, node string, drain bool, by string) error {
	if !strings.HasPrefix(node, "app-") {
		return domain.ErrNotFound
	}
	m.asked = append(m.asked, fmt.Sprint("drain ", node, " ", drain, " by ", by))
	return nil
}

func (m *memory) Members(context.Context) ([]domain.Member, error) {
	now := time.Now()
	return []domain.Member{
		{ID: "1", Node: "app-1", Address: "10.0.0.1:7946", StartedAt: now.Add(-40 * time.Hour), BeatAt: now, Mails: 1, Documents: 7},
		{ID: "2", Node: "app-2", Address: "10.0.0.2:7946", StartedAt: now.Add(-40 * time.Hour), BeatAt: now.Add(-time.Second)},
		{ID: "3", Node: "app-3", Address: "10.0.0.3:7946", StartedAt: now.Add(-21 * 24 * time.Hour), BeatAt: now, Draining: true, Documents: 3, Asked: true},
	}, nil
}

func (m *memory) Queue(context.Context) (domain.QueueState, error) {
	return domain.QueueState{MailsDue: 2, DocumentsDue: 15, OldestDue: time.Now().Add(-11 * time.Second)}, nil
}

// seedFailures is what the design's picture of the failures page shows.
func seedFailures(m *memory) {
	now := time.Now()
	fail := func(age time.Duration, stage, kind, message, vendor, number, currency, total string) {
		l := line{age: age, status: domain.Failed, stage: stage, file: "x.pdf", vendor: vendor, number: number, sender: "service@postbank-nord.example", currency: currency, total: total, note: message}
		d := l.document()
		d.Error.Kind, d.Attempt = domain.ErrorKind(kind), 1
		m.put(d)
	}
	gone := "Someone removed or unshared the folder after 13:40. We stopped at the first refusal, because trying again cannot help until there is a folder."
	fail(14*time.Minute, "deliver", "folder_gone", gone, "Brightwater Utilities plc", "1008-2231-77", "GBP", "312.08")
	fail(130*time.Minute, "deliver", "folder_gone", gone, "Telefonbolaget i Norr AB", "OCR 4410 2217 08", "SEK", "948.00")
	fail(310*time.Minute, "deliver", "folder_gone", gone, "Stadtwerke Hohenfels", "SW-4-119034", "EUR", "204.60")
	fail(250*time.Minute, "standardize", "password", "We cannot open a locked file. Remove the password and send the file again.", "", "", "", "")
	fail(490*time.Minute, "standardize", "password", "We cannot open a locked file. Remove the password and send the file again.", "", "", "", "")
	fail(650*time.Minute, "announce", "invalid_email", "The address kvitto@ is not a valid email, so no contact could be made. The document itself is filed.", "Kvitto AB", "7", "SEK", "19.00")
	m.deadMails = []domain.Mail{{ID: "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a0ff", Subject: "Fwd: Invoice", Envelope: domain.Envelope{From: "old@scanner.example"},
		Status: domain.MailFailed, Reason: "This mail could not be taken apart: it ends in the middle of an attachment.", Attempt: 5, ReceivedAt: now.Add(-3 * time.Hour)}}
	m.pauses = []domain.StagePause{{Stage: "deliver", Connection: "Google Drive “Vehicles”", Kind: "signed_out", Reason: "Google ended our access at 11:47 (the token was revoked).",
		Since: now.Add(-165 * time.Minute), Count: 41, Oldest: now.Add(-165 * time.Minute), Hours: [domain.GroupHours]int{1, 2, 1, 3, 2, 4, 3, 5, 4, 6, 5, 7}}}
	m.replays = []domain.Replay{{ID: "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a0aa", Filter: domain.DocumentQuery{Stage: "announce", Kind: "discord_unreachable"}, Total: 1040,
		Released: 258, Done: 212, Failed: 6, PerSecond: 20, CreatedAt: now.Add(-13 * time.Second)}}
}
