package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
)

// sharedFrame draws an update once for all streams that show the whole list.
type sharedFrame struct {
	once sync.Once
	wire []byte // the event
	err  error

	mu    sync.Mutex
	views map[string][]byte
}

// draw draws one of several views of an update once for all streams that show it.
func (f *sharedFrame) draw(ctx context.Context, view string, draw func(context.Context) ([]byte, error)) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if frame, drawn := f.views[view]; drawn {
		return frame, nil
	}
	// As below: that this stream ends must not end the others' frame.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTime)
	defer cancel()
	frame, err := draw(ctx)
	if err != nil {
		return nil, err
	}
	if f.views == nil {
		f.views = map[string][]byte{}
	}
	f.views[view] = frame
	return frame, nil
}

// inboxEvents streams the rows of a list that change.
func (s *Server) inboxEvents(w http.ResponseWriter, r *http.Request) error {
	draw, err := s.inboxDrawing(r)
	if err != nil {
		return err
	}
	return s.stream(w, r, draw)
}

func (s *Server) inboxDrawing(r *http.Request) (drawing, error) {
	list, err := listOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	workspace := workspaceOf(r)
	return func(ctx context.Context, u *update) ([]event, error) {
		if list.Filtered() {
			html, err := s.inboxFrame(ctx, workspace, list, u)
			return []event{{name: "frame", data: html}}, err
		}
		wire, err := s.wholeFrame(ctx, workspace, list, u)
		return []event{{wire: wire}}, err
	}, nil
}

func (s *Server) inboxFrame(ctx context.Context, workspace domain.WorkspaceID, list templates.List, u *update) ([]byte, error) {
	bands, err := s.bands(ctx, workspace, list, u.changes)
	if err != nil {
		return nil, err
	}
	return s.drawFrame(ctx, list, u, bands)
}

// wholeFrame is the event for everybody who looks at the whole list. It is
// drawn and encoded once.
func (s *Server) wholeFrame(ctx context.Context, workspace domain.WorkspaceID, list templates.List, u *update) ([]byte, error) {
	u.shared.once.Do(func() {
		// One stream draws for all: that it ends must not end the others' frame.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTime)
		defer cancel()
		html, err := s.inboxFrame(ctx, workspace, list, u)
		var wire bytes.Buffer
		event{name: "frame", id: u.changes.Seq, data: html}.encode(&wire)
		u.shared.wire, u.shared.err = wire.Bytes(), err
	})
	return u.shared.wire, u.shared.err
}

// bands are the days of a list whose sums may have changed.
func (s *Server) bands(ctx context.Context, workspace domain.WorkspaceID, list templates.List, changes domain.Changes) ([]templates.Day, error) {
	touched := map[string]time.Time{}
	for _, m := range changes.Mails {
		touched[s.dayKey(m.ReceivedAt)] = m.ReceivedAt
	}
	for _, d := range changes.Documents {
		touched[s.dayKey(d.CreatedAt)] = d.CreatedAt
	}
	bands := make([]templates.Day, 0, len(touched))
	for _, key := range slices.Sorted(maps.Keys(touched)) {
		sums, err := s.daySums(ctx, workspace, list, touched[key])
		if err != nil {
			return nil, err
		}
		bands = append(bands, templates.Day{At: touched[key], Sums: sums})
	}
	return bands, nil
}

func (s *Server) drawFrame(ctx context.Context, list templates.List, u *update, bands []templates.Day) ([]byte, error) {
	frame := templates.Frame{View: s.view(), List: list, Balance: u.balance, Mails: u.changes.Mails, Bands: bands}
	for _, d := range u.changes.Documents {
		frame.Documents = append(frame.Documents, templates.FrameRow{Document: d, Matches: matches(list, d)})
	}
	return html(ctx, templates.FrameHTML(frame))
}

// documentEvents streams one document's page each time it changes.
func (s *Server) documentEvents(w http.ResponseWriter, r *http.Request) error {
	id, err := documentID(r)
	if err != nil {
		return err
	}
	if _, err := s.cfg.Documents.Document(r.Context(), workspaceOf(r), id); err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	return s.stream(w, r, func(ctx context.Context, u *update) ([]event, error) {
		if !slices.ContainsFunc(u.changes.Documents, func(d domain.Document) bool { return d.ID == id }) {
			return nil, nil
		}
		frame, err := s.documentFrame(ctx, r, u)
		if errors.Is(err, domain.ErrNotFound) {
			return []event{{name: "stale"}}, nil // discarded: the page says so when it loads again
		}
		return []event{{name: "frame", data: frame}}, err
	})
}

func (s *Server) documentFrame(ctx context.Context, r *http.Request, u *update) ([]byte, error) {
	page, err := s.readDocument(r.WithContext(ctx), templates.Draft{})
	if err != nil {
		return nil, err
	}
	page.Shell = s.strangerShell(r, page.Document.FileName)
	page.User, page.Balance = visitorOf(r).User, u.balance
	return html(ctx, templates.DocumentFrame(page))
}

func html(ctx context.Context, component templ.Component) ([]byte, error) {
	var b bytes.Buffer
	if err := component.Render(ctx, &b); err != nil {
		return nil, fmt.Errorf("render frame: %w", err)
	}
	return b.Bytes(), nil
}
