package mail

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-smtp"
)

// examine looks at a command before go-smtp does. It returns the line to hand
// on, or the reply to a command that go-smtp would take wrongly.
func (w *wire) examine(line []byte) ([]byte, *smtp.SMTPError) {
	text, complete := bytes.CutSuffix(line, []byte("\r\n"))
	if !complete {
		return nil, replyLineEnd
	}
	if !isText(text) {
		return nil, replyOctets
	}
	verb, argument, _ := strings.Cut(strings.TrimRight(string(text), " \t"), " ")
	verb, argument = strings.ToUpper(verb), strings.TrimSpace(argument)
	switch verb {
	case "EHLO", "HELO":
		w.esmtp = verb == "EHLO"
	case "MAIL":
		if declaresMoreThan(argument, w.cfg.MaxSize) {
			return nil, replyTooBig(w.cfg.MaxSize)
		}
	case "RCPT":
		argument = w.postmaster(argument)
	case "BDAT":
		size, ok := chunkSize(argument)
		if !ok {
			return nil, replyChunk
		}
		w.chunk, w.begun = size, time.Now()
	case "DATA", "RSET", "QUIT", "STARTTLS":
		if argument != "" {
			return nil, replyNoArgs
		}
	case "NOOP", "VRFY", "EXPN", "HELP", "AUTH":
	default:
		return nil, replyUnknown
	}
	return []byte(strings.TrimSpace(verb+" "+argument) + "\r\n"), nil
}

func isText(line []byte) bool {
	isControl := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	return utf8.Valid(line) && !bytes.ContainsFunc(line, isControl)
}

// chunkSize reads the argument of BDAT exactly as go-smtp does: both must
// agree on where the next command begins.
func chunkSize(argument string) (int64, bool) {
	words := strings.Fields(argument)
	if len(words) == 0 || len(words) > 2 || len(words) == 2 && !strings.EqualFold(words[1], "LAST") {
		return 0, false
	}
	size, err := strconv.ParseUint(words[0], 10, 32)
	return int64(size), err == nil
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
	return "TO:<postmaster@" + w.cfg.Hostname + "> " + parameters
}
