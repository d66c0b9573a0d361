package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/docuflow/docuflow/domain"
)

// S3Config says where the objects are.
type S3Config struct {
	Endpoint  string // host or host:port, without a scheme
	Region    string // us-east-1 when empty
	Bucket    string // created when it is missing
	AccessKey string
	SecretKey string
	TLS       bool
}

// S3 keeps objects in a bucket of an S3 service. How durable they are is for
// that service to say.
type S3 struct {
	client minio.Core
	bucket string
	small  sync.Pool // of what most objects fit into
	parts  sync.Pool
}

const (
	// partSize is the smallest that S3 allows, and what the Put of an object
	// that is larger than smallSize holds in memory.
	partSize  = 5 << 20
	smallSize = 256 << 10
	// A request is repeated this often: a sender waits for the answer, and is
	// the better one to try again.
	requestAttempts = 3
	// An upload this old has no writer any more.
	abandonedAfter = 24 * time.Hour
	cleanupTimeout = 30 * time.Second
)

// OpenS3 connects to the service, creates the bucket when it is missing, and
// drops unfinished uploads that writers left behind a day or more ago.
func OpenS3(ctx context.Context, cfg S3Config) (*S3, error) {
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	client, err := minio.NewCore(cfg.Endpoint, &minio.Options{
		Creds:      credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, ""),
		Secure:     cfg.TLS,
		Region:     cfg.Region,
		MaxRetries: requestAttempts,
	})
	if err != nil {
		return nil, fmt.Errorf("object storage %q: %w", cfg.Endpoint, err)
	}
	s := &S3{client: *client, bucket: cfg.Bucket}
	s.small.New = func() any { return new([smallSize]byte) }
	s.parts.New = func() any { return new([partSize]byte) }
	if err := s.createBucket(ctx, cfg.Region); err != nil {
		return nil, fmt.Errorf("bucket %q at %s: %w", cfg.Bucket, cfg.Endpoint, err)
	}
	if err := s.dropAbandoned(ctx, time.Now().Add(-abandonedAfter)); err != nil {
		return nil, fmt.Errorf("bucket %q at %s: unfinished uploads: %w", cfg.Bucket, cfg.Endpoint, err)
	}
	return s, nil
}

func (s *S3) createBucket(ctx context.Context, region string) error {
	exists, err := s.client.BucketExists(ctx, s.bucket)
	if err != nil || exists {
		return err
	}
	err = s.client.MakeBucket(ctx, s.bucket, minio.MakeBucketOptions{Region: region})
	if minio.ToErrorResponse(err).Code == minio.BucketAlreadyOwnedByYou {
		return nil // another node was faster
	}
	return err
}

func (s *S3) dropAbandoned(ctx context.Context, before time.Time) error {
	for upload := range s.client.ListIncompleteUploads(ctx, s.bucket, "", true) {
		if upload.Err != nil {
			return upload.Err
		}
		if upload.Initiated.After(before) {
			continue
		}
		if err := s.client.AbortMultipartUpload(ctx, s.bucket, upload.Key, upload.UploadID); err != nil && !isAbsent(err) {
			return err
		}
	}
	return nil
}

// Put stores everything that r gives: in one request when it fits into one
// part, else part by part.
func (s *S3) Put(ctx context.Context, key domain.ObjectKey, r io.Reader) error {
	if err := checkKey(key); err != nil {
		return err
	}
	src := &source{ctx: ctx, r: r}
	if err := s.put(ctx, string(key), src); err != nil {
		return src.failure(key, asDiskFull(err))
	}
	return nil
}

// put gives buffers back only after success: a request that was given up may
// still be reading from its own.
func (s *S3) put(ctx context.Context, key string, src *source) error {
	small := s.small.Get().(*[smallSize]byte)
	n, ended, err := src.fill(small[:])
	switch {
	case err != nil:
		return err
	case ended:
		err = s.putWhole(ctx, key, small[:n])
	default:
		err = s.putLarge(ctx, key, small[:], src)
	}
	if err == nil {
		s.small.Put(small)
	}
	return err
}

