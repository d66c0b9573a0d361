package web

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// apiEvents answers GET /api/v1/events: the present state of every document
// and mail that changes, and the balance, as server-sent events of JSON.
func (s *Server) apiEvents(w http.ResponseWriter, r *http.Request) error {
	return s.stream(w, r, jsonEvents)
}

// jsonEvents orders an update's events by their sequence numbers, so that a
// client that stops between two of them can resume exactly there.
func jsonEvents(_ context.Context, u *update) ([]event, error) {
	var events []event
	add := func(name string, seq int64, value any) error {
		data, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("encode %s event: %w", name, err)
		}
		events = append(events, event{name: name, id: seq, data: data})
		return nil
	}
	for _, m := range u.changes.Mails {
		if err := add("mail", m.Seq, mailJSON(m)); err != nil {
			return nil, err
		}
	}
	for _, d := range u.changes.Documents {
		if err := add("document", d.Seq, documentJSON(d, false)); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.id, b.id) })
	return events, add("balance", u.changes.Seq, balanceJSON(u.balance))
}
