package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/mail"
	"github.com/docuflow/docuflow/storage/postgres"
	"github.com/docuflow/docuflow/storage/postgres/postgrestest"
)

// command runs docuflow in this process.
func command(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	if _, err := exec.LookPath("tesseract"); err != nil {
		missing(t, err)
	}
	var out, log bytes.Buffer
	err = run(t.Context(), args, &out, &log)
	return out.String(), err
}

func TestExtractPrintsOneLineForEachFile(t *testing.T) {
	dir := t.TempDir()
	invoice, garbage := filepath.Join(dir, "invoice.pdf"), filepath.Join(dir, "garbage.pdf")
	write(t, invoice, mail.SampleInvoice().Content)
	write(t, garbage, []byte("not a PDF"))
	out, err := command(t, "extract", invoice, garbage, filepath.Join(dir, "missing.pdf"))
	if err == nil || !strings.Contains(err.Error(), "2 of 3") {
		t.Errorf("error: %v", err)
	}
	var lines []extracted
	for decoder := json.NewDecoder(strings.NewReader(out)); decoder.More(); {
		var line extracted
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if len(lines) != 3 || lines[1].Error == nil || lines[2].Error == nil || lines[1].VendorName != nil {
		t.Fatalf("%s", out)
	}
	got := lines[0]
	if got.Error != nil || *got.Source != "text" || *got.VendorName != "Nordlys Hosting AS" || *got.TotalAmount != "3223.75" ||
		*got.InvoiceDate != "2026-11-02" || *got.InvoiceNumber != "2026-10418" || *got.Currency != "NOK" {
		t.Errorf("the sample invoice: %s", out)
	}
}

func TestStandardizeWritesAPDF(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "photo.png"), filepath.Join(dir, "out.pdf")
	write(t, in, encodePNG(t, picture()))
	if _, err := command(t, "standardize", in, out); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(out)
	if err != nil || !bytes.HasPrefix(content, []byte("%PDF-")) {
		t.Fatalf("%.20q %v", content, err)
	}
}

func TestSendSaysWhenNothingRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.pdf")
	write(t, file, invoicePDF("X"))
	_, err := command(t, "send", "--data-dir", t.TempDir(), file)
	if err == nil || !strings.Contains(err.Error(), "--to and --server") {
		t.Fatal(err)
	}
}

func TestSecretsDoNotPrintThemselves(t *testing.T) {
	s := settings{DatabaseURL: "postgres://me:hunter2@db/x", CookieKey: "hunter2hunter2hunter2hunter2hunter2"}
	var log bytes.Buffer
	s.logger(terminal{log: &log}).Error("settings", "url", s.DatabaseURL, "all", s)
	if strings.Contains(log.String(), "hunter2") {
		t.Fatal(log.String())
	}
}

func migrated(ctx context.Context, superuserURL string) error {
	_, err := postgres.Provision(ctx, superuserURL, "test")
	return err
}

func TestServeRefusesASuperuser(t *testing.T) {
	admin := postgrestest.New(t, migrated)
	t.Setenv("DATABASE_URL", admin)
	for _, name := range []string{"DOCUFLOW_HTTP_ADDR", "DOCUFLOW_SMTP_ADDR", "DOCUFLOW_ADMIN_ADDR"} {
		t.Setenv(name, "127.0.0.1:0")
	}
	t.Setenv("DOCUFLOW_DATA_DIR", t.TempDir())
	t.Setenv("DOCUFLOW_COOKIE_KEY", "a cookie key for tests, of 32 and more")
	if _, err := command(t, "serve"); err == nil || !strings.Contains(err.Error(), "superuser") {
		t.Fatal(err)
	}
}

func TestTokenAndMigrationsOfAServer(t *testing.T) {
	admin := postgrestest.New(t, migrated)
	login, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	login.User = url.UserPassword("docuflow", "test")
	t.Setenv("DATABASE_URL", login.String())
	t.Setenv("DOCUFLOW_MIGRATION_URL", admin)
	store, err := postgres.Open(t.Context(), login.String(), (logging{}).logger(terminal{log: &bytes.Buffer{}}))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	workspace, _, err := store.NewWorkspace(t.Context(), "Acme", "in.example", "me@acme.example")
	if err != nil {
		t.Fatal(err)
	}
	out, err := command(t, "token", "create", "--name", "ci")
	if err != nil {
		t.Fatal(err)
	}
	session, err := store.Token(t.Context(), strings.TrimSpace(out))
	if err != nil || session.Workspace.ID != workspace.ID || session.User.Email != "token ci" {
		t.Fatalf("%+v %v", session, err)
	}
	out, err = command(t, "migrate", "status")
	if err != nil || strings.Contains(out, "missing") || strings.Count(out, "applied") < 3 {
		t.Fatalf("%s %v", out, err)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
