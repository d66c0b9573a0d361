package private

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// cluster is a data directory together with the programs that serve it.
type cluster struct {
	dir     string
	account *account
	install install
	durable bool
}

// account is the user that the server runs as when we are root, which
// PostgreSQL refuses to be.
type account struct{ uid, gid uint32 }

// prepare makes the data directory if there is none and gives the superuser's password.
func (c cluster) prepare(ctx context.Context) (password string, err error) {
	_, err = os.Stat(filepath.Join(c.dir, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return c.create(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("data directory of PostgreSQL: %w", err)
	}
	if err := c.own(); err != nil {
		return "", err
	}
	b, err := os.ReadFile(c.passwordFile())
	if err != nil {
		return "", fmt.Errorf("password of the PostgreSQL data: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

func (c cluster) passwordFile() string { return c.dir + ".password" }

// create runs initdb beside the final place, so that an interrupted initdb is
// never taken for a database.
func (c cluster) create(ctx context.Context) (string, error) {
	if entries, err := os.ReadDir(c.dir); err == nil && len(entries) > 0 {
		return "", fmt.Errorf("%s is not empty and holds no PostgreSQL data: choose another data directory", c.dir)
	}
	password := rand.Text()
	if err := c.writePassword(password); err != nil {
		return "", fmt.Errorf("password of the PostgreSQL data: %w", err)
	}
	unfinished := c.dir + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return "", fmt.Errorf("data directory of PostgreSQL: %w", err)
	}
	if err := os.Mkdir(unfinished, 0o700); err != nil {
		return "", fmt.Errorf("data directory of PostgreSQL: %w", err)
	}
	if err := c.chown(unfinished); err != nil {
		return "", err
	}
	if err := c.initdb(ctx, unfinished); err != nil {
		return "", err
	}
	if err := os.Remove(c.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("data directory of PostgreSQL: %w", err)
	}
	if err := os.Rename(unfinished, c.dir); err != nil {
		return "", fmt.Errorf("data directory of PostgreSQL: %w", err)
	}
	return password, syncDir(filepath.Dir(c.dir))
}

func (c cluster) writePassword(password string) error {
	if err := os.Remove(c.passwordFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(c.passwordFile(), []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	return c.chown(c.passwordFile()) // initdb reads it
}

func (c cluster) initdb(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(c.install.bin, "initdb"),
		"--username="+superuser, "--auth=scram-sha-256",
		"--encoding=UTF8", "--locale="+locale(), "--lc-messages=C", "--no-instructions")
	if !c.durable {
		cmd.Args = append(cmd.Args, "--no-sync")
	}
	release, err := c.hand(cmd, pathArgument{"--pgdata=", dir}, pathArgument{"--pwfile=", c.passwordFile()})
	if err != nil {
		return err
	}
	defer release()
	cmd.SysProcAttr = sysProcAttr(c.account)
	runtime.LockOSThread() // for the death signal, as in startProcess
	defer runtime.UnlockOSThread()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, lastLine(string(out)))
	}
	return nil
}

func (c cluster) serve(port int, log *slog.Logger) (*process, error) {
	cmd := exec.Command(filepath.Join(c.install.bin, "postgres"), c.settings(port)...)
	release, err := c.hand(cmd, pathArgument{"-D", c.dir})
	if err != nil {
		return nil, err
	}
	defer release()
	cmd.SysProcAttr = sysProcAttr(c.account)
	return startProcess(cmd, log)
}

func (c cluster) settings(port int) []string {
	settings := []string{
		"port=" + strconv.Itoa(port),
		"listen_addresses=127.0.0.1",
		"unix_socket_directories=",
		"max_connections=200",
		"timezone=UTC",
		"log_timezone=UTC",
		"logging_collector=off",
		"log_line_prefix=", // each line becomes a log record of ours
	}
	if !c.durable {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	var args []string
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args
}

// pathArgument is an option that names a file or folder.
type pathArgument struct{ option, path string }

// hand gives cmd its files and folders. When the server runs as another user
// it may not be able to walk to them, as in a home of mode 0700: then it gets
// them open, as /proc/self/fd/N. release closes our side once the command has
// started.
func (c cluster) hand(cmd *exec.Cmd, arguments ...pathArgument) (release func(), err error) {
	cmd.Dir = "/" // ours may be closed to the server's user
	cmd.Env = []string{"PATH=" + c.install.bin + ":/usr/bin:/bin", "LC_ALL=C"}
	release = func() {
		for _, f := range cmd.ExtraFiles {
			f.Close()
		}
	}
	_, procErr := os.Stat("/proc/self/fd")
	open := c.account != nil && procErr == nil
	for _, a := range arguments {
		if !open {
			cmd.Args = append(cmd.Args, a.option+a.path)
			continue
		}
		f, err := os.Open(a.path)
		if err != nil {
			release()
			return nil, fmt.Errorf("data directory of PostgreSQL: %w", err)
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		cmd.Args = append(cmd.Args, a.option+"/proc/self/fd/"+strconv.Itoa(2+len(cmd.ExtraFiles)))
	}
	return release, nil
}

// own gives the data to the server's user, if another one wrote it.
func (c cluster) own() error {
	info, err := os.Stat(c.dir)
	if err != nil {
		return fmt.Errorf("data directory of PostgreSQL: %w", err)
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	if c.account == nil {
		if owner != uint32(os.Getuid()) {
			return fmt.Errorf("%s belongs to another user (id %d): start as that user or as root, or choose another data directory", c.dir, owner)
		}
		return nil
	}
	if owner == c.account.uid {
		return nil
	}
	return filepath.WalkDir(c.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return c.chown(path)
	})
}

func (c cluster) chown(path string) error {
	if c.account == nil {
		return nil
	}
	if err := os.Lchown(path, int(c.account.uid), int(c.account.gid)); err != nil {
		return fmt.Errorf("give the data directory to the user of PostgreSQL: %w", err)
	}
	return nil
}

// locale knows the letters of all languages where the system has such a
// neutral locale, as glibc does.
func locale() string {
	if runtime.GOOS == "linux" {
		return "C.UTF-8"
	}
	return "C"
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
