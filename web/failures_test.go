package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/domain"
)

func TestFailuresPageGroups(t *testing.T) {
	s := newSite(t)
	seedFailures(s.memory)
	page := s.get(t, "/failures")
	page.want(t, http.StatusOK, "Paused: Google Drive “Vehicles” needs a person", "No attempts are being used up", "Try again now",
		"The PDF needs a password", "Retry 3", "Discard 2", "Brightwater Utilities plc", `312<span class="dec">.08</span>`, "This mail could not be taken apart", "/raw",
		"212 done", "6 failed again", "20 a second", "Stop", "Retry all 7", "since=")
	if waiting, failed := strings.Index(page.body, "group-waiting"), strings.Index(page.body, "group-failed"); waiting < 0 || failed < waiting {
		t.Errorf("paused stages do not come first: %d, %d", waiting, failed)
	}
	if strings.Contains(page.body, "style=") {
		t.Error("the content security policy allows no inline style")
	}
	s.get(t, "/failures?stage=standardize").want(t, http.StatusOK, "Retry all 2", "Step: Standardized")
	s.get(t, "/failures?stage=standardize").wantNot(t, "Brightwater", "Paused:")
	s.get(t, "/failures?show=waiting").wantNot(t, "Brightwater")
	s.get(t, "/failures?show=discarded").want(t, http.StatusOK, "Nothing was discarded.")
	s.get(t, "/failures?stage="+strings.Repeat("x", 65)).want(t, http.StatusBadRequest)
	s.get(t, "/?status=FAILED&stage=deliver&kind=folder_gone").want(t, http.StatusOK, "Brightwater", "Step: deliver folder_gone")
	s.get(t, "/?status=FAILED&stage=deliver&kind=folder_gone").wantNot(t, "Kvitto")
	newSite(t).get(t, "/failures").want(t, http.StatusOK, "Nothing failed.")
}

func TestFailuresPageEscapesWhatStrangersWrote(t *testing.T) {
	s := newSite(t)
	const evil = `"><script>alert(1)</script>`
	l := line{status: domain.Failed, stage: "extract", vendor: evil, number: evil, note: evil}
	d := l.document()
	d.Error.Kind = evil
	s.put(d)
	s.deadMails = []domain.Mail{{ID: "x", Subject: evil, Reason: evil, Envelope: domain.Envelope{From: evil}}}
	s.pauses = []domain.StagePause{{Stage: evil, Connection: evil, Kind: evil, Reason: evil, Count: 1}}
	s.replays = []domain.Replay{{ID: `a"b`, Filter: domain.DocumentQuery{Text: evil}, Total: 1, StoppedBy: evil}}
	for _, path := range []string{"/failures", "/failures?show=waiting&stage=%22%3E%3Cscript%3E", "/failures?discarded=1&at=%22%3E%3Cscript%3E"} {
		page := s.get(t, path)
		page.want(t, http.StatusOK)
		page.wantNot(t, "<script>", `">alert`)
	}
}

