package main

import (
	"bytes"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/mail"
)

func TestStoppedProgramFindsItsDataAgain(t *testing.T) {
	dataDir := newDataDir(t)
	p := start(t, dataDir)
	if err := p.send("invoice", mail.File{Name: "a.pdf", Content: invoicePDF("S-1")}); err != nil {
		t.Fatal(err)
	}
	if d := p.rest("a.pdf"); d.Status != "COMPLETED" {
		t.Fatalf("%+v", d)
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d after an interrupt", code)
	}
	again := start(t, dataDir)
	if _, ok := again.documents()["a.pdf"]; !ok {
		t.Error("the document is gone")
	}
	if again.Token != p.Token || again.Address != p.Address || again.Workspace != p.Workspace {
		t.Errorf("access changed: %+v, was %+v", again.access, p.access)
	}
	if again.SignInURL == p.SignInURL {
		t.Error("the sign-in link is not new")
	}
}

func TestAccessFileIsPrivate(t *testing.T) {
	dataDir := newDataDir(t)
	start(t, dataDir)
	for _, name := range []string{accessFile, "cookie.key"} {
		info, err := os.Stat(filepath.Join(dataDir, name))
		if err != nil || info.Mode() != fs.FileMode(0o600) {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
}

// TestStartSaysWhatIsWrong wants one line that says what to do.
func TestStartSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	notADirectory := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notADirectory, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	running := start(t, newDataDir(t))
	for name, c := range map[string]struct{ env, says string }{
		"port taken":           {"DOCUFLOW_SMTP_ADDR=" + taken.Addr().String(), "set DOCUFLOW_SMTP_ADDR to another address"},
		"data directory":       {"DOCUFLOW_DATA_DIR=" + notADirectory, "set DOCUFLOW_DATA_DIR"},
		"already running":      {"DOCUFLOW_DATA_DIR=" + running.dataDir, "another running program uses"},
		"no PostgreSQL":        {"DOCUFLOW_PG_BIN=/nowhere", "PostgreSQL is not installed"},
		"impossible setting":   {"DOCUFLOW_SLOTS=0", "DOCUFLOW_SLOTS: must be at least 1"},
		"unknown placeholder":  {"DOCUFLOW_FILED_NAMES={vendr}", "there is no placeholder {vendr}"},
		"database not reached": {"DATABASE_URL=postgres://x:y@" + taken.Addr().String() + "/x?connect_timeout=1", "connect to the database"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "dev")
			cmd.Env = append(os.Environ(), asProgram+"=1", "DOCUFLOW_DATA_DIR="+filepath.Join(running.dataDir, "other"), "DATABASE_URL=",
				"DOCUFLOW_HTTP_ADDR=127.0.0.1:0", "DOCUFLOW_SMTP_ADDR=127.0.0.1:0", "DOCUFLOW_ADMIN_ADDR=127.0.0.1:0", "DOCUFLOW_LOG_LEVEL=ERROR", c.env)
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			err := cmd.Run()
			text := strings.TrimSpace(said.String())
			if err == nil || !strings.Contains(text, c.says) || !strings.HasPrefix(text, "docuflow: ") || strings.Contains(text, "\n") {
				t.Errorf("%v, and it says: %s", err, text)
			}
		})
	}
}
