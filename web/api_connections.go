package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// apiConnection is a connection in the JSON API: without its secrets.
type apiConnection struct {
	ID          domain.ConnectionID    `json:"id"`
	Kind        string                 `json:"kind"`
	Name        string                 `json:"name"`
	State       domain.ConnectionState `json:"state"`
	Reason      string                 `json:"reason"`
	Settings    map[string]string      `json:"settings"`
	Today       int                    `json:"today"`
	Waiting     int                    `json:"waiting"`
	LastSuccess *time.Time             `json:"last_success"`
	LastError   string                 `json:"last_error"`
}

func connectionJSON(r domain.ConnectionReport) apiConnection {
	return apiConnection{ID: r.ID, Kind: r.Kind, Name: r.Name, State: r.State, Reason: r.Reason, Settings: r.Settings,
		Today: r.Today, Waiting: r.Waiting, LastSuccess: moment(r.LastSuccess), LastError: r.LastError}
}

// apiConnections answers GET /api/v1/connections.
func (s *Server) apiConnections(w http.ResponseWriter, r *http.Request) error {
	reports, err := s.cfg.Connections.Reports(r.Context(), workspaceOf(r))
	if err != nil {
		return fmt.Errorf("report on connections: %w", err)
	}
	connections := []apiConnection{}
	for _, report := range reports {
		connections = append(connections, connectionJSON(report))
	}
	return writeJSON(w, http.StatusOK, struct {
		Connections []apiConnection `json:"connections"`
	}{connections})
}

// apiDraft is what a program writes of a connection. Values are settings and
// secrets by their names.
type apiDraft struct {
	Kind   string                 `json:"kind"`
	Name   string                 `json:"name"`
	State  domain.ConnectionState `json:"state"`
	Values map[string]string      `json:"values"`
}

func readDraft(w http.ResponseWriter, r *http.Request) (draft apiDraft, err error) {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxForm))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&draft); err != nil || decoder.More() {
		return draft, &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Title: "This is no connection",
			Detail: `Send an object like {"kind": "webhook", "values": {"url": "https://books.example.com/hook", "secret": "…"}}. Nothing was changed.`}
	}
	return draft, nil
}

// apiAddConnection answers POST /api/v1/connections.
func (s *Server) apiAddConnection(w http.ResponseWriter, r *http.Request) error {
	draft, err := readDraft(w, r)
	if err != nil {
		return err
	}
	id, err := s.cfg.ConnectionDesk.Add(r.Context(), workspaceOf(r), draft.Kind, draft.Name, draft.Values, visitorOf(r).User.Email)
	if err != nil {
		return fmt.Errorf("add a connection: %w", err)
	}
	w.Header().Set("Location", apiPrefix+"/connections/"+string(id))
	return s.answerConnection(w, r, http.StatusCreated, id)
}

func (s *Server) answerConnection(w http.ResponseWriter, r *http.Request, status int, id domain.ConnectionID) error {
	reports, err := s.cfg.Connections.Reports(r.Context(), workspaceOf(r))
	if err != nil {
		return fmt.Errorf("report on connections: %w", err)
	}
	for _, report := range reports {
		if report.ID == id {
			return writeJSON(w, status, connectionJSON(report))
		}
	}
	return domain.ErrNotFound
}

// apiChangeConnection answers PATCH /api/v1/connections/{id}: values, state, or both.
func (s *Server) apiChangeConnection(w http.ResponseWriter, r *http.Request) error {
	id, err := connectionID(r)
	if err != nil {
		return err
	}
	draft, err := readDraft(w, r)
	if err != nil {
		return err
	}
	by := visitorOf(r).User.Email
	if draft.Values != nil {
		if err := s.cfg.ConnectionDesk.Change(r.Context(), workspaceOf(r), id, draft.Values, by); err != nil {
			return fmt.Errorf("change a connection: %w", err)
		}
	}
	if draft.State != "" {
		if err := s.cfg.ConnectionUse.Switch(r.Context(), workspaceOf(r), id, draft.State, by); err != nil {
			return fmt.Errorf("switch a connection: %w", err)
		}
	}
	return s.answerConnection(w, r, http.StatusOK, id)
}

// apiRemoveConnection answers DELETE /api/v1/connections/{id}.
func (s *Server) apiRemoveConnection(w http.ResponseWriter, r *http.Request) error {
	id, err := connectionID(r)
	if err != nil {
		return err
	}
	if err := s.cfg.ConnectionDesk.Remove(r.Context(), workspaceOf(r), id, visitorOf(r).User.Email); err != nil {
		return fmt.Errorf("remove a connection: %w", err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// apiTestConnection answers POST /api/v1/connections/{id}/test.
func (s *Server) apiTestConnection(w http.ResponseWriter, r *http.Request) error {
	id, err := connectionID(r)
	if err != nil {
		return err
	}
	test, err := s.cfg.ConnectionUse.Test(r.Context(), workspaceOf(r), id)
	if err != nil {
		return fmt.Errorf("test a connection: %w", err)
	}
	return writeJSON(w, http.StatusOK, struct {
		Works    bool   `json:"works"`
		Error    string `json:"error"`
		Sent     string `json:"sent"`
		Answered string `json:"answered"`
	}{test.Error == "", test.Error, test.Sent, test.Answered})
}

// exportSettings gives a workspace's settings as a file, without secrets.
func (s *Server) exportSettings(w http.ResponseWriter, r *http.Request) error {
	reports, err := s.cfg.Connections.Reports(r.Context(), workspaceOf(r))
	if err != nil {
		return fmt.Errorf("report on connections: %w", err)
	}
	addresses, err := s.cfg.Mails.Addresses(r.Context(), workspaceOf(r))
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	type connection struct {
		Kind     string            `json:"kind"`
		Name     string            `json:"name"`
		Settings map[string]string `json:"settings"`
	}
	export := struct {
		Version     int          `json:"version"`
		Workspace   string       `json:"workspace"`
		Addresses   []string     `json:"addresses"`
		Connections []connection `json:"connections"`
	}{Version: 1, Workspace: visitorOf(r).Workspace.Name, Addresses: []string{}, Connections: []connection{}}
	for _, address := range addresses {
		export.Addresses = append(export.Addresses, address.Address)
	}
	for _, report := range reports {
		export.Connections = append(export.Connections, connection{report.Kind, report.Name, report.Settings})
	}
	w.Header().Set("Content-Disposition", `attachment; filename="docuflow-settings.json"`)
	return writeJSON(w, http.StatusOK, export)
}
