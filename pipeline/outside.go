package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Client speaks with an outside service for one connection. One that files is
// also a Destination, one that tells is also an Announcer.
type Client interface {
	// Test calls the service without an effect that anybody minds, and
	// returns what was said, without secrets.
	Test(ctx context.Context) domain.ConnectionTest
}

// Kind is a kind of connections with what opens one.
type Kind struct {
	domain.ConnectionKind
	// Open makes a client. It calls nobody; a setting that is wrong is an
	// error for the person who has written it.
	Open func(c domain.Connection, title string, secrets domain.Secrets) (Client, error)
	// Limit returns the hard limit that the connection's calls share; one without a name is none.
	Limit func(c domain.Connection) domain.Limit
}

// Connections reads the connections of workspaces.
type Connections interface {
	Connections(ctx context.Context, workspace domain.WorkspaceID) ([]domain.Connection, error)
	Connection(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID) (domain.Connection, error)
}

// ConnectionLog keeps how the use of connections goes.
type ConnectionLog interface {
	RecordCall(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, call domain.Call) error
	// BreakConnection says that an active connection works no more until a person acts.
	BreakConnection(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, reason string) error
}

// Unsealer opens the secrets of connections.
type Unsealer interface {
	Unseal(workspace domain.WorkspaceID, id domain.ConnectionID, sealed []byte) (domain.Secrets, error)
}

// Outside opens the connections of workspaces, and keeps every use of them
// under its limits and in the log.
type Outside struct {
	kinds       []Kind
	connections Connections
	log         ConnectionLog
	limiter     Limiter
	seals       Unsealer
	always      []Place // in every workspace
	logger      *slog.Logger
	called      func(kind string, took time.Duration, err error) // nil: nobody counts

	mu     sync.Mutex
	opened map[domain.ConnectionID]opened
}

// opened is a client that is used again while its connection stays the same.
type opened struct {
	version int64
	client  Client
}

// NewOutside builds it. always are the places of every workspace.
func NewOutside(kinds []Kind, connections Connections, log ConnectionLog, limiter Limiter, seals Unsealer, logger *slog.Logger, always ...Place) *Outside {
	return &Outside{kinds: kinds, connections: connections, log: log, limiter: limiter, seals: seals, logger: logger, always: always, opened: map[domain.ConnectionID]opened{}}
}

// Observe has every call of a connection told, by kind of connection. Call it before any.
func (o *Outside) Observe(called func(kind string, took time.Duration, err error)) { o.called = called }

// Kinds describes the kinds of connections, in their order.
func (o *Outside) Kinds() (kinds []domain.ConnectionKind) {
	for _, kind := range o.kinds {
		kinds = append(kinds, kind.ConnectionKind)
	}
	return kinds
}

// Title names a connection for people.
func (o *Outside) Title(c domain.Connection) string {
	if kind, known := o.kind(c.Kind); known {
		return kind.TitleOf(c.Name)
	}
	return c.Kind
}

func (o *Outside) kind(name string) (Kind, bool) {
	for _, kind := range o.kinds {
		if kind.Name == name {
			return kind, true
		}
	}
	return Kind{}, false
}

// Open opens a connection, whatever its state.
func (o *Outside) Open(c domain.Connection) (Client, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if kept, ok := o.opened[c.ID]; ok && kept.version == c.Version {
		return kept.client, nil
	}
	kind, known := o.kind(c.Kind)
	title := o.Title(c)
	if !known {
		return nil, domain.NeedsPerson("unknown_kind", title, "This version does not know connections of the kind "+c.Kind+".", nil)
	}
	secrets, err := o.seals.Unseal(c.Workspace, c.ID, c.Sealed)
	if err != nil {
		return nil, domain.NeedsPerson("sealed", title, "The secrets of "+title+" cannot be opened with this server's keys. Connect it again, or ask the operator.", err)
	}
	client, err := kind.Open(c, title, secrets)
	if err != nil {
		return nil, domain.NeedsPerson("settings", title, title+" cannot be used as it is set up: "+err.Error(), err)
	}
	o.opened[c.ID] = opened{version: c.Version, client: client}
	return client, nil
}

// open opens a connection for work. One that cannot be opened is marked: a
// person has to look at it.
func (o *Outside) open(ctx context.Context, c domain.Connection) (Client, error) {
	client, err := o.Open(c)
	if failure, ok := errors.AsType[*domain.Failure](err); ok && failure.Person && c.State == domain.ConnectionActive {
		err = errors.Join(err, o.log.BreakConnection(ctx, c.Workspace, c.ID, failure.Message))
	}
	return client, err
}

