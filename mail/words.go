package mail

import (
	"strings"

	"github.com/emersion/go-smtp"
)

// words are go-smtp's replies, as they begin, and what we say instead: codes of
// RFC 5321 where it has others, and texts for people who do not know SMTP.
var words = []struct {
	theirs string
	ours   *smtp.SMTPError
}{
	{"250 2.0.0 Roger", replySenderOK},
	{"250 2.0.0 I'll make sure", replyMailbox},
	{"250 2.0.0 Session reset", replyForgotten},
	{"221 2.0.0 Bye", replyBye},
	{"235 2.0.0 Authentication succeeded", replySignedIn},

	{"501 5.5.2 Domain/address argument", replyName},
	{"501 5.5.2 Was expecting MAIL", replySender},
	{"501 5.5.2 Was expecting RCPT", replyRecipient},
	{"501 5.5.4 Unable to parse", replyParameters},
	{"501 5.5.4 Unknown BODY value", replyParameters},
	{"500 5.5.4 Malformed AUTH", replyParameters},
	{"500 5.5.4 Unknown MAIL", replyExtension},
	{"500 5.5.4 Unknown RCPT", replyExtension},
	{"502 5.5.1 Missing MAIL", replySenderFirst},
	{"502 5.5.1 Missing RCPT", replyRecipientFirst},
	{"502 5.5.1 Please introduce", replyGreetFirst},

	{"503 5.5.1 Already authenticated", replySignedAlready},
	{"502 5.5.4 Missing parameter", replyMechanism},
	{"504 5.7.4", replyMechanism},
	{"454 4.7.0 Invalid base64", replySASL},
	{"454 4.7.0 sasl:", replySASL},
	{"501 5.0.0 Negotiation cancelled", replyCancelled},

	{"421 4.0.0", replyInternal},
	{"421 4.4.", replyTimeout},
}

// reword puts a line of go-smtp's into our words. Ours pass as they are.
func (w *wire) reword(text string) string {
	switch {
	case strings.HasPrefix(text, "452 4.5.3 Maximum limit"):
		return line(replyRecipients(w.cfg.MaxRecipients))
	case strings.HasPrefix(text, "504 ") && strings.HasSuffix(text, " is not implemented\r\n"):
		return line(replyExtension)
	case text == "250-PIPELINING\r\n" && w.cfg.TLS != nil && !w.tls && w.cfg.TLSReady():
		return text + "250-STARTTLS\r\n" // go-smtp believes that it could start TLS above us
	}
	for _, word := range words {
		if strings.HasPrefix(text, word.theirs) {
			return line(word.ours)
		}
	}
	return text
}
