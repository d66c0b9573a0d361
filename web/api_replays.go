package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docuflow/docuflow/domain"
	"github.com/go-chi/chi/v5"
)

// apiFilter selects dead letters in the JSON API. What is empty selects everything.
type apiFilter struct {
	Stage  domain.StageName `json:"stage,omitempty"`
	Kind   domain.ErrorKind `json:"kind,omitempty"`
	Text   string           `json:"q,omitempty"`
	Review bool             `json:"review,omitempty"`
}

func (f apiFilter) query() (domain.DocumentQuery, error) {
	values := url.Values{"stage": {string(f.Stage)}, "kind": {string(f.Kind)}, "q": {f.Text}}
	if f.Review {
		values.Set("review", "1")
	}
	list, err := listOf(values)
	return query(list, 0), err
}

// apiReplayAnswer is a replay in the JSON API.
type apiReplayAnswer struct {
	ID         domain.ReplayID `json:"id"`
	State      string          `json:"state"` // running, finished, stopped
	Filter     apiFilter       `json:"filter"`
	Total      int             `json:"total"`
	Released   int             `json:"released"`
	Done       int             `json:"done"`
	Failed     int             `json:"failed"`
	PerSecond  int             `json:"per_second"`
	Actor      string          `json:"actor"`
	CreatedAt  time.Time       `json:"created_at"`
	FinishedAt *time.Time      `json:"finished_at"`
}

func replayJSON(r domain.Replay) apiReplayAnswer {
	state := "running"
	switch {
	case r.StoppedBy != "":
		state = "stopped"
	case !r.Running():
		state = "finished"
	}
	return apiReplayAnswer{
		ID: r.ID, State: state, Filter: apiFilter{Stage: r.Filter.Stage, Kind: r.Filter.Kind, Text: r.Filter.Text, Review: r.Filter.Review},
		Total: r.Total, Released: r.Released, Done: r.Done, Failed: r.Failed, PerSecond: r.PerSecond, Actor: r.Actor,
		CreatedAt: r.CreatedAt.UTC(), FinishedAt: moment(r.FinishedAt),
	}
}

// apiStartReplay answers POST /api/v1/replays.
func (s *Server) apiStartReplay(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Filter *apiFilter `json:"filter"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxForm))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil || body.Filter == nil || decoder.More() {
		return &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Field: "filter", Title: "This is no filter", cause: err,
			Detail: `Send an object like {"filter": {"stage": "deliver", "kind": "rejected"}}. An empty filter retries everything that failed.`}
	}
	filter, err := body.Filter.query()
	if err != nil {
		return err
	}
	replay, err := s.replay(r, filter)
	if err != nil {
		return err
	}
	w.Header().Set("Location", apiPrefix+"/replays/"+string(replay.ID))
	return writeJSON(w, http.StatusCreated, replayJSON(replay))
}

// apiReplay answers GET /api/v1/replays/{id}.
func (s *Server) apiReplay(w http.ResponseWriter, r *http.Request) error {
	replay, err := s.cfg.Replays.Replay(r.Context(), workspaceOf(r), replayID(r))
	if err != nil {
		return fmt.Errorf("read replay: %w", err)
	}
	return writeJSON(w, http.StatusOK, replayJSON(replay))
}

// apiStopReplay answers DELETE /api/v1/replays/{id}.
func (s *Server) apiStopReplay(w http.ResponseWriter, r *http.Request) error {
	replay, err := s.cfg.Replays.StopReplay(r.Context(), workspaceOf(r), replayID(r), visitorOf(r).User.Email)
	if err != nil {
		return fmt.Errorf("stop replay: %w", err)
	}
	return writeJSON(w, http.StatusOK, replayJSON(replay))
}

// apiResume answers POST /api/v1/pauses/{stage}/resume: all pauses of the stage are lifted.
func (s *Server) apiResume(w http.ResponseWriter, r *http.Request) error {
	stage := chi.URLParam(r, "stage")
	if len(stage) > maxName || !utf8.ValidString(stage) || strings.ContainsRune(stage, 0) {
		return domain.ErrNotFound
	}
	documents, err := s.lift(r, domain.StageName(stage), "")
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		Documents int `json:"documents"`
	}{documents})
}
