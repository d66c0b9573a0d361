// Package mail is how mail arrives: an SMTP and LMTP server that hands every
// mail to an Inbox, unparsed, while it is being received.
//
// It guarantees:
//
//   - 250 after a mail means that Inbox.Accept has returned nil. A mail that was
//     cut off, by whomever and wherever, is never answered with 250, and the
//     reader that Accept reads from fails.
//   - Every doubt is the sender's to repeat: whatever goes wrong here is answered
//     with a 4xx code and a reference id that is in the log too, and never with
//     the text of an error.
//   - Nothing of a mail is interpreted. It is passed on octet by octet, with the
//     dots of RFC 5321 §4.5.2 taken out and our own Received line before it.
//   - Every failure carries a reference that is in the log, too, and docs/smtp.md
//     says what each code means.
//   - Nothing is relayed, and nothing is sent back: what is refused is refused in the
//     conversation.
//   - A mail that two servers could read as two (SMTP smuggling) is refused.
//   - A session takes constant memory, whatever the client sends, and no
//     session can end the process.
//
// The protocol's commands are go-smtp's work. What the client sends passes
// through a wire first, which hands go-smtp one well-formed command at a time
// and reads the mails itself: docs/decisions/0005-go-smtp.md says why.
//
// The package sends mail too: see Send.
package mail
