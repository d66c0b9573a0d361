package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/docuflow/docuflow/domain"
)

const (
	heartbeat = 15 * time.Second
	// writeTime is how long one event may take to leave. A browser that takes
	// nothing for so long is gone, and comes back by itself if not.
	writeTime = 30 * time.Second
	// maxCatchUp is how many changes a stream catches up with. A page that is
	// further behind loads again instead.
	maxCatchUp = 1000
)

// event is one server-sent event.
type event struct {
	name string
	id   int64 // 0: none
	data []byte
	wire []byte // all of it as it is sent, when many streams send it; nil: made of the others
}

// eventWriter writes a text/event-stream.
type eventWriter struct {
	w         http.ResponseWriter
	deadlines *http.ResponseController
}

func openEvents(w http.ResponseWriter) (*eventWriter, error) {
	e := &eventWriter{w: w, deadlines: http.NewResponseController(w)}
	if err := e.deadlines.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("clear read deadline: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy must not hold events back
	w.WriteHeader(http.StatusOK)
	return e, e.send([]byte("retry: 1000\n\n"))
}

func (e *eventWriter) write(events ...event) error {
	if len(events) == 1 && events[0].wire != nil {
		return e.send(events[0].wire)
	}
	var b bytes.Buffer
	for _, ev := range events {
		ev.encode(&b)
	}
	if b.Len() == 0 {
		return nil
	}
	return e.send(b.Bytes())
}

func (e *eventWriter) send(b []byte) error {
	if err := e.deadlines.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("set write deadline: %w", err)
	}
	if _, err := e.w.Write(b); err != nil {
		return err
	}
	return e.deadlines.Flush()
}

func (ev event) encode(b *bytes.Buffer) {
	if ev.wire != nil {
		b.Write(ev.wire)
		return
	}
	if ev.id > 0 {
		b.WriteString("id: " + strconv.FormatInt(ev.id, 10) + "\n")
	}
	b.WriteString("event: " + ev.name + "\n")
	for line := range bytes.Lines(bytes.ReplaceAll(ev.data, []byte("\r"), nil)) {
		b.WriteString("data: ")
		b.Write(bytes.TrimSuffix(line, []byte("\n")))
		b.WriteByte('\n')
	}
	if len(ev.data) == 0 {
		b.WriteString("data:\n")
	}
	b.WriteByte('\n')
}

// stream is one open event stream.
type stream struct {
	server  *Server
	visitor visitor
	out     *eventWriter
	draw    drawing
	seq     int64 // what was shown last
	state   string
}

// drawing makes the events of an update; the last one of them carries the
// update's sequence number.
type drawing func(context.Context, *update) ([]event, error)

// stream follows a workspace until the client leaves, the session ends or the
// server stops. Thousands wait in it: what it needs at the beginning alone is
// done elsewhere, so that its stack stays small.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, draw drawing) error {
	st, err := s.begin(w, r, draw)
	if st == nil {
		return err
	}
	if err := st.follow(r.Context()); err != nil && r.Context().Err() == nil {
		st.logEnd(r.Context(), err)
	}
	return nil
}

func (st *stream) logEnd(ctx context.Context, err error) {
	st.server.cfg.Log.InfoContext(ctx, "event stream ended", "workspace", string(st.visitor.Workspace.ID), "reason", err.Error())
}

// begin sends the head. nil without an error: the client has gone already.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, draw drawing) (*stream, error) {
	v := visitorOf(r)
	balance, err := s.cfg.Ledger.Balance(r.Context(), v.Workspace.ID)
	if err != nil {
		return nil, fmt.Errorf("read balance: %w", err)
	}
	since, known := sinceOf(r)
	if !known {
		since = balance.Seq
	}
	out, err := openEvents(w)
	if err != nil {
		return nil, nil //nolint:nilerr // the head is sent and the client is gone
	}
	st := &stream{server: s, visitor: v, out: out, draw: draw, seq: since}
	if balance.Seq-since > maxCatchUp || since > balance.Seq {
		st.seq = balance.Seq
		if err := out.write(event{name: "stale", id: balance.Seq}); err != nil {
			return nil, nil //nolint:nilerr // as above
		}
	}
	return st, nil
}

// sinceOf is where a client wants to go on: what a reconnecting browser says
// goes before what the page said when it was loaded.
func sinceOf(r *http.Request) (int64, bool) {
	for _, text := range []string{r.Header.Get("Last-Event-ID"), r.URL.Query().Get("since")} {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
			return n, true
		}
	}
	return 0, false
}

func (st *stream) follow(ctx context.Context) error {
	hub, workspace := st.server.hub, st.visitor.Workspace.ID
	sub := hub.subscribe(workspace, st.seq)
	defer hub.unsubscribe(workspace, sub)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		if err := st.forward(ctx, sub); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-hub.closed:
			return nil
		case <-sub.wake:
		case <-beat.C:
			if err := st.beat(ctx); err != nil {
				return err
			}
		}
	}
}

// forward sends everything that waits for this stream.
func (st *stream) forward(ctx context.Context, sub *subscription) error {
	queue, lagged, state := sub.take()
	if state != st.state {
		st.state = state
		if err := st.out.write(event{name: "state", data: []byte(state)}); err != nil {
			return err
		}
	}
	if lagged {
		if err := st.catchUp(ctx); err != nil {
			return err
		}
	}
	for _, u := range queue {
		if err := st.show(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// catchUp reads what this stream missed.
func (st *stream) catchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	for {
		u, err := readUpdate(ctx, st.server.cfg.Ledger, st.visitor.Workspace.ID, st.seq)
		if err != nil {
			return fmt.Errorf("catch up: %w", err)
		}
		before := st.seq
		if err := st.show(ctx, u); err != nil {
			return err
		}
		if st.seq == before || !u.more() {
			return nil
		}
	}
}

func (st *stream) show(ctx context.Context, u *update) error {
	if u.changes.Seq <= st.seq {
		return nil
	}
	events, err := st.draw(ctx, u)
	if err != nil {
		return fmt.Errorf("draw update: %w", err)
	}
	if len(events) > 0 {
		events[len(events)-1].id = u.changes.Seq
	}
	st.seq = u.changes.Seq
	return st.out.write(events...)
}

// beat keeps the connection open through proxies, as a comment, and tells a
// page that it is still connected, as an event: a page cannot see comments.
func (st *stream) beat(ctx context.Context) error {
	if err := st.visitor.still(ctx); errors.Is(err, domain.ErrNotFound) {
		return errors.New("signed out")
	}
	return st.out.send([]byte(": beat\nevent: beat\ndata:\n\n"))
}
