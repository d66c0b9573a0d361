package pipeline_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/pipeline"
	"github.com/docuflow/docuflow/storage/objects"
)

const (
	alpha domain.WorkspaceID = "01890000-0000-7000-8000-00000000000a"
	beta  domain.WorkspaceID = "01890000-0000-7000-8000-00000000000b"
)

// rows records what would become a row.
type rows struct {
	pipeline.Intake
	mails     []domain.Mail
	documents []domain.NewDocument
	err       error
}

func (r *rows) AddMail(_ context.Context, m domain.Mail) error {
	if r.err == nil {
		r.mails = append(r.mails, m)
	}
	return r.err
}

func (r *rows) AddDocument(_ context.Context, _ domain.WorkspaceID, d domain.NewDocument) (domain.Document, error) {
	r.documents = append(r.documents, d)
	return domain.Document{ID: d.ID}, r.err
}

type door struct {
	*pipeline.Acceptance
	rows  *rows
	blobs *objects.Directory
	temp  string
	kicks []domain.WorkspaceID
}

func newDoor(t *testing.T) *door {
	t.Helper()
	blobs, err := objects.OpenDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	d := &door{rows: &rows{}, blobs: blobs, temp: t.TempDir()}
	d.Acceptance = pipeline.NewAcceptance(blobs, d.rows, "standardize", d.temp, func(w domain.WorkspaceID) { d.kicks = append(d.kicks, w) })
	return d
}

func (d *door) read(t *testing.T, key domain.ObjectKey) string {
	t.Helper()
	body, err := d.blobs.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestAcceptKeepsOneMailPerWorkspace(t *testing.T) {
	d := newDoor(t)
	to := []domain.Address{{Workspace: alpha, Address: "a1@x"}, {Workspace: beta, Address: "b@x"}, {Workspace: alpha, Address: "a2@x"}}
	if err := d.Accept(t.Context(), domain.Envelope{From: "s@y"}, to, strings.NewReader("raw mail")); err != nil {
		t.Fatal(err)
	}
	if len(d.rows.mails) != 2 || len(d.kicks) != 2 {
		t.Fatalf("%d mails, %d kicks", len(d.rows.mails), len(d.kicks))
	}
	for i, workspace := range []domain.WorkspaceID{alpha, beta} {
		m := d.rows.mails[i]
		if m.Workspace != workspace || m.Size != 8 || m.SHA256 == "" || m.Envelope.From != "s@y" || d.read(t, m.Raw) != "raw mail" {
			t.Errorf("%+v", m)
		}
		if !strings.HasPrefix(string(m.Raw), string(workspace)+"/") {
			t.Errorf("raw mail of %s is kept at %s", workspace, m.Raw)
		}
	}
}

func TestAcceptWithoutARowIsAnError(t *testing.T) {
	d := newDoor(t)
	d.rows.err = errors.New("no database")
	to := []domain.Address{{Workspace: alpha, Address: "a@x"}}
	if err := d.Accept(t.Context(), domain.Envelope{}, to, strings.NewReader("raw")); err == nil {
		t.Fatal("accepted without a row")
	}
	if len(d.kicks) != 0 {
		t.Fatal("kicked without a row")
	}
}

func TestAcceptOfABrokenConnectionKeepsNothing(t *testing.T) {
	d := newDoor(t)
	to := []domain.Address{{Workspace: alpha, Address: "a@x"}}
	raw := io.MultiReader(strings.NewReader("half a m"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if err := d.Accept(t.Context(), domain.Envelope{}, to, raw); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("%v", err)
	}
	if len(d.rows.mails) != 0 {
		t.Fatal("a row was made")
	}
}

func TestUpload(t *testing.T) {
	d := newDoor(t)
	if _, err := d.Upload(t.Context(), alpha, "me@x", `..\..\evil`+"\x00.pdf", strings.NewReader("%PDF-1.7 body")); err != nil {
		t.Fatal(err)
	}
	n := d.rows.documents[0]
	if n.MediaType != "application/pdf" || n.Size != 13 || n.Stage != "standardize" || strings.ContainsAny(n.FileName, "\\/\x00") || d.read(t, n.Original) != "%PDF-1.7 body" {
		t.Fatalf("%+v", n)
	}
	leftovers, err := filepath.Glob(filepath.Join(d.temp, "*"))
	if err != nil || len(leftovers) != 0 {
		t.Fatalf("left behind: %q %v", leftovers, err)
	}
}

func TestUploadsThatCannotBeDocumentsAreRefused(t *testing.T) {
	for kind, content := range map[domain.ErrorKind]io.Reader{
		domain.KindDamaged:  strings.NewReader(""),
		domain.KindTooLarge: io.MultiReader(strings.NewReader("%PDF-1.7 "), io.LimitReader(zeros{}, pipeline.MaxDocument)),
		domain.KindRejected: strings.NewReader("<html><body>not a PDF</body></html>"),
	} {
		d := newDoor(t)
		_, err := d.Upload(t.Context(), alpha, "me@x", "a.pdf", content)
		failure := domain.AsFailure(err)
		if err == nil || !failure.Permanent || failure.Kind != kind || failure.Message == "" {
			t.Errorf("%s: %+v", kind, err)
		}
		if len(d.rows.documents) != 0 {
			t.Errorf("%s: a row was made", kind)
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
