package pipeline_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/pipeline"
	"github.com/docuflow/docuflow/press"
	"github.com/docuflow/docuflow/storage/objects"
	"github.com/docuflow/docuflow/storage/postgres"
	"github.com/docuflow/docuflow/storage/postgres/postgrestest"
)

// The press's children are the test binary itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "press-child" {
		os.Exit(press.ChildMain(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// unpacker unpacks real mails with real parts.
type unpacker struct {
	store     *postgres.Store
	blobs     *objects.Directory
	unpack    *pipeline.Unpack
	workspace domain.WorkspaceID
}

func newUnpacker(t *testing.T) *unpacker {
	t.Helper()
	const password = "test"
	admin := postgrestest.New(t, func(ctx context.Context, superuserURL string) error {
		_, err := postgres.Provision(ctx, superuserURL, password)
		return err
	})
	login, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	login.User = url.UserPassword("docuflow", password)
	store, err := postgres.Open(t.Context(), login.String(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	workspace, _, err := store.NewWorkspace(t.Context(), "Acme", "in.example", "me@owner.example")
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := objects.OpenDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	pressing, err := press.New(press.Config{TempDir: t.TempDir(), Jobs: 1, CacheDir: filepath.Join(os.TempDir(), fmt.Sprintf("docuflow-test-pdfium-%d", os.Getuid()))})
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED: %v", err)
	}
	t.Cleanup(func() { pressing.Close() })
	return &unpacker{store, blobs, pipeline.NewUnpack(blobs, pressing, store, pipeline.NewAdmission(unchecked{}, store, false), "standardize", t.TempDir()), workspace.ID}
}

// unchecked knows nothing about senders.
type unchecked struct{}

func (unchecked) Check(context.Context, domain.Envelope, string, func() (io.ReadCloser, error)) domain.Verdict {
	return domain.Verdict{}
}

// arrive unpacks a mail and writes what came out of it.
func (u *unpacker) arrive(t *testing.T, raw string) domain.Mail {
	t.Helper()
	id := domain.MailID(uuid.NewString())
	mail := domain.Mail{ID: id, Workspace: u.workspace, Raw: domain.ObjectKey(string(u.workspace) + "/mails/" + string(id))}
	if err := u.blobs.Put(t.Context(), mail.Raw, strings.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	if err := u.store.AddMail(t.Context(), mail); err != nil {
		t.Fatal(err)
	}
	_, lease, err := u.store.ClaimMail(t.Context(), u.workspace, id, domain.UnpackStage, "n", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := u.unpack.Run(t.Context(), mail)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.store.FinishMail(t.Context(), lease, unpacked); err != nil {
		t.Fatal(err)
	}
	mail, err = u.store.Mail(t.Context(), u.workspace, id)
	if err != nil {
		t.Fatal(err)
	}
	return mail
}

// banner is a picture that is as large as a document.
func banner(t *testing.T) []byte {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, 900, 700))
	picture.Set(3, 3, color.White)
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, picture); err != nil {
		t.Fatal(err)
	}
	return encoded.Bytes()
}

func mailOf(id, author, html string, picture []byte) string {
	return "From: " + author + "\r\nMessage-ID: <" + id + ">\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/html\r\n\r\n" + html + "<img src=\"cid:p@x\">\r\n" +
		"--b\r\nContent-Type: image/png; name=p.png\r\nContent-ID: <p@x>\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString(picture) + "\r\n--b--\r\n"
}

// A picture that its sender's mails show again and again is no document, but can still be had.
func TestPictureThatCameBeforeIsSkipped(t *testing.T) {
	u, picture := newUnpacker(t), banner(t)
	for _, test := range []struct {
		id, author string
		used       bool
	}{{"1@x", "a@x", true}, {"2@x", "a@x", false}, {"3@x", "b@x", true}} {
		mail := u.arrive(t, mailOf(test.id, test.author, "Hello", picture))
		part := mail.Parts[0]
		if len(mail.Parts) != 1 || part.Used != test.used || (part.Reason == "") != test.used || part.Importable == test.used {
			t.Errorf("%s: got %+v", test.id, mail.Parts)
		}
		if test.used {
			continue
		}
		if !strings.Contains(part.Reason, "earlier mail") {
			t.Errorf("skipped because: %s", part.Reason)
		}
	}
	// The same mail again is a redelivery, not a picture that came before.
	if again := u.arrive(t, mailOf("1@x", "a@x", "Hello", picture)); again.Disposition != domain.DispositionDuplicate {
		t.Errorf("got %+v", again)
	}
}

// The text of a mail is the document once its pictures turn out to be none.
func TestTextIsTheDocumentWhenPicturesAreNot(t *testing.T) {
	u, picture := newUnpacker(t), banner(t)
	const invoice = "<p>Invoice 4711, total $12.50</p>"
	first := u.arrive(t, mailOf("1@x", "a@x", invoice, picture))
	if len(first.Parts) != 1 || first.Parts[0].MediaType != "image/png" || !first.Parts[0].Used {
		t.Errorf("got %+v", first.Parts)
	}
	second := u.arrive(t, mailOf("2@x", "a@x", invoice, picture))
	if len(second.Parts) != 2 || second.Parts[0].Used || second.Parts[1].MediaType != "text/html" || !second.Parts[1].Used {
		t.Errorf("got %+v", second.Parts)
	}
}