// Places finds where documents of a workspace are filed. Connections that a
// person has paused are left out.
func (o *Outside) Places(ctx context.Context, workspace domain.WorkspaceID) ([]Place, error) {
	connections, err := o.connections.Connections(ctx, workspace)
	if err != nil {
		return nil, err
	}
	places := append([]Place{}, o.always...)
	for _, c := range connections {
		if c.State == domain.ConnectionPaused {
			continue
		}
		client, err := o.open(ctx, c)
		if c.State == domain.ConnectionBroken {
			err = domain.NeedsPerson("needs_person", o.Title(c), c.Reason, nil)
		}
		destination, files := client.(Destination)
		if err == nil && !files {
			continue
		}
		if err != nil && !o.filesDocuments(c, client) {
			continue
		}
		places = append(places, Place{Destination: &used{outside: o, connection: c, destination: destination, refused: err}, Pattern: c.Settings[PatternSetting]})
	}
	return places, nil
}

// PatternSetting is the setting of a connection that names files.
const PatternSetting = "pattern"

// filesDocuments says whether a connection that cannot be opened would file.
func (o *Outside) filesDocuments(c domain.Connection, client Client) bool {
	if _, files := client.(Destination); files {
		return true
	}
	kind, known := o.kind(c.Kind)
	if !known || client != nil {
		return false
	}
	for _, field := range kind.Fields {
		if field.Pattern {
			return true
		}
	}
	return false
}

// Announcer opens a connection that is to be told something.
func (o *Outside) Announcer(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID) (Announcer, domain.Connection, error) {
	c, err := o.connections.Connection(ctx, workspace, id)
	if err != nil {
		return nil, c, err
	}
	client, err := o.open(ctx, c)
	if err != nil {
		return nil, c, err
	}
	announcer, tells := client.(Announcer)
	if !tells {
		return nil, c, domain.Permanent(domain.KindInternal, o.Title(c)+" cannot be told anything.", nil)
	}
	return &used{outside: o, connection: c, announcer: announcer}, c, nil
}

// use calls a service for a connection: under its limit, in its log.
func (o *Outside) use(ctx context.Context, c domain.Connection, call func() error) error {
	title := o.Title(c)
	if wait, err := o.take(ctx, c); err != nil {
		return err
	} else if wait > 0 {
		return &domain.Failure{Kind: domain.KindBusy, Message: title + " takes no more from us for a moment.", RetryAfter: wait}
	}
	begin := time.Now()
	err := call()
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return err // the node stops: it says nothing about the service
	}
	record := domain.Call{Took: time.Since(begin), Outcome: domain.CallDone}
	if o.called != nil {
		o.called(c.Kind, record.Took, err)
	}
	if err != nil {
		failure := domain.AsFailure(err)
		record.Outcome, record.Error = domain.CallRetried, failure.Message
		if failure.Permanent || failure.Person {
			record.Outcome = domain.CallFailed
		}
		if failure.Person {
			failure.Connection = title
			if breakErr := o.log.BreakConnection(ctx, c.Workspace, c.ID, failure.Message); breakErr != nil {
				err = errors.Join(err, breakErr)
			}
		}
	}
	if logErr := o.log.RecordCall(context.WithoutCancel(ctx), c.Workspace, c.ID, record); logErr != nil {
		o.logger.Warn("a call is missing in the log of its connection", "connection", c.ID, "error", logErr) // it has happened all the same
	}
	return err
}

func (o *Outside) take(ctx context.Context, c domain.Connection) (time.Duration, error) {
	kind, _ := o.kind(c.Kind)
	if kind.Limit == nil {
		return 0, nil
	}
	limit := kind.Limit(c)
	if limit.Name == "" {
		return 0, nil
	}
	return o.limiter.Take(ctx, limit)
}

// used is a destination or an announcer with its connection's limits and log.
type used struct {
	outside     *Outside
	connection  domain.Connection
	destination Destination
	announcer   Announcer
	refused     error // why it cannot be used now
}

// Name is the connection's title, which never changes.
func (u *used) Name() string { return u.outside.Title(u.connection) }

// Propose asks the service only where it must.
func (u *used) Propose(ctx context.Context, filing domain.Filing, n int) (reference string, err error) {
	if u.refused != nil {
		return "", u.refused
	}
	err = u.outside.use(ctx, u.connection, func() error {
		reference, err = u.destination.Propose(ctx, filing, n)
		return err
	})
	return reference, err
}

// Deliver files.
func (u *used) Deliver(ctx context.Context, filing domain.Filing) (link string, err error) {
	if u.refused != nil {
		return "", u.refused
	}
	err = u.outside.use(ctx, u.connection, func() error {
		link, err = u.destination.Deliver(ctx, filing)
		return err
	})
	return link, err
}

// Announce tells.
func (u *used) Announce(ctx context.Context, notice domain.Notice) (reference, link string, err error) {
	err = u.outside.use(ctx, u.connection, func() error {
		reference, link, err = u.announcer.Announce(ctx, notice)
		return err
	})
	if err != nil {
		return "", "", fmt.Errorf("tell %s: %w", u.Name(), err)
	}
	return reference, link, nil
}
