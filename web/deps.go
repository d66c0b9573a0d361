package web

import (
	"context"
	"io"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Everything below is scoped to one workspace by its first argument; a row of
// another workspace is domain.ErrNotFound.

// Documents reads documents.
type Documents interface {
	Documents(ctx context.Context, workspace domain.WorkspaceID, query domain.DocumentQuery) (domain.DocumentPage, error)
	Document(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID) (domain.Document, error)
	// Timeline lists all attempts, oldest first, and the document's events, newest first.
	Timeline(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID) ([]domain.Attempt, []domain.Event, error)
}

// Overview says what only the whole list knows. Limit and Cursor of a query
// do not matter to it.
type Overview interface {
	// Sums adds up the totals of the selected documents that were received
	// from from until before until, one for each currency in any order. Failed
	// documents and those without a total or a currency are left out.
	Sums(ctx context.Context, workspace domain.WorkspaceID, query domain.DocumentQuery, from, until time.Time) ([]domain.Sum, error)
	// Place finds a document in the selected list; domain.ErrNotFound when it is not in it.
	Place(ctx context.Context, workspace domain.WorkspaceID, query domain.DocumentQuery, id domain.DocumentID) (domain.Place, error)
}

// Desk is what a person does to a document. by is the person's address.
type Desk interface {
	// Edit sets fields to canonical values (domain.CanonicalValue) and locks
	// them. A nil value takes an edit back.
	Edit(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, values map[domain.FieldName]*string, by string) (domain.Document, error)
	// Retry makes a failed or retrying document due now, with a fresh budget; domain.ErrNotDue
	// when it is being worked on or completed.
	Retry(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) (domain.Document, error)
	// Cancel ends the work on a document that does not rest: it fails with
	// domain.KindCancelled; domain.ErrNotDue when it rests.
	Cancel(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) (domain.Document, error)
	// Discard takes a document off every list. Its files stay until retention removes them.
	Discard(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) error
}

// DeadLetters is what failed for good. Filters select as DocumentQuery says;
// mails that could not be unpacked belong to domain.UnpackStage.
type DeadLetters interface {
	// Failures groups what failed; with discarded, what was discarded of it.
	Failures(ctx context.Context, workspace domain.WorkspaceID, discarded bool) (domain.Failures, error)
	// DiscardFailures takes all that match off every list. The time names them for RestoreFailures.
	DiscardFailures(ctx context.Context, workspace domain.WorkspaceID, filter domain.DocumentQuery, by string) (int, time.Time, error)
	// RestoreFailures puts back what was discarded at one time, or all that matches when it is zero.
	RestoreFailures(ctx context.Context, workspace domain.WorkspaceID, filter domain.DocumentQuery, at time.Time, by string) (int, error)
}

// Replays gives dead letters another try, some each second.
type Replays interface {
	// StartReplay chooses everything that matches now; domain.ErrNotFound when nothing does.
	StartReplay(ctx context.Context, workspace domain.WorkspaceID, filter domain.DocumentQuery, perSecond int, by string) (domain.Replay, error)
	Replay(ctx context.Context, workspace domain.WorkspaceID, id domain.ReplayID) (domain.Replay, error)
	// StopReplay releases nothing more; one that has ended stays as it is.
	StopReplay(ctx context.Context, workspace domain.WorkspaceID, id domain.ReplayID, by string) (domain.Replay, error)
}

// Pauses lifts the pauses of stages.
type Pauses interface {
	// Resume lifts one connection's pause of a stage, or all of them when connection is empty, and says how
	// many documents go on; domain.ErrNotFound when nothing was paused.
	Resume(ctx context.Context, workspace domain.WorkspaceID, stage domain.StageName, connection, by string) (int, error)
}

// Connections reads a workspace's connections, without their secrets.
type Connections interface {
	Kinds() []domain.ConnectionKind
	Reports(ctx context.Context, workspace domain.WorkspaceID) ([]domain.ConnectionReport, error)
	// Log lists what a connection was told lately, the newest first.
	Log(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID) ([]domain.NoticeLine, error)
}

// ConnectionDesk is what a person does to a connection. What is wrong with
// values is a permanent domain.Failure in words.
type ConnectionDesk interface {
	Add(ctx context.Context, workspace domain.WorkspaceID, kind, name string, values map[string]string, by string) (domain.ConnectionID, error)
	// Change keeps what values do not name; an empty secret is not named.
	Change(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, values map[string]string, by string) error
	Remove(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, by string) error
}

// ConnectionUse switches and tests connections.
type ConnectionUse interface {
	Switch(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, state domain.ConnectionState, by string) error
	Test(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID) (domain.ConnectionTest, error)
	// Preview names the newest documents as a pattern would.
	Preview(ctx context.Context, workspace domain.WorkspaceID, pattern string) ([]string, error)
}

// ConnectionConsent connects by signing in at the service (OAuth 2 with PKCE).
type ConnectionConsent interface {
	Consent(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, redirect, state, verifier string) (string, error)
	Granted(ctx context.Context, workspace domain.WorkspaceID, id domain.ConnectionID, redirect, code, verifier, by string) error
}

// Operations is the installation as a whole, without any workspace's content.
type Operations interface {
	Operations(ctx context.Context) (domain.Operations, error)
	Members(ctx context.Context) ([]domain.Member, error)
	Queue(ctx context.Context) (domain.QueueState, error)
}

// Operators is what operators do to the installation. by is the person's address.
type Operators interface {
	// PauseStage stops a stage in all workspaces; pausing twice is fine.
	PauseStage(ctx context.Context, stage domain.StageName, by string) error
	// ResumeStage undoes it; domain.ErrNotFound when it was not paused.
	ResumeStage(ctx context.Context, stage domain.StageName, by string) error
	// AskToDrain asks a node to take no work and no mail, or to go on;
	// domain.ErrNotFound when no such node runs.
	AskToDrain(ctx context.Context, node string, drain bool, by string) error
}

// Approver settles a review: the person looked, and the fields are right.
type Approver interface {
	Approve(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) (domain.Document, error)
	// TakeBack undoes it; domain.ErrNotDue when there is no approval.
	TakeBack(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) (domain.Document, error)
}

// Memory is what the workspace has learned about a document's vendor.
type Memory interface {
	// Memory is domain.ErrNotFound when nothing was learned.
	Memory(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID) (domain.KnownVendor, error)
	// Forget removes all of it; domain.ErrNotFound when that is nothing.
	Forget(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) error
}

// Ledger is what the inbox shows beside documents.
type Ledger interface {
	Balance(ctx context.Context, workspace domain.WorkspaceID) (domain.Balance, error)
	// Unpacking lists mails that are accepted and not unpacked yet, newest first.
	Unpacking(ctx context.Context, workspace domain.WorkspaceID) ([]domain.Mail, error)
	// Changes returns everything that changed after the sequence number since,
	// discarded documents included. One answer may be bounded: ask again from its Seq.
	Changes(ctx context.Context, workspace domain.WorkspaceID, since int64) (domain.Changes, error)
}

// Mails reads mails.
type Mails interface {
	Mail(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID) (domain.Mail, error)
	// Addresses lists the workspace's mail addresses, the main one first.
	Addresses(ctx context.Context, workspace domain.WorkspaceID) ([]domain.Address, error)
}

// MailLog is every mail that was accepted, with what became of it.
type MailLog interface {
	// Mails lists mails, newest first.
	Mails(ctx context.Context, workspace domain.WorkspaceID, query domain.MailQuery) (domain.MailPage, error)
	// CountMails counts all mails, each under its one outcome.
	CountMails(ctx context.Context, workspace domain.WorkspaceID) (domain.MailCounts, error)
}

// MailDesk is what a person does to a mail. domain.ErrNotDue: it is being
// unpacked, or the part cannot be imported.
type MailDesk interface {
	// Reprocess unpacks a mail once more.
	Reprocess(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, by string) (domain.Mail, error)
	// ImportPart makes a document of a part that was skipped.
	ImportPart(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, index int, by string) (domain.Mail, error)
}

// Quarantine is what a person decides about a mail that is held back;
// domain.ErrNotDue when it is not.
type Quarantine interface {
	// ApproveMail lets a mail in, and with always its author from now on.
	ApproveMail(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, always bool, by string) (domain.Mail, error)
	// BlockMail blocks the mail's author from now on.
	BlockMail(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, by string) (domain.Mail, error)
	// DeleteMail takes it out of quarantine without making documents.
	DeleteMail(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, by string) (domain.Mail, error)
}

// Policies is what a workspace wants done with its mail.
type Policies interface {
	MailPolicy(ctx context.Context, workspace domain.WorkspaceID) (domain.MailPolicy, error)
	// SetMailPolicy writes everything but rules and members.
	SetMailPolicy(ctx context.Context, workspace domain.WorkspaceID, policy domain.MailPolicy, by string) error
}

// Rules are what is done with the mail of single senders.
type Rules interface {
	PutRule(ctx context.Context, workspace domain.WorkspaceID, rule domain.SenderRule) error
	RemoveRule(ctx context.Context, workspace domain.WorkspaceID, sender, by string) error
}

// Addresses makes and ends a workspace's mail addresses.
type Addresses interface {
	NewAddress(ctx context.Context, workspace domain.WorkspaceID, label, mailDomain, by string) (domain.Address, error)
	// RotateAddress puts a new address in an old one's place, which works for the grace period still.
	RotateAddress(ctx context.Context, workspace domain.WorkspaceID, address string, grace time.Duration, by string) (domain.Address, error)
	// RemoveAddress ends an address at once; domain.ErrNotDue for the last one that stays.
	RemoveAddress(ctx context.Context, workspace domain.WorkspaceID, address, by string) error
}

// Labels names addresses.
type Labels interface {
	LabelAddress(ctx context.Context, workspace domain.WorkspaceID, address, label, by string) error
}

// Feed tells which workspaces changed: at once for this node's own commits,
// within a second for the others. It may tell too often, and repeats itself
// after a lost connection, for domain.AllWorkspaces where it cannot tell.
type Feed interface {
	Subscribe(ctx context.Context) <-chan domain.WorkspaceID
}

// Sessions keeps browsers signed in. Tokens are secrets of the browser; only
// their hashes are stored.
type Sessions interface {
	Session(ctx context.Context, sessionToken string) (domain.Session, error)
	// RenewSession lets a session last for seven days from now.
	RenewSession(ctx context.Context, sessionToken string) (expires time.Time, err error)
	SignOut(ctx context.Context, sessionToken string) error
}

// Doors lets people in. Every way gives a session with a new token.
type Doors interface {
	// SignIn trades a one-time link's token for a session; domain.ErrNotFound when it
	// is unknown, used or expired.
	SignIn(ctx context.Context, linkToken string, arrival domain.Arrival) (sessionToken string, session domain.Session, err error)
	// SignInAs lets in whom a provider has proved. Both: domain.ErrNoWorkspace
	// when they belong nowhere and newcomers need an invitation.
	SignInAs(ctx context.Context, identity domain.Identity, arrival domain.Arrival) (sessionToken string, session domain.Session, err error)
	// AskForLink makes a one-time link's token for an address; domain.ErrNotFound
	// when the address may not have one.
	AskForLink(ctx context.Context, email string, signUp bool) (linkToken string, err error)
}

// Provider proves elsewhere who somebody is: Google, or any OpenID provider.
// Its errors have a domain.Failure.
type Provider interface {
	Title() string
	// Begin returns where the browser goes. It comes back with the state and a
	// code, which Finish trades in.
	Begin(ctx context.Context, state, nonce, verifier string) (url string, err error)
	Finish(ctx context.Context, code, nonce, verifier string) (domain.Identity, error)
}

// Letters mails plain text to people.
type Letters interface {
	Send(ctx context.Context, letter domain.Letter) error
}

// Devices is where a person is signed in.
type Devices interface {
	Devices(ctx context.Context, user domain.UserID, current string) ([]domain.Device, error)
	EndSession(ctx context.Context, user domain.UserID, id domain.SessionID) error
	EndOtherSessions(ctx context.Context, user domain.UserID, current string) error
}

// Memberships is where a person belongs.
type Memberships interface {
	Memberships(ctx context.Context, user domain.UserID) ([]domain.Membership, error)
	// Enter takes a session to another of its user's workspaces.
	Enter(ctx context.Context, sessionToken string, workspace domain.WorkspaceID) error
}

// Team is who belongs to a workspace. by is the person's address.
type Team interface {
	Team(ctx context.Context, workspace domain.WorkspaceID) ([]domain.Membership, []domain.Invitation, error)
	// ChangeRole and RemoveMember answer domain.ErrLastOwner when no owner would be left.
	ChangeRole(ctx context.Context, workspace domain.WorkspaceID, user domain.UserID, role domain.Role, by string) error
	// RemoveMember also ends the person's sessions in the workspace.
	RemoveMember(ctx context.Context, workspace domain.WorkspaceID, user domain.UserID, by string) error
}

// Inviter makes invitations. by is the person's address.
type Inviter interface {
	// Invite returns the secret of the invitation's link, which replaces an
	// earlier one; domain.ErrNotDue when the person belongs to the workspace.
	Invite(ctx context.Context, workspace domain.WorkspaceID, email string, role domain.Role, by string) (token string, err error)
	Withdraw(ctx context.Context, workspace domain.WorkspaceID, id domain.InvitationID, by string) error
}

// Invitations are for whoever has their links.
type Invitations interface {
	Invitation(ctx context.Context, token string) (domain.Invitation, error)
	// Accept lets somebody join and signs them in there. The identity may be
	// empty: the link proves the address. Otherwise domain.ErrOtherAddress when it is another one's.
	Accept(ctx context.Context, token string, identity domain.Identity, browser string) (sessionToken string, session domain.Session, err error)
}

// Tokens checks API tokens; domain.ErrNotFound when it is unknown or revoked.
type Tokens interface {
	Token(ctx context.Context, bearer string) (domain.Session, error)
}

// Intake makes a document from an upload, through the same door as mail: it
// is durable when Upload returns. Too large is a permanent domain.Failure.
type Intake interface {
	Upload(ctx context.Context, workspace domain.WorkspaceID, by, fileName string, r io.Reader) (domain.Document, error)
}

// Inbound is the door for raw mails, the same as that of SMTP.
type Inbound interface {
	// Resolve finds the workspace of an address; domain.ErrNotFound when nobody here has it.
	Resolve(ctx context.Context, address string) (domain.Address, error)
	// Accept makes a raw mail durable. When raw fails, nothing is kept.
	Accept(ctx context.Context, envelope domain.Envelope, to []domain.Address, raw io.Reader) error
}

// Files opens stored bytes.
type Files interface {
	Open(ctx context.Context, key domain.ObjectKey) (io.ReadCloser, error)
}

// Painter draws pages when somebody looks at them.
type Painter interface {
	// Page draws a page of a document's standardized PDF as a PNG, PageWidth
	// pixels wide. Pages count from 1.
	Page(ctx context.Context, document domain.Document, page int) (io.ReadCloser, error)
}

// PageWidth is how wide a Painter draws, in pixels: legible on a large screen.
const PageWidth = 1200

// Sampler mails a sample invoice to an address through the real SMTP door.
type Sampler interface {
	SendSample(ctx context.Context, address string) error
}
