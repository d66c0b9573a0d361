// Package sender finds out who sent a mail: SPF (RFC 7208) of the connection,
// DKIM (RFC 6376) of the raw mail, and DMARC (RFC 7489) for its author's domain.
//
// It reads headers of strangers in this process, because the sandboxed children
// have no network and signatures need the DNS. So it is held to bounds: the
// header is at most 256 KB, the mail is streamed and never held, a few
// signatures are looked at, one after the other, a panic of the library ends as a failed check, and
// everything together has a time limit. See docs/decisions/0012.
//
// What a mail says about itself (Authentication-Results, Received-SPF) is never
// read. A DNS that does not answer is a temperror, and stops no mail.
package sender
