package actors

import (
	"cmp"
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"golang.org/x/time/rate"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/messages"
)

// workspace gives its slots to the work that is due longest. Slots and pace
// are the plan's, or this part's share of them.
type workspace struct {
	system  *System
	shard   domain.Shard
	active  map[string]struct{} // by child actor's id
	slots   int                 // the installation's limit until the plan is known
	pace    *rate.Limiter       // of what begins
	asking  bool
	again   bool        // a kick came while asking
	kicked  bool        // the other shards are to be told
	retired bool        // asks for no more by itself
	later   *time.Timer // kicks when the pace allows more; nil: nothing waits for that
}

func newWorkspace(system *System, shard domain.Shard) *workspace {
	return &workspace{system: system, shard: shard, active: map[string]struct{}{}, slots: system.Slots, pace: rate.NewLimiter(0, 0)}
}

func (w *workspace) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		ctx.SetReceiveTimeout(w.system.IdleAfter)
	case messages.Kick:
		w.retired, w.kicked = false, true
		w.askForWork(ctx)
	case messages.Paced:
		w.later = nil
		w.goOn(ctx)
	case messages.Retire:
		w.retired = true
		w.stopWhenDone(ctx)
	case messages.Due:
		w.receiveWork(ctx, m)
	case *actor.Terminated:
		delete(w.active, m.Who.GetId())
		w.goOn(ctx)
	case *actor.ReceiveTimeout:
		w.stopWhenDone(ctx)
		ctx.SetReceiveTimeout(w.system.IdleAfter) // it fires once
	case *actor.Stopping:
		if w.later != nil {
			w.later.Stop()
		}
	case *actor.Stopped, *actor.Restarting:
	default:
		logUnknown(w.system.Log, ctx)
	}
}

// goOn follows the end of a piece of work, or of a wait.
func (w *workspace) goOn(ctx actor.Context) {
	if w.retired {
		w.stopWhenDone(ctx)
		return
	}
	w.askForWork(ctx)
}

// stopWhenDone ends a workspace that has nothing to do. A kick that crosses
// this is made up for by the scan.
func (w *workspace) stopWhenDone(ctx actor.Context) {
	if len(w.active) == 0 && !w.asking && w.later == nil {
		ctx.Stop(ctx.Self())
	}
}

const questionTimeout = 10 * time.Second

func (w *workspace) askForWork(ctx actor.Context) {
	if w.asking {
		w.again = true
		return
	}
	if len(w.active) >= w.slots || w.later != nil || w.system.draining.Load() {
		return
	}
	w.asking, w.again = true, false
	// What is active may still be listed, when it has not claimed its row yet.
	limit := w.slots + len(w.active)
	ask(ctx, func() messages.Due {
		ctx, cancel := context.WithTimeout(w.system.work, questionTimeout)
		defer cancel()
		due, err := w.system.Queue.Due(ctx, w.shard, limit)
		return messages.Due{Due: due, Err: err}
	})
}

func (w *workspace) receiveWork(ctx actor.Context, due messages.Due) {
	w.asking = false
	if due.Err != nil {
		w.system.Log.Error("ask for due work", "workspace", w.shard.Workspace, "error", due.Err)
		return
	}
	w.obey(due.Plan)
	w.passOn(due.Plan.Shards)
	for _, work := range due.Work {
		if len(w.active) >= w.slots {
			return // the end of one of them asks again
		}
		if !w.start(ctx, work) {
			return
		}
	}
	if w.again {
		w.askForWork(ctx)
		return
	}
	if w.retired {
		w.stopWhenDone(ctx)
	}
}

// obey takes over the limits of a plan, which may change at any time.
func (w *workspace) obey(plan domain.Plan) {
	slots, perMinute := plan.Share()
	w.slots = min(slots, w.system.Slots)
	if w.pace.Burst() != perMinute {
		w.pace = rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)
	}
}

// passOn tells the other shards of the workspace: whoever kicks a workspace
// knows its first one only.
func (w *workspace) passOn(shards int) {
	if !w.kicked || w.shard.Number != 0 {
		return
	}
	w.kicked = false
	for number := 1; number < shards; number++ {
		w.system.kick(domain.Shard{Workspace: w.shard.Workspace, Number: number})
	}
}

// start begins one piece of work, unless it is active already. false: the
// workspace must not begin more for now.
func (w *workspace) start(ctx actor.Context, work domain.Work) bool {
	if w.system.draining.Load() {
		return false
	}
	id := w.shard.Workspace
	name := cmp.Or(string(work.Mail), string(work.Document))
	if _, active := w.active[ctx.Self().GetId()+"/"+name]; active {
		return true
	}
	if wait := w.tooSoon(); wait > 0 {
		self, root := ctx.Self(), ctx.ActorSystem().Root
		w.later = time.AfterFunc(wait, func() { root.Send(self, messages.Paced{}) })
		return false
	}
	props := actor.PropsFromProducer(func() actor.Actor { return newWork(w.system, id, work) })
	pid, err := ctx.SpawnNamed(props, name)
	if err != nil {
		w.system.Log.Error("start work", "workspace", id, "name", name, "error", err)
		return true
	}
	w.active[pid.GetId()] = struct{}{}
	return true
}

// tooSoon takes a token, or says how long there is none.
func (w *workspace) tooSoon() time.Duration {
	token := w.pace.Reserve()
	wait := token.Delay()
	if wait > 0 {
		token.Cancel()
	}
	return wait
}
