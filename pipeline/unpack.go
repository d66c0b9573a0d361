package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/press"
)

// Unpack turns a raw mail into documents: every usable attachment becomes
// one. What it returns is the whole outcome; nothing has a row yet.
type Unpack struct {
	blobs   Blobs
	press   Press
	first   domain.StageName
	tempDir string
}

// UnpackStage names the unpacking of a mail among attempts.
const UnpackStage = domain.UnpackStage

// NewUnpack builds the step. first is the first stage of a document.
func NewUnpack(blobs Blobs, press Press, first domain.StageName, tempDir string) *Unpack {
	return &Unpack{blobs: blobs, press: press, first: first, tempDir: tempDir}
}

// Run reads the raw mail in the sandbox and stores its usable attachments.
func (u *Unpack) Run(ctx context.Context, mail domain.Mail) (unpacked domain.Unpacked, err error) {
	err = workDir(u.tempDir, func(dir string) error {
		raw, err := fetch(ctx, u.blobs, mail.Raw, dir)
		if err != nil {
			return err
		}
		partsDir := filepath.Join(dir, "parts")
		if err := os.Mkdir(partsDir, 0o700); err != nil {
			return fmt.Errorf("make a directory for the parts: %w", err)
		}
		message, err := u.press.Unpack(ctx, mail.Workspace, raw, partsDir)
		if err != nil {
			return err
		}
		unpacked, err = u.documents(ctx, mail, message)
		return err
	})
	return unpacked, err
}

func (u *Unpack) documents(ctx context.Context, mail domain.Mail, message press.Message) (domain.Unpacked, error) {
	unpacked := domain.Unpacked{MessageID: identity(message), Subject: message.Subject, Author: author(mail, message)}
	for _, part := range message.Parts {
		described := domain.Part{
			Index: part.Index, FileName: part.Name, MediaType: part.MediaType, Size: part.Size, SHA256: part.SHA256, Reason: part.Reason,
		}
		if part.Usable {
			key, err := keep(ctx, u.blobs, mail.Workspace, part.File)
			if err != nil {
				return domain.Unpacked{}, err
			}
			document := domain.NewDocument{
				ID: newDocumentID(), Mail: mail.ID, MessageID: unpacked.MessageID, Part: part.Index, Sender: unpacked.Author,
				FileName: part.Name, MediaType: part.MediaType, Size: part.Size, SHA256: part.SHA256, Original: key, Stage: u.first,
			}
			unpacked.Documents = append(unpacked.Documents, document)
			described.Used, described.Document = true, document.ID
		}
		unpacked.Parts = append(unpacked.Parts, described)
	}
	unpacked.Disposition, unpacked.Reason = dispose(unpacked)
	return unpacked, nil
}

func dispose(unpacked domain.Unpacked) (domain.Disposition, string) {
	switch {
	case len(unpacked.Documents) == 1:
		return domain.DispositionDocuments, "1 document"
	case len(unpacked.Documents) > 1:
		return domain.DispositionDocuments, fmt.Sprintf("%d documents", len(unpacked.Documents))
	case len(unpacked.Parts) == 0:
		return domain.DispositionNothing, "The mail has no attachment."
	case len(unpacked.Parts) == 1:
		return domain.DispositionNothing, "The only attachment cannot be used: " + unpacked.Parts[0].Reason
	}
	return domain.DispositionNothing, fmt.Sprintf("None of the %d attachments can be used.", len(unpacked.Parts))
}

// author is who wrote the mail. The envelope has to do when the header names nobody.
func author(mail domain.Mail, message press.Message) string {
	if message.From != "" {
		return message.From
	}
	return mail.Envelope.From
}

// identity recognises a mail that is delivered again. A mail without a
// Message-ID is recognised by what it says: our own Received header makes its
// raw bytes differ each time.
func identity(message press.Message) string {
	if message.MessageID != "" {
		return message.MessageID
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%q %q %q", message.From, message.Subject, message.Date.UTC())
	for _, part := range message.Parts {
		fmt.Fprintf(hash, " %s", part.SHA256)
	}
	return "content:" + hex.EncodeToString(hash.Sum(nil))
}
