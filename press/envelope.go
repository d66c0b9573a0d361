package press

import (
	"strings"

	"github.com/jhillyerd/enmime/v2"
)

const (
	maxText    = 4000 // characters of a mail's text that are kept
	maxAuthors = 100
)

// about reads what a mail tells of its way and of who wrote it. Strangers
// write all of that: it may make us more careful, never less.
func (m *Message) about(root *enmime.Part) {
	m.Authors = authors(root)
	m.Automatic = isAutomatic(root)
	m.Forwarded = isForwarded(root)
	if text := root.BreadthMatchFirst(func(p *enmime.Part) bool { return p.ContentType == "text/plain" && p.FileName == "" }); text != nil {
		m.Text = shown(string(decodeTransfer(text)), maxText)
	} else if root.ContentType == "" && root.FirstChild == nil {
		m.Text = shown(string(decodeTransfer(root)), maxText)
	}
}

// authors counts the addresses in all From fields. A mail that does not name
// exactly one has no author that could be verified.
func authors(root *enmime.Part) (n int) {
	for _, field := range root.Header["From"] {
		list, err := enmime.ParseAddressList(field)
		if err != nil {
			return 0
		}
		n += len(list)
	}
	return min(n, maxAuthors)
}

// isAutomatic says that a program wrote the mail: lists, bounces, vacation
// notes, bulk. Nobody reads an answer to it (RFC 3834).
func isAutomatic(root *enmime.Part) bool {
	if value := root.Header.Get("Auto-Submitted"); value != "" && !strings.EqualFold(strings.TrimSpace(value), "no") {
		return true
	}
	switch strings.ToLower(strings.TrimSpace(root.Header.Get("Precedence"))) {
	case "bulk", "junk", "list", "auto_reply":
		return true
	}
	for name := range root.Header {
		if strings.HasPrefix(name, "List-") {
			return true
		}
	}
	for _, name := range []string{"X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress", "Feedback-Id"} {
		if root.Header.Get(name) != "" {
			return true
		}
	}
	return root.ContentType == "multipart/report"
}

// isForwarded says that somebody passed the mail on by a program.
func isForwarded(root *enmime.Part) bool {
	for _, name := range []string{"Arc-Seal", "Resent-From", "X-Forwarded-To", "X-Forwarded-For"} {
		if root.Header.Get(name) != "" {
			return true
		}
	}
	return false
}
