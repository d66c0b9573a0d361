package press

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

const (
	maxArchives = 3   // in each other
	maxRatio    = 200 // of an archive's entry to what it takes packed
	smallEntry  = 1 << 20
)

// Bits of an entry's flags (APPNOTE.TXT, section 4.4.4).
const zipEncrypted = 0x1

// archive takes the files of a ZIP archive for attachments of the mail. One
// that cannot be opened is listed as a whole, with the reason.
func (u *unpacking) archive(p piece, depth int) error {
	opened, err := zip.NewReader(bytes.NewReader(p.content), int64(len(p.content)))
	if err != nil {
		return u.keep(p, typeZIP, "This ZIP archive is damaged. Send the PDF itself.")
	}
	if reason := whyClosed(opened, u.archives, depth); reason != "" {
		return u.keep(p, typeZIP, reason)
	}
	u.archives++
	defer func() { u.archives-- }()
	for _, entry := range opened.File {
		if isClutter(entry) {
			continue
		}
		if err := u.entry(entry, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// whyClosed says why nothing of an archive is looked at, "" when something is.
func whyClosed(archive *zip.Reader, within, depth int) string {
	switch {
	case isOffice(archive):
		return "This is an office document. Save or print it as a PDF and send that."
	case within >= maxArchives || depth >= maxDepth:
		return "This archive is packed in too many others. Send the PDF itself."
	case len(archive.File) > maxParts:
		return fmt.Sprintf("This archive has more than %d files. Send the PDFs themselves.", maxParts)
	}
	for _, entry := range archive.File {
		if entry.Flags&zipEncrypted != 0 {
			return "This archive is locked with a password. Send the PDF itself, or an archive without a password."
		}
	}
	if len(archive.File) == 0 {
		return "This archive is empty."
	}
	return ""
}

// isOffice knows OOXML (ECMA-376, part 2) and OpenDocument packages.
func isOffice(archive *zip.Reader) bool {
	for _, entry := range archive.File {
		if entry.Name == "[Content_Types].xml" || entry.Name == "META-INF/manifest.xml" {
			return true
		}
	}
	return false
}

// isClutter says that an entry is a folder, a link, or what systems leave in archives for themselves.
func isClutter(entry *zip.File) bool {
	base := path.Base(entry.Name)
	return !entry.Mode().IsRegular() || strings.HasSuffix(entry.Name, "/") || strings.HasPrefix(entry.Name, "__MACOSX/") ||
		base == ".DS_Store" || base == "Thumbs.db" || base == "desktop.ini"
}

func (u *unpacking) entry(entry *zip.File, depth int) error {
	if !u.mayOpen(0) {
		return nil
	}
	p := piece{name: entryName(entry), disposition: "attachment"}
	content, err := u.inflate(entry)
	if err != nil {
		u.seen++
		return u.keep(p, typeOther, whyNotInflated(err))
	}
	p.content = content
	return u.take(p, Sniff(content), depth)
}

var (
	errBomb = errors.New("inflates too much")
	errRoom = errors.New("no room for it")
)

// inflate reads an entry. What its header says about sizes is not believed.
func (u *unpacking) inflate(entry *zip.File) ([]byte, error) {
	reader, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	most := int64(min(u.room, maxDocumentSize))
	packed := int64(min(entry.CompressedSize64, uint64(maxUnpacked)))
	bomb := max(packed*maxRatio, smallEntry)
	content, err := io.ReadAll(io.LimitReader(reader, min(most, bomb)+1))
	switch {
	case int64(len(content)) > bomb:
		return nil, errBomb
	case int64(len(content)) > most:
		return nil, errRoom
	}
	return content, err
}

func whyNotInflated(err error) string {
	switch {
	case errors.Is(err, errBomb):
		return fmt.Sprintf("This file is packed to less than 1/%d of its size, as attacks are and invoices are not. Send the PDF itself.", maxRatio)
	case errors.Is(err, errRoom):
		return fmt.Sprintf("This file is larger than %d MB, or the whole mail larger than %d MB, when unpacked.", maxDocumentSize>>20, maxUnpacked>>20)
	case errors.Is(err, zip.ErrAlgorithm):
		return "This file is packed in a way that cannot be opened here. Send the PDF itself, or an ordinary ZIP archive."
	}
	return "This file in an archive is damaged. Send the PDF itself."
}

// entryName decodes a name. Without the flag for UTF-8 it is CP437, but many
// programs write UTF-8 all the same.
func entryName(entry *zip.File) string {
	if !entry.NonUTF8 || utf8.ValidString(entry.Name) {
		return entry.Name
	}
	decoded, err := charmap.CodePage437.NewDecoder().String(entry.Name)
	if err != nil {
		return entry.Name
	}
	return decoded
}
