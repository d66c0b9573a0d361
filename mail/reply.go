package mail

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/docuflow/docuflow/domain"
)

// What can be wrong with a mail by itself.
var (
	errTooBig    = errors.New("mail is larger than the limit")
	errHeader    = errors.New("header of the mail is larger than the limit")
	errSmuggling = errors.New("mail has line ends that servers read differently")
	errCutOff    = errors.New("mail was cut off")
	errAborted   = errors.New("client has begun something else between two chunks")
	errFlood     = errors.New("client goes on sending a mail that is far too large")
)

// reply is a reply with its enhanced status code (RFC 3463), three digits with
// dots. docs/smtp.md lists every one; a test compares.
func reply(code int, status, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{digit(status, 0), digit(status, 2), number(status[4:])}, Message: text}
}

func digit(status string, at int) int { return int(status[at] - '0') }

func number(digits string) (n int) {
	for at := range len(digits) {
		n = 10*n + digit(digits, at)
	}
	return n
}

// The replies that do not depend on an error. go-smtp takes them only as bare
// pointers: it would show the text of any other error to the client.
var (
	replyClosing  = reply(421, "4.3.2", "Closing for maintenance, please try again in a few minutes")
	replyBusy     = reply(421, "4.3.2", "Too many connections at the moment, please try again in a few minutes")
	replyCrowd    = reply(421, "4.7.0", "Too many connections from your address at the moment, please close some and try again in a minute")
	replyErrors   = reply(421, "4.7.0", "Too many errors, closing the connection")
	replyCommands = reply(421, "4.7.0", "Too many commands without a mail, closing the connection")
	replyTimeout  = reply(421, "4.4.2", "Waited too long, closing the connection")
	replyInternal = reply(421, "4.3.0", "Something went wrong on our side, please try again later")
	replyCutOff   = reply(451, "4.4.2", "The connection ended before the mail did; nothing was kept, please send it again")

	replyLineEnd    = reply(500, "5.5.2", "Commands end with CR LF")
	replyOctets     = reply(500, "5.5.2", "Commands are text in UTF-8 without control characters")
	replyTooLong    = reply(500, "5.5.2", "The command is too long, closing the connection")
	replyUnknown    = reply(500, "5.5.1", "Unknown command")
	replySayEHLO    = reply(500, "5.5.1", "This is an SMTP server, please begin with EHLO")
	replySayLHLO    = reply(500, "5.5.1", "This is an LMTP server, please begin with LHLO")
	replyNoArgs     = reply(501, "5.5.4", "This command takes no argument")
	replyName       = reply(501, "5.5.4", "Please say who you are, like EHLO mail.example.com")
	replyChunk      = reply(501, "5.5.4", "Expected BDAT, the chunk's size and maybe LAST; closing the connection")
	replyParameters = reply(501, "5.5.4", "The parameters after the address cannot be understood")
	replySender     = reply(501, "5.1.7", "The sender's address cannot be understood, expected MAIL FROM:<address>")
	replyRecipient  = reply(501, "5.1.3", "The recipient's address cannot be understood, expected RCPT TO:<address>")
	replyExtension  = reply(555, "5.5.4", "A parameter after the address is not supported here")

	replyGreetFirst     = reply(503, "5.5.1", "Please say EHLO first")
	replySenderFirst    = reply(503, "5.5.1", "Please name the sender first, with MAIL FROM:<address>")
	replyRecipientFirst = reply(503, "5.5.1", "Please name a recipient that is accepted first, with RCPT TO:<address>")
	replyOneSender      = reply(503, "5.5.1", "A mail is being sent already; finish it, or give it up with RSET")
	replyInChunks       = reply(503, "5.5.1", "A mail is being sent in chunks, expected BDAT, or RSET to give it up")

	replyNothing   = reply(250, "2.0.0", "Still here")
	replyForgotten = reply(250, "2.0.0", "Forgotten, please begin again")
	replyContinue  = reply(250, "2.0.0", "Chunk received, please go on")
	replySenderOK  = reply(250, "2.1.0", "Sender accepted")
	replyMailbox   = reply(250, "2.1.5", "Recipient accepted")
	replyBye       = reply(221, "2.0.0", "Goodbye")
	replyVerify    = reply(252, "2.5.0", "Addresses are not verified, but mail to them is answered truthfully")
	replyExpand    = reply(502, "5.5.1", "There are no lists here")
	replyHelp      = reply(214, "2.0.0", "This server takes invoices and receipts by mail for its own mailboxes; see RFC 5321 for the commands")

	replyStartTLS   = reply(220, "2.0.0", "Ready to start TLS")
	replyNoTLS      = reply(502, "5.5.1", "There is no TLS here")
	replyTLSAlready = reply(503, "5.5.1", "TLS is in use already")
	replyInjection  = reply(501, "5.5.1", "Nothing may follow STARTTLS before TLS begins; closing the connection")

	replySignedIn      = reply(235, "2.7.0", "Signed in")
	replyNoSignIn      = reply(502, "5.5.1", "Signing in is neither needed nor possible here")
	replySignInFirst   = reply(530, "5.7.0", "Please sign in first, with an API token as the password")
	replyNeedsTLS      = reply(538, "5.7.11", "Signing in needs TLS")
	replySignedAlready = reply(503, "5.5.1", "You are signed in already")
	replyMechanism     = reply(504, "5.5.4", "Please sign in with PLAIN or LOGIN")
	replySASL          = reply(501, "5.5.2", "The sign-in cannot be understood")
	replyCancelled     = reply(501, "5.7.0", "Sign-in cancelled")
	replyCredentials   = reply(535, "5.7.8", "The password is not a valid API token of a workspace")

	replyNoMailbox = reply(550, "5.1.1", "There is no such mailbox here, please check the address")
	replyNotYours  = reply(550, "5.7.1", "Who signs in may send to addresses of their own workspace only")
	replySmuggling = reply(550, "5.6.11", "The mail has lines that do not end with CR LF in places where servers could read it as two mails")
)

