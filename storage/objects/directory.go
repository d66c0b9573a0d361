package objects

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"

	"github.com/docuflow/docuflow/domain"
)

// Directory keeps objects as files of one machine. Several processes may
// share it.
type Directory struct {
	root    *os.Root
	lock    *os.File
	buffers sync.Pool
}

// Objects begin with a workspace's id, so this name can never be one.
const incoming = ".incoming"

// bufferSize is the size of one write. Smaller ones cost throughput.
const bufferSize = 256 << 10

// OpenDirectory opens dir, creates it when it is missing, and removes what
// writers that were killed have left behind.
func OpenDirectory(dir string) (*Directory, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create object directory: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open object directory: %w", err)
	}
	d := &Directory{root: root}
	d.buffers.New = func() any { return new([bufferSize]byte) }
	if err := d.clean(); err != nil {
		return nil, errors.Join(fmt.Errorf("open object directory %s: %w", dir, err), d.Close())
	}
	return d, nil
}

// Close releases the directory. Objects that are open stay readable.
func (d *Directory) Close() error {
	if d.lock == nil {
		return d.root.Close()
	}
	return errors.Join(d.lock.Close(), d.root.Close())
}

// clean empties the place for incoming files unless another process is using
// it: each user holds a shared lock, which dies with the process.
func (d *Directory) clean() error {
	if err := d.root.MkdirAll(incoming, 0o700); err != nil {
		return err
	}
	lock, err := d.root.Open(incoming)
	if err != nil {
		return err
	}
	d.lock = lock
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		if err := d.removeLeftovers(); err != nil {
			return err
		}
	}
	return syscall.Flock(int(lock.Fd()), syscall.LOCK_SH)
}

func (d *Directory) removeLeftovers() error {
	names, err := d.lock.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := d.root.Remove(path.Join(incoming, name)); err != nil {
			return err
		}
	}
	return nil
}

// Put stores everything that r gives. When it returns nil the bytes and their
// name survive a power cut.
func (d *Directory) Put(ctx context.Context, key domain.ObjectKey, r io.Reader) error {
	if err := checkKey(key); err != nil {
		return err
	}
	src := &source{ctx: ctx, r: r}
	temp := path.Join(incoming, rand.Text())
	if err := d.write(temp, src); err != nil {
		d.root.Remove(temp) // best effort: the next start removes it too
		return src.failure(key, err)
	}
	if err := d.publish(temp, string(key)); err != nil {
		d.root.Remove(temp)
		return src.failure(key, err)
	}
	return nil
}

func (d *Directory) write(name string, src *source) error {
	file, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	buf := d.buffers.Get().(*[bufferSize]byte)
	defer d.buffers.Put(buf)
	// The bare io.Writer hides the file's own copying, which has small buffers.
	if _, err := io.CopyBuffer(struct{ io.Writer }{file}, src, buf[:]); err != nil {
		file.Close()
		return err
	}
	if err := file.Sync(); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// publish gives a finished file its name, and makes the name durable.
func (d *Directory) publish(temp, name string) error {
	parent := path.Dir(name)
	err := d.root.Rename(temp, name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.makeDirectories(parent); err != nil {
			return err
		}
		err = d.root.Rename(temp, name)
	}
	if err != nil {
		return err
	}
	return d.sync(parent)
}

// makeDirectories creates a directory with its parents. Each new name is made
// durable in the directory above it.
func (d *Directory) makeDirectories(name string) error {
	if err := d.root.MkdirAll(name, 0o700); err != nil {
		return err
	}
	above := "."
	for segment := range strings.SplitSeq(name, "/") {
		if err := d.sync(above); err != nil {
			return err
		}
		above = path.Join(above, segment)
	}
	return nil
}

func (d *Directory) sync(name string) error {
	dir, err := d.root.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Open reads an object from its beginning.
func (d *Directory) Open(ctx context.Context, key domain.ObjectKey) (io.ReadCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	file, err := d.root.Open(string(key))
	if isMissing(err) {
		return nil, fmt.Errorf("open %s: %w", key, domain.ErrNotFound)
	}
	if err != nil {
		return nil, unavailable("open", key, err)
	}
	info, err := file.Stat()
	if err == nil && info.Mode().IsRegular() {
		return file, nil
	}
	file.Close()
	if err != nil {
		return nil, unavailable("open", key, err)
	}
	return nil, fmt.Errorf("open %s: %w", key, domain.ErrNotFound)
}

// Delete removes an object. One that is not there is no error.
func (d *Directory) Delete(ctx context.Context, key domain.ObjectKey) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	info, err := d.root.Lstat(string(key))
	if isMissing(err) || err == nil && info.IsDir() {
		return nil
	}
	if err != nil {
		return unavailable("delete", key, err)
	}
	if err := d.root.Remove(string(key)); err != nil && !isMissing(err) {
		return unavailable("delete", key, err)
	}
	return nil
}

// isMissing also takes "a/b" for missing when "a" is an object.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// Check says whether the directory can be written to now.
func (d *Directory) Check(ctx context.Context) error {
	temp := path.Join(incoming, rand.Text())
	defer d.root.Remove(temp)
	if err := d.write(temp, &source{ctx: ctx, r: strings.NewReader("check")}); err != nil {
		return fmt.Errorf("write to object directory: %w", err)
	}
	return nil
}
