package domain

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Letter is a mail that goes out: plain text to one person.
type Letter struct {
	// ID names it: a letter that is sent again has the same, so that the
	// recipient's program can tell.
	ID      string
	To      string // an address
	Subject string
	Text    string
	// InReplyTo is the Message-ID, without its brackets, of a mail that this
	// letter answers by itself.
	InReplyTo string
	// Answer says that it answers a mail by itself (RFC 3834): nobody is to
	// answer it, and a failure to deliver it is nobody's concern.
	Answer bool
}

// AnswerState says how far an answer has come.
type AnswerState string

// The states of an answer.
const (
	AnswerDue     AnswerState = "due"
	AnswerSent    AnswerState = "sent"
	AnswerGivenUp AnswerState = "given_up"
)

// Answer is what a sender is told about a mail.
type Answer struct {
	To      string      `json:"to"`
	State   AnswerState `json:"state"`
	Reason  string      `json:"reason,omitempty"` // why the last attempt failed
	Attempt int         `json:"attempt"`
	MadeAt  time.Time   `json:"made_at"`
}

// ClaimedAnswer is an answer that a node may try to send.
type ClaimedAnswer struct {
	Mail   Mail
	Epoch  int64         // fences the writing of its outcome
	Trying time.Duration // since it was made
}

// AnswersTo names whom the workspace wants told what became of a mail, and
// nobody when it wants none told, or when the mail may not be answered: its
// author must be proven by DMARC, or a stranger could have us write to
// others; and programs are not to be answered (RFC 3834).
func (p MailPolicy) AnswersTo(envelope Envelope, unpacked Unpacked) string {
	usable := unpacked.Disposition == DispositionDocuments || unpacked.Disposition == DispositionNothing
	if !p.Answers || !usable || unpacked.Automatic || envelope.From == "" || unpacked.Verdict.DMARC.Result != CheckPass ||
		isProgram(envelope.From) || isProgram(unpacked.Author) {
		return ""
	}
	if _, err := CanonicalSender(unpacked.Author); err != nil || !strings.Contains(unpacked.Author, "@") {
		return ""
	}
	return unpacked.Author
}

// isProgram says that an address is one that nobody reads.
func isProgram(address string) bool {
	local, _, _ := strings.Cut(strings.ToLower(address), "@")
	plain := strings.NewReplacer("-", "", "_", "", ".", "").Replace(local)
	for _, name := range []string{"noreply", "donotreply", "mailerdaemon", "postmaster", "bounce"} {
		if strings.HasPrefix(plain, name) || strings.HasSuffix(plain, name) {
			return true
		}
	}
	return strings.HasPrefix(local, "owner-") || strings.HasSuffix(local, "-request") || strings.HasPrefix(local, "prvs=") || strings.HasPrefix(local, "srs")
}

const (
	maxSubject = 200 // characters of a subject that are repeated
	maxNamed   = 20  // files that are named one by one
)

// AnswerTo is what the author of a mail is told about it.
func AnswerTo(mail Mail) Letter {
	letter := Letter{ID: "answer-" + string(mail.ID), To: mail.Author, Subject: replySubject(mail.Subject), Answer: true}
	if strings.Contains(mail.MessageID, "@") && !strings.ContainsAny(mail.MessageID, " \t\r\n<>") {
		letter.InReplyTo = mail.MessageID
	}
	received, skipped := sortParts(mail.Parts)
	var b strings.Builder
	fmt.Fprintf(&b, "Your mail to %s has arrived.\n\n", mail.Recipient)
	if len(received) == 0 {
		b.WriteString("It holds nothing that could be filed as a document.\n")
	} else {
		fmt.Fprintf(&b, "Received: %s.\n", count(len(received), "document", "documents"))
		list(&b, received)
	}
	if len(skipped) > 0 {
		fmt.Fprintf(&b, "\nSkipped: %s.\n", count(len(skipped), "part", "parts"))
		list(&b, skipped)
	}
	b.WriteString("\nThis answer was written by a program. Further mails of yours within the hour are filed without one.\n")
	letter.Text = b.String()
	return letter
}

func replySubject(subject string) string {
	subject = strings.Join(strings.Fields(subject), " ")
	if runes := []rune(subject); len(runes) > maxSubject {
		subject = string(runes[:maxSubject]) + "…"
	}
	if strings.HasPrefix(strings.ToLower(subject), "re:") {
		return subject
	}
	return "Re: " + cmp.Or(subject, "(no subject)")
}

// sortParts puts parts into lines: those that became documents, and the others with the reason.
func sortParts(parts []Part) (received, skipped []string) {
	for _, part := range parts {
		name := strings.Join(strings.Fields(part.FileName), " ")
		if part.Used {
			received = append(received, name)
		} else {
			skipped = append(skipped, name+": "+cmp.Or(part.Reason, "not used"))
		}
	}
	return received, skipped
}

func list(b *strings.Builder, lines []string) {
	for i, line := range lines {
		if i == maxNamed {
			fmt.Fprintf(b, "  and %d more\n", len(lines)-i)
			return
		}
		fmt.Fprintf(b, "  %s\n", line)
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