func replyTooBig(limit int64) *smtp.SMTPError {
	return reply(552, "5.3.4", fmt.Sprintf("The mail is too large, the limit is %d octets (%d MB)", limit, limit>>20))
}

func replyHeader(limit int) *smtp.SMTPError {
	return reply(552, "5.3.4", fmt.Sprintf("The header of the mail is too large, the limit is %d octets", limit))
}

func replyRecipients(limit int) *smtp.SMTPError {
	return reply(452, "4.5.3", fmt.Sprintf("A mail may have %d recipients, please send it to the others in another mail", limit))
}

func replyAccepted(reference string) *smtp.SMTPError {
	return reply(250, "2.6.0", "Accepted and stored, reference "+reference)
}

// The brakes of the door. Each says when to come back.

func replyTooManyMails(wait time.Duration) *smtp.SMTPError {
	return reply(451, "4.7.1", "Too many mails from your side at the moment, please try again "+in(wait))
}

func replyTooManyGuesses(wait time.Duration) *smtp.SMTPError {
	return reply(450, "4.7.1", "Too many addresses that are not here, or wrong passwords; please try again "+in(wait))
}

func replyMailboxBusy(wait time.Duration) *smtp.SMTPError {
	return reply(450, "4.7.1", "This mailbox takes no more mails at the moment, please try again "+in(wait))
}

// in puts a wait into words, rounded up.
func in(wait time.Duration) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"days", 24 * time.Hour}, {"hours", time.Hour}, {"minutes", time.Minute}} {
		if wait > 2*unit.size {
			return fmt.Sprintf("in %d %s", int(math.Ceil(float64(wait)/float64(unit.size))), unit.name)
		}
	}
	return fmt.Sprintf("in %d seconds", 1+int(wait.Seconds()))
}

// refer adds a reference to a text, by which the log can be searched.
func refer(text, reference string) string { return text + " (reference " + reference + ")" }

// withReference leaves the reply as it is and returns a copy.
func withReference(reply *smtp.SMTPError, reference string) *smtp.SMTPError {
	if reply.Code < 400 {
		return reply
	}
	return &smtp.SMTPError{Code: reply.Code, EnhancedCode: reply.EnhancedCode, Message: refer(reply.Message, reference)}
}

// recipientReply answers a RCPT whose address could not be resolved.
func recipientReply(err error) *smtp.SMTPError {
	if errors.Is(err, domain.ErrNotFound) {
		return replyNoMailbox
	}
	return temporaryReply(err)
}

// mailReply answers a mail that was not accepted.
func mailReply(err error, cfg *Config) *smtp.SMTPError {
	switch {
	case errors.Is(err, errTooBig):
		return replyTooBig(cfg.MaxSize)
	case errors.Is(err, errHeader):
		return replyHeader(cfg.MaxHeader)
	case errors.Is(err, errSmuggling):
		return replySmuggling
	case errors.Is(err, errCutOff):
		return replyCutOff
	}
	return temporaryReply(err)
}

// temporaryReply is for everything that is ours or not understood: the sender
// keeps the mail and tries again.
func temporaryReply(err error) *smtp.SMTPError {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return reply(452, "4.3.1", "Out of storage at the moment, please try again later")
	}
	return reply(451, "4.3.0", "Something went wrong on our side, please try again later")
}

func isTimeout(err error) bool {
	network, ok := errors.AsType[net.Error](err)
	return ok && network.Timeout()
}

// newReference names one answer in the log and to the sender.
func newReference() string { return rand.Text()[:12] }
