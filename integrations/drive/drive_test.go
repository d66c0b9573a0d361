package drive_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/integrations/destinationtest"
	"github.com/docuflow/docuflow/integrations/drive"
	"github.com/docuflow/docuflow/integrations/drive/drivetest"
)

func config(s *drivetest.Server) drive.Config {
	return drive.Config{ClientID: "client", ClientSecret: "top-secret", Endpoint: s.Endpoint(), Auth: s.Auth(), HTTP: s.Client()}
}

func open(t *testing.T) (*drive.Drive, *drivetest.Server) {
	t.Helper()
	s := drivetest.Start(t)
	d, err := config(s).Open(domain.Connection{Settings: map[string]string{"folder": "DocuFlow"}}, "Google Drive", domain.Secrets{"refresh_token": "refresh-1"})
	if err != nil {
		t.Fatal(err)
	}
	return d, s
}

func shelf(s *drivetest.Server) destinationtest.Shelf {
	return destinationtest.Shelf{Content: s.Content, Count: func() int { return len(s.Files()) }}
}

func TestContract(t *testing.T) {
	destinationtest.Run(t, func(t *testing.T) (destinationtest.Destination, destinationtest.Shelf) {
		d, s := open(t)
		return d, shelf(s)
	})
}

func filing(d *drive.Drive, t *testing.T) domain.Filing {
	t.Helper()
	f := domain.Filing{Name: "2026/Nordwind/2026-11-22 Nordwind 125.00 EUR.pdf", Document: domain.Document{ID: "0d0c0000-0000-4000-8000-000000000001"}}
	var err error
	if f.Reference, err = d.Propose(t.Context(), f, 1); err != nil {
		t.Fatal(err)
	}
	return f
}

func deliver(t *testing.T, d *drive.Drive, f domain.Filing) (string, error) {
	t.Helper()
	f.Body, f.Size = strings.NewReader("pdf"), 3
	return d.Deliver(t.Context(), f)
}

func TestFoldersAreMadeOnce(t *testing.T) {
	d, s := open(t)
	for range 2 {
		if _, err := deliver(t, d, filing(d, t)); err != nil {
			t.Fatal(err)
		}
	}
	again, err := config(s).Open(domain.Connection{Settings: map[string]string{"folder": "DocuFlow"}}, "Google Drive", domain.Secrets{"refresh_token": "refresh-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := deliver(t, again, filing(again, t)); err != nil { // as another node would
		t.Fatal(err)
	}
	if s.Folders() != 3 || s.Paths()[0] != "DocuFlow/2026/Nordwind/2026-11-22 Nordwind 125.00 EUR.pdf" {
		t.Fatalf("%d folders, %q", s.Folders(), s.Paths())
	}
}

func TestLostAnswerIsNoSecondFile(t *testing.T) {
	d, s := open(t)
	f := filing(d, t)
	s.LoseNextAnswer()
	// The client library may repeat the upload by itself: then it is answered 409 at once.
	link, err := deliver(t, d, f)
	if err != nil {
		if domain.AsFailure(err).Permanent {
			t.Fatalf("%v", err)
		}
		link, err = deliver(t, d, f)
	}
	if err != nil || link == "" || len(s.Files()) != 1 {
		t.Fatalf("%q %v, %d files", link, err, len(s.Files()))
	}
}

// TestEachKindOfFailure wants the right decision about a document for every
// way in which Google refuses.
func TestEachKindOfFailure(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		reason string
		person bool
		wait   time.Duration
		final  bool
	}{
		{"too many requests", http.StatusTooManyRequests, "rateLimitExceeded", false, 7 * time.Second, false},
		{"user rate", http.StatusForbidden, "userRateLimitExceeded", false, 7 * time.Second, false},
		{"rate", http.StatusForbidden, "rateLimitExceeded", false, 7 * time.Second, false},
		{"full", http.StatusForbidden, "storageQuotaExceeded", true, 0, false},
		{"no right", http.StatusForbidden, "insufficientFilePermissions", true, 0, false},
		{"shared drive full", http.StatusForbidden, "teamDriveFileLimitExceeded", true, 0, false},
		{"another 403", http.StatusForbidden, "domainPolicy", true, 0, false},
		{"signed out", http.StatusUnauthorized, "authError", true, 0, false},
		{"google is down", http.StatusServiceUnavailable, "backendError", false, 7 * time.Second, false},
		{"refused for good", http.StatusBadRequest, "invalid", false, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, s := open(t)
			f := filing(d, t)
			if _, err := deliver(t, d, filing(d, t)); err != nil { // folders are made
				t.Fatal(err)
			}
			s.Trouble = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, "/upload") {
					return false
				}
				w.Header().Set("Retry-After", "7")
				drivetest.Refuse(w, c.status, c.reason)
				return true
			}
			before := len(s.Files())
			_, err := deliver(t, d, f)
			failure := domain.AsFailure(err)
			if err == nil || failure.Person != c.person || failure.Permanent != c.final || failure.RetryAfter != c.wait || failure.Message == "" || failure.Kind == domain.KindInternal {
				t.Fatalf("%+v", failure)
			}
			if c.person && failure.Connection != "Google Drive" {
				t.Errorf("connection %q", failure.Connection)
			}
			s.Trouble = nil
			if _, err := deliver(t, d, f); err != nil || len(s.Files()) != before+1 {
				t.Fatalf("afterwards: %v, %d files", err, len(s.Files()))
			}
		})
	}
}

