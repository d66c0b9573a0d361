package press

import (
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxOpenFiles    = 128
	maxBrowserFiles = 1024
)

// setLimits bounds this process and every one that it starts, for good.
func setLimits(limits Limits, openFiles uint64) error {
	// The kernel counts the processor time of all jobs; allowCPU moves the soft
	// limit before each. worn ends a child before it comes near the hard one.
	seconds := wholeSeconds(limits.CPU)
	for _, limit := range []struct {
		name      string
		resource  int
		soft, max uint64
		unlimited bool
	}{
		{"address space", unix.RLIMIT_AS, uint64(limits.AddressSpace), uint64(limits.AddressSpace), limits.AddressSpace == 0},
		{"data", unix.RLIMIT_DATA, uint64(limits.Data), uint64(limits.Data), limits.Data == 0},
		{"processor time", unix.RLIMIT_CPU, seconds, 2*seconds + 1, limits.CPU == 0},
		{"file size", unix.RLIMIT_FSIZE, uint64(limits.Output), uint64(limits.Output), limits.Output == 0},
		{"core dumps", unix.RLIMIT_CORE, 0, 0, false},
		{"open files", unix.RLIMIT_NOFILE, openFiles, openFiles, false},
	} {
		if limit.unlimited {
			continue
		}
		// syscall, not unix: it is the one that keeps Go from restoring the old number of files in a grandchild.
		if err := syscall.Setrlimit(limit.resource, &syscall.Rlimit{Cur: limit.soft, Max: limit.max}); err != nil {
			return fmt.Errorf("limit %s: %w", limit.name, err)
		}
	}
	return nil
}

func wholeSeconds(d time.Duration) uint64 { return uint64((d + time.Second - 1) / time.Second) }

// allowCPU lets this process use so much more processor time from now on.
func allowCPU(more time.Duration) error {
	if more == 0 {
		return nil
	}
	used, err := usedCPU()
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(unix.RLIMIT_CPU, &limit); err != nil {
		return fmt.Errorf("read the limit of processor time: %w", err)
	}
	limit.Cur = min(wholeSeconds(used+more), limit.Max)
	if err := syscall.Setrlimit(unix.RLIMIT_CPU, &limit); err != nil {
		return fmt.Errorf("limit processor time: %w", err)
	}
	return nil
}

// worn says that this process has used half of the processor time or holds a
// third of the memory that one job may use: the next one would find too little left.
func worn(limits Limits) bool {
	cpu, err := usedCPU()
	return err != nil || limits.CPU > 0 && cpu > limits.CPU/2 || limits.Data > 0 && usedData() > limits.Data/3
}

func usedCPU() (time.Duration, error) {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("measure processor time: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

// links counts the names of a file.
func links(info fs.FileInfo) uint64 {
	status, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return uint64(status.Nlink) //nolint:unconvert // narrower on other systems
}
