package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/docuflow/docuflow/domain"
)

// Blobs is object storage. Keys are written once: the bytes behind a key never
// change, and writing the same bytes again is harmless.
type Blobs interface {
	// Put stores everything that r gives and returns once it is durable. It
	// uses constant memory. When r fails, nothing is stored.
	Put(ctx context.Context, key domain.ObjectKey, r io.Reader) error
	// Open reads an object from its beginning; domain.ErrNotFound when there is none.
	Open(ctx context.Context, key domain.ObjectKey) (io.ReadCloser, error)
}

// rawKey names a raw mail. Its hash is not known before it has arrived, so
// its id has to do.
func rawKey(workspace domain.WorkspaceID, id domain.MailID) domain.ObjectKey {
	return domain.ObjectKey(string(workspace) + "/mails/" + string(id))
}

// contentKey names all other bytes by their SHA-256, in hex.
func contentKey(workspace domain.WorkspaceID, sum string) domain.ObjectKey {
	return domain.ObjectKey(string(workspace) + "/objects/" + sum[:2] + "/" + sum)
}

// workDir gives f a directory of its own, and removes it afterwards.
func workDir(parent string, f func(dir string) error) (err error) {
	dir, err := os.MkdirTemp(parent, "stage-")
	if err != nil {
		return markFull(fmt.Errorf("make a work directory: %w", err))
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return markFull(f(dir))
}

// markFull marks the error of a disk that is full as a failure of the
// storage: it says nothing about the document.
func markFull(err error) error {
	if _, marked := errors.AsType[*domain.Failure](err); marked || !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return err
	}
	return domain.Temporary(domain.KindStorage, "Our disk is full at the moment.", err)
}

// fetch copies an object into a file.
func fetch(ctx context.Context, blobs Blobs, key domain.ObjectKey, dir string) (path string, err error) {
	body, err := blobs.Open(ctx, key)
	if err != nil {
		return "", fmt.Errorf("open object %s: %w", key, err)
	}
	defer body.Close()
	path = filepath.Join(dir, "original")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("copy object %s: %w", key, err)
	}
	_, err = io.Copy(file, body)
	if err := errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("copy object %s: %w", key, err)
	}
	return path, nil
}

// put stores a file.
func put(ctx context.Context, blobs Blobs, key domain.ObjectKey, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return blobs.Put(ctx, key, file)
}

// keep stores a file under the hash of its content.
func keep(ctx context.Context, blobs Blobs, workspace domain.WorkspaceID, path string) (domain.ObjectKey, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("store a result: %w", err)
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", fmt.Errorf("store a result: %w", err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("store a result: %w", err)
	}
	key := contentKey(workspace, hex.EncodeToString(hash.Sum(nil)))
	if err := blobs.Put(ctx, key, file); err != nil {
		return "", fmt.Errorf("store object %s: %w", key, err)
	}
	return key, nil
}
