package press

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime"
	"net/mail"
	"os"
	"slices"
	"strings"

	"github.com/jhillyerd/enmime/v2"
	"golang.org/x/net/html/charset"
)

const (
	maxParts        = 200       // of a mail that are looked at
	maxAttachments  = 50        // of a mail that may become documents
	maxDepth        = 10        // of mails and archives in each other
	maxDocumentSize = 25 << 20  // octets after decoding: 26,214,400
	maxUnpacked     = 200 << 20 // octets of all parts together, after decoding
)

// unpack reads a raw mail and writes its attachment-like parts beside it.
func unpack(file string) (Message, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return Message{}, err
	}
	if len(raw) == 0 {
		return Message{}, empty()
	}
	root, err := parseMail(raw)
	if err != nil {
		return Message{}, unreadableMail(err)
	}
	u := unpacking{message: header(root), room: maxUnpacked}
	if err := u.mail(root, 0); err != nil {
		return Message{}, err
	}
	if !u.hasFiles() {
		if err := u.keepText(); err != nil {
			return Message{}, err
		}
	}
	return u.message, nil
}

// hasFiles says that a document is certain. That a picture is one is not,
// until somebody has looked whether it came before.
func (u *unpacking) hasFiles() bool {
	return slices.ContainsFunc(u.message.Parts, func(p MessagePart) bool { return p.Usable && !p.Picture })
}

// header reads what a mail says about itself.
func header(root *enmime.Part) Message {
	decoder := mime.WordDecoder{CharsetReader: charset.NewReaderLabel}
	decode := func(text string) string {
		if decoded, err := decoder.DecodeHeader(text); err == nil {
			return decoded
		}
		return text
	}
	message := Message{
		MessageID: strings.Trim(shown(root.Header.Get("Message-Id"), 998), "<> "),
		Subject:   shown(decode(root.Header.Get("Subject")), 500),
	}
	if authors, err := enmime.ParseAddressList(root.Header.Get("From")); err == nil && len(authors) > 0 {
		message.From, message.FromName = strings.ToLower(shown(authors[0].Address, 254)), shown(authors[0].Name, 200)
	}
	if date, err := mail.ParseDate(root.Header.Get("Date")); err == nil {
		message.Date = date.UTC()
	}
	return message
}

// unpacking is the walk through one mail and all that is in it.
type unpacking struct {
	message  Message
	shows    pictures // what the HTML of the mail shows that is walked through now
	texts    []webText
	seen     int
	usable   int
	room     int // octets that may still be unpacked
	archives int // that the walk is in
}

// piece is one leaf of a mail or archive, decoded.
type piece struct {
	name        string
	declared    string // media type that the mail says
	disposition string
	contentID   string
	content     []byte
}

// mail walks through a mail. What its HTML shows is its own affair: content
// ids mean nothing outside of it.
func (u *unpacking) mail(root *enmime.Part, depth int) error {
	outer := u.shows
	u.shows = referencedPictures(root)
	defer func() { u.shows = outer }()
	return u.walk(root, depth)
}

