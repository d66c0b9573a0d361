package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/google/uuid"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/press"
)

// MaxDocument is the size of the largest attachment or upload that becomes a
// document, in octets after decoding.
const MaxDocument = 25 << 20

// Intake makes the rows of what arrives.
type Intake interface {
	Resolve(ctx context.Context, address string) (domain.Address, error)
	AddMail(ctx context.Context, mail domain.Mail) error
	AddDocument(ctx context.Context, workspace domain.WorkspaceID, document domain.NewDocument) (domain.Document, error)
}

// Acceptance is the door that everything comes through. What it has accepted
// is durable: bytes in object storage, then a row, then nil.
type Acceptance struct {
	blobs   Blobs
	intake  Intake
	first   domain.StageName
	tempDir string
	kick    func(domain.WorkspaceID)
}

// NewAcceptance builds the door. first is the first stage of a document; kick
// tells a workspace that there is work, and may do nothing.
func NewAcceptance(blobs Blobs, intake Intake, first domain.StageName, tempDir string, kick func(domain.WorkspaceID)) *Acceptance {
	return &Acceptance{blobs: blobs, intake: intake, first: first, tempDir: tempDir, kick: kick}
}

// Resolve finds the workspace of an address; domain.ErrNotFound when nobody here has it.
func (a *Acceptance) Resolve(ctx context.Context, address string) (domain.Address, error) {
	return a.intake.Resolve(ctx, address)
}

// Accept makes a raw mail durable, once for each workspace among its
// recipients. Nothing in the mail is looked at.
func (a *Acceptance) Accept(ctx context.Context, envelope domain.Envelope, to []domain.Address, raw io.Reader) error {
	var stored *domain.Mail
	seen := map[domain.WorkspaceID]bool{}
	for _, address := range to {
		if seen[address.Workspace] {
			continue
		}
		seen[address.Workspace] = true
		mail, err := a.store(ctx, address, envelope, raw, stored)
		if err != nil {
			return err
		}
		if err := a.intake.AddMail(ctx, mail); err != nil {
			return err
		}
		a.kick(mail.Workspace)
		stored = &mail
	}
	return nil
}

// store writes the raw mail: from the wire for the first workspace, from
// there for the others.
func (a *Acceptance) store(ctx context.Context, address domain.Address, envelope domain.Envelope, raw io.Reader, stored *domain.Mail) (domain.Mail, error) {
	if stored != nil {
		copied, err := a.blobs.Open(ctx, stored.Raw)
		if err != nil {
			return domain.Mail{}, fmt.Errorf("copy raw mail: %w", err)
		}
		defer copied.Close()
		raw = copied
	}
	id := domain.MailID(uuid.Must(uuid.NewV7()).String())
	mail := domain.Mail{ID: id, Workspace: address.Workspace, Recipient: address.Address, Tag: address.Tag, Envelope: envelope, Raw: rawKey(address.Workspace, id)}
	hash := sha256.New()
	count := &counter{}
	if err := a.blobs.Put(ctx, mail.Raw, io.TeeReader(raw, io.MultiWriter(hash, count))); err != nil {
		return domain.Mail{}, fmt.Errorf("store raw mail: %w", err)
	}
	mail.Size, mail.SHA256 = count.n, hex.EncodeToString(hash.Sum(nil))
	return mail, nil
}

type counter struct{ n int64 }

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}

// Upload makes a document of a file that a person or a program hands in. It
// is durable when Upload returns. Too large, empty or not a document is a
// permanent domain.Failure.
func (a *Acceptance) Upload(ctx context.Context, workspace domain.WorkspaceID, by, fileName string, r io.Reader) (document domain.Document, err error) {
	err = workDir(a.tempDir, func(dir string) error {
		fresh, err := a.receive(ctx, workspace, dir, r)
		if err != nil {
			return err
		}
		fresh.Sender, fresh.FileName = by, press.SafeName(fileName, fresh.MediaType)
		document, err = a.intake.AddDocument(ctx, workspace, fresh)
		return err
	})
	if err == nil {
		a.kick(workspace)
	}
	return document, err
}

// receive keeps the bytes of an upload. They go through a file: a size limit
// must hold before anything is stored.
func (a *Acceptance) receive(ctx context.Context, workspace domain.WorkspaceID, dir string, r io.Reader) (domain.NewDocument, error) {
	file, err := os.CreateTemp(dir, "upload-")
	if err != nil {
		return domain.NewDocument{}, fmt.Errorf("receive upload: %w", err)
	}
	defer file.Close()
	hash, head := sha256.New(), &prefix{limit: press.SniffLength}
	size, err := io.Copy(io.MultiWriter(file, hash, head), io.LimitReader(r, MaxDocument+1))
	if err != nil {
		return domain.NewDocument{}, fmt.Errorf("receive upload: %w", err)
	}
	if size == 0 {
		return domain.NewDocument{}, domain.Permanent(domain.KindDamaged, "The file is empty. Choose it again.", nil)
	}
	if size > MaxDocument {
		return domain.NewDocument{}, domain.Permanent(domain.KindTooLarge, "The file is larger than 25 MB. Send a smaller one.", nil)
	}
	mediaType := press.Sniff(head.Bytes())
	if err := press.Usable(mediaType); err != nil {
		return domain.NewDocument{}, err
	}
	sum := hex.EncodeToString(hash.Sum(nil))
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return domain.NewDocument{}, fmt.Errorf("receive upload: %w", err)
	}
	key := contentKey(workspace, sum)
	if err := a.blobs.Put(ctx, key, file); err != nil {
		return domain.NewDocument{}, fmt.Errorf("store upload: %w", err)
	}
	return domain.NewDocument{
		ID: newDocumentID(), MediaType: mediaType, Size: size, SHA256: sum, Original: key, Stage: a.first,
	}, nil
}

func newDocumentID() domain.DocumentID { return domain.DocumentID(uuid.Must(uuid.NewV7()).String()) }

// prefix keeps the first octets of what is written to it.
type prefix struct {
	bytes.Buffer
	limit int
}

func (p *prefix) Write(b []byte) (int, error) {
	if room := p.limit - p.Len(); room > 0 {
		p.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}
