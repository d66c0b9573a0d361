// Package s3 files documents in a bucket of a workspace's own.
//
// An object that exists is never overwritten. A delivery that is repeated finds
// its object and compares the bytes: each document is filed exactly once.
package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/docuflow/docuflow/domain"
)

// Kind describes connections with buckets.
func Kind() domain.ConnectionKind {
	return domain.ConnectionKind{
		Name: "s3", Title: "S3 bucket", Icon: "folder", Help: "Files each document as an object in a bucket of yours.",
		Fields: []domain.ConnectionField{
			{Name: "pattern", Label: "Name and folder", Pattern: true, Required: true, Default: "{year}/{vendor}/{date} {vendor} {total} {currency}"},
			{Name: "endpoint", Label: "Server", Required: true, Default: "https://s3.amazonaws.com", Help: "Its web address."},
			{Name: "region", Label: "Region", Default: "us-east-1"},
			{Name: "bucket", Label: "Bucket", Required: true, Help: "It must exist."},
			{Name: "access_key", Label: "Access key", Required: true},
			{Name: "secret_key", Label: "Secret key", Required: true, Secret: true},
		},
	}
}

// Bucket is one connection. Create it with Open.
type Bucket struct {
	title  string
	client *minio.Client
	bucket string
}

// Open makes the client of a connection. transport decides which addresses it may reach.
func Open(connection domain.Connection, title string, secrets domain.Secrets, transport http.RoundTripper) (*Bucket, error) {
	server, err := url.Parse(connection.Settings["endpoint"])
	if err != nil || server.Host == "" || server.Scheme != "https" && server.Scheme != "http" || strings.Trim(server.Path, "/") != "" {
		return nil, errors.New("the server must be a web address like https://s3.example.com")
	}
	const attempts = 2 // the stage has its own
	client, err := minio.New(server.Host, &minio.Options{
		Creds: credentials.NewStaticV4(connection.Settings["access_key"], secrets["secret_key"], ""), Secure: server.Scheme == "https",
		Region: connection.Settings["region"], Transport: transport, MaxRetries: attempts,
	})
	if err != nil {
		return nil, errors.New("the server's address cannot be used")
	}
	return &Bucket{title: title, client: client, bucket: connection.Settings["bucket"]}, nil
}

// Name names the destination.
func (b *Bucket) Name() string { return b.title }

// Propose returns a key that is free. Further choices carry a number.
func (b *Bucket) Propose(ctx context.Context, filing domain.Filing, n int) (string, error) {
	const most = 1000 // then an object that is not ours and in the way is an error of Deliver
	for more := n; more < n+most; more++ {
		key := numbered(filing.Name, more)
		_, err := b.client.StatObject(ctx, b.bucket, key, minio.StatObjectOptions{})
		if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
			return key, nil
		}
		if err != nil {
			return "", b.failure("look for an object", err)
		}
	}
	return numbered(filing.Name, n), nil
}

func numbered(name string, n int) string {
	if n < 2 {
		return name
	}
	extension := path.Ext(name)
	return fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, extension), n, extension)
}

// Deliver writes the document under its key, unless it is there.
func (b *Bucket) Deliver(ctx context.Context, filing domain.Filing) (link string, err error) {
	_, err = b.client.StatObject(ctx, b.bucket, filing.Reference, minio.StatObjectOptions{})
	if err == nil {
		return "", b.compare(ctx, filing)
	}
	if minio.ToErrorResponse(err).Code != minio.NoSuchKey {
		return "", b.failure("look for the object", err)
	}
	body := &source{r: filing.Body}
	options := minio.PutObjectOptions{ContentType: "application/pdf", DisableMultipart: true, UserMetadata: map[string]string{"docuflow-document": string(filing.Document.ID)}}
	options.SetMatchETagExcept("*") // a writer that came between loses nothing
	if _, err = b.client.PutObject(ctx, b.bucket, filing.Reference, body, filing.Size, options); err != nil {
		if body.err != nil {
			return "", fmt.Errorf("read the document: %w", body.err)
		}
		return "", b.failure("write the object", err)
	}
	return "", nil
}

// source remembers that reading failed: what the client library makes of it says nothing.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// compare accepts the object of an earlier delivery.
func (b *Bucket) compare(ctx context.Context, filing domain.Filing) error {
	object, err := b.client.GetObject(ctx, b.bucket, filing.Reference, minio.GetObjectOptions{})
	if err != nil {
		return b.failure("read the object", err)
	}
	defer object.Close() //nolint:errcheck // it was only read
	there, ours := sha256.New(), sha256.New()
	if _, err := io.Copy(there, object); err != nil {
		return b.failure("read the object", err)
	}
	if _, err := io.Copy(ours, filing.Body); err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	if !bytes.Equal(there.Sum(nil), ours.Sum(nil)) {
		return domain.Permanent(domain.KindRejected, fmt.Sprintf("Another object stands at %q in the bucket. Nothing was overwritten. Move it away, then retry.", filing.Reference), nil)
	}
	return nil
}

// Test looks for the bucket.
func (b *Bucket) Test(ctx context.Context) domain.ConnectionTest {
	test := domain.ConnectionTest{At: time.Now(), Sent: "HEAD /" + b.bucket}
	exists, err := b.client.BucketExists(ctx, b.bucket)
	test.Took = time.Since(test.At)
	switch {
	case err != nil:
		test.Error, test.Answered = domain.AsFailure(b.failure("test", err)).Message, minio.ToErrorResponse(err).Code
	case !exists:
		test.Error, test.Answered = "There is no such bucket.", "404"
	default:
		test.Answered = "200 the bucket is there"
	}
	return test
}

// failure turns an error of the client library into one of ours.
func (b *Bucket) failure(doing string, err error) error {
	answer := minio.ToErrorResponse(err)
	err = fmt.Errorf("%s: %s %d", doing, answer.Code, answer.StatusCode) // the library's words may carry signed addresses
	switch {
	case answer.Code == minio.NoSuchBucket:
		return domain.NeedsPerson("bucket_gone", b.title, "The bucket is gone. Make it again, then press Reconnect.", err)
	case answer.StatusCode == http.StatusForbidden, answer.StatusCode == http.StatusUnauthorized:
		return domain.NeedsPerson("refused", b.title, "The bucket's server refuses our key. Enter a new one, or give it the right to read and write.", err)
	case answer.StatusCode == http.StatusTooManyRequests, answer.Code == "SlowDown":
		return domain.Temporary(domain.KindBusy, "The bucket's server asked us to slow down. We try again by ourselves.", err)
	case answer.StatusCode >= 400 && answer.StatusCode < 500 && answer.StatusCode != http.StatusPreconditionFailed && answer.StatusCode != http.StatusConflict && answer.StatusCode != http.StatusRequestTimeout:
		return domain.Permanent(domain.KindRejected, fmt.Sprintf("The bucket's server refused the document (%s).", answer.Code), err)
	}
	return domain.Temporary("s3", "The bucket's server did not answer as it should. We try again by ourselves.", err)
}
