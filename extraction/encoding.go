package extraction

import (
	"bytes"
	"regexp"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

var declaredEncoding = regexp.MustCompile(`^<\?xml[^>]{0,80}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']`)

// decodeXML turns an XML document into UTF-8. The octets are trusted before
// the declaration, because it is often left over from a conversion: a byte order mark or
// zeros between the letters mean UTF-16, text beyond ASCII that is valid UTF-8 is
// UTF-8, and what is declared as UTF-8 but is not, is Windows-1252.
func decodeXML(data []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("<\x00")):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(withMark(data, "\xff\xfe"))
	case bytes.HasPrefix(data, []byte("\xfe\xff")), bytes.HasPrefix(data, []byte("\x00<")):
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().Bytes(withMark(data, "\xfe\xff"))
	}
	text := bytes.Trim(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), " \t\r\n\x00")
	declared := encodingOf(text)
	if utf8.Valid(text) && (declared == nil || !isASCII(text)) {
		return text, nil
	}
	if declared == nil {
		declared = charmap.Windows1252
	}
	return declared.NewDecoder().Bytes(text)
}

// encodingOf returns the encoding in which a declaration says the text behind
// it is, nil when it says none, an unknown one, UTF-8 or UTF-16.
func encodingOf(text []byte) encoding.Encoding {
	match := declaredEncoding.FindSubmatch(text)
	if match == nil {
		return nil
	}
	declared, name := charset.Lookup(string(match[1]))
	switch name {
	case "utf-8", "utf-16le", "utf-16be", "replacement":
		return nil
	}
	return declared
}

func isASCII(text []byte) bool {
	for _, b := range text {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func withMark(data []byte, mark string) []byte {
	if bytes.HasPrefix(data, []byte(mark)) {
		return data
	}
	return append([]byte(mark), data...)
}
