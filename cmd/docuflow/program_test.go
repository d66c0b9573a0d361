package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuflow/docuflow/mail"
	"github.com/docuflow/docuflow/press"
	"github.com/docuflow/docuflow/storage/postgres/private"
)

// asProgram makes the test binary behave as docuflow: the tests start the
// same program that users start.
const asProgram = "DOCUFLOW_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "press-child" {
		os.Exit(press.ChildMain(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	if os.Getenv(asProgram) != "" && os.Getenv(driveAt) != "" {
		mainWithDrive(os.Getenv(driveAt))
	}
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a running docuflow dev.
type program struct {
	t       *testing.T
	dataDir string
	cmd     *exec.Cmd
	output  *output
	ended   chan struct{} // closed when it has ended
	access

	signedIn *http.Client // nil until somebody has
}

// output keeps what the program prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// dataDir is a data directory that a private PostgreSQL of another user can
// reach.
func newDataDir(t testing.TB) string {
	t.Helper()
	if _, err := private.Find(""); err != nil {
		missing(t, err)
	}
	dir, err := os.MkdirTemp("/var/tmp", "docuflow-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// missing skips a test on a laptop and fails it in CI.
func missing(t testing.TB, what any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal("missing: ", what)
	}
	t.Skip("NOT TESTED, missing: ", what)
}

// start runs docuflow dev until the test ends, and waits until it is ready.
func start(t *testing.T, dataDir string, env ...string) *program {
	t.Helper()
	last, _ := readAccess(dataDir) // nothing, at the first start
	p := &program{t: t, dataDir: dataDir, output: &output{}, ended: make(chan struct{})}
	p.cmd = exec.Command(os.Args[0], "dev")
	p.cmd.Env = append(os.Environ(), append([]string{
		asProgram + "=1", "DOCUFLOW_DATA_DIR=" + dataDir, "DOCUFLOW_HTTP_ADDR=127.0.0.1:0", "DOCUFLOW_SMTP_ADDR=127.0.0.1:0",
		"DOCUFLOW_ADMIN_ADDR=127.0.0.1:0", "DATABASE_URL=", "DOCUFLOW_BACKOFF_BASE=50ms", "DOCUFLOW_BACKOFF_CAP=100ms", "DOCUFLOW_SCAN_EVERY=100ms",
	}, env...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(30 * time.Second):
			p.cmd.Process.Kill()
			t.Error("the program does not stop")
		}
		if t.Failed() {
			t.Log("the program printed:\n", p.output)
		}
	})
	p.until("the program is ready", func() bool {
		select {
		case <-p.ended:
			t.Fatalf("the program ended: %s", p.output)
		default:
		}
		var err error
		if p.access, err = readAccess(dataDir); err != nil || p.SignInURL == last.SignInURL {
			return false
		}
		response, err := http.Get("http://" + p.Admin + "/readyz")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return p
}

// kill ends the program as a power cut would.
func (p *program) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	<-p.ended
}

// until polls a condition.
func (p *program) until(what string, condition func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// send mails files to the workspace.
func (p *program) send(subject string, files ...mail.File) error {
	return mail.Send(p.t.Context(), p.SMTP, mail.Message{
		From: "sender@example.test", To: p.Address, Subject: subject, Text: "See attachment.", Files: files,
	})
}

// documentJSON is a document as the API gives it.
type documentJSON struct {
	ID            string  `json:"id"`
	Status        string  `json:"status"`
	Stage         string  `json:"stage"`
	FileName      string  `json:"file_name"`
	VendorName    *string `json:"vendor_name"`
	TotalAmount   *string `json:"total_amount"`
	InvoiceNumber *string `json:"invoice_number"`
	Source        string  `json:"source"`
	Error         *struct {
		Stage, Kind, Message string
	} `json:"error"`
	Deliveries []struct {
		Destination, Reference string
	} `json:"deliveries"`
}

// get asks the API.
func (p *program) get(path string, into any) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://"+p.HTTP+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		p.t.Fatalf("GET %s: %s %s %v", path, response.Status, content, err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		p.t.Fatalf("GET %s: %s: %v", path, content, err)
	}
}

// documents lists all documents by file name.
func (p *program) documents() map[string]documentJSON {
	p.t.Helper()
	byName := map[string]documentJSON{}
	for cursor := ""; ; {
		var page struct {
			Documents  []documentJSON `json:"documents"`
			NextCursor *string        `json:"next_cursor"`
		}
		p.get("/api/v1/documents?limit=100&cursor="+url.QueryEscape(cursor), &page)
		for _, d := range page.Documents {
			if _, twice := byName[d.FileName]; twice {
				p.t.Fatalf("two documents are named %s", d.FileName)
			}
			byName[d.FileName] = d
		}
		if page.NextCursor == nil || *page.NextCursor == "" {
			return byName
		}
		cursor = *page.NextCursor
	}
}

// rest waits until a document neither waits nor runs any more.
func (p *program) rest(fileName string) (document documentJSON) {
	p.t.Helper()
	p.until(fileName+" rests", func() bool {
		document = p.documents()[fileName]
		return document.Status == "COMPLETED" || document.Status == "FAILED"
	})
	return document
}

// filed lists the files in the folder.
func (p *program) filed() (files []string) {
	p.t.Helper()
	root := filepath.Join(p.dataDir, "filed")
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			relative, _ := filepath.Rel(root, path)
			files = append(files, relative)
		}
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

// superuser connects to the program's private PostgreSQL past all rules.
func (p *program) superuser() *pgx.Conn {
	p.t.Helper()
	password, err := os.ReadFile(filepath.Join(p.dataDir, "postgres.password"))
	if err != nil {
		p.t.Fatal(err)
	}
	u, err := url.Parse(p.Database)
	if err != nil {
		p.t.Fatal(err)
	}
	u.User = url.UserPassword("postgres", strings.TrimSpace(string(password)))
	conn, err := pgx.Connect(p.t.Context(), u.String())
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// invoicePDF is a one-page invoice with a text layer.
func invoicePDF(number string) []byte {
	lines := []string{
		"Nordwind Hosting GmbH", "Hafenstrasse 14, 20457 Hamburg, Germany", "Invoice", "Invoice number: " + number,
		"Invoice date: 2026-11-22", "Virtual server, November 2026   100.00", "Subtotal   100.00", "VAT 25 %   25.00", "Total EUR   125.00",
	}
	var content strings.Builder
	content.WriteString("BT /F1 12 Tf 16 TL 72 760 Td\n")
	for _, line := range lines {
		fmt.Fprintf(&content, "(%s) Tj T*\n", strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(line))
	}
	content.WriteString("ET")
	return pdfOf(
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", content.Len(), content.String()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	)
}

// pdfOf writes a PDF of numbered objects; the first one is the catalogue.
func pdfOf(objects ...string) []byte {
	var file bytes.Buffer
	file.WriteString("%PDF-1.7\n")
	var offsets []int
	for i, object := range objects {
		offsets = append(offsets, file.Len())
		fmt.Fprintf(&file, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := file.Len()
	fmt.Fprintf(&file, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&file, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&file, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return file.Bytes()
}
