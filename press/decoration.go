package press

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/jhillyerd/enmime/v2"
)

// What a picture in a mail measures at least, in pixels of its shorter side, to be a document.
const (
	smallestPicture    = 64  // for one beside the text
	smallestReferenced = 600 // for one that the text shows: larger than logos and banners
)

// maxShown bounds a picture that is taken into the page of a mail's text, in octets.
const maxShown = 2 << 20

// pictures are what the HTML of a mail shows of its own parts, by content id.
type pictures map[string][]byte

// referencedPictures finds the content ids that HTML parts show (RFC 2392),
// with the parts' bytes.
func referencedPictures(root *enmime.Part) pictures {
	shows := pictures{}
	for _, part := range root.DepthMatchAll(func(p *enmime.Part) bool { return p.ContentType == "text/html" }) {
		for _, rest := range strings.Split(string(decodeTransfer(part)), "cid:")[1:] {
			id := rest
			if end := strings.IndexAny(rest, "\"'>) \t\r\n"); end >= 0 {
				id = rest[:end]
			}
			shows[contentID(id)] = nil
		}
	}
	if len(shows) == 0 {
		return shows
	}
	for _, part := range root.DepthMatchAll(func(p *enmime.Part) bool { return identifier(p) != "" }) {
		if _, shown := shows[identifier(part)]; shown && len(part.Content) <= maxShown*4/3 {
			shows[identifier(part)] = decodeTransfer(part)
		}
	}
	return shows
}

// identifier is a part's Content-ID as it is: the parser's takes it for a URL.
func identifier(part *enmime.Part) string {
	return strings.Trim(part.Header.Get("Content-Id"), "<> \t")
}

// contentID undoes the escaping of a cid URL.
func contentID(reference string) string {
	if id, err := url.PathUnescape(reference); err == nil {
		return id
	}
	return reference
}

func isPicture(mediaType string) bool { return strings.HasPrefix(mediaType, "image/") }

func (u *unpacking) references(p piece) bool {
	_, ok := u.shows[p.contentID]
	return ok && p.contentID != ""
}

// isShown says that a picture is there to be looked at in the mail. What is
// explicitly attached and not shown is a document whatever it looks like.
func (u *unpacking) isShown(p piece) bool { return p.disposition != "attachment" || u.references(p) }

// isDecoration tells logos and tracking pixels from documents, by their size.
func (u *unpacking) isDecoration(p piece, mediaType string) bool {
	if !u.isShown(p) || whyUnusable(mediaType) != "" {
		return false
	}
	config, err := codecOf(mediaType).config(bytes.NewReader(p.content))
	if err != nil {
		return false // let the owner see what is wrong with it
	}
	shorter := min(config.Width, config.Height)
	if u.references(p) {
		return shorter < smallestReferenced
	}
	return shorter < smallestPicture
}
