package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// tally counts what clients met, by who met it, in which phase of the script.
type tally struct {
	mu    sync.Mutex
	phase string
	met   map[string]map[string]map[string]int // who, what, phase
}

func newTally() *tally { return &tally{phase: "calm", met: map[string]map[string]map[string]int{}} }

func (t *tally) enter(phase string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.phase = phase
}

func (t *tally) add(who, what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.met[who] == nil {
		t.met[who] = map[string]map[string]int{}
	}
	if t.met[who][what] == nil {
		t.met[who][what] = map[string]int{}
	}
	t.met[who][what][t.phase]++
}

// count says how often somebody met anything but the fine outcomes in a phase.
func (t *tally) count(who, phase string, fine ...string) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for what, phases := range t.met[who] {
		if !slices.Contains(fine, what) {
			n += phases[phase]
		}
	}
	return n
}

// sums adds up over all phases.
func (t *tally) sums(who string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var words []string
	for _, what := range slices.Sorted(maps.Keys(t.met[who])) {
		n := 0
		for _, in := range t.met[who][what] {
			n += in
		}
		words = append(words, fmt.Sprintf("%s: %d", what, n))
	}
	return strings.Join(words, ", ")
}

// where says in which phases somebody met anything but the fine outcomes.
func (t *tally) where(who string, fine ...string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	byPhase := map[string]int{}
	for what, phases := range t.met[who] {
		for phase, n := range phases {
			if !slices.Contains(fine, what) {
				byPhase[phase] += n
			}
		}
	}
	var words []string
	for _, phase := range slices.Sorted(maps.Keys(byPhase)) {
		words = append(words, fmt.Sprintf("%s: %d", phase, byPhase[phase]))
	}
	return strings.Join(words, ", ")
}

// balancer knows which nodes may be asked, as a load balancer in front of
// them does: it asks /readyz again and again.
type balancer struct {
	nodes func() []*clusterNode

	mu    sync.Mutex
	ready []*clusterNode
	turn  int
}

func (b *balancer) run(ctx context.Context) {
	for ctx.Err() == nil {
		nodes := b.nodes()
		answers := make([]bool, len(nodes))
		var asking sync.WaitGroup
		for i, n := range nodes {
			asking.Go(func() { answers[i] = n.ready(ctx) })
		}
		asking.Wait()
		var ready []*clusterNode
		for i, n := range nodes {
			if answers[i] {
				ready = append(ready, n)
			}
		}
		b.mu.Lock()
		b.ready = ready
		b.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// order lists the ready nodes, beginning with another one each time.
func (b *balancer) order() (nodes []*clusterNode) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	for i := range b.ready {
		nodes = append(nodes, b.ready[(b.turn+i)%len(b.ready)])
	}
	return nodes
}

var errNoneReady = errors.New("no node is ready")

// get asks the first node that takes the connection: a balancer tries the next
// one when nothing was sent yet.
func (b *balancer) get(client *http.Client, request func(base string) (*http.Request, error)) (*http.Response, error) {
	err := errNoneReady
	for _, n := range b.order() {
		var r *http.Request
		if r, err = request("http://" + n.http); err != nil {
			return nil, err
		}
		var response *http.Response
		if response, err = client.Do(r); err == nil || outcome(err) != "connection refused" {
			return response, err
		}
	}
	return nil, err
}

// reader is a person who loads the inbox again and again.
type reader struct {
	balancer *balancer
	client   *http.Client
	tally    *tally
}

func signIn(t *testing.T, b *balancer, tally *tally, link string) *reader {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true} // a node that stops must not be met again through an old connection
	r := &reader{balancer: b, tally: tally, client: &http.Client{Jar: jar, Transport: transport, Timeout: 10 * time.Second}}
	response, err := b.get(r.client, func(base string) (*http.Request, error) {
		return http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/sign-in/"+url.PathEscape(link), nil)
	})
	if err != nil {
		t.Fatal("sign in: ", err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatal("sign in: ", response.Status)
	}
	return r
}

func (r *reader) run(ctx context.Context) {
	for ctx.Err() == nil {
		r.tally.add("pages", r.load(ctx))
		select {
		case <-ctx.Done():
		case <-time.After(300 * time.Millisecond):
		}
	}
}

func (r *reader) load(ctx context.Context) string {
	response, err := r.balancer.get(r.client, func(base string) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, base+"/", nil)
	})
	if err != nil {
		return outcome(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return "page cut off"
	}
	return strconv.Itoa(response.StatusCode)
}

