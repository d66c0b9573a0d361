package press

import (
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const maxOpenFiles = 128

// setLimits bounds this process and every one that it starts, for good.
func setLimits(limits Limits) error {
	// The second beyond the limit is for saying so.
	seconds := uint64((limits.CPU + time.Second - 1) / time.Second)
	for _, limit := range []struct {
		name      string
		resource  int
		soft, max uint64
		unlimited bool
	}{
		{"address space", unix.RLIMIT_AS, uint64(limits.AddressSpace), uint64(limits.AddressSpace), limits.AddressSpace == 0},
		{"data", unix.RLIMIT_DATA, uint64(limits.Data), uint64(limits.Data), limits.Data == 0},
		{"processor time", unix.RLIMIT_CPU, seconds, seconds + 1, limits.CPU == 0},
		{"file size", unix.RLIMIT_FSIZE, uint64(limits.Output), uint64(limits.Output), limits.Output == 0},
		{"core dumps", unix.RLIMIT_CORE, 0, 0, false},
		{"open files", unix.RLIMIT_NOFILE, maxOpenFiles, maxOpenFiles, false},
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

// links counts the names of a file.
func links(info fs.FileInfo) uint64 {
	status, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return uint64(status.Nlink) //nolint:unconvert // narrower on other systems
}
