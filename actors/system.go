package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
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
	Due(ctx context.Context, shard domain.Shard, limit int) (domain.Due, error)
	DueWorkspaces(ctx context.Context) ([]domain.WorkspaceID, error)
}

// Documents is the record of the work on documents. Advance and Fail are
// refused with domain.ErrSuperseded once the lease is lost.
type Documents interface {
	Claim(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, node string, ttl time.Duration) (domain.Document, domain.Lease, error)
	Advance(ctx context.Context, lease domain.Lease, document domain.Document, outcome domain.Outcome, next domain.StageInfo, waited time.Duration) (domain.Document, error)
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
	Slots        int             // mails and documents of one workspace in work at the same time, whatever its plan says
	HeavySlots   int             // heavy stages on this node at the same time
	ScanEvery    time.Duration
	IdleAfter    time.Duration // a workspace without work leaves memory
	Membership   Membership
	Peers        *Peers // nil: this node is on its own
	// Drained is told when a person has asked this node to drain, or to work
	// again. nil: nobody needs to know.
	Drained func(bool)
	// Ended is told of every attempt whose end was written. nil: nobody counts.
	Ended func(Ended)
	Log   *slog.Logger
}

// Ended is how one attempt went.
type Ended struct {
	Stage   domain.StageName
	Outcome domain.AttemptOutcome
	Waited  time.Duration // for a slot
	Took    time.Duration
}

// ended tells of an attempt whose end was written.
func (s *System) ended(stage domain.StageName, outcome domain.AttemptOutcome, ran messages.Ran) {
	if s.Ended != nil {
		s.Ended(Ended{Stage: stage, Outcome: outcome, Waited: ran.Waited, Took: ran.Took})
	}
}

// endedBadly is ended for an attempt that failed.
func (s *System) endedBadly(stage domain.StageName, failed domain.FailedAttempt, ran messages.Ran) {
	outcome := domain.AttemptFailed
	switch {
	case failed.Failure.Person:
		outcome = domain.AttemptWaiting
	case failed.Retry:
		outcome = domain.AttemptRetry
	}
	s.ended(stage, outcome, ran)
}

// Working is how many mails and documents are in work here.
func (s *System) Working() (mails, documents int) {
	return int(s.mails.Load()), int(s.documents.Load())
}

// System runs the actors of one node.
type System struct {
	Config
	actors     *actor.ActorSystem
	dispatcher *actor.PID
	heavy      *pool
	router     router
	membership *membership // nil: nobody keeps who runs
	shutdown   sync.Once

	// work is cancelled when stages must end at once; draining is set while no
	// new attempt may begin.
	work      context.Context
	abort     context.CancelFunc
	draining  atomic.Bool
	stopping  bool         // draining for good
	turning   sync.Mutex   // guards changes of the two
	mails     atomic.Int64 // actors
	documents atomic.Int64 // actors
}

// New builds the actor system; nothing is worked on until Start and Run.
func New(config Config) *System {
	s := &System{Config: config, heavy: newPool(config.HeavySlots)}
	s.work, s.abort = context.WithCancel(context.Background())
	s.actors = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(lowered{config.Log.Handler()}).With("component", "protoactor")
	}))
	s.dispatcher = s.actors.Root.SpawnPrefix(actor.PropsFromProducer(func() actor.Actor { return &dispatcher{system: s} }), "dispatcher")
	s.router = local{s}
	if config.Membership.Members != nil {
		s.membership = newMembership(s)
	}
	return s
}

// Start joins the other nodes. It returns when this node is one of them.
func (s *System) Start(ctx context.Context) error {
	if s.Peers != nil {
		return s.startCluster(ctx)
	}
	if s.membership != nil {
		return s.membership.join(ctx, "", func([]domain.Member) {})
	}
	return nil
}

// Kick tells a workspace that there may be work. It never blocks.
func (s *System) Kick(workspace domain.WorkspaceID) {
	s.kick(domain.Shard{Workspace: workspace})
}

func (s *System) kick(shard domain.Shard) {
	if !s.draining.Load() {
		s.router.kick(shard)
	}
}

// router brings a kick to the node that looks after a part of a workspace. It
// never blocks.
type router interface {
	kick(domain.Shard)
}

// local routes everything to this node.
type local struct{ system *System }

func (l local) kick(shard domain.Shard) {
	l.system.actors.Root.Send(l.system.dispatcher, messages.Kick{Shard: shard})
}

