//go:build unix && !linux

package private

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// sysProcAttr: a process group of its own, because Ctrl-C on the terminal is
// for us, who stop the server when its clients are done. Nothing here ends the
// server when we are killed: the next Start does.
func sysProcAttr(*account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

func serverAccount() (*account, error) {
	if os.Getuid() == 0 {
		return nil, errors.New("PostgreSQL does not run as root: start as an ordinary user")
	}
	return nil, nil
}

// serverProcesses gives the postmaster while it runs on dataDir.
func serverProcesses(dataDir string, postmaster int) ([]int, error) {
	if postmaster <= 0 {
		return nil, nil
	}
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(postmaster)).Output()
	if err != nil {
		return nil, nil // ps exits with 1 when there is no such process
	}
	command := string(out)
	if strings.Contains(command, "postgres") && strings.Contains(command, "-D"+dataDir) {
		return []int{postmaster}, nil
	}
	return nil, nil
}
