package s3_test

import (
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/integrations/destinationtest"
	"github.com/docuflow/docuflow/integrations/s3"
)

func TestContract(t *testing.T) {
	server, data := startServer(t)
	buckets := 0
	destinationtest.Run(t, func(t *testing.T) (destinationtest.Destination, destinationtest.Shelf) {
		buckets++
		name := "books-" + strconv.Itoa(buckets)
		root := filepath.Join(data, name)
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		return open(t, server, name, "only-for-tests"), destinationtest.Shelf{
			Content: func(reference string) []byte {
				content, _ := os.ReadFile(filepath.Join(root, reference)) // nil when there is none
				return content
			},
			Count: func() int { return count(t, root) },
		}
	})
	t.Run("a wrong key needs a person", func(t *testing.T) {
		_, err := open(t, server, "books-1", "guessed").Propose(t.Context(), domain.Filing{Name: "x.pdf"}, 1)
		if failure := domain.AsFailure(err); !failure.Person || failure.Connection != "S3 bucket" || strings.Contains(failure.Error(), "guessed") {
			t.Fatalf("%+v", err)
		}
	})
	t.Run("a bucket that is gone needs a person", func(t *testing.T) {
		d := open(t, server, "no-such-bucket", "only-for-tests")
		_, err := d.Deliver(t.Context(), domain.Filing{Reference: "x.pdf", Size: 3, Body: strings.NewReader("pdf")})
		if failure := domain.AsFailure(err); !failure.Person || failure.Kind != "bucket_gone" {
			t.Fatalf("%+v", err)
		}
		if test := d.Test(t.Context()); test.Error == "" {
			t.Fatalf("%+v", test)
		}
	})
	t.Run("the test finds the bucket", func(t *testing.T) {
		if test := open(t, server, "books-1", "only-for-tests").Test(t.Context()); test.Error != "" || test.Answered == "" {
			t.Fatalf("%+v", test)
		}
	})
}

func TestBusyServerIsTriedAgain(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusServiceUnavailable)
		w.Write([]byte("<Error><Code>SlowDown</Code><Message>no</Message></Error>"))
	}))
	defer server.Close()
	_, err := open(t, server.URL, "books", "x").Deliver(t.Context(), domain.Filing{Reference: "x.pdf", Size: 3, Body: strings.NewReader("pdf")})
	if failure := domain.AsFailure(err); failure.Kind != domain.KindBusy || failure.Permanent || failure.Person {
		t.Fatalf("%+v", err)
	}
}

func open(t *testing.T, endpoint, bucket, secretKey string) *s3.Bucket {
	t.Helper()
	c := domain.Connection{Settings: map[string]string{"endpoint": endpoint, "bucket": bucket, "region": "us-east-1", "access_key": "test"}}
	b, err := s3.Open(c, "S3 bucket", domain.Secrets{"secret_key": secretKey}, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func count(t *testing.T, root string) (n int) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".sgwtmp") {
			return filepath.SkipDir
		}
		if err == nil && !entry.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// startServer runs a real S3 server until the test ends.
func startServer(t *testing.T) (endpoint, data string) {
	t.Helper()
	binary := os.Getenv("DOCUFLOW_TEST_VERSITYGW")
	if binary == "" {
		binary, _ = filepath.Abs("../../.cache/tools/versitygw")
	}
	if _, err := os.Stat(binary); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("versitygw is missing")
		}
		t.Skip("NOT TESTED: versitygw is missing")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	data = t.TempDir()
	command := exec.Command(binary, "--port", address, "--access", "test", "--secret", "only-for-tests", "--quiet", "posix", data)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { command.Process.Kill(); command.Wait() })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return "http://" + address, data
		}
		if time.Now().After(deadline) {
			t.Fatal("the S3 server does not answer")
		}
	}
}
