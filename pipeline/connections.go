package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/docuflow/docuflow/domain"
)

// ConnectionRows keeps connections.
type ConnectionRows interface {
	AddConnection(ctx context.Context, c domain.Connection, by string) error
	ChangeConnection(ctx context.Context, c domain.Connection, by string) error
	RemoveConnection(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, title, by string) error
}

// ConnectionStates keeps what becomes of connections.
type ConnectionStates interface {
	SwitchConnection(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, title string, state domain.ConnectionState, reason, by string) error
	KeepTest(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, test domain.ConnectionTest) error
}

// ConnectionReports tells how the use of connections went.
type ConnectionReports interface {
	ConnectionReports(ctx context.Context, workspace domain.WorkspaceID, title func(domain.Connection) string) ([]domain.ConnectionReport, error)
	NoticesOf(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, limit int) ([]domain.NoticeLine, error)
	Documents(ctx context.Context, workspace domain.WorkspaceID, query domain.DocumentQuery) (domain.DocumentPage, error)
}

// ConnectionStore is all of it.
type ConnectionStore interface {
	Connections
	ConnectionRows
	ConnectionStates
	ConnectionReports
}

// Sealer seals and opens secrets.
type Sealer interface {
	Unsealer
	Seal(workspace domain.WorkspaceID, id domain.ConnectionID, secrets domain.Secrets) ([]byte, error)
}

// Consenter asks a person at a service for access, and trades what it answers
// for what a connection keeps.
type Consenter interface {
	Consent(redirect, state, verifier string) (string, error)
	Granted(ctx context.Context, redirect, code, verifier string) (domain.Secrets, map[string]string, error)
}

// ConnectionDesk is what people do with connections.
type ConnectionDesk struct {
	outside    *Outside
	rows       ConnectionStore
	workspaces Workspaces
	sealer     Sealer
	consent    map[string]Consenter // by kind
}

// NewConnectionDesk builds it. consent has those kinds that people sign in to.
func NewConnectionDesk(outside *Outside, rows ConnectionStore, workspaces Workspaces, sealer Sealer, consent map[string]Consenter) *ConnectionDesk {
	return &ConnectionDesk{outside: outside, rows: rows, workspaces: workspaces, sealer: sealer, consent: consent}
}

// Kinds describes the kinds of connections.
func (d *ConnectionDesk) Kinds() []domain.ConnectionKind { return d.outside.Kinds() }

// Reports lists the workspace's connections with how their use went.
func (d *ConnectionDesk) Reports(ctx context.Context, workspace domain.WorkspaceID) ([]domain.ConnectionReport, error) {
	return d.rows.ConnectionReports(ctx, workspace, d.outside.Title)
}

// Log lists what a connection was told lately, the newest first.
func (d *ConnectionDesk) Log(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID) ([]domain.NoticeLine, error) {
	const shown = 20
	return d.rows.NoticesOf(ctx, workspace, id, shown)
}

// Add makes a connection. What is wrong with the values is a permanent
// domain.Failure in words for the person who has entered them.
func (d *ConnectionDesk) Add(ctx context.Context, workspace domain.WorkspaceID, kind, name string, values map[string]string, by string) (domain.ConnectionID, error) {
	known, ok := d.outside.kind(kind)
	if !ok {
		return "", wrong("There is no kind of connections called %q.", kind)
	}
	const longest = 60
	if len(name) > longest {
		return "", wrong("The name is longer than %d octets.", longest)
	}
	c := domain.Connection{
		ID: domain.ConnectionID(uuid.Must(uuid.NewV7()).String()), Workspace: workspace, Kind: kind, Name: name, State: domain.ConnectionActive,
		Settings: map[string]string{}, Events: known.Events, Version: 1,
	}
	for _, field := range known.Fields {
		if !field.Secret {
			c.Settings[field.Name] = field.Default
		}
	}
	if err := d.fill(&c, known, values); err != nil {
		return "", err
	}
	return c.ID, d.rows.AddConnection(ctx, c, by)
}

// Change writes new values. A secret that is not among them stays. A
// connection that needed a person is used again.
func (d *ConnectionDesk) Change(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, values map[string]string, by string) error {
	c, err := d.rows.Connection(ctx, workspace, id)
	if err != nil {
		return err
	}
	known, ok := d.outside.kind(c.Kind)
	if !ok {
		return wrong("This version does not know connections of the kind %q.", c.Kind)
	}
	broken := c.State == domain.ConnectionBroken
	c.Events = known.Events
	if err := d.fill(&c, known, values); err != nil {
		return err
	}
	if err := d.rows.ChangeConnection(ctx, c, by); err != nil {
		return err
	}
	if !broken || c.State == domain.ConnectionBroken {
		return nil
	}
	return d.Switch(ctx, workspace, id, domain.ConnectionActive, by)
}

