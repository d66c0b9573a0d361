package objects_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/objects"
)

func TestS3(t *testing.T) {
	cfg, data := startS3(t)
	s, err := objects.OpenS3(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	testContract(t, s)
	t.Run("bucket is there already", func(t *testing.T) {
		if _, err := objects.OpenS3(t.Context(), cfg); err != nil {
			t.Error(err)
		}
	})
	t.Run("no unfinished uploads", func(t *testing.T) {
		uploads := filepath.Join(data, cfg.Bucket, ".sgwtmp", "multipart")
		if left, err := os.ReadDir(uploads); err == nil && len(left) > 0 {
			t.Errorf("%d uploads are unfinished: %v", len(left), left)
		}
	})
	t.Run("uploads of killed writers", func(t *testing.T) { testAbandonedUploads(t, s, cfg) })
	t.Run("wrong password", func(t *testing.T) {
		wrong := cfg
		wrong.SecretKey = "guessed"
		if _, err := objects.OpenS3(t.Context(), wrong); err == nil {
			t.Error("let in with a wrong secret key")
		}
	})
}

func testAbandonedUploads(t *testing.T, s *objects.S3, cfg objects.S3Config) {
	client, err := minio.NewCore(cfg.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.NewMultipartUpload(t.Context(), cfg.Bucket, string(key("abandoned")), minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	left := func() (n int) {
		for upload := range client.ListIncompleteUploads(t.Context(), cfg.Bucket, "", true) {
			if upload.Err != nil {
				t.Fatal(upload.Err)
			}
			n++
		}
		return n
	}
	for _, c := range []struct {
		before time.Time
		want   int
	}{{time.Now().Add(-time.Hour), 1}, {time.Now().Add(time.Hour), 0}} {
		if err := objects.DropAbandoned(s, t.Context(), c.before); err != nil {
			t.Fatal(err)
		}
		if n := left(); n != c.want {
			t.Errorf("%d uploads are left of those before %v, want %d", n, c.before, c.want)
		}
	}
}

// An S3 service that is away, or has no room, is a temporary failure.
func TestS3Failures(t *testing.T) {
	answer := func(w http.ResponseWriter, status int, code string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		w.Write([]byte("<Error><Code>" + code + "</Code><Message>no</Message></Error>"))
	}
	full := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case full && r.Method == http.MethodPut:
			answer(w, http.StatusInsufficientStorage, "XMinioStorageFull")
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/cut-off"):
			w.Header().Set("Content-Length", "1000")
			w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
			w.Write([]byte("half of it"))
		case r.URL.Query().Has("uploads"):
			w.Write([]byte("<ListMultipartUploadsResult></ListMultipartUploadsResult>"))
		}
	}))
	cfg := objects.S3Config{Endpoint: server.Listener.Addr().String(), Bucket: "docuflow", AccessKey: "a", SecretKey: "b"}
	s, err := objects.OpenS3(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	full = true
	wantDiskFull(t, s.Put(t.Context(), key("a"), strings.NewReader("x")))

	object, err := s.Open(t.Context(), key("cut-off"))
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	_, cutOff := io.ReadAll(object)

	server.Close()
	for doing, err := range map[string]error{
		"put":    s.Put(t.Context(), key("a"), strings.NewReader("x")),
		"read":   cutOff,
		"delete": s.Delete(t.Context(), key("a")),
	} {
		if failure := domain.AsFailure(err); err == nil || failure.Permanent || failure.Kind != domain.KindStorage {
			t.Errorf("%s while the service is away: %v, want a temporary failure of the storage", doing, err)
		}
	}
	if s.Check(t.Context()) == nil {
		t.Error("the health check does not see that the service is away")
	}
}

// startS3 runs a real S3 server until the test ends. It stores in a directory
// of the test, which is returned too.
func startS3(t *testing.T) (objects.S3Config, string) {
	t.Helper()
	binary := findServer(t)
	data, address := t.TempDir(), freeAddress(t)
	cfg := objects.S3Config{Endpoint: address, Bucket: "docuflow-test", AccessKey: "test", SecretKey: "only-for-tests"}
	command := exec.Command(binary, "--port", address, "--access", cfg.AccessKey, "--secret", cfg.SecretKey, "--quiet", "posix", data)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- command.Wait() }()
	t.Cleanup(func() {
		command.Process.Kill()
		<-exited
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := answering(ctx, address, exited); err != nil {
		t.Fatalf("S3 server: %v\n%s", err, output.String())
	}
	return cfg, data
}

// answering waits until somebody listens.
func answering(ctx context.Context, address string, exited chan error) error {
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return err
		case err := <-exited:
			exited <- err
			return errors.Join(errors.New("exited"), err)
		case <-pause.C:
		}
	}
}

func findServer(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("DOCUFLOW_TEST_VERSITYGW"); path != "" {
		return path
	}
	if path, err := filepath.Abs("../../.cache/tools/versitygw"); err == nil && exists(path) {
		return path
	}
	if path, err := exec.LookPath("versitygw"); err == nil {
		return path
	}
	const missing = "no S3 server to test against: versitygw is not in $DOCUFLOW_TEST_VERSITYGW, .cache/tools or PATH"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip("SKIPPED: " + missing)
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
