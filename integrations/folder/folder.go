// Package folder files documents into a folder of this machine, for people
// and their backup programs to find.
//
// A file is written under another name, flushed, and then given its own, so
// that nobody sees half of one. An existing file is never overwritten. A
// delivery that is repeated finds its file and changes nothing: each document is filed exactly once.
package folder

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/google/uuid"

	"github.com/docuflow/docuflow/domain"
)

// Folder is a destination. Create it with Open.
type Folder struct {
	root *os.Root
}

// Open makes the folder if it is missing.
func Open(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the folder for filed documents: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder for filed documents: %w", err)
	}
	return &Folder{root: root}, nil
}

// Close ends the use of the folder.
func (f *Folder) Close() error { return f.root.Close() }

// Name names the destination.
func (f *Folder) Name() string { return "folder" }

// Propose returns a path inside the folder that is free. Further choices
// carry a number.
func (f *Folder) Propose(_ context.Context, filing domain.Filing, n int) (string, error) {
	const most = 1000 // then a file that is not ours and in the way is an error of Deliver
	reference := numbered(filing.Name, n)
	for more := n; more < n+most; more++ {
		reference = numbered(filing.Name, more)
		if _, err := f.root.Lstat(reference); errors.Is(err, fs.ErrNotExist) {
			return reference, nil
		}
	}
	return reference, nil
}

func numbered(name string, n int) string {
	if n < 2 {
		return name
	}
	extension := path.Ext(name)
	return fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, extension), n, extension)
}

// Deliver writes the document under the reference. A file with other content
// that stands there is a permanent failure.
func (f *Folder) Deliver(ctx context.Context, filing domain.Filing) (link string, err error) {
	reference := filing.Reference
	if err := f.root.MkdirAll(path.Dir(reference), 0o750); err != nil {
		return "", failure("make a folder", err)
	}
	temporary := path.Join(path.Dir(reference), ".docuflow-"+uuid.NewString())
	defer func() {
		if removeErr := f.root.Remove(temporary); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) && err == nil {
			err = failure("remove a temporary file", removeErr)
		}
	}()
	sum, err := f.write(ctx, temporary, filing.Body)
	if err != nil {
		return "", failure("write", err)
	}
	if err := f.publish(temporary, reference); errors.Is(err, fs.ErrExist) {
		return "", f.compare(reference, sum)
	} else if err != nil {
		return "", failure("name", err)
	}
	return "", nil
}

// write copies and flushes the document, and returns its SHA-256.
func (f *Folder) write(ctx context.Context, name string, document io.Reader) ([]byte, error) {
	file, err := f.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, hash), document)
	err = errors.Join(err, file.Sync(), file.Close(), ctx.Err())
	return hash.Sum(nil), err
}

// publish gives a finished file its name, unless something has it already.
func (f *Folder) publish(temporary, name string) error {
	err := f.root.Link(temporary, name)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// The file system knows no hard links. The name was free when it was
		// reserved, and all of ours are reserved.
		if _, statErr := f.root.Lstat(name); statErr == nil {
			return fs.ErrExist
		}
		err = f.root.Rename(temporary, name)
	}
	if err != nil {
		return err
	}
	return f.flush(path.Dir(name))
}

// flush makes a new name in a directory survive a power cut.
func (f *Folder) flush(dir string) error {
	opened, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}

// compare accepts the file of an earlier delivery.
func (f *Folder) compare(name string, sum []byte) error {
	file, err := f.root.Open(name)
	if err != nil {
		return failure("read", err)
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return failure("read", err)
	}
	if !bytes.Equal(hash.Sum(nil), sum) {
		return domain.Permanent(domain.KindRejected,
			fmt.Sprintf("Another file stands at %q in the folder. Nothing was overwritten. Move it away, then retry.", name), nil)
	}
	return nil
}

func failure(doing string, err error) error {
	return domain.Temporary(domain.KindStorage, "The folder for filed documents could not be written. We try again by ourselves; check that its disk is there and not full.",
		fmt.Errorf("%s in the folder: %w", doing, err))
}