func TestRevokedAccessNeedsAPerson(t *testing.T) {
	d, s := open(t)
	s.Revoke("refresh-1")
	_, err := d.Propose(t.Context(), domain.Filing{}, 1)
	failure := domain.AsFailure(err)
	if !failure.Person || failure.Kind != "signed_out" || !strings.Contains(failure.Error(), "invalid_grant") {
		t.Fatalf("%+v", err)
	}
	if strings.Contains(failure.Error(), "refresh-1") || strings.Contains(failure.Error(), "top-secret") {
		t.Fatalf("the error carries a secret: %v", failure)
	}
	if test := d.Test(t.Context()); test.Error == "" || !strings.Contains(test.Answered, "invalid_grant") {
		t.Fatalf("%+v", test)
	}
}

func TestCorrectionRenamesTheFile(t *testing.T) {
	d, s := open(t)
	f := filing(d, t)
	if _, err := deliver(t, d, f); err != nil {
		t.Fatal(err)
	}
	notice := domain.Notice{Event: domain.EventCorrected, Document: f.Document, Reference: f.Reference, Name: "2025/Nordwind/2025-11-22 Nordwind 126.00 EUR.pdf"}
	for range 2 {
		reference, link, err := d.Announce(t.Context(), notice)
		if err != nil || reference != f.Reference || link == "" {
			t.Fatalf("%q %q %v", reference, link, err)
		}
	}
	if !slices.Equal(s.Paths(), []string{"DocuFlow/2025/Nordwind/2025-11-22 Nordwind 126.00 EUR.pdf"}) {
		t.Fatalf("%q", s.Paths())
	}
	updates := 0
	for _, request := range s.Requests() {
		if strings.HasPrefix(request, "PATCH") {
			updates++
		}
	}
	if updates != 1 {
		t.Fatalf("%d updates for one correction", updates)
	}
	notice.Reference = "1gone"
	if reference, _, err := d.Announce(t.Context(), notice); err != nil || reference != "" {
		t.Fatalf("of a file that a person removed: %q %v", reference, err)
	}
}

func TestServiceAccountFilesOnceInASharedDrive(t *testing.T) {
	s := drivetest.Start(t)
	key, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "filer@project.example", "private_key_id": "1", "private_key": testKey(t), "token_uri": "http://attacker.example/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	c := domain.Connection{Settings: map[string]string{"folder": "Books", "shared_drive_id": "0ASharedDrive"}}
	d, err := config(s).Open(c, "Google Drive", domain.Secrets{"service_account": string(key)})
	if err != nil {
		t.Fatal(err)
	}
	f := filing(d, t)
	s.Put(drivetest.File{ID: "another-id", Name: "earlier.pdf", Content: []byte("pdf"), AppProperties: map[string]string{"docuflow_document_id": string(f.Document.ID)}})
	if link, err := deliver(t, d, f); err != nil || !strings.HasSuffix(link, "/another-id") || len(s.Files()) != 1 {
		t.Fatalf("%q %v, %d files", link, err, len(s.Files()))
	}
	for name, secrets := range map[string]domain.Secrets{"no key": {"service_account": "{}"}, "nobody": {}} {
		if _, err := config(s).Open(c, "Google Drive", secrets); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	c.Settings["shared_drive_id"] = ""
	if _, err := config(s).Open(c, "Google Drive", domain.Secrets{"service_account": string(key)}); err == nil {
		t.Error("a service account without a shared drive was opened")
	}
}

func TestConsentGivesARefreshTokenForFilingAlone(t *testing.T) {
	s := drivetest.Start(t)
	const verifier = "a-verifier-that-is-long-enough-for-pkce-0123456789"
	consent, err := config(s).Consent("http://docuflow.example/back", "state-1", verifier)
	if err != nil {
		t.Fatal(err)
	}
	code, state, err := s.Allow(consent)
	if err != nil || state != "state-1" || !slices.Equal(s.Scopes, []string{"https://www.googleapis.com/auth/drive.file"}) || strings.Contains(consent, verifier) {
		t.Fatalf("%q %q %v", state, s.Scopes, err)
	}
	if _, _, err := config(s).Granted(t.Context(), "http://docuflow.example/back", code, "another-verifier"); err == nil {
		t.Fatal("a code was traded without its verifier")
	}
	code, _, _ = s.Allow(consent)
	secrets, settings, err := config(s).Granted(t.Context(), "http://docuflow.example/back", code, verifier)
	if err != nil || secrets["refresh_token"] != "refresh-2" || settings["account"] != "office@lindqvist.example" {
		t.Fatalf("%q %v", settings, err)
	}
	s.OneHour = true
	code, _, _ = s.Allow(consent)
	if _, _, err := config(s).Granted(t.Context(), "http://docuflow.example/back", code, verifier); err == nil {
		t.Fatal("access for an hour was taken for good")
	}
}

func TestLargeUploadIsResumable(t *testing.T) {
	d, s := open(t)
	f := filing(d, t)
	content := bytes.Repeat([]byte("x"), 20<<20)
	f.Body, f.Size = bytes.NewReader(content), int64(len(content))
	if _, err := d.Deliver(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	chunks := 0
	for _, request := range s.Requests() {
		if strings.HasPrefix(request, "POST /upload") {
			chunks++
		}
	}
	if chunks != 4 { // the beginning, and three chunks of 8 MiB at most
		t.Fatalf("%d requests", chunks)
	}
}
