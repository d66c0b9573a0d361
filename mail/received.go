package mail

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// received is our line of the mail's way (RFC 5321 §4.4).
func (s *session) received(t transaction, reference string, now time.Time) string {
	recipient := ""
	if len(t.envelope.Recipients) == 1 { // more would tell each about the others
		recipient = "\r\n\tfor <" + harmless(t.envelope.Recipients[0]) + ">"
	}
	return fmt.Sprintf("Received: from %s%s\r\n\tby %s with %s id %s%s;\r\n\t%s\r\n",
		harmless(t.envelope.Helo), literal(t.envelope.RemoteAddr),
		s.server.cfg.Hostname, t.protocol, reference, recipient, now.Format(time.RFC1123Z))
}

// protocol is the keyword of RFC 3848 and RFC 6531.
func (w *wire) protocol(utf8 bool) string {
	keyword := "SMTP"
	switch {
	case w.door.lmtp:
		keyword = "LMTP"
	case w.esmtp && !utf8:
		keyword = "ESMTP"
	}
	if utf8 {
		keyword = "UTF8" + keyword
	}
	if w.tls {
		keyword += "S"
	}
	if w.account != "" {
		keyword += "A"
	}
	return keyword
}

// literal writes an IP address as RFC 5321 §4.1.3 does, in the brackets of a
// comment. A local socket has none.
func literal(address string) string {
	ip, err := netip.ParseAddr(address)
	switch {
	case err != nil:
		return ""
	case ip.Is6():
		return " ([IPv6:" + address + "])"
	}
	return " ([" + address + "])"
}

// maxWord keeps our lines within the 998 octets of RFC 5322. No domain and no
// address is longer (RFC 5321 §4.5.3.1).
const maxWord = 320

// harmless takes out of a stranger's word what has a meaning in a header.
func harmless(word string) string {
	if len(word) > maxWord {
		word = strings.ToValidUTF8(word[:maxWord], "")
	}
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || strings.ContainsRune(`()<>;,"\`, r) {
			return '?'
		}
		return r
	}, word)
}