// fill puts checked values into a connection, and its secrets sealed.
func (d *ConnectionDesk) fill(c *domain.Connection, kind Kind, values map[string]string) error {
	secrets, err := d.sealer.Unseal(c.Workspace, c.ID, c.Sealed)
	if err != nil {
		secrets = domain.Secrets{} // sealed with keys that are lost: they are entered anew
	}
	for name := range values {
		if !slices.ContainsFunc(kind.Fields, func(f domain.ConnectionField) bool { return f.Name == name }) {
			return wrong("%s has no setting called %q.", kind.Title, name)
		}
	}
	for _, field := range kind.Fields {
		if err := take(field, values, c.Settings, secrets); err != nil {
			return err
		}
	}
	_, err = kind.Open(*c, kind.TitleOf(c.Name), secrets)
	switch {
	case err == nil:
		c.State = domain.ConnectionActive
	case kind.SignIn && len(secrets) == 0:
		c.State, c.Reason = domain.ConnectionBroken, "Nobody has signed in yet. Sign in to "+kind.Title+"."
	default:
		return wrong("%s cannot be used like this: %s.", kind.Title, err)
	}
	if len(secrets) == 0 {
		return nil
	}
	c.Sealed, err = d.sealer.Seal(c.Workspace, c.ID, secrets)
	return err
}

func take(field domain.ConnectionField, values, settings map[string]string, secrets domain.Secrets) error {
	const longest = 8192 // octets: a service account's key fits
	value, given := values[field.Name]
	if len(value) > longest {
		return wrong("%s is too long.", field.Label)
	}
	kept := settings
	if field.Secret {
		kept = secrets
		given = given && value != ""
	}
	if given {
		kept[field.Name] = value
	}
	if field.Required && kept[field.Name] == "" {
		return wrong("%s is missing.", field.Label)
	}
	if field.Pattern {
		if err := CheckPattern(kept[field.Name]); err != nil {
			return wrong("%s: %s.", field.Label, err)
		}
	}
	if len(field.Choices) > 0 && !slices.Contains(field.Choices, kept[field.Name]) {
		return wrong("%s must be one of %v.", field.Label, field.Choices)
	}
	if !field.Secret && kept[field.Name] == "" {
		delete(kept, field.Name)
	}
	return nil
}

func wrong(format string, values ...any) error {
	return domain.Permanent("invalid_value", fmt.Sprintf(format, values...), nil)
}

// Switch pauses a connection, or uses it again.
func (d *ConnectionDesk) Switch(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, state domain.ConnectionState, by string) error {
	c, err := d.rows.Connection(ctx, workspace, id)
	if err != nil {
		return err
	}
	reason := ""
	switch state {
	case domain.ConnectionActive:
	case domain.ConnectionPaused:
		reason = "Paused by " + by
	default:
		return wrong("A connection can be active or paused.")
	}
	return d.rows.SwitchConnection(ctx, workspace, id, d.outside.Title(c), state, reason, by)
}

// Remove forgets a connection. What was filed and told stays listed.
func (d *ConnectionDesk) Remove(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, by string) error {
	c, err := d.rows.Connection(ctx, workspace, id)
	if err != nil {
		return err
	}
	return d.rows.RemoveConnection(ctx, workspace, id, d.outside.Title(c), by)
}

// Test calls the service now, and keeps what was said.
func (d *ConnectionDesk) Test(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID) (test domain.ConnectionTest, err error) {
	ctx, cancel := context.WithTimeout(ctx, noticeTimeout)
	defer cancel()
	c, err := d.rows.Connection(ctx, workspace, id)
	if err != nil {
		return test, err
	}
	client, err := d.outside.Open(c)
	if err != nil {
		test = domain.ConnectionTest{At: time.Now(), Error: domain.AsFailure(err).Message}
	} else {
		test = client.Test(ctx)
	}
	return test, d.rows.KeepTest(ctx, workspace, id, test)
}

// Preview names the workspace's newest documents as a pattern would.
func (d *ConnectionDesk) Preview(ctx context.Context, workspace domain.WorkspaceID, pattern string) (names []string, err error) {
	if err := CheckPattern(pattern); err != nil {
		return nil, wrong("%s.", err)
	}
	found, err := d.workspaces.Workspace(ctx, workspace)
	if err != nil {
		return nil, err
	}
	const shown = 3
	page, err := d.rows.Documents(ctx, workspace, domain.DocumentQuery{Limit: shown})
	if err != nil {
		return nil, err
	}
	for _, document := range page.Documents {
		names = append(names, FileName(pattern, found, document))
	}
	return names, nil
}

// Consent is where a person allows the connection's service to be used.
func (d *ConnectionDesk) Consent(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, redirect, state, verifier string) (string, error) {
	c, err := d.rows.Connection(ctx, workspace, id)
	if err != nil {
		return "", err
	}
	consenter, signs := d.consent[c.Kind]
	if !signs {
		return "", domain.ErrNotFound
	}
	address, err := consenter.Consent(redirect, state, verifier)
	if err != nil {
		return "", wrong("%s: %s.", d.outside.Title(c), err)
	}
	return address, nil
}

// Granted keeps what a consent gave, and uses the connection.
func (d *ConnectionDesk) Granted(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, redirect, code, verifier, by string) error {
	c, err := d.rows.Connection(ctx, workspace, id)
	if err != nil {
		return err
	}
	consenter, signs := d.consent[c.Kind]
	if !signs {
		return domain.ErrNotFound
	}
	secrets, settings, err := consenter.Granted(ctx, redirect, code, verifier)
	if err != nil {
		return err
	}
	maps.Copy(c.Settings, settings)
	if c.Sealed, err = d.sealer.Seal(c.Workspace, c.ID, secrets); err != nil {
		return err
	}
	if err := d.rows.ChangeConnection(ctx, c, by); err != nil {
		return err
	}
	return d.Switch(ctx, workspace, id, domain.ConnectionActive, by)
}
