package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// tape is a browser's end of a stream. It can stop reading.
type tape struct {
	mu      sync.Mutex
	header  http.Header
	text    strings.Builder
	stopped chan struct{} // not nil: writes wait until it is closed
}

func (tp *tape) Header() http.Header { return tp.header }
func (tp *tape) WriteHeader(int)     {}
func (tp *tape) Flush()              {}

func (tp *tape) Write(p []byte) (int, error) {
	tp.mu.Lock()
	stopped := tp.stopped
	tp.mu.Unlock()
	if stopped != nil {
		<-stopped
	}
	tp.mu.Lock()
	defer tp.mu.Unlock()
	return tp.text.Write(p)
}

func (tp *tape) stop() func() {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	stopped := make(chan struct{})
	tp.stopped = stopped
	return func() {
		tp.mu.Lock()
		tp.stopped = nil
		tp.mu.Unlock()
		close(stopped)
	}
}

// cut returns what came since the last cut.
func (tp *tape) cut() string {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	text := tp.text.String()
	tp.text.Reset()
	return text
}

// bubble is a server in a synctest bubble, with streams that no network carries.
type bubble struct {
	*memory
	server *Server
	ctx    context.Context
	stop   context.CancelFunc
}

func newBubble(t *testing.T) *bubble {
	t.Helper()
	m := newMemory()
	m.sessions["session-1"] = time.Now().Add(sessionLife)
	server, err := New(Config{
		Documents: m, Overview: m, Desk: m, Approver: m, Memory: m, Dead: m, Replays: m, Pauses: m, Operations: m, Operators: m, ReplayRate: 20, Ledger: m, Mails: m, MailLog: m, MailDesk: m, Quarantine: m, Policies: m, Rules: m, Addresses: m, Labels: m, Feed: m, Sessions: m, Doors: m, Devices: m, Belongings: m, Team: m, Inviter: m, Invited: m, Tokens: m, Intake: m, Files: m, Sampler: m,
		Connections: m, ConnectionDesk: m, ConnectionUse: m, ConnectionConsent: m, PublicURL: "http://docuflow.example",
		Stages: stages(), Reads: "extract", Zone: time.UTC, CookieKey: []byte(strings.Repeat("k", 32)), MaxUpload: 1 << 20, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() { _ = server.Run(ctx) }()
	synctest.Wait()
	return &bubble{m, server, ctx, stop}
}

// open starts a stream and returns its tape; ended tells when it is over.
func (b *bubble) open(path string, headers ...string) (tp *tape, leave func(), ended <-chan struct{}) {
	ctx, cancel := context.WithCancel(b.ctx)
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	r.Header.Set("Cookie", b.server.cookieName()+"="+b.server.sign(sessionPurpose, "session-1"))
	r.Header.Set("Authorization", "Bearer token-1")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	tp = &tape{header: http.Header{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.server.ServeHTTP(tp, r)
	}()
	synctest.Wait()
	return tp, cancel, done
}

// settle lets everything happen that is due within a frame's gap.
func settle() {
	time.Sleep(2 * frameGap)
	synctest.Wait()
}

func document(vendor string) domain.Document {
	d := lines()[5].document()
	d.Fields[domain.VendorName] = domain.Field{Value: vendor, Confidence: 1}
	return d
}

func TestStreamShowsWhatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		tp, _, _ := b.open("/events")
		if text := tp.cut(); !strings.Contains(text, "retry: 1000") || !strings.Contains(text, "event: state\ndata: live") {
			t.Errorf("the stream begins with %q", text)
		}
		if tp.header.Get("Content-Type") != "text/event-stream" || tp.header.Get("X-Accel-Buffering") != "no" {
			t.Errorf("headers are %v", tp.header)
		}
		d := b.put(document("Acme <b>\nLtd"))
		settle()
		text := tp.cut()
		for _, part := range []string{fmt.Sprintf("id: %d\nevent: frame\n", d.Seq), `id="doc-` + string(d.ID), "data-match", `id="balance"`, `id="band-`, "Acme &lt;b&gt;", "data: Ltd"} {
			if !strings.Contains(text, part) {
				t.Errorf("the frame lacks %q:\n%s", part, text)
			}
		}
		for line := range strings.Lines(text) {
			if !regexp.MustCompile(`^(id: |event: |data: |\n)`).MatchString(line) {
				t.Errorf("this is no line of an event: %q", line)
			}
		}
		b.stop()
	})
}

func TestStreamResumesWhereItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.put(document("Long ago"))
		first, missed := b.put(document("First")), b.put(document("Missed"))
		tp, _, _ := b.open("/events?since=1", "Last-Event-ID", fmt.Sprint(first.Seq))
		text := tp.cut()
		if !strings.Contains(text, string(missed.ID)) || strings.Contains(text, string(first.ID)) {
			t.Errorf("after a resume came:\n%s", text)
		}
		again, _, _ := b.open("/events", "Last-Event-ID", fmt.Sprint(missed.Seq))
		if text := again.cut(); strings.Contains(text, "event: frame") {
			t.Errorf("nothing was missed, and yet came:\n%s", text)
		}
		b.stop()
	})
}

func TestStreamThatMissedTooMuchLoadsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.seq = maxCatchUp + 10
		b.put(document("Late"))
		for _, since := range []string{"1", "999999999"} {
			tp, _, _ := b.open("/events?since=" + since)
			if text := tp.cut(); !strings.Contains(text, "event: stale") || strings.Contains(text, "event: frame") {
				t.Errorf("since %s: %s", since, text)
			}
		}
		b.stop()
	})
}

func TestStreamBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		tp, _, _ := b.open("/events")
		tp.cut()
		time.Sleep(heartbeat - time.Millisecond)
		synctest.Wait()
		if text := tp.cut(); text != "" {
			t.Errorf("before the first beat came %q", text)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if text := tp.cut(); !strings.HasPrefix(text, ": beat\n") {
			t.Errorf("the beat is %q", text)
		}
		b.stop()
	})
}

func TestSlowReaderSlowsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		slow, _, _ := b.open("/events")
		fast, _, _ := b.open("/events")
		slow.cut()
		fast.cut()
		resume := slow.stop()
		var last domain.Document
		for i := range 10 * maxQueue {
			last = b.put(document(fmt.Sprintf("Vendor %d", i)))
			settle()
			if text := fast.cut(); !strings.Contains(text, string(last.ID)) {
				t.Fatalf("update %d did not reach the fast reader", i)
			}
		}
		for s := range b.server.hub.rooms[b.workspace.ID].streams {
			if len(s.queue) > maxQueue {
				t.Errorf("%d updates wait for a stream", len(s.queue))
			}
		}
		resume()
		settle()
		text := slow.cut()
		if !strings.Contains(text, string(last.ID)) || !strings.Contains(text, fmt.Sprintf("id: %d\n", last.Seq)) {
			t.Error("the slow reader did not get the present state")
		}
		for _, d := range b.documents {
			if !strings.Contains(text, "doc-"+string(d.ID)) {
				t.Errorf("the slow reader never saw %s", d.ID)
			}
		}
		if n := strings.Count(text, "event: frame"); n > maxQueue+2 {
			t.Errorf("the slow reader got %d frames", n)
		}
		b.stop()
	})
}

func TestOneReadServesAllStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		for range 20 {
			b.open("/events")
		}
		settle()
		before := b.reads
		for range 5 {
			b.put(document("Acme"))
		}
		settle()
		if n := b.reads - before; n > 2 {
			t.Errorf("five changes at once cost %d reads for 20 streams", n)
		}
		b.stop()
	})
}

func TestStreamSaysWhenItIsNotLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		tp, _, _ := b.open("/events")
		tp.cut()
		b.setBroken(errors.New("no database"))
		settle()
		if text := tp.cut(); !strings.Contains(text, "event: state\ndata: paused") {
			t.Errorf("while the database is gone came %q", text)
		}
		d := b.put(document("Meanwhile"))
		b.setBroken(nil)
		time.Sleep(2 * retryGap)
		synctest.Wait()
		text := tp.cut()
		if !strings.Contains(text, "event: state\ndata: live") || !strings.Contains(text, string(d.ID)) {
			t.Errorf("after it is back came %q", text)
		}
		b.stop()
	})
}

func TestStreamEndsWithItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		_, _, ended := b.open("/events")
		_ = b.SignOut(t.Context(), "session-1")
		time.Sleep(heartbeat)
		synctest.Wait()
		select {
		case <-ended:
		default:
			t.Error("the stream outlives its session")
		}
		b.stop()
	})
}

func TestStreamsEndWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		_, leave, left := b.open("/events")
		_, _, ended := b.open("/api/v1/events")
		leave()
		synctest.Wait()
		<-left
		b.server.hub.mu.Lock()
		if n := len(b.server.hub.rooms[b.workspace.ID].streams); n != 1 {
			t.Errorf("%d streams after one left", n)
		}
		b.server.hub.mu.Unlock()
		b.stop()
		synctest.Wait()
		<-ended
	})
}

func TestFilteredStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		tp, _, _ := b.open("/events?q=acme")
		tp.cut()
		b.put(document("Other"))
		settle()
		if text := tp.cut(); !strings.Contains(text, "Other") || strings.Contains(text, "data-match") {
			t.Errorf("a row outside the selection came as\n%s", text)
		}
		b.put(document("ACME"))
		settle()
		if text := tp.cut(); !strings.Contains(text, "data-match") {
			t.Errorf("a row of the selection came as\n%s", text)
		}
		b.stop()
	})
}

func TestDiscardedAndUnpackedRowsLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		d := b.put(document("Acme"))
		mail := b.putMail(domain.Mail{ID: "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a010", Status: domain.MailAccepted, ReceivedAt: time.Now()})
		tp, _, _ := b.open("/events")
		tp.cut()
		_ = b.Discard(t.Context(), b.workspace.ID, d.ID, "")
		settle()
		if text := tp.cut(); !strings.Contains(text, "data-gone") {
			t.Errorf("a discarded document came as\n%s", text)
		}
		mail.Status, mail.Disposition = domain.MailUnpacked, domain.DispositionDocuments
		b.putMail(mail)
		settle()
		if text := tp.cut(); !strings.Contains(text, `id="mail-`) || !strings.Contains(text, "data-gone") {
			t.Errorf("an unpacked mail came as\n%s", text)
		}
		mail.Disposition, mail.Reason = domain.DispositionNothing, "It has no attachment."
		b.putMail(mail)
		settle()
		if text := tp.cut(); !strings.Contains(text, "Nothing usable") || strings.Contains(text, "data-gone") {
			t.Errorf("a mail with nothing usable came as\n%s", text)
		}
		b.stop()
	})
}

func TestDocumentStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		d := b.put(document("Acme"))
		other := b.put(document("Other"))
		tp, _, _ := b.open(fmt.Sprintf("/documents/%s/events?since=%d", d.ID, other.Seq))
		tp.cut()
		b.put(other)
		settle()
		if text := tp.cut(); text != "" {
			t.Errorf("another document's change came: %s", text)
		}
		d.Status, d.Error = domain.Failed, &domain.StageError{Stage: "deliver", Message: "The disk is full."}
		b.put(d)
		settle()
		text := tp.cut()
		for _, part := range []string{`id="panel"`, `id="timeline"`, `id="stages"`, `id="history"`, "The disk is full."} {
			if !strings.Contains(text, part) {
				t.Errorf("the frame lacks %q", part)
			}
		}
		_ = b.Discard(t.Context(), b.workspace.ID, d.ID, "")
		settle()
		if text := tp.cut(); !strings.Contains(text, "event: stale") {
			t.Errorf("after a discard came %q", text)
		}
		b.stop()
	})
}

func TestJSONStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		tp, _, _ := b.open("/api/v1/events")
		tp.cut()
		first, second := b.put(document("First")), b.put(document("Second"))
		settle()
		text := tp.cut()
		one := strings.Index(text, fmt.Sprintf("id: %d\nevent: document\ndata: {\"id\":\"%s\"", first.Seq, first.ID))
		two := strings.Index(text, fmt.Sprintf("id: %d\nevent: document\ndata: {\"id\":\"%s\"", second.Seq, second.ID))
		if one < 0 || two < one || !strings.Contains(text, `event: balance`) || !strings.Contains(text, `"received":2`) {
			t.Errorf("the stream holds\n%s", text)
		}
		resumed, _, _ := b.open("/api/v1/events", "Last-Event-ID", fmt.Sprint(first.Seq))
		if text := resumed.cut(); strings.Contains(text, string(first.ID)) || !strings.Contains(text, string(second.ID)) {
			t.Errorf("after a resume came\n%s", text)
		}
		b.stop()
	})
}

func rowsIn(text string) int { return strings.Count(text, `id="doc-`) }

func TestBoundedAnswersAreReadToTheirEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.bound = 3
		first := b.put(document("First"))
		for range 10 {
			b.put(document("Missed"))
		}
		tp, _, _ := b.open("/events", "Last-Event-ID", fmt.Sprint(first.Seq))
		if n := rowsIn(tp.cut()); n != 10 {
			t.Errorf("a resume shows %d of 10 rows", n)
		}
		burst := map[string]bool{}
		for range 10 {
			burst[string(b.put(document("Burst")).ID)] = true
		}
		time.Sleep(10 * frameGap)
		synctest.Wait()
		text := tp.cut()
		for id := range burst {
			if !strings.Contains(text, "doc-"+id) {
				t.Errorf("of a burst %s was never shown", id)
			}
		}
		b.stop()
	})
}

func TestFeedThatLostTrackNudgesEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		tp, _, _ := b.open("/events")
		tp.cut()
		feeds := b.feeds
		b.feeds = nil // the change itself goes untold
		d := b.put(document("Unheard"))
		settle()
		if text := tp.cut(); text != "" {
			t.Fatalf("without the feed came %q", text)
		}
		feeds[0] <- domain.AllWorkspaces
		settle()
		if text := tp.cut(); !strings.Contains(text, string(d.ID)) {
			t.Errorf("after the feed lost track came %q", text)
		}
		b.stop()
	})
}