func (s *S3) putLarge(ctx context.Context, key string, begun []byte, src *source) error {
	part := s.parts.Get().(*[partSize]byte)
	n, ended, err := src.fill(part[copy(part[:], begun):])
	switch {
	case err != nil:
		return err
	case ended:
		err = s.putWhole(ctx, key, part[:len(begun)+n])
	default:
		err = s.putParts(ctx, key, src, part[:])
	}
	if err == nil {
		s.parts.Put(part)
	}
	return err
}

func (s *S3) putWhole(ctx context.Context, key string, content []byte) error {
	_, err := s.client.PutObject(ctx, s.bucket, key, bytes.NewReader(content), int64(len(content)), "", "", minio.PutObjectOptions{})
	return err
}

// putParts uploads the full buffer, then what follows in the source. Nothing
// is visible before the last step.
func (s *S3) putParts(ctx context.Context, key string, src *source, buf []byte) error {
	upload, err := s.client.NewMultipartUpload(ctx, s.bucket, key, minio.PutObjectOptions{})
	if err != nil {
		return err
	}
	parts, err := s.uploadParts(ctx, key, upload, src, buf)
	if err == nil {
		_, err = s.client.CompleteMultipartUpload(ctx, s.bucket, key, upload, parts, minio.PutObjectOptions{})
	}
	if err != nil {
		s.abort(ctx, key, upload)
	}
	return err
}

func (s *S3) uploadParts(ctx context.Context, key, upload string, src *source, buf []byte) ([]minio.CompletePart, error) {
	var parts []minio.CompletePart
	n, ended := len(buf), false
	for number := 1; n > 0; number++ {
		part, err := s.client.PutObjectPart(ctx, s.bucket, key, upload, number, bytes.NewReader(buf[:n]), int64(n), minio.PutObjectPartOptions{})
		if err != nil {
			return nil, err
		}
		parts = append(parts, minio.CompletePart{PartNumber: number, ETag: part.ETag})
		if ended {
			break
		}
		if n, ended, err = src.fill(buf); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// abort drops the parts of an upload that failed, also when that was because
// ctx is done. What it cannot drop goes with dropAbandoned.
func (s *S3) abort(ctx context.Context, key, upload string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	_ = s.client.AbortMultipartUpload(ctx, s.bucket, key, upload)
}

// Open reads an object from its beginning.
func (s *S3) Open(ctx context.Context, key domain.ObjectKey) (io.ReadCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	body, _, _, err := s.client.GetObject(ctx, s.bucket, string(key), minio.GetObjectOptions{})
	if isAbsent(err) {
		return nil, fmt.Errorf("open %s: %w", key, domain.ErrNotFound)
	}
	if err != nil {
		return nil, unavailable("open", key, err)
	}
	return &object{ReadCloser: body, key: key}, nil
}

// object says of a connection that breaks that it is the storage's failure.
type object struct {
	io.ReadCloser
	key domain.ObjectKey
}

func (o *object) Read(p []byte) (int, error) {
	n, err := o.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = unavailable("read", o.key, err)
	}
	return n, err
}

// Delete removes an object. One that is not there is no error.
func (s *S3) Delete(ctx context.Context, key domain.ObjectKey) error {
	if err := checkKey(key); err != nil {
		return err
	}
	err := s.client.RemoveObject(ctx, s.bucket, string(key), minio.RemoveObjectOptions{})
	if err != nil && !isAbsent(err) {
		return unavailable("delete", key, err)
	}
	return nil
}

// Check says whether the service answers and the bucket is there.
func (s *S3) Check(ctx context.Context) error {
	exists, err := s.client.BucketExists(ctx, s.bucket)
	if err != nil {
		return fmt.Errorf("object storage: %w", err)
	}
	if !exists {
		return fmt.Errorf("object storage: bucket %q is gone", s.bucket)
	}
	return nil
}

func isAbsent(err error) bool {
	if err == nil {
		return false
	}
	code := minio.ToErrorResponse(err).Code
	return code == minio.NoSuchKey || code == minio.NoSuchUpload
}

// asDiskFull marks the answers that mean that the service has no room left.
func asDiskFull(err error) error {
	answer := minio.ToErrorResponse(err)
	if answer.StatusCode == http.StatusInsufficientStorage || answer.Code == "QuotaExceeded" || answer.Code == "XMinioStorageFull" {
		return errors.Join(err, syscall.ENOSPC)
	}
	return err
}
