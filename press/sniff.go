package press

import (
	"bytes"
	"net/http"
)

// The media types that Sniff tells apart.
const (
	typePDF   = "application/pdf"
	typeJPEG  = "image/jpeg"
	typePNG   = "image/png"
	typeWebP  = "image/webp"
	typeTIFF  = "image/tiff"
	typeGIF   = "image/gif"
	typeHEIC  = "image/heic"
	typeXML   = "text/xml"
	typeHTML  = "text/html"
	typeText  = "text/plain"
	typeZIP   = "application/zip"
	typeOther = "application/octet-stream"
)

// SniffLength is how many octets of a file's head Sniff looks at, at most.
const SniffLength = 2048

// Sniff tells a file's media type from its first octets, whatever its name or
// its sender says: application/pdf, image/jpeg, image/png, image/webp,
// image/tiff, image/gif, image/heic, text/xml, text/html, text/plain,
// application/zip, or else application/octet-stream.
func Sniff(head []byte) string {
	head = head[:min(len(head), SniffLength)]
	if found := sniffImage(head); found != "" {
		return found
	}
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) { // before PDF: an archive may begin with one that is not packed
		return typeZIP
	}
	// Readers of PDF look for its header in the first 1024 octets (ISO 32000-1, appendix H, note 13).
	if bytes.Contains(head[:min(len(head), 1024+len("%PDF-"))], []byte("%PDF-")) {
		return typePDF
	}
	if isXML(head) {
		return typeXML
	}
	switch standard := http.DetectContentType(head); {
	case standard == typeZIP:
		return typeZIP
	case bytes.HasPrefix([]byte(standard), []byte(typeHTML)):
		return typeHTML
	case bytes.HasPrefix([]byte(standard), []byte(typeText)):
		return typeText
	}
	return typeOther
}

func sniffImage(head []byte) string {
	starts := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	within := func(from, to int, text string) bool { return len(head) >= to && string(head[from:to]) == text }
	switch {
	case starts("\xff\xd8\xff"):
		return typeJPEG
	case starts("\x89PNG\r\n\x1a\n"):
		return typePNG
	case starts("RIFF") && within(8, 12, "WEBP"):
		return typeWebP
	case starts("II*\x00"), starts("MM\x00*"):
		return typeTIFF
	case starts("GIF87a"), starts("GIF89a"):
		return typeGIF
	case within(4, 8, "ftyp") && (within(8, 10, "he") || within(8, 10, "mi") || within(8, 12, "msf1")):
		return typeHEIC
	}
	return ""
}

// isXML takes a declaration, or a root element with a namespace, which no HTML
// file begins with. Where a comment hides the root, it is XML.
func isXML(head []byte) bool {
	text := utf8Text(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")))
	text = bytes.TrimLeft(text, " \t\r\n\ufeff")
	for bytes.HasPrefix(text, []byte("<!--")) {
		_, rest, closed := bytes.Cut(text, []byte("-->"))
		if !closed {
			return true
		}
		text = bytes.TrimLeft(rest, " \t\r\n")
	}
	if bytes.HasPrefix(text, []byte("<?xml")) {
		return true
	}
	root, _, _ := bytes.Cut(text, []byte(">"))
	return bytes.HasPrefix(root, []byte("<")) && bytes.Contains(root, []byte("xmlns")) && !bytes.HasPrefix(bytes.ToLower(root), []byte("<html"))
}