func TestGroupIsRetriedDiscardedAndPutBack(t *testing.T) {
	s := newSite(t)
	seedFailures(s.memory)
	group := url.Values{"stage": {"deliver"}, "kind": {"folder_gone"}}
	s.post(t, "/failures/replays", group).want(t, http.StatusSeeOther)
	started := s.replays[len(s.replays)-1]
	if started.Total != 3 || started.PerSecond != 20 || started.Actor != s.user.Email || started.Filter.Kind != "folder_gone" {
		t.Fatalf("%+v", started)
	}
	s.post(t, "/failures/replays/"+string(started.ID)+"/stop", nil).want(t, http.StatusSeeOther)
	if stopped := s.replays[len(s.replays)-1]; stopped.Running() || stopped.StoppedBy != s.user.Email {
		t.Fatalf("%+v", stopped)
	}
	search := s.get(t, "/?status=FAILED&q=stadtwerke")
	search.want(t, http.StatusOK, "Retry all that match", `name="q" value="stadtwerke"`)
	s.get(t, "/?q=stadtwerke").wantNot(t, "Retry all that match")
	s.post(t, "/failures/replays", url.Values{"q": {"stadtwerke"}, "review": {"1"}}).want(t, http.StatusSeeOther)
	if matching := s.replays[len(s.replays)-1].Filter; matching.Text != "stadtwerke" || !matching.Review {
		t.Fatalf("the search is lost: %+v", matching)
	}
	s.post(t, "/failures/replays/nonsense/stop", nil).want(t, http.StatusNotFound)
	s.post(t, "/failures/replays", url.Values{"kind": {"nothing_like_it"}}).want(t, http.StatusConflict, "There is nothing to retry")

	discarded := s.post(t, "/failures/discard", group)
	discarded.want(t, http.StatusSeeOther)
	page := s.get(t, discarded.Header.Get("Location"))
	page.want(t, http.StatusOK, "Discarded 3 dead letters", "Undo")
	page.wantNot(t, "Brightwater")
	at := regexp.MustCompile(`name="at" value="([^"]+)"`).FindStringSubmatch(page.body)
	if at == nil {
		t.Fatal("nothing to undo with")
	}
	s.get(t, "/failures?show=discarded").want(t, http.StatusOK, "Put back 3", "Brightwater")
	s.post(t, "/failures/restore", url.Values{"at": {at[1]}}).want(t, http.StatusSeeOther)
	s.get(t, "/failures").want(t, http.StatusOK, "Brightwater")
	s.post(t, "/failures/discard", nil).want(t, http.StatusBadRequest)
	s.post(t, "/failures/restore", nil).want(t, http.StatusBadRequest)
	s.post(t, "/failures/restore", url.Values{"at": {"yesterday"}}).want(t, http.StatusBadRequest)

	s.post(t, "/failures/resume", url.Values{"stage": {"deliver"}, "connection": {s.pauses[0].Connection}}).want(t, http.StatusSeeOther)
	s.get(t, "/failures").wantNot(t, "Paused:")
	s.post(t, "/failures/resume", url.Values{"stage": {"deliver"}}).want(t, http.StatusConflict, "not paused")
	s.post(t, "/failures/replays", group, "Sec-Fetch-Site", "cross-site").want(t, http.StatusForbidden)
}

func TestCancel(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	path := "/documents/" + string(nordlys)
	s.get(t, path).want(t, http.StatusOK, path+"/cancel")
	s.post(t, path+"/cancel", nil).want(t, http.StatusSeeOther)
	s.get(t, path).wantNot(t, path+"/cancel")
	s.api(t, "POST", path+"/cancel", "").want(t, http.StatusConflict)
	s.api(t, "POST", path+"/retry", "").want(t, http.StatusAccepted)
	s.api(t, "POST", path+"/cancel", "").want(t, http.StatusAccepted, `"status": "FAILED"`, `"kind": "cancelled"`)
}

func TestAPIReplays(t *testing.T) {
	s := newSite(t)
	seedFailures(s.memory)
	made := s.api(t, "POST", "/replays", `{"filter": {"stage": "deliver", "kind": "folder_gone"}}`)
	made.want(t, http.StatusCreated, `"total": 3`, `"done": 0`, `"state": "running"`, `"kind": "folder_gone"`, `"finished_at": null`)
	path := strings.TrimPrefix(made.Header.Get("Location"), "/api/v1")
	s.api(t, "GET", path, "").want(t, http.StatusOK, `"per_second": 20`)
	s.api(t, "DELETE", path, "").want(t, http.StatusOK, `"state": "stopped"`)
	s.api(t, "POST", "/replays", `{"filter": {}}`).want(t, http.StatusCreated, `"total": 6`)
	for _, body := range []string{"", "{}", `{"filter": null}`, `{"filter": {"stages": "x"}}`, `[]`, `{"filter": {}} x`} {
		if got := s.api(t, "POST", "/replays", body); got.StatusCode != http.StatusBadRequest {
			t.Errorf("%s is answered %d", body, got.StatusCode)
		}
	}
	s.api(t, "POST", "/replays", `{"filter": {"kind": "nothing_like_it"}}`).want(t, http.StatusConflict, "nothing_to_replay")
	s.api(t, "GET", "/replays/5f0c6d3e-0000-4c1e-9d50-0a8a35d3a001", "").want(t, http.StatusNotFound)
	s.api(t, "POST", "/pauses/deliver/resume", "").want(t, http.StatusOK, `"documents": 41`)
	s.api(t, "POST", "/pauses/deliver/resume", "").want(t, http.StatusConflict)
	s.api(t, "GET", "/documents?stage=deliver&kind=folder_gone", "").want(t, http.StatusOK, "Brightwater")
	s.api(t, "GET", "/documents?stage=deliver&kind=folder_gone", "").wantNot(t, "Kvitto")
}

