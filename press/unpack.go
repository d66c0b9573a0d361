package press

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime"
	"net/mail"
	"os"
	"strings"

	"github.com/jhillyerd/enmime/v2"
	"golang.org/x/net/html/charset"
)

const (
	maxParts        = 200      // of a mail that are looked at
	maxAttachments  = 50       // of a mail that may become documents
	maxDepth        = 5        // of mails in mails
	maxDocumentSize = 25 << 20 // octets after decoding: 26,214,400
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
	u := unpacking{message: header(root)}
	u.message.about(root)
	u.pictures = referencedPictures(root)
	return u.message, u.walk(root, 0)
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

// unpacking is the walk through one mail.
type unpacking struct {
	message  Message
	pictures map[string]bool // content ids that the mail's HTML shows
	seen     int
	usable   int
}

func (u *unpacking) walk(part *enmime.Part, depth int) error {
	for ; part != nil && u.seen < maxParts; part = part.NextSibling {
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
	u.seen++
	content := decodeTransfer(part)
	if isMail(part) && depth < maxDepth {
		if inner, err := parseMail(content); err == nil {
			return u.walk(inner, depth+1)
		}
	}
	mediaType := Sniff(content)
	if isBody(part, mediaType) {
		return nil
	}
	return u.keep(part, content, mediaType)
}

// isMail says that a part is a mail that was forwarded as a file.
func isMail(part *enmime.Part) bool {
	return part.ContentType == "message/rfc822" || strings.HasSuffix(strings.ToLower(part.FileName), ".eml")
}

// isBody says that a part is text which a mail program shows, or what it needs for itself.
func isBody(part *enmime.Part, mediaType string) bool {
	if part.FileName != "" || part.Disposition == "attachment" || whyUnusable(mediaType) == "" {
		return false
	}
	return strings.HasPrefix(part.ContentType, "text/") || strings.HasPrefix(part.ContentType, "multipart/") ||
		strings.HasPrefix(part.ContentType, "message/") || part.ContentType == ""
}

func (u *unpacking) keep(part *enmime.Part, content []byte, mediaType string) error {
	sum := sha256.Sum256(content)
	kept := MessagePart{
		Index:       len(u.message.Parts),
		File:        fmt.Sprintf("part-%03d", len(u.message.Parts)),
		Name:        SafeName(part.FileName, mediaType),
		MediaType:   mediaType,
		Declared:    shown(part.ContentType, 100),
		Disposition: shown(part.Disposition, 50),
		ContentID:   shown(part.ContentID, 200),
		Size:        int64(len(content)),
		SHA256:      hex.EncodeToString(sum[:]),
	}
	kept.Reason = u.whyNot(part, content, mediaType)
	kept.Usable = kept.Reason == ""
	if kept.Usable {
		u.usable++
	}
	u.message.Parts = append(u.message.Parts, kept)
	return os.WriteFile(kept.File, content, 0o600)
}

// whyNot says why a part makes no document, "" when it does.
func (u *unpacking) whyNot(part *enmime.Part, content []byte, mediaType string) string {
	switch {
	case len(content) == 0:
		return "This attachment is empty."
	case len(content) > maxDocumentSize:
		return fmt.Sprintf("This attachment is larger than %d MB.", maxDocumentSize>>20)
	case u.usable == maxAttachments:
		return fmt.Sprintf("A mail can bring at most %d documents; this one is more.", maxAttachments)
	case strings.EqualFold(part.FileName, "winmail.dat"):
		return "This is an Outlook container (winmail.dat). Send the PDF itself, or the mail as plain text."
	case mediaType == typeXML && isInvoiceXML(content):
		return "This is an e-invoice without a page to file. Send the PDF that belongs to it."
	case strings.HasPrefix(mediaType, "image/") && u.isDecoration(part, content, mediaType):
		return "This image is part of the mail's design."
	}
	return whyUnusable(mediaType)
}

// What a picture in a mail measures at least, in pixels of its shorter side, to be a document.
const (
	smallestPicture    = 64  // for one beside the text
	smallestReferenced = 600 // for one that the text shows: larger than logos and banners
)

// isDecoration tells logos and tracking pixels from documents. What is
// explicitly attached is a document.
func (u *unpacking) isDecoration(part *enmime.Part, content []byte, mediaType string) bool {
	if part.Disposition == "attachment" && !u.pictures[part.ContentID] {
		return false
	}
	config, err := codecOf(mediaType).config(bytes.NewReader(content))
	if err != nil {
		return false // let the owner see what is wrong with it
	}
	shorter := min(config.Width, config.Height)
	if u.pictures[part.ContentID] {
		return shorter < smallestReferenced
	}
	return shorter < smallestPicture
}

// referencedPictures lists the content ids that HTML parts show (RFC 2392).
func referencedPictures(root *enmime.Part) map[string]bool {
	pictures := map[string]bool{}
	for _, part := range root.DepthMatchAll(func(p *enmime.Part) bool { return p.ContentType == "text/html" }) {
		for _, rest := range strings.Split(string(decodeTransfer(part)), "cid:")[1:] {
			id := rest
			if end := strings.IndexAny(rest, "\"'>) \t\r\n"); end >= 0 {
				id = rest[:end]
			}
			pictures[id] = true
		}
	}
	return pictures
}
