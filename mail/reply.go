package mail

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/emersion/go-smtp"

	"github.com/docuflow/docuflow/domain"
)

// What can be wrong with a mail by itself.
var (
	errTooBig    = errors.New("mail is larger than the limit")
	errSmuggling = errors.New("mail has line ends that servers read differently")
	errCutOff    = errors.New("mail was cut off")
	errFlood     = errors.New("client goes on sending a mail that is far too large")
)

// The replies that do not depend on an error. go-smtp takes them only as bare
// pointers: it would show the text of any other error to the client.
var (
	replyClosing = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "Closing for maintenance, please try again in a few minutes"}
	replyBusy    = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "Too many connections at the moment, please try again in a few minutes"}
	replyErrors  = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "Too many errors, closing the connection"}
	replyTimeout = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 4, 2}, Message: "Waited too long, closing the connection"}
	replyCutOff  = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 4, 2}, Message: "The connection ended before the mail did; nothing was kept, please send it again"}

	replyLineEnd = &smtp.SMTPError{Code: 500, EnhancedCode: smtp.EnhancedCode{5, 5, 2}, Message: "Commands end with CR LF"}
	replyOctets  = &smtp.SMTPError{Code: 500, EnhancedCode: smtp.EnhancedCode{5, 5, 2}, Message: "Commands are text in UTF-8 without control characters"}
	replyTooLong = &smtp.SMTPError{Code: 500, EnhancedCode: smtp.EnhancedCode{5, 5, 2}, Message: "The command is too long, closing the connection"}
	replyUnknown = &smtp.SMTPError{Code: 500, EnhancedCode: smtp.EnhancedCode{5, 5, 1}, Message: "Unknown command"}
	replyNoArgs  = &smtp.SMTPError{Code: 501, EnhancedCode: smtp.EnhancedCode{5, 5, 4}, Message: "This command takes no argument"}
	replyChunk   = &smtp.SMTPError{Code: 501, EnhancedCode: smtp.EnhancedCode{5, 5, 4}, Message: "Expected BDAT, the chunk's size and maybe LAST; closing the connection"}

	replyNoMailbox = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "There is no such mailbox here, please check the address"}
	replySmuggling = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 6, 11}, Message: "The mail has lines that do not end with CR LF in places where servers could read it as two mails"}
)

func replyTooBig(limit int64) *smtp.SMTPError {
	return &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 3, 4},
		Message: fmt.Sprintf("The mail is too large, the limit is %d octets (%d MB)", limit, limit>>20)}
}

func replyAccepted(reference string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 6, 0}, Message: "Accepted and stored, reference " + reference}
}

// recipientReply answers a RCPT whose address could not be resolved.
func recipientReply(err error, reference string) *smtp.SMTPError {
	if errors.Is(err, domain.ErrNotFound) {
		return replyNoMailbox
	}
	return temporaryReply(err, reference)
}

// mailReply answers a mail that was not accepted.
func mailReply(err error, reference string, limit int64) *smtp.SMTPError {
	switch {
	case errors.Is(err, errTooBig):
		return replyTooBig(limit)
	case errors.Is(err, errSmuggling):
		return replySmuggling
	case errors.Is(err, errCutOff):
		return replyCutOff
	}
	return temporaryReply(err, reference)
}

// temporaryReply is for everything that is ours or not understood: the sender
// keeps the mail and tries again.
func temporaryReply(err error, reference string) *smtp.SMTPError {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1},
			Message: "Out of storage at the moment, please try again later (reference " + reference + ")"}
	}
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0},
		Message: "Something went wrong on our side, please try again later (reference " + reference + ")"}
}

func isTimeout(err error) bool {
	network, ok := errors.AsType[net.Error](err)
	return ok && network.Timeout()
}

// newReference names one answer in the log and to the sender.
func newReference() string { return rand.Text()[:12] }
