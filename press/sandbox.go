package press

import (
	"context"
	"errors"
	"fmt"
)

// sandbox is one way to confine children.
type sandbox struct {
	words      string
	namespaces bool // network, process and IPC namespaces of its own
	mapped     bool // the namespaces need a user namespace: we are not root
	user       int  // uid and gid that a child becomes before it sees a file; 0: it stays who we are
	seccomp    bool // a filter that refuses sockets
}

// probe returns the strongest sandbox in which a child really works here.
func (p *Press) probe() (sandbox, error) {
	var failures []error
	for _, candidate := range sandboxes() {
		err := p.try(candidate)
		if err == nil {
			return candidate, nil
		}
		failures = append(failures, fmt.Errorf("%s: %w", candidate.words, err))
	}
	return sandbox{}, fmt.Errorf("no child process can be started: %w", errors.Join(failures...))
}

func (p *Press) try(candidate sandbox) error {
	probe, err := p.startIn(candidate, false)
	if err != nil {
		return err
	}
	_, err = probe.ask(context.Background(), job{Task: taskPing, Dir: "."}, p.config.Limits)
	return errors.Join(err, probe.end())
}

// openFiles is how many files each of a child's processes may have open.
func (s setup) openFiles() uint64 {
	if s.Browser {
		return maxBrowserFiles
	}
	return maxOpenFiles
}
