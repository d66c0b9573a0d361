package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPagesOfOneNodeShowWhatAnotherDoes runs two processes on one database. A
// stream of the first one must show within a second what the second one does: also to
// one that comes back, after its LISTEN connection was cut, and beside a reader that takes nothing.
func TestPagesOfOneNodeShowWhatAnotherDoes(t *testing.T) {
	a := start(t, newDataDir(t))
	b := startSecond(t, a)
	events := a.follow("")
	events.await(t, "state", func(string) bool { return true })

	// A document at rest, which nobody but the second node touches.
	id := b.upload(t, "quiet.pdf")
	a.rest("quiet.pdf")
	watch := func(what string, events *eventReader, most time.Duration) string {
		t.Helper()
		begin := time.Now()
		b.edit(t, id, what)
		last := events.await(t, "document", func(data string) bool { return strings.Contains(data, what) })
		if took := time.Since(begin); took > most {
			t.Errorf("%s: seen after %s", what, took)
		} else {
			t.Logf("%s: seen after %s", what, took)
		}
		return last
	}
	last := watch("by-notify", events, time.Second)

	events.close()
	b.edit(t, id, "missed")
	events = a.follow(last)
	defer events.close()
	begin := time.Now()
	events.await(t, "document", func(data string) bool { return strings.Contains(data, "missed") })
	if took := time.Since(begin); took > time.Second {
		t.Errorf("resumed after %s", took)
	}

	stuck := a.neverRead(t)
	defer stuck.Close()
	for n := range 200 {
		b.edit(t, id, fmt.Sprint("flood ", n))
	}
	watch("beside-a-stuck-reader", events, time.Second)

	// Nobody may tell it: the pages heal by themselves, and NOTIFY works again afterwards.
	var cut int
	err := a.superuser().QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%'`).Scan(&cut)
	if err != nil || cut != 2 {
		t.Fatalf("%d LISTEN connections were cut, want both: %v", cut, err)
	}
	watch("after-the-cut", events, 7*time.Second)
	a.until("both nodes listen again", func() bool {
		var listening int
		err := a.superuser().QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%'`).Scan(&listening)
		return err == nil && listening == 2
	})
	watch("by-notify-again", events, time.Second)
}

// second is another node on a program's database and objects.
type second struct {
	program *program
	http    string
}

func startSecond(t *testing.T, a *program) *second {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(a.dataDir, "cookie.key"))
	if err != nil {
		t.Fatal(err)
	}
	dir := newDataDir(t)
	if err := os.Symlink(filepath.Join(a.dataDir, "objects"), filepath.Join(dir, "objects")); err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 3)
	cmd := exec.Command(os.Args[0], "serve")
	cmd.Env = append(os.Environ(), asProgram+"=1", "DATABASE_URL="+a.Database, "DOCUFLOW_COOKIE_KEY="+string(key), "DOCUFLOW_DATA_DIR="+dir,
		"DOCUFLOW_HTTP_ADDR="+ports[0], "DOCUFLOW_SMTP_ADDR="+ports[1], "DOCUFLOW_ADMIN_ADDR="+ports[2])
	var printed output
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			cmd.Process.Kill()
			t.Error("the second node does not stop")
		}
		if t.Failed() {
			t.Log("the second node printed:\n", &printed)
		}
	})
	a.until("the second node is ready", func() bool {
		select {
		case <-ended:
			t.Fatalf("the second node ended: %s", &printed)
		default:
		}
		response, err := http.Get("http://" + ports[2] + "/readyz")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return &second{program: a, http: ports[0]}
}

// freePorts are addresses on loopback that nobody uses now.
func freePorts(t *testing.T, n int) (addresses []string) {
	t.Helper()
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses
}

// upload hands a file to the second node and returns the document's id.
func (s *second) upload(t *testing.T, name string) string {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		t.Fatal(err)
	}
	part.Write(invoicePDF(name))
	form.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.http+"/api/v1/documents", &body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Authorization", "Bearer "+s.program.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, _ := io.ReadAll(response.Body)
	var document documentJSON
	if err := json.Unmarshal(content, &document); err != nil || document.ID == "" {
		t.Fatalf("upload: %s %s", response.Status, content)
	}
	return document.ID
}

// edit writes a document's vendor through the second node.
func (s *second) edit(t *testing.T, id, vendor string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"vendor_name": vendor})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, "http://"+s.http+"/api/v1/documents/"+id, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+s.program.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("edit: %s", response.Status)
	}
}

// eventReader reads server-sent events.
type eventReader struct {
	lines  chan string
	cancel context.CancelFunc
}

// follow opens the first node's event stream, after the event with an id.
func (p *program) follow(after string) *eventReader {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.HTTP+"/api/v1/events", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.Token)
	if after != "" {
		request.Header.Set("Last-Event-ID", after)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusOK {
		p.t.Fatalf("follow: %v %v", response, err)
	}
	e := &eventReader{lines: make(chan string, 4096), cancel: cancel}
	go func() {
		defer response.Body.Close()
		defer close(e.lines)
		for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
			e.lines <- scanner.Text()
		}
	}()
	return e
}

func (e *eventReader) close() { e.cancel() }

// await reads until an event is as wanted, and returns its id.
func (e *eventReader) await(t *testing.T, name string, wanted func(data string) bool) (id string) {
	t.Helper()
	var event, data string
	deadline := time.After(30 * time.Second)
	for {
		select {
		case line, open := <-e.lines:
			if !open {
				t.Fatal("the stream ended")
			}
			field, value, _ := strings.Cut(line, ": ")
			switch {
			case field == "id":
				id = value
			case field == "event":
				event, data = value, ""
			case field == "data":
				data += value
			case line == "" && event == name && wanted(data):
				return id
			}
		case <-deadline:
			t.Fatalf("no such event %s", name)
		}
	}
}

// neverRead opens an event stream and leaves everything unread.
func (p *program) neverRead(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.(*net.TCPConn).SetReadBuffer(1)
	if _, err := io.WriteString(conn, "GET /api/v1/events?since=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+p.Token+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return conn
}
