package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/mail"
)

// TestReplayOfAGroup lets a document fail for good in the whole program and
// replays its group: it is tried again once, and its history grows.
func TestReplayOfAGroup(t *testing.T) {
	p := start(t, newDataDir(t))
	if err := p.send("Broken", mail.File{Name: "broken.pdf", Content: []byte("%PDF-1.7\nthis is no PDF")}); err != nil {
		t.Fatal(err)
	}
	document := p.rest("broken.pdf")
	if document.Status != "FAILED" || document.Error == nil {
		t.Fatalf("%+v", document)
	}
	type replay struct {
		ID, State           string
		Total, Done, Failed int
	}
	var r replay
	body := `{"filter": {"stage": "` + document.Error.Stage + `", "kind": "` + document.Error.Kind + `"}}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.HTTP+"/api/v1/replays", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&r); err != nil || response.StatusCode != http.StatusCreated || r.Total != 1 {
		t.Fatalf("%s %+v %v", response.Status, r, err)
	}
	p.until("the replay has ended and the document has failed again", func() bool {
		p.get("/api/v1/replays/"+r.ID, &r)
		return r.State == "finished" && r.Failed == 1
	})
	var timeline struct {
		Attempts []struct{ Stage, Outcome string }
	}
	p.get("/api/v1/documents/"+document.ID+"/timeline", &timeline)
	failed := 0
	for _, attempt := range timeline.Attempts {
		if attempt.Outcome == "failed" {
			failed++
		}
	}
	if failed != 2 {
		t.Errorf("%+v", timeline.Attempts)
	}
}