func TestWaitingShowsEverywhere(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	d := s.documents[nordlys]
	d.Waiting = &domain.Waiting{Connection: "Drive", Reason: "Google ended our access.", Since: d.CreatedAt}
	s.put(d)
	s.get(t, "/").want(t, http.StatusOK, `pill-waiting`, "Google ended our access.", "/failures?show=waiting")
	s.get(t, "/documents/"+string(nordlys)).want(t, http.StatusOK, "it goes on by itself once this is mended", "Try again now", "mark-waiting")
	var got struct {
		Status        string
		NextAttemptAt *string `json:"next_attempt_at"`
		Waiting       *domain.Waiting
	}
	if err := json.Unmarshal([]byte(s.api(t, "GET", "/documents/"+string(nordlys), "").body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Status != "RETRYING" || got.Waiting == nil || got.Waiting.Connection != "Drive" || got.NextAttemptAt != nil {
		t.Errorf("%+v", got)
	}
}

func TestOperationsIsForOperatorsOnly(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	hidden := s.get(t, "/operations")
	hidden.want(t, http.StatusNotFound)
	hidden.wantNot(t, "app-1")
	s.get(t, "/").wantNot(t, "/operations")
	s.user.Operator = true
	page := s.get(t, "/operations")
	page.want(t, http.StatusOK, "app-1", "app-3", "Draining", "3 left", "Filing waits in 1 workspace.", "Lost or unbalanced", "Slowest 5 %")
	page.wantNot(t, "Brightwater", "Kranz", "style=")
	s.get(t, "/").want(t, http.StatusOK, "/operations")
}

// What operators do is theirs alone, and says what became of it.
func TestOperatorsPauseAndDrain(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	stage, node := url.Values{"stage": {"deliver"}}, url.Values{"node": {"app-2"}}
	for _, deed := range []string{"pause", "resume", "drain", "undrain"} {
		s.post(t, "/operations/"+deed, url.Values{"stage": {"extract"}, "node": {"app-2"}}).want(t, http.StatusNotFound)
	}
	if len(s.asked) != 0 {
		t.Fatalf("anybody may: %q", s.asked)
	}
	s.user.Operator = true
	page := s.get(t, "/operations")
	page.want(t, http.StatusOK, `aria-label="Pause Filing in all workspaces"`, `aria-label="Resume Reading in all workspaces"`,
		`aria-label="Drain app-1"`, `aria-label="Let app-3 work again"`, "Reading is paused in all workspaces.", "app-3 was asked to drain.")
	page.wantNot(t, "Pause Unpacking", "Drain app-3")
	s.post(t, "/operations/pause", stage).want(t, http.StatusSeeOther)
	s.post(t, "/operations/resume", url.Values{"stage": {"extract"}}).want(t, http.StatusSeeOther)
	s.post(t, "/operations/drain", node).want(t, http.StatusSeeOther)
	s.post(t, "/operations/undrain", node).want(t, http.StatusSeeOther)
	want := []string{"pause deliver by " + s.user.Email, "resume extract by " + s.user.Email, "drain app-2 true by " + s.user.Email, "drain app-2 false by " + s.user.Email}
	if !slices.Equal(s.asked, want) {
		t.Fatalf("%q", s.asked)
	}
	s.post(t, "/operations/pause", url.Values{"stage": {"unpack"}}).want(t, http.StatusConflict)
	s.post(t, "/operations/resume", stage).want(t, http.StatusConflict, "Nothing was changed")
	s.post(t, "/operations/drain", url.Values{"node": {"nobody"}}).want(t, http.StatusConflict)
	s.post(t, "/operations/drain", node, "Sec-Fetch-Site", "cross-site").want(t, http.StatusForbidden)
}
