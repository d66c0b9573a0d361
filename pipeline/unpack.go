package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/press"
)

// Unpack turns a raw mail into documents: every usable attachment becomes
// one. What it returns is the whole outcome; nothing has a row yet.
type Unpack struct {
	blobs     Blobs
	press     Press
	earlier   Earlier
	admission *Admission
	first     domain.StageName
	tempDir   string
}

// Earlier remembers the mails of before.
type Earlier interface {
	// SentBefore returns those of the hashes (SHA-256, in hex) that parts of
	// the author's mails had that came before the one with the Message-ID.
	SentBefore(ctx context.Context, workspace domain.WorkspaceID, author, messageID string, hashes []string) ([]string, error)
}

// UnpackStage names the unpacking of a mail among attempts.
const UnpackStage = domain.UnpackStage

// NewUnpack builds the step. first is the first stage of a document.
func NewUnpack(blobs Blobs, press Press, earlier Earlier, admission *Admission, first domain.StageName, tempDir string) *Unpack {
	return &Unpack{blobs: blobs, press: press, earlier: earlier, admission: admission, first: first, tempDir: tempDir}
}

// Run reads the raw mail in the sandbox and stores its usable attachments,
// unless the workspace does not want mail of this sender.
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
		policy, err := u.admission.policy(ctx, mail.Workspace)
		if err != nil {
			return err
		}
		verdict, admission := u.admission.admit(ctx, mail, policy, message, raw)
		unpacked, err = u.documents(ctx, mail, message, admission)
		unpacked.Verdict = verdict
		if found := notice(message, verdict); found != nil && admission.Disposition == domain.DispositionNone {
			unpacked = holdBack(unpacked, domain.Admission{Disposition: domain.DispositionNotice, Reason: noticeReason(found)})
			unpacked.Notice = found
		}
		unpacked.AnswerTo = policy.AnswersTo(mail.Envelope, unpacked)
		return err
	})
	return unpacked, err
}

func (u *Unpack) documents(ctx context.Context, mail domain.Mail, message press.Message, admission domain.Admission) (domain.Unpacked, error) {
	unpacked := domain.Unpacked{
		MessageID: identity(message), Subject: message.Subject, Author: author(mail, message), AuthorName: message.FromName, Automatic: message.Automatic,
	}
	if err := u.skipKnown(ctx, mail, unpacked, message.Parts); err != nil {
		return domain.Unpacked{}, err
	}
	held := admission.Disposition != domain.DispositionNone
	for _, part := range withoutFallback(message.Parts) {
		described := domain.Part{
			Index: part.Index, FileName: part.Name, MediaType: part.MediaType, Size: part.Size, SHA256: part.SHA256, Reason: part.Reason,
			Importable: part.Importable,
		}
		wanted := wants(mail, part) && part.Importable
		if part.Usable && held {
			described.Reason = "Not opened: the mail is held back."
		} else if part.Usable || wanted {
			key, err := keep(ctx, u.blobs, mail.Workspace, part.File)
			if err != nil {
				return domain.Unpacked{}, err
			}
			document := domain.NewDocument{
				ID: newDocumentID(), Mail: mail.ID, MessageID: unpacked.MessageID, Part: part.Index, Sender: unpacked.Author,
				FileName: part.Name, MediaType: part.MediaType, Size: part.Size, SHA256: part.SHA256, Original: key, Stage: u.first, Hint: mail.Tag, Wanted: wanted,
			}
			unpacked.Documents = append(unpacked.Documents, document)
			described.Used, described.Document, described.Reason, described.Importable = true, document.ID, "", false
		}
		unpacked.Parts = append(unpacked.Parts, described)
	}
	unpacked.Disposition, unpacked.Reason = dispose(unpacked)
	if held {
		return holdBack(unpacked, admission), nil
	}
	if message.Incomplete != "" {
		unpacked.Reason = strings.TrimSuffix(unpacked.Reason, ".") + ". " + message.Incomplete
	}
	return unpacked, nil
}

// skipKnown skips the pictures that the sender's earlier mails showed too:
// logos that are as large as a document.
func (u *Unpack) skipKnown(ctx context.Context, mail domain.Mail, unpacked domain.Unpacked, parts []press.MessagePart) error {
	var shown []string
	for _, part := range parts {
		if part.Usable && part.Picture {
			shown = append(shown, part.SHA256)
		}
	}
	if len(shown) == 0 || unpacked.Author == "" {
		return nil
	}
	known, err := u.earlier.SentBefore(ctx, mail.Workspace, unpacked.Author, unpacked.MessageID, shown)
	if err != nil {
		return err
	}
	for i, part := range parts {
		if part.Usable && part.Picture && slices.Contains(known, part.SHA256) {
			parts[i].Usable, parts[i].Importable = false, true
			parts[i].Reason = "This image came with an earlier mail of this sender too, like a logo does."
		}
	}
	return nil
}

// withoutFallback drops the mail's text if something else of the mail is a document.
func withoutFallback(parts []press.MessagePart) []press.MessagePart {
	if !slices.ContainsFunc(parts, func(p press.MessagePart) bool { return p.Usable && !p.Fallback }) {
		return parts
	}
	return slices.DeleteFunc(parts, func(p press.MessagePart) bool { return p.Fallback })
}

func dispose(unpacked domain.Unpacked) (domain.Disposition, string) {
	switch {
	case len(unpacked.Documents) == 1:
		return domain.DispositionDocuments, "1 document"
	case len(unpacked.Documents) > 1:
		return domain.DispositionDocuments, fmt.Sprintf("%d documents", len(unpacked.Documents))
	case len(unpacked.Parts) == 0:
		return domain.DispositionNothing, "The mail has no attachment, and its text is no invoice."
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
