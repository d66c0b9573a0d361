package pipeline

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Announcer tells somebody outside about a document: Discord, HubSpot …
type Announcer interface {
	// Announce tells. A notice may be announced again; the announcer must find its
	// earlier work or say in its documentation that it tells at least once.
	// It returns what the service calls what was made, and a link; both may be empty.
	Announce(ctx context.Context, notice domain.Notice) (reference, link string, err error)
}

// Announcers opens the connections that are told something.
type Announcers interface {
	Announcer(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID) (Announcer, domain.Connection, error)
	Title(c domain.Connection) string
}

// Notices is the durable list of what connections are to be told.
type Notices interface {
	// OweNotices makes sure that every connection that wants to hear of the event
	// is owed a notice, and returns those that the stage has to tell. told are
	// the names of the connections that know already.
	OweNotices(ctx context.Context, workspace domain.WorkspaceID, document domain.DocumentID, event string) (owed []domain.NoticeID, told []string, err error)
	// ClaimNotice takes the right to tell a notice, or the oldest that is due when
	// id is empty. domain.ErrNotDue: there is none, or somebody else tells its connection of its document now.
	ClaimNotice(ctx context.Context, workspace domain.WorkspaceID, id domain.NoticeID, node string, ttl time.Duration) (domain.ClaimedNotice, error)
	// SettleNotice writes how telling ended. domain.ErrSuperseded: another claim has taken over.
	SettleNotice(ctx context.Context, claimed domain.ClaimedNotice, end domain.NoticeEnd) error
}

const (
	// noticeTimeout bounds one call, and noticeLease is longer.
	noticeTimeout = 15 * time.Second
	noticeLease   = 20 * time.Second
)

// Teller tells one claimed notice.
type Teller struct {
	announcers Announcers
	workspaces Workspaces
	notices    Notices
	publicURL  string // of the dashboard, without a slash at its end
	node       string
}

// NewTeller builds it.
func NewTeller(announcers Announcers, workspaces Workspaces, notices Notices, publicURL, node string) *Teller {
	return &Teller{announcers: announcers, workspaces: workspaces, notices: notices, publicURL: strings.TrimSuffix(publicURL, "/"), node: node}
}

// Claim takes a notice, or the oldest that is due when id is empty.
func (t *Teller) Claim(ctx context.Context, workspace domain.WorkspaceID, id domain.NoticeID) (domain.ClaimedNotice, error) {
	return t.notices.ClaimNotice(ctx, workspace, id, t.node, noticeLease)
}

// Tell announces a claimed notice and writes down when it was told. A failure
// is left to the caller to write down with Settle.
func (t *Teller) Tell(ctx context.Context, claimed domain.ClaimedNotice) error {
	ctx, cancel := context.WithTimeout(ctx, noticeTimeout)
	defer cancel()
	workspace, err := t.workspaces.Workspace(ctx, claimed.Document.Workspace)
	if err != nil {
		return err
	}
	announcer, connection, err := t.announcers.Announcer(ctx, workspace.ID, claimed.Connection)
	if err != nil {
		return err
	}
	title := t.announcers.Title(connection)
	notice := domain.Notice{
		ID: claimed.ID, Connection: claimed.Connection, Event: claimed.Event, Workspace: workspace, Document: claimed.Document, At: claimed.At,
		Link: t.publicURL + "/documents/" + string(claimed.Document.ID), Reference: referenceAt(claimed.Document, title),
	}
	if pattern := connection.Settings[PatternSetting]; pattern != "" {
		notice.Name = FileName(pattern, workspace, claimed.Document)
	}
	reference, link, err := announcer.Announce(ctx, notice)
	if err != nil {
		return err
	}
	return t.Settle(ctx, claimed, domain.NoticeEnd{Title: title, Reference: reference, Link: link})
}

// Settle writes how telling ended, also while the node stops.
func (t *Teller) Settle(ctx context.Context, claimed domain.ClaimedNotice, end domain.NoticeEnd) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := t.notices.SettleNotice(ctx, claimed, end)
	if errors.Is(err, domain.ErrSuperseded) {
		return nil // whoever has taken over finds what was done
	}
	return err
}

// referenceAt is what a destination calls the document.
func referenceAt(document domain.Document, destination string) string {
	for _, delivery := range document.Deliveries {
		if delivery.Destination == destination {
			return delivery.Reference
		}
	}
	return ""
}

// Announce tells everybody who wants to know that a document is filed. Each
// connection has its own notice: one that fails holds up no other one and has
// none of them told twice. One that needs a person is owed its notice until the person
// has acted, and the document goes on.
type Announce struct {
	teller  *Teller
	notices Notices
}

// NewAnnounce builds the stage.
func NewAnnounce(teller *Teller, notices Notices) *Announce {
	return &Announce{teller: teller, notices: notices}
}

// Info names the stage.
func (a *Announce) Info() domain.StageInfo {
	return domain.StageInfo{Name: "announce", Doing: "Announcing", Done: "Announced"}
}

// Run does the stage's work.
func (a *Announce) Run(ctx context.Context, document domain.Document) (domain.Outcome, error) {
	owed, _, err := a.notices.OweNotices(ctx, document.Workspace, document.ID, domain.EventFiled)
	if err != nil {
		return domain.Outcome{}, err
	}
	if failed := a.tellAll(ctx, document.Workspace, owed); len(failed) > 0 {
		return domain.Outcome{}, decisive(failed)
	}
	_, told, err := a.notices.OweNotices(ctx, document.Workspace, document.ID, domain.EventFiled)
	if err != nil {
		return domain.Outcome{}, err
	}
	if len(told) == 0 {
		return domain.Outcome{Skipped: true, Note: "Nobody is connected"}, nil
	}
	return domain.Outcome{Note: strings.Join(told, ", ")}, nil
}

// tellAll tells all at the same time: a slow service does not make the others wait.
func (a *Announce) tellAll(ctx context.Context, workspace domain.WorkspaceID, owed []domain.NoticeID) []error {
	failed := make([]error, len(owed))
	var telling sync.WaitGroup
	for i, id := range owed {
		telling.Go(func() { failed[i] = a.tell(ctx, workspace, id) })
	}
	telling.Wait()
	return slices.DeleteFunc(failed, func(err error) bool { return err == nil })
}

func (a *Announce) tell(ctx context.Context, workspace domain.WorkspaceID, id domain.NoticeID) error {
	claimed, err := a.teller.Claim(ctx, workspace, id)
	if errors.Is(err, domain.ErrNotDue) { // somebody tells the connection of this document now
		return &domain.Failure{Kind: domain.KindBusy, Message: "An earlier notice is still being delivered.", RetryAfter: time.Second}
	}
	if err != nil {
		return err
	}
	err = a.teller.Tell(ctx, claimed)
	if err == nil {
		return nil
	}
	failure := domain.AsFailure(err)
	if settled := a.teller.Settle(ctx, claimed, domain.NoticeEnd{Failure: failure, Over: failure.Permanent}); settled != nil {
		return errors.Join(err, settled)
	}
	if failure.Person {
		return nil // the notice waits by itself from now on
	}
	return err
}
