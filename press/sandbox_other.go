//go:build unix && !linux

package press

import "syscall"

// sandboxes lists the ways to confine a child: there is one.
func sandboxes() []sandbox {
	return []sandbox{{words: "children are not confined but for limits (this is not Linux)"}}
}

func (s sandbox) attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func confine(first setup) error { return setLimits(first.Limits, first.openFiles()) }

func tool() *syscall.SysProcAttr { return nil }

// usedData is not known here: children are replaced by their number of jobs.
func usedData() int64 { return 0 }
