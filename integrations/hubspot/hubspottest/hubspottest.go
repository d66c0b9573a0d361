// Package hubspottest is HubSpot's CRM for tests: a loopback server that
// speaks its protocol, errors and odd answers included, as far as we use it.
package hubspottest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Version of the API that the server speaks.
const Version = "2026-09"

// Token is the access token that is good.
const Token = "pat-secret"

// Note is what stands on a contact.
type Note struct {
	ID      string
	Body    string
	Contact string // id
	Edits   int
}

// Server is a HubSpot with one portal.
type Server struct {
	*httptest.Server

	mu       sync.Mutex
	contacts map[string]string // id by address
	notes    []*Note
	trouble  func(w http.ResponseWriter, r *http.Request) bool
	stored   func()
	loseNext bool
}

// Start runs a HubSpot until the test ends.
func Start(t testing.TB) *Server {
	s := &Server{contacts: map[string]string{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// Trouble lets f answer requests itself: it returns true then. nil ends that.
func (s *Server) Trouble(f func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = f
}

// LoseNextAnswer keeps the next note and closes the connection instead of an answer.
func (s *Server) LoseNextAnswer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loseNext = true
}

// OnStored is called after a note was made, before that is answered.
func (s *Server) OnStored(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored = f
}

// Contacts lists the ids by address.
func (s *Server) Contacts() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	contacts := map[string]string{}
	for address, id := range s.contacts {
		contacts[address] = id
	}
	return contacts
}

// Notes lists all notes.
func (s *Server) Notes() (notes []Note) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.notes {
		notes = append(notes, *n)
	}
	return notes
}

// Refuse answers as HubSpot does.
func Refuse(w http.ResponseWriter, status int, category string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"status":"error","message":"refused","correlationId":"c","category":%q}`, category)
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	trouble := s.trouble
	s.mu.Unlock()
	if trouble != nil && trouble(w, r) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+Token {
		Refuse(w, http.StatusUnauthorized, "INVALID_AUTHENTICATION")
		return
	}
	const objects = "/crm/objects/" + Version
	id, single := strings.CutPrefix(r.URL.Path, objects+"/notes/")
	switch {
	case r.URL.Path == "/account-info/v3/details":
		fmt.Fprint(w, `{"portalId":4471882}`)
	case r.URL.Path == objects+"/contacts/batch/upsert":
		s.upsert(w, r)
	case r.URL.Path == objects+"/notes/search":
		s.search(w, r)
	case r.URL.Path == objects+"/notes" && r.Method == http.MethodPost:
		s.create(w, r)
	case single && r.Method == http.MethodPatch:
		s.edit(w, r, id)
	default:
		Refuse(w, http.StatusNotFound, "OBJECT_NOT_FOUND")
	}
}

func (s *Server) upsert(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Inputs []struct {
			IDProperty string            `json:"idProperty"`
			ID         string            `json:"id"`
			Properties map[string]string `json:"properties"`
		} `json:"inputs"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Inputs) == 0 || len(body.Inputs) > 100 {
		Refuse(w, http.StatusBadRequest, "VALIDATION_ERROR")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	results, errors := []any{}, []any{}
	for _, in := range body.Inputs {
		if in.IDProperty != "email" || in.ID != strings.ToLower(in.ID) || in.Properties["email"] != in.ID || strings.HasSuffix(in.ID, ".invalid") {
			errors = append(errors, map[string]string{"status": "error", "category": "VALIDATION_ERROR", "message": "Email address " + in.ID + " is invalid"})
			continue
		}
		if s.contacts[in.ID] == "" {
			s.contacts[in.ID] = fmt.Sprint(500 + len(s.contacts))
		}
		results = append(results, map[string]any{"id": s.contacts[in.ID], "properties": in.Properties})
	}
	if len(errors) > 0 {
		w.WriteHeader(http.StatusMultiStatus)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "COMPLETE", "results": results, "numErrors": len(errors), "errors": errors})
}

func (s *Server) search(w http.ResponseWriter, r *http.Request) {
	var body struct {
		FilterGroups []struct {
			Filters []struct{ PropertyName, Operator, Value string } `json:"filters"`
		} `json:"filterGroups"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.FilterGroups) != 1 || body.FilterGroups[0].Filters[0].Operator != "CONTAINS_TOKEN" {
		Refuse(w, http.StatusBadRequest, "VALIDATION_ERROR")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	results := []any{}
	for _, n := range s.notes {
		if strings.Contains(n.Body, body.FilterGroups[0].Filters[0].Value) {
			results = append(results, map[string]string{"id": n.ID})
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"total": len(results), "results": results})
}

type noteBody struct {
	Properties struct {
		Timestamp string `json:"hs_timestamp"`
		Body      string `json:"hs_note_body"`
	} `json:"properties"`
	Associations []struct {
		To    struct{ ID string } `json:"to"`
		Types []struct {
			Category string `json:"associationCategory"`
			ID       int    `json:"associationTypeId"`
		} `json:"types"`
	} `json:"associations"`
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	var body noteBody
	err := json.NewDecoder(r.Body).Decode(&body)
	if err != nil || body.Properties.Timestamp == "" || len(body.Properties.Body) > 65536 || len(body.Associations) != 1 || body.Associations[0].Types[0].ID != 202 {
		Refuse(w, http.StatusBadRequest, "VALIDATION_ERROR")
		return
	}
	s.mu.Lock()
	n := &Note{ID: fmt.Sprint(9000 + len(s.notes)), Body: body.Properties.Body, Contact: body.Associations[0].To.ID}
	s.notes = append(s.notes, n)
	lose, stored := s.loseNext, s.stored
	s.loseNext = false
	s.mu.Unlock()
	if stored != nil {
		stored()
	}
	if lose {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"id":%q}`, n.ID)
}

func (s *Server) edit(w http.ResponseWriter, r *http.Request, id string) {
	var body noteBody
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		Refuse(w, http.StatusBadRequest, "VALIDATION_ERROR")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.notes {
		if n.ID == id {
			n.Body, n.Edits = body.Properties.Body, n.Edits+1
			fmt.Fprintf(w, `{"id":%q}`, id) //nolint:gosec // for tests, and JSON
			return
		}
	}
	Refuse(w, http.StatusNotFound, "OBJECT_NOT_FOUND")
}