func (u *unpacking) walk(part *enmime.Part, depth int) error {
	for ; part != nil; part = part.NextSibling {
		if part.FirstChild != nil {
			if err := u.walk(part.FirstChild, depth); err != nil {
				return err
			}
			continue
		}
		if err := u.leaf(part, depth); err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacking) leaf(part *enmime.Part, depth int) error {
	if !u.mayOpen(len(part.Content) / 4 * 3) { // base64 takes a third more
		return nil
	}
	p := piece{name: part.FileName, declared: part.ContentType, disposition: part.Disposition, contentID: identifier(part), content: decodeTransfer(part)}
	mediaType := Sniff(p.content)
	if isBody(part, p.content, mediaType) {
		u.seen++
		u.readText(part, p.content, mediaType)
		return nil
	}
	return u.take(p, mediaType, depth)
}

// mayOpen says that the mail's limits allow one more part with so many octets.
func (u *unpacking) mayOpen(size int) bool {
	switch {
	case u.seen >= maxParts:
		u.message.Incomplete = fmt.Sprintf("The mail has more than %d parts; only the first %d were looked at.", maxParts, maxParts)
	case size > u.room:
		u.message.Incomplete = fmt.Sprintf("The mail unpacks to more than %d MB; what goes beyond was not looked at.", maxUnpacked>>20)
	default:
		return true
	}
	return false
}

// take keeps a piece, or what is inside it.
func (u *unpacking) take(p piece, mediaType string, depth int) error {
	u.seen++
	u.room -= len(p.content)
	if p.isMail() && depth < maxDepth {
		if inner, err := parseMail(p.content); err == nil {
			return u.mail(inner, depth+1)
		}
	}
	if mediaType == typeZIP {
		return u.archive(p, depth)
	}
	return u.keep(p, mediaType, u.whyNot(p, mediaType))
}

// isMail says that a piece is a mail that was forwarded as a file.
func (p piece) isMail() bool {
	return p.declared == "message/rfc822" || p.declared == "message/global" || strings.HasSuffix(strings.ToLower(p.name), ".eml")
}

// isBody says that a part is text which a mail program shows, or what it needs for itself.
func isBody(part *enmime.Part, content []byte, mediaType string) bool {
	if part.FileName != "" || part.Disposition == "attachment" || whyUnusable(mediaType) == "" || part.ContentType == "message/rfc822" || part.ContentType == "message/global" {
		return false
	}
	if mediaType == typeZIP || mediaType == typeXML && isInvoiceXML(content) {
		return false
	}
	return strings.HasPrefix(part.ContentType, "text/") || strings.HasPrefix(part.ContentType, "multipart/") ||
		strings.HasPrefix(part.ContentType, "message/") || part.ContentType == ""
}

func (u *unpacking) keep(p piece, mediaType, reason string) error {
	sum := sha256.Sum256(p.content)
	kept := MessagePart{
		Index:       len(u.message.Parts),
		File:        fmt.Sprintf("part-%03d", len(u.message.Parts)),
		Name:        SafeName(p.name, mediaType),
		MediaType:   mediaType,
		Declared:    shown(p.declared, 100),
		Disposition: shown(p.disposition, 50),
		ContentID:   shown(p.contentID, 200),
		Size:        int64(len(p.content)),
		SHA256:      hex.EncodeToString(sum[:]),
		Reason:      reason,
		Usable:      reason == "",
	}
	kept.Picture = isPicture(mediaType) && u.isShown(p)
	kept.Importable = !kept.Usable && whyUnusable(mediaType) == "" && len(p.content) > 0 && len(p.content) <= maxDocumentSize
	if kept.Usable {
		u.usable++
	}
	u.message.Parts = append(u.message.Parts, kept)
	return os.WriteFile(kept.File, p.content, 0o600)
}

// whyNot says why a piece makes no document, "" when it does.
func (u *unpacking) whyNot(p piece, mediaType string) string {
	switch {
	case len(p.content) == 0:
		return "This attachment is empty."
	case len(p.content) > maxDocumentSize:
		return fmt.Sprintf("This attachment is larger than %d MB.", maxDocumentSize>>20)
	case p.isMail():
		return fmt.Sprintf("This mail is in more than %d others. Forward it by itself.", maxDepth)
	case isTNEF(p.content):
		return "This is an Outlook container (winmail.dat), which cannot be opened here. Send the PDF itself, or the mail as HTML or plain text."
	case isPKCS7(p.content):
		return "This is signed or encrypted as a whole (.p7m), which cannot be opened here. Send the PDF, or the invoice's XML without the signature."
	case isPicture(mediaType) && u.isDecoration(p, mediaType):
		return "This image is part of the mail's design."
	case mediaType == typeXML && isInvoiceXML(p.content):
		return u.whyTooMany()
	case whyUnusable(mediaType) != "":
		return whyUnusable(mediaType)
	}
	return u.whyTooMany()
}

func (u *unpacking) whyTooMany() string {
	if u.usable < maxAttachments {
		return ""
	}
	return fmt.Sprintf("A mail can bring at most %d documents; this one is more.", maxAttachments)
}
