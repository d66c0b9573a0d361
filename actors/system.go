package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/messages"
	"github.com/docuflow/docuflow/pipeline"
)

// Queue tells what is due.
type Queue interface {
	Due(ctx context.Context, workspace domain.WorkspaceID, limit int) ([]domain.Work, error)
	DueWorkspaces(ctx context.Context) ([]domain.WorkspaceID, error)
}

// Documents is the record of the work on documents. Advance and Fail are
// refused with domain.ErrSuperseded once the lease is lost.
type Documents interface {
	Claim(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, node string, ttl time.Duration) (domain.Document, domain.Lease, error)
	Advance(ctx context.Context, lease domain.Lease, outcome domain.Outcome, next domain.StageInfo, waited time.Duration) (domain.Document, error)
	Fail(ctx context.Context, lease domain.Lease, attempt domain.FailedAttempt, waited time.Duration) error
}

// Mails is the record of the work on mails.
type Mails interface {
	ClaimMail(ctx context.Context, workspace domain.WorkspaceID, id domain.MailID, stage domain.StageName, node string, ttl time.Duration) (domain.Mail, domain.Lease, error)
	FinishMail(ctx context.Context, lease domain.Lease, unpacked domain.Unpacked) error
	FailMail(ctx context.Context, lease domain.Lease, attempt domain.FailedAttempt) error
}

// Leases extends claims and gives them back.
type Leases interface {
	Renew(ctx context.Context, lease domain.Lease, ttl time.Duration) error
	Release(ctx context.Context, lease domain.Lease) error
}

// Unpacker turns a mail into documents.
type Unpacker interface {
	Run(ctx context.Context, mail domain.Mail) (domain.Unpacked, error)
}

// Config is what a System needs.
type Config struct {
	Node         string // names this process among attempts and leases
	Queue        Queue
	Documents    Documents
	Mails        Mails
	Leases       Leases
	Unpack       Unpacker
	UnpackPolicy domain.RetryPolicy
	Steps        []pipeline.Step // in order
	LeaseTTL     time.Duration   // how long after a crash its work is taken up again, at most
	Slots        int             // mails and documents of one workspace in work at the same time
	HeavySlots   int             // heavy stages on this node at the same time
	ScanEvery    time.Duration
	IdleAfter    time.Duration // a workspace without work leaves memory
	Log          *slog.Logger
}

// System runs the actors of one node.
type System struct {
	Config
	actors     *actor.ActorSystem
	dispatcher *actor.PID
	heavy      chan struct{}
	shutdown   sync.Once

	// work is cancelled when stages must end at once; draining is set when no
	// new attempt may begin.
	work     context.Context
	abort    context.CancelFunc
	draining atomic.Bool
	active   atomic.Int64 // mail and document actors
}

// New builds the actor system; nothing is worked on until Run.
func New(config Config) *System {
	s := &System{Config: config, heavy: make(chan struct{}, config.HeavySlots)}
	s.work, s.abort = context.WithCancel(context.Background())
	s.actors = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return config.Log.With("component", "protoactor")
	}))
	s.dispatcher = s.actors.Root.SpawnPrefix(actor.PropsFromProducer(func() actor.Actor { return &dispatcher{system: s} }), "dispatcher")
	return s
}

// Kick tells a workspace that there may be work. It never blocks.
func (s *System) Kick(workspace domain.WorkspaceID) {
	if !s.draining.Load() {
		s.actors.Root.Send(s.dispatcher, messages.Kick{Workspace: workspace})
	}
}

// Run scans for work that is due until ctx ends. The scan is the way back
// after a crash, a lost kick, a retry's wait: nothing else is needed.
func (s *System) Run(ctx context.Context) {
	for ctx.Err() == nil {
		s.scan(ctx)
		// Jitter keeps the nodes of a cluster apart.
		wait := s.ScanEvery/2 + rand.N(s.ScanEvery)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func (s *System) scan(ctx context.Context) {
	workspaces, err := s.Queue.DueWorkspaces(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.Log.Error("scan for due work", "error", err)
		}
		return
	}
	for _, workspace := range workspaces {
		s.Kick(workspace)
	}
}

// Stop begins no new attempts and waits for the running ones. When ctx ends
// first, they are cancelled and their leases given back. The System cannot be used afterwards.
func (s *System) Stop(ctx context.Context) error {
	s.draining.Store(true)
	err := s.idle(ctx)
	s.abort()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveUp)
	defer cancel()
	if endErr := s.idle(ending); endErr != nil {
		err = errors.Join(err, endErr)
	}
	s.shutdown.Do(s.actors.Shutdown) // twice would panic
	return err
}

// idle waits until no mail and no document is in work.
func (s *System) idle(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for s.active.Load() > 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d mails and documents were still in work: %w", s.active.Load(), ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

// giveUp bounds what comes after a cancellation: killing children and
// releasing leases.
const giveUp = 5 * time.Second

// ask runs a question beside the actor and sends the answer to it.
func ask[Answer any](ctx actor.Context, question func() Answer) {
	self, root := ctx.Self(), ctx.ActorSystem().Root
	go func() { root.Send(self, question()) }()
}

// dispatcher finds or starts the actor of a workspace.
type dispatcher struct {
	system *System
}

func (d *dispatcher) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case messages.Kick:
		props := actor.PropsFromProducer(func() actor.Actor { return newWorkspace(d.system, m.Workspace) })
		// A name that exists returns the actor that has it.
		pid, err := ctx.SpawnNamed(props, string(m.Workspace))
		if err != nil && pid == nil {
			d.system.Log.Error("start workspace actor", "workspace", m.Workspace, "error", err)
			return
		}
		ctx.Send(pid, m)
	case *actor.Started, *actor.Stopping, *actor.Stopped, *actor.Restarting, *actor.Terminated:
	default:
		logUnknown(d.system.Log, ctx)
	}
}

// logUnknown makes a message that nobody handles visible; Proto.Actor drops
// it silently.
func logUnknown(log *slog.Logger, ctx actor.Context) {
	log.Error("actor does not know a message", "actor", ctx.Self().GetId(), "type", fmt.Sprintf("%T", ctx.Message()))
}
