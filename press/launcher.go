package press

import (
	"runtime"
	"sync"
)

// launcher starts processes on one thread that stays. The kernel ends children
// with the thread that started them (Pdeathsig), and Go ends threads at will.
type launcher struct {
	starts chan func()
	done   sync.WaitGroup
}

func newLauncher() *launcher {
	l := &launcher{starts: make(chan func())}
	l.done.Go(func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		for start := range l.starts {
			start()
		}
	})
	return l
}

// do runs start on the launcher's thread. It must not be called after close.
func (l *launcher) do(start func() (*child, error)) (started *child, err error) {
	done := make(chan struct{})
	l.starts <- func() {
		defer close(done)
		started, err = start()
	}
	<-done
	return started, err
}

func (l *launcher) close() {
	close(l.starts)
	l.done.Wait()
}
