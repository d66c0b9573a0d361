// Package discordtest is Discord's webhooks for tests: a loopback server that
// speaks their protocol, errors and limits included.
package discordtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// Message is what stands in the channel.
type Message struct {
	ID     string
	Embeds []Embed
	Edits  int
	Pings  bool // somebody could be pinged
}

// Embed is the part of a message that we write.
type Embed struct {
	Title       string
	URL         string
	Description string
	Color       int
	Timestamp   string
	Footer      struct{ Text string }
	Fields      []struct{ Name, Value string }
}

// Server is a Discord with one webhook.
type Server struct {
	*httptest.Server

	mu       sync.Mutex
	messages []*Message
	trouble  func(w http.ResponseWriter, r *http.Request) bool
	stored   func()
	loseNext bool
	gone     bool
}

// Start runs a Discord until the test ends.
func Start(t testing.TB) *Server {
	s := &Server{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// Webhook is the secret address of the channel.
func (s *Server) Webhook() string { return s.URL + "/api/webhooks/4711/to-ken" }

// Trouble lets f answer requests itself: it returns true then. nil ends that.
func (s *Server) Trouble(f func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = f
}

// LoseNextAnswer keeps the next message and closes the connection instead of an answer.
func (s *Server) LoseNextAnswer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loseNext = true
}

// OnStored is called after a message was posted or edited, before that is answered.
func (s *Server) OnStored(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored = f
}

// Delete removes the webhook.
func (s *Server) Delete() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
}

// Messages lists what stands in the channel.
func (s *Server) Messages() (messages []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		messages = append(messages, *m)
	}
	return messages
}

// Refuse answers with one of Discord's error codes.
func Refuse(w http.ResponseWriter, status, code int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message":%q,"code":%d}`, message, code)
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	trouble, gone := s.trouble, s.gone
	s.mu.Unlock()
	if trouble != nil && trouble(w, r) {
		return
	}
	rest, ours := strings.CutPrefix(r.URL.Path, "/api/webhooks/4711/to-ken")
	if !ours || gone {
		Refuse(w, http.StatusNotFound, 10015, "Unknown Webhook")
		return
	}
	id, single := strings.CutPrefix(rest, "/messages/")
	switch {
	case r.Method == http.MethodGet && rest == "":
		fmt.Fprint(w, `{"id":"4711","name":"Books","channel_id":"815"}`)
	case r.Method == http.MethodPost && rest == "":
		s.post(w, r)
	case r.Method == http.MethodPatch && single:
		s.edit(w, r, id)
	default:
		Refuse(w, http.StatusMethodNotAllowed, 0, "405: Method Not Allowed")
	}
}

type body struct {
	Embeds          []Embed `json:"embeds"`
	AllowedMentions *struct {
		Parse []string `json:"parse"`
	} `json:"allowed_mentions"`
}

// read refuses what Discord refuses.
func read(w http.ResponseWriter, r *http.Request) (b body, ok bool) {
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil || len(b.Embeds) == 0 {
		Refuse(w, http.StatusBadRequest, 50006, "Cannot send an empty message")
		return b, false
	}
	for _, e := range b.Embeds {
		all := utf8.RuneCountInString(e.Title) + utf8.RuneCountInString(e.Description) + utf8.RuneCountInString(e.Footer.Text)
		bad := utf8.RuneCountInString(e.Title) > 256 || utf8.RuneCountInString(e.Description) > 4096 || utf8.RuneCountInString(e.Footer.Text) > 2048 || len(e.Fields) > 25
		for _, f := range e.Fields {
			all += utf8.RuneCountInString(f.Name) + utf8.RuneCountInString(f.Value)
			bad = bad || f.Name == "" || f.Value == "" || utf8.RuneCountInString(f.Name) > 256 || utf8.RuneCountInString(f.Value) > 1024
		}
		if bad || all > 6000 {
			Refuse(w, http.StatusBadRequest, 50035, "Invalid Form Body")
			return b, false
		}
	}
	return b, true
}

func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	b, ok := read(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	m := &Message{ID: fmt.Sprint(1000 + len(s.messages)), Embeds: b.Embeds, Pings: b.AllowedMentions == nil || len(b.AllowedMentions.Parse) > 0}
	s.messages = append(s.messages, m)
	lose, stored := s.loseNext, s.stored
	s.loseNext = false
	s.mu.Unlock()
	if stored != nil {
		stored()
	}
	if lose {
		panic(http.ErrAbortHandler)
	}
	if r.URL.Query().Get("wait") != "true" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	fmt.Fprintf(w, `{"id":%q,"channel_id":"815"}`, m.ID)
}

func (s *Server) edit(w http.ResponseWriter, r *http.Request, id string) {
	b, ok := read(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	var found *Message
	for _, m := range s.messages {
		if m.ID == id {
			m.Embeds, m.Edits = b.Embeds, m.Edits+1
			m.Pings = m.Pings || b.AllowedMentions == nil || len(b.AllowedMentions.Parse) > 0
			found = m
		}
	}
	stored := s.stored
	s.mu.Unlock()
	if found == nil {
		Refuse(w, http.StatusNotFound, 10008, "Unknown Message")
		return
	}
	if stored != nil {
		stored()
	}
	fmt.Fprintf(w, `{"id":%q}`, id) //nolint:gosec // for tests, and JSON
}
