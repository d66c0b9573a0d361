package actors

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/messages"
)

// stage runs one stage once and reports to its parent. It alone may block.
type stage struct {
	attempt
	ctx    context.Context
	system *System
	tenant domain.WorkspaceID
}

// startStage spawns a stage under its document or mail. Cancelling ctx ends it.
func startStage(parent actor.Context, s stage) *actor.PID {
	pid := parent.Spawn(actor.PropsFromProducer(func() actor.Actor { return &s }))
	parent.Send(pid, messages.Run{})
	return pid
}

func (s *stage) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case messages.Run:
		ctx.Send(ctx.Parent(), s.try())
	case *actor.Started, *actor.Stopping, *actor.Stopped, *actor.Restarting:
	default:
		logUnknown(s.system.Log, ctx)
	}
}

// try waits for a slot if the stage is heavy. Waiting does not count
// against the stage's timeout.
func (s *stage) try() messages.Ran {
	queued := time.Now()
	if s.heavy {
		if err := s.system.heavy.acquire(s.ctx, s.tenant); err != nil {
			return messages.Ran{Err: err}
		}
		defer s.system.heavy.release(s.tenant)
	}
	waited := time.Since(queued)
	ctx, cancel := context.WithTimeout(s.ctx, s.timeout)
	defer cancel()
	begun := time.Now()
	result, err := s.safely(ctx)
	took := time.Since(begun)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = domain.Temporary(domain.KindTimeout, fmt.Sprintf("This took longer than %s, so we stopped.", s.timeout), err)
	}
	return messages.Ran{Result: result, Err: err, Waited: waited, Took: took}
}

// safely turns a panic into one failed attempt.
func (s *stage) safely(ctx context.Context) (result any, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = domain.Temporary(domain.KindPanic, "Something went wrong on our side.", fmt.Errorf("panic: %v\n%s", reason, debug.Stack()))
		}
	}()
	return s.run(ctx)
}
