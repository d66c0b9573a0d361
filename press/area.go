package press

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const areaPrefix = "docuflow-press-"

// area is this process's directory for its jobs' private directories. A lock
// that dies with the process tells the areas of the living from leftovers.
type area struct {
	path string
	lock *os.File
}

func openArea(parent string) (*area, error) {
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory for jobs: %w", err)
	}
	parent, err := filepath.Abs(parent)
	if err != nil {
		return nil, fmt.Errorf("find the directory for jobs: %w", err)
	}
	// One at a time: an area that is made but not locked yet looks like a leftover.
	turn, err := lockDir(parent, unix.LOCK_EX)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", parent, err)
	}
	defer turn.Close()
	if err := removeLeftovers(parent); err != nil {
		return nil, err
	}
	path, err := os.MkdirTemp(parent, areaPrefix)
	if err != nil {
		return nil, fmt.Errorf("make a directory for jobs: %w", err)
	}
	lock, err := lockDir(path, unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &area{path: path, lock: lock}, nil
}

func lockDir(path string, how int) (*os.File, error) {
	lock, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), how); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

func removeLeftovers(parent string) error {
	paths, err := filepath.Glob(filepath.Join(parent, areaPrefix+"*"))
	if err != nil {
		return fmt.Errorf("look for leftovers in %s: %w", parent, err)
	}
	for _, path := range paths {
		lock, err := lockDir(path, unix.LOCK_EX|unix.LOCK_NB)
		if err != nil {
			continue // somebody lives there
		}
		if err := errors.Join(os.RemoveAll(path), lock.Close()); err != nil {
			return fmt.Errorf("remove the leftovers %s: %w", path, err)
		}
	}
	return nil
}

// newDir makes a directory for one child, which may enter but not change it.
func (a *area) newDir() (string, error) {
	dir, err := os.MkdirTemp(a.path, "child-")
	if err != nil {
		return "", fmt.Errorf("make a child's directory: %w", err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return "", errors.Join(fmt.Errorf("open a child's directory: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

func (a *area) close() error {
	return errors.Join(os.RemoveAll(a.path), a.lock.Close())
}
