package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/messages"
)

// workspace gives its slots to the work that is due longest.
type workspace struct {
	system *System
	id     domain.WorkspaceID
	active map[string]domain.Work // by child actor's id
	asking bool
	again  bool // a kick came while asking
}

func newWorkspace(system *System, id domain.WorkspaceID) *workspace {
	return &workspace{system: system, id: id, active: map[string]domain.Work{}}
}

func (w *workspace) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		ctx.SetReceiveTimeout(w.system.IdleAfter)
	case messages.Kick:
		w.askForWork(ctx)
	case messages.Due:
		w.receiveWork(ctx, m)
	case *actor.Terminated:
		delete(w.active, m.Who.GetId())
		w.askForWork(ctx)
	case *actor.ReceiveTimeout:
		if len(w.active) == 0 && !w.asking {
			ctx.Stop(ctx.Self()) // a kick that crosses this is made up for by the scan
			return
		}
		ctx.SetReceiveTimeout(w.system.IdleAfter) // it fires once
	case *actor.Stopping, *actor.Stopped, *actor.Restarting:
	default:
		logUnknown(w.system.Log, ctx)
	}
}

const questionTimeout = 10 * time.Second

func (w *workspace) askForWork(ctx actor.Context) {
	if w.asking {
		w.again = true
		return
	}
	if len(w.active) >= w.system.Slots || w.system.draining.Load() {
		return
	}
	w.asking, w.again = true, false
	// What is active may still be listed, when it has not claimed its row yet.
	limit := w.system.Slots + len(w.active)
	ask(ctx, func() messages.Due {
		ctx, cancel := context.WithTimeout(w.system.work, questionTimeout)
		defer cancel()
		work, err := w.system.Queue.Due(ctx, w.id, limit)
		return messages.Due{Work: work, Err: err}
	})
}

func (w *workspace) receiveWork(ctx actor.Context, due messages.Due) {
	w.asking = false
	if due.Err != nil {
		w.system.Log.Error("ask for due work", "workspace", w.id, "error", due.Err)
		return
	}
	for _, work := range due.Work {
		if len(w.active) >= w.system.Slots {
			return // the end of one of them asks again
		}
		w.start(ctx, work)
	}
	if w.again {
		w.askForWork(ctx)
	}
}

func (w *workspace) start(ctx actor.Context, work domain.Work) {
	props, name := actor.PropsFromProducer(func() actor.Actor { return newDocument(w.system, w.id, work.Document) }), string(work.Document)
	if work.Mail != "" {
		props, name = actor.PropsFromProducer(func() actor.Actor { return newMail(w.system, w.id, work.Mail) }), string(work.Mail)
	}
	if w.system.draining.Load() {
		return
	}
	pid, err := ctx.SpawnNamed(props, name)
	if err != nil {
		return // it is active already
	}
	w.active[pid.GetId()] = work
}
