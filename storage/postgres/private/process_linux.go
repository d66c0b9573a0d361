package private

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// sysProcAttr: a process group of its own, because Ctrl-C on the terminal is
// for us, who stop the server when its clients are done; the death signal for
// when we cannot.
func sysProcAttr(a *account) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: fastShutdown}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}

// serverAccount is the user postgres when we are root, nil otherwise.
func serverAccount() (*account, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(superuser)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root and there is no user %q to run it as: start as an ordinary user, or add that user", superuser)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user id of %s: %w", superuser, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("group id of %s: %w", superuser, err)
	}
	return &account{uid: uint32(uid), gid: uint32(gid)}, nil
}

// serverProcesses lists the PostgreSQL processes that work in dataDir, sessions
// without their postmaster included. Each has the data directory as its
// working directory.
func serverProcesses(dataDir string, _ int) ([]int, error) {
	data, err := os.Stat(dataDir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat("/proc/self"); err != nil {
		return nil, fmt.Errorf("/proc is not mounted: %w", err)
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		process := filepath.Join("/proc", entry.Name())
		cwd, err := os.Stat(filepath.Join(process, "cwd"))
		if err != nil || !os.SameFile(cwd, data) {
			continue // ended meanwhile, or somebody else's
		}
		exe, err := os.Readlink(filepath.Join(process, "exe"))
		if err == nil && strings.HasPrefix(filepath.Base(exe), "postgres") { // "postgres (deleted)" after an upgrade
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
