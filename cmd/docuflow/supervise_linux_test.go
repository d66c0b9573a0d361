package main

import (
	"os/exec"
	"runtime"
	"syscall"
)

// endWithUs kills a process when the test that started it dies. The kernel
// does so when the thread ends that started it.
func endWithUs(cmd *exec.Cmd) {
	runtime.LockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
