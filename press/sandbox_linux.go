package press

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// nobody is the uid and gid without any files, by convention.
const nobody = 65534

const namespaceFlags = syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC

// sandboxes lists the ways to confine a child, strongest first.
func sandboxes() []sandbox {
	const filter = "no sockets (seccomp)"
	if os.Getuid() == 0 {
		return []sandbox{
			{words: "children are user 65534 with namespaces of their own (network, processes, IPC), " + filter, namespaces: true, user: nobody, seccomp: true},
			{words: "children are user 65534 without namespaces of their own (not allowed here), " + filter, user: nobody, seccomp: true},
			{words: "children are user 65534 without namespaces of their own or a network ban (not allowed here)", user: nobody},
			{words: "children are not confined but for limits (nothing else is allowed here)"},
		}
	}
	return []sandbox{
		{words: "children have namespaces of their own (network, processes, IPC), " + filter, namespaces: true, mapped: true, seccomp: true},
		{words: "children have no namespaces of their own (not allowed here), " + filter, seccomp: true},
		{words: "children are not confined but for limits (nothing else is allowed here)"},
	}
}

// attributes makes a child the leader of a group that can be killed at once,
// and lets it die with us.
func (s sandbox) attributes() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if s.namespaces {
		attributes.Cloneflags = namespaceFlags
	}
	if s.mapped {
		attributes.Cloneflags |= syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getgid(), Size: 1}}
	}
	return attributes
}

// tool lets a tool die with the child that runs it.
func tool() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// confine gives up, in a child and for good, what a job does not need. The
// caller holds its thread.
func confine(first setup) error {
	if err := setLimits(first.Limits, first.openFiles()); err != nil {
		return err
	}
	if first.User != 0 {
		if err := become(first.User); err != nil {
			return err
		}
	}
	if !first.Seccomp {
		return nil
	}
	return refuseSockets(first.Browser)
}

func become(user int) error {
	if err := syscall.Setgroups([]int{}); err != nil {
		return fmt.Errorf("give up groups: %w", err)
	}
	if err := syscall.Setgid(user); err != nil {
		return fmt.Errorf("become group %d: %w", user, err)
	}
	if err := syscall.Setuid(user); err != nil {
		return fmt.Errorf("become user %d: %w", user, err)
	}
	// The kernel forgot it at the change of user.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("ask to die with the parent: %w", err)
	}
	return nil
}

// refuseSockets installs a filter on all threads, and on all programs that
// they start, under which no socket can be made: a second wall behind the
// network namespace, and the only one where namespaces are not allowed. A
// browser insists on a Unix socket of its own; it can make one, but connect it to nothing.
func refuseSockets(browser bool) error {
	architecture, ok := map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[runtime.GOARCH]
	if !ok {
		return errors.ErrUnsupported
	}
	const (
		offsetNumber, offsetArchitecture, offsetArgument = 0, 4, 16 // in struct seccomp_data
		foreignABI                                       = 0x40000000
		refuse                                           = unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)
	)
	load, equal, atLeast, give := uint16(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS), uint16(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K),
		uint16(unix.BPF_JMP|unix.BPF_JGE|unix.BPF_K), uint16(unix.BPF_RET|unix.BPF_K)
	noSocket := []unix.SockFilter{
		{Code: equal, K: unix.SYS_SOCKET, Jf: 1},
		{Code: give, K: refuse},
	}
	if browser {
		noSocket = []unix.SockFilter{
			{Code: equal, K: unix.SYS_CONNECT, Jf: 1},
			{Code: give, K: refuse},
			{Code: equal, K: unix.SYS_SOCKET, Jf: 4},
			{Code: load, K: offsetArgument}, // the family
			{Code: equal, K: unix.AF_UNIX, Jf: 1},
			{Code: give, K: unix.SECCOMP_RET_ALLOW},
			{Code: give, K: refuse},
		}
	}
	program := slices.Concat([]unix.SockFilter{
		{Code: load, K: offsetArchitecture},
		{Code: equal, K: architecture, Jt: 1},
		{Code: give, K: refuse},
		{Code: load, K: offsetNumber},
		{Code: atLeast, K: foreignABI, Jf: 1},
		{Code: give, K: refuse},
		{Code: equal, K: unix.SYS_IO_URING_SETUP, Jf: 1},
		{Code: give, K: refuse},
	}, noSocket, []unix.SockFilter{
		{Code: give, K: unix.SECCOMP_RET_ALLOW},
	})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, failure := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&filter)))
	runtime.KeepAlive(program)
	if failure != 0 {
		return fmt.Errorf("refuse sockets: %w", failure)
	}
	return nil
}

// usedData is how much writable private memory this process has, in octets: what
// the data limit counts.
func usedData() int64 {
	sizes, err := os.ReadFile("/proc/self/statm") // proc(5): the sixth is data and stack, in pages
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(sizes))
	if len(fields) < 6 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[5], 10, 64)
	return pages * int64(os.Getpagesize())
}