// Run scans for work that is due until ctx ends. The scan is the way back
// after a crash, a lost kick, a retry's wait: nothing else is needed. It
// returns domain.ErrEvicted when the other nodes do not count on this one any more:
// its work has been cancelled, and the process must end.
func (s *System) Run(ctx context.Context) error {
	var evicted <-chan struct{}
	if s.membership != nil {
		evicted = s.membership.evicted
	}
	for ctx.Err() == nil {
		s.scan(ctx)
		// Jitter keeps the nodes of a cluster apart.
		wait := s.ScanEvery/2 + rand.N(s.ScanEvery)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		case <-evicted:
			s.Drain()
			s.abort()
			return domain.ErrEvicted
		}
	}
	return nil
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

// Drain begins no new attempts from now on, and tells the other nodes, which
// then look after everything that is not in work here.
func (s *System) Drain() {
	s.turning.Lock()
	defer s.turning.Unlock()
	s.stopping = true
	s.turn(true)
}

// Draining says that no new attempt begins here.
func (s *System) Draining() bool { return s.draining.Load() }

// obey does what a person asks of this node: to drain, or to work again. A node
// that stops is not asked any more.
func (s *System) obey(drain bool) {
	s.turning.Lock()
	defer s.turning.Unlock()
	if s.stopping || !s.turn(drain) {
		return
	}
	s.Log.Info("a person has asked this node", "drain", drain)
	if s.Drained != nil {
		s.Drained(drain)
	}
}

// turn says whether that changed anything.
func (s *System) turn(drain bool) bool {
	if s.draining.Swap(drain) == drain {
		return false
	}
	if drain {
		s.heavy.close()
	} else {
		s.heavy.open()
	}
	if s.membership != nil {
		s.membership.hurry()
	}
	return true
}

// ErrCutOff says that stages were cancelled because they did not finish in
// time. Their leases were given back, so another node repeats them.
var ErrCutOff = errors.New("stages did not finish in time")

// Stop drains and waits for the attempts that run. When ctx ends first, they
// are cancelled and their leases given back, and Stop returns ErrCutOff. Only then this node
// leaves the others. The System cannot be used afterwards.
func (s *System) Stop(ctx context.Context) error {
	s.Drain()
	err := s.idle(ctx)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrCutOff, err)
	}
	s.abort()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveUp)
	defer cancel()
	if endErr := s.idle(ending); endErr != nil {
		err = fmt.Errorf("leases are left to expire: %w", endErr)
	}
	s.shutdown.Do(func() { err = errors.Join(err, s.leave(ending)) }) // twice would panic
	return err
}

// leave ends the membership, then the actors.
func (s *System) leave(ctx context.Context) (err error) {
	if s.membership != nil {
		err = s.membership.leave(ctx)
	}
	if cluster, ok := s.router.(*clusterRouter); ok {
		cluster.shutdown()
		return err
	}
	s.actors.Shutdown()
	return err
}

// idle waits until no mail and no document is in work.
func (s *System) idle(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for s.mails.Load()+s.documents.Load() > 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d mails and %d documents were still in work: %w", s.mails.Load(), s.documents.Load(), ctx.Err())
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

// dispatcher finds or starts the actor of a part of a workspace.
type dispatcher struct {
	system *System
}

func (d *dispatcher) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case messages.Kick:
		props := actor.PropsFromProducer(func() actor.Actor { return newWorkspace(d.system, m.Shard) })
		// A name that exists returns the actor that has it.
		pid, err := ctx.SpawnNamed(props, identity(m.Shard))
		if err != nil && pid == nil {
			d.system.Log.Error("start workspace actor", "workspace", m.Shard.Workspace, "error", err)
			return
		}
		ctx.Send(pid, m)
	case messages.Retire:
		// Without an actor there is nothing to retire.
		id := ctx.Self().GetId() + "/" + identity(m.Shard)
		for _, pid := range ctx.Children() {
			if pid.GetId() == id {
				ctx.Send(pid, m)
			}
		}
	case *actor.Started, *actor.Stopping, *actor.Stopped, *actor.Restarting, *actor.Terminated:
	default:
		logUnknown(d.system.Log, ctx)
	}
}

// identity names a part of a workspace: <workspace id>/<number>.
func identity(shard domain.Shard) string {
	return string(shard.Workspace) + "/" + strconv.Itoa(shard.Number)
}

// logUnknown makes a message that nobody handles visible; Proto.Actor drops
// it silently.
func logUnknown(log *slog.Logger, ctx actor.Context) {
	log.Error("actor does not know a message", "actor", ctx.Self().GetId(), "type", fmt.Sprintf("%T", ctx.Message()))
}