// watcher follows the live events as a browser does: it stays with a node
// until the connection ends, and goes on at another one where it was.
type watcher struct {
	balancer *balancer
	token    string
	tally    *tally

	mu     sync.Mutex
	states map[string]string // of documents, by id
	last   string            // id of the last event
	lags   []time.Duration   // from a document's completion to its event
}

func (w *watcher) run(ctx context.Context) {
	for ctx.Err() == nil {
		w.tally.add("events", w.follow(ctx))
		select {
		case <-ctx.Done():
		case <-time.After(time.Second): // what the stream tells browsers
		}
	}
}

func (w *watcher) ask(ctx context.Context, base, path string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+w.token)
	}
	return r, err
}

// follow reads one connection to its end and says how that came.
func (w *watcher) follow(ctx context.Context) string {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(20*time.Second, cancel) // longer than between two beats
	defer silence.Stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := w.balancer.get(client, func(base string) (*http.Request, error) {
		r, err := w.ask(ctx, base, "/api/v1/events")
		if err == nil && w.last != "" {
			r.Header.Set("Last-Event-ID", w.last)
		}
		return r, err
	})
	if err != nil {
		return outcome(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return strconv.Itoa(response.StatusCode)
	}
	if w.last == "" {
		w.reload(ctx, client)
	}
	begun := time.Now()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 4<<20)
	var name, id, data string
	for lines.Scan() {
		silence.Reset(20 * time.Second)
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch key {
		case "event":
			name = value
		case "id":
			id = value
		case "data":
			data += value
		case "":
			w.event(ctx, client, name, id, data, time.Since(begun) > 5*time.Second)
			if id != "" {
				w.last = id
			}
			name, id, data = "", "", ""
		}
	}
	return "connection ended"
}

func (w *watcher) event(ctx context.Context, client *http.Client, name, id, data string, live bool) {
	switch name {
	case "stale":
		w.reload(ctx, client)
	case "document":
		var d struct {
			ID, Status  string
			CompletedAt time.Time `json:"completed_at"`
		}
		if json.Unmarshal([]byte(data), &d) != nil {
			w.tally.add("events", "unreadable event")
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if d.Status == "COMPLETED" && live && w.states[d.ID] != d.Status {
			w.lags = append(w.lags, time.Since(d.CompletedAt))
		}
		w.states[d.ID] = d.Status
	}
}

// reload reads the whole list, as a page that is loaded again does. A person
// who sees an error loads it once more.
func (w *watcher) reload(ctx context.Context, client *http.Client) {
	for ctx.Err() == nil {
		problem := w.load(ctx, client)
		if problem == "" {
			return
		}
		w.tally.add("events", "reload: "+problem)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (w *watcher) load(ctx context.Context, client *http.Client) (problem string) {
	for cursor := ""; ; {
		response, err := w.balancer.get(client, func(base string) (*http.Request, error) {
			return w.ask(ctx, base, "/api/v1/documents?limit=100&cursor="+url.QueryEscape(cursor))
		})
		if err != nil {
			return outcome(err)
		}
		var page struct {
			Documents  []struct{ ID, Status string }
			NextCursor *string `json:"next_cursor"`
		}
		err = json.NewDecoder(response.Body).Decode(&page)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			return response.Status
		}
		w.mu.Lock()
		for _, d := range page.Documents {
			if _, seen := w.states[d.ID]; !seen || d.Status == "COMPLETED" {
				w.states[d.ID] = d.Status
			}
		}
		w.mu.Unlock()
		if page.NextCursor == nil || *page.NextCursor == "" {
			return ""
		}
		cursor = *page.NextCursor
	}
}

// unaware lists the documents that are completed without the watcher's
// knowing, with what it believes.
func (w *watcher) unaware(completed []string) (documents []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range completed {
		if w.states[id] != "COMPLETED" {
			documents = append(documents, fmt.Sprintf("%s %q", id, w.states[id]))
		}
	}
	return documents
}

// lag tells how late completions were seen: the median, the 99th percentile, the latest.
func (w *watcher) lag() (median, most, worst time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.lags) == 0 {
		return 0, 0, 0
	}
	slices.Sort(w.lags)
	return w.lags[len(w.lags)/2], w.lags[len(w.lags)*99/100], w.lags[len(w.lags)-1]
}
