package mail

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-smtp"
)

// parse takes a line apart, or says why it is no command at all.
func parse(line []byte) (verb, argument string, refusal *smtp.SMTPError) {
	text, complete := bytes.CutSuffix(line, []byte("\r\n"))
	if !complete {
		return "", "", replyLineEnd
	}
	if !isText(text) {
		return "", "", replyOctets
	}
	verb, argument, _ = strings.Cut(strings.TrimRight(string(text), " \t"), " ")
	return strings.ToUpper(verb), strings.TrimSpace(argument), nil
}

func isText(line []byte) bool {
	isControl := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	return utf8.Valid(line) && !bytes.ContainsFunc(line, isControl)
}

// examine looks at a command before go-smtp does. It returns the line to hand
// on, or the reply to a command that go-smtp would take wrongly or answer badly.
func (w *wire) examine(line []byte) ([]byte, *smtp.SMTPError) {
	verb, argument, reply := parse(line)
	if reply != nil {
		return nil, reply
	}
	switch verb {
	case "EHLO", "HELO", "LHLO":
		reply = w.greet(verb, argument)
	case "MAIL":
		reply = w.mayMail(argument)
	case "RCPT":
		argument, reply = w.postmaster(argument), w.mustGreet()
	case "BDAT":
		verb, argument, reply = w.firstChunk(argument)
	case "DATA":
		if reply = w.mustGreet(); argument != "" {
			reply = replyNoArgs
		}
	case "AUTH":
		reply = w.maySignIn()
	case "STARTTLS":
		reply = w.mayStartTLS(argument)
	case "RSET", "QUIT":
		if argument != "" {
			reply = replyNoArgs
		}
	case "NOOP":
		reply = replyNothing
	case "VRFY":
		reply = replyVerify
	case "EXPN":
		reply = replyExpand
	case "HELP":
		reply = replyHelp
	default:
		reply = replyUnknown
	}
	if reply != nil {
		return nil, reply
	}
	return []byte(strings.TrimSpace(verb+" "+argument) + "\r\n"), nil
}

func (w *wire) greet(verb, name string) *smtp.SMTPError {
	if w.door.lmtp != (verb == "LHLO") {
		return w.door.wrongHello()
	}
	w.greeted, w.esmtp = name != "", verb != "HELO"
	return nil
}

// mustGreet is asked here and not of go-smtp, which does not forget what was
// said before TLS.
func (w *wire) mustGreet() *smtp.SMTPError {
	if !w.greeted {
		return replyGreetFirst
	}
	return nil
}

func (w *wire) mayMail(argument string) *smtp.SMTPError {
	switch {
	case !w.greeted:
		return replyGreetFirst
	case w.door.submission && w.account == "":
		return replySignInFirst
	case declaresMoreThan(argument, w.cfg.MaxSize):
		return replyTooBig(w.cfg.MaxSize)
	}
	return nil
}

// firstChunk makes a mail in chunks one after DATA for go-smtp.
func (w *wire) firstChunk(argument string) (verb, noArgument string, refusal *smtp.SMTPError) {
	size, last, ok := chunkSize(argument)
	if !ok {
		return "", "", replyChunk
	}
	w.mail = &chunks{wire: w, left: size, last: last}
	return "DATA", "", w.mustGreet()
}

func (w *wire) maySignIn() *smtp.SMTPError {
	switch {
	case !w.door.submission:
		return replyNoSignIn
	case !w.tls:
		return replyNeedsTLS
	}
	return w.mustGreet()
}

// mayStartTLS also looks for commands that came along in one piece with
// STARTTLS: a man in the middle would inject them (CVE-2011-0411).
func (w *wire) mayStartTLS(argument string) *smtp.SMTPError {
	switch {
	case argument != "":
		return replyNoArgs
	case w.cfg.TLS == nil || !w.cfg.TLSReady():
		return replyNoTLS
	case w.tls:
		return replyTLSAlready
	case w.in.Buffered() > 0:
		return replyInjection
	}
	return replyStartTLS
}

// declaresMoreThan finds SIZE= with a number over the limit. RFC 1870 allows 20
// digits, more than go-smtp can read.
func declaresMoreThan(argument string, limit int64) bool {
	for _, parameter := range strings.Fields(argument) {
		name, digits, _ := strings.Cut(parameter, "=")
		if !strings.EqualFold(name, "SIZE") || digits == "" || strings.Trim(digits, "0123456789") != "" {
			continue
		}
		size, err := strconv.ParseInt(digits, 10, 64)
		return err != nil || size > limit
	}
	return false
}

// postmaster gives the one address that needs no domain (RFC 5321 §4.1.1.3) ours.
func (w *wire) postmaster(argument string) string {
	const bare = "TO:<postmaster>"
	to, parameters, _ := strings.Cut(argument, " ")
	if !strings.EqualFold(to, bare) {
		return argument
	}
	return "TO:<postmaster@" + w.cfg.Domain + "> " + parameters
}
