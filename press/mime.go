package press

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"github.com/jhillyerd/enmime/v2"
	"github.com/jhillyerd/enmime/v2/mediatype"
)

// parseMail splits a mail into its parts and leaves their content encoded:
// the usual decoding converts the character set of everything that calls
// itself text, and so breaks a PDF that does. Nothing in a header stops it.
func parseMail(raw []byte) (*enmime.Part, error) {
	parser := enmime.NewParser(
		enmime.RawContent(true),
		enmime.SkipMalformedParts(true),
		enmime.MultipartWOBoundaryAsSinglePart(true),
		enmime.MaxStoredPartErrors(1),
		enmime.SetReadPartErrorPolicy(func(*enmime.Part, error) bool { return true }),
		enmime.SetCustomParseMediaType(parseMediaType),
	)
	root, err := parser.ReadParts(bytes.NewReader(withoutFalseStarts(raw)))
	if err != nil {
		return nil, fmt.Errorf("split the mail: %w", err)
	}
	return root, nil
}

// withoutFalseStarts drops what is no header line where a header begins, at
// the mail's start (mbox adds "From " there) and after each boundary: on such
// a line the parser gives up the whole part. Later ones it takes for
// continuations.
func withoutFalseStarts(raw []byte) []byte {
	boundaries := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?i)\bboundary\s*=\s*(?:"([^"\r\n]+)"|([^\s;"]+))`).FindAllSubmatch(raw, -1) {
		boundaries["--"+string(match[1])+string(match[2])] = true
	}
	tidy := make([]byte, 0, len(raw))
	starting := true // a header, of which nothing was seen yet
	for line := range bytes.Lines(raw) {
		text := bytes.TrimRight(line, " \t\r\n")
		isBoundary := bytes.HasPrefix(line, []byte("--")) && boundaries[string(text)]
		switch {
		case isBoundary:
			starting = true
		case starting && len(text) > 0 && !startsHeader(line):
			continue
		default:
			starting = false
		}
		tidy = append(tidy, line...)
	}
	return tidy
}

// startsHeader says that a line begins with the name of a field (RFC 5322, section 2.2) and a colon.
func startsHeader(line []byte) bool {
	name, _, found := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t")
	return found && len(name) > 0 && bytes.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// parseMediaType reads what it can of a header that is not well-formed.
func parseMediaType(header string) (string, map[string]string, []string, error) {
	kind, parameters, invalid, err := mediatype.ParseWithOptions(header, mediatype.ParseOptions{StripMediaTypeInvalidCharacters: true})
	if err == nil {
		return kind, parameters, invalid, nil
	}
	kind, rest, _ := strings.Cut(header, ";")
	parameters = map[string]string{}
	for _, match := range regexp.MustCompile(`(?i)\b(boundary|filename|name|charset)\s*=\s*("[^"]*"?|[^\s;]+)`).FindAllStringSubmatch(rest, -1) {
		parameters[strings.ToLower(match[1])] = strings.Trim(match[2], `"`)
	}
	return strings.ToLower(strings.TrimSpace(kind)), parameters, nil, nil
}

// decodeTransfer undoes a part's content transfer encoding (RFC 2045, section
// 6) and keeps what is readable of a damaged one.
func decodeTransfer(part *enmime.Part) []byte {
	encoding, _, _ := strings.Cut(strings.TrimLeft(part.Header.Get("Content-Transfer-Encoding"), " \t\""), " ")
	switch strings.ToLower(strings.TrimRight(encoding, ";,\"")) {
	case "base64":
		return decodeBase64(part.Content)
	case "quoted-printable":
		return decodeQuotedPrintable(part.Content)
	}
	return part.Content
}

// decodeBase64 skips everything that is not of the alphabet. Padding in the
// middle ends a group, as in mails that were glued together.
func decodeBase64(encoded []byte) []byte {
	decoded := make([]byte, 0, base64.StdEncoding.DecodedLen(len(encoded)))
	group := make([]byte, 0, 4)
	flush := func() {
		if len(group) == 1 {
			group = group[:0] // six bits are no octet
		}
		decoded, _ = base64.RawStdEncoding.AppendDecode(decoded, group)
		group = group[:0]
	}
	for _, c := range encoded {
		switch {
		case c == '=':
			flush()
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
			if group = append(group, c); len(group) == cap(group) {
				flush()
			}
		}
	}
	flush()
	return decoded
}

// decodeQuotedPrintable takes an "=" that means nothing for itself.
func decodeQuotedPrintable(encoded []byte) []byte {
	decoded := make([]byte, 0, len(encoded))
	for len(encoded) > 0 {
		line, rest, broken := bytes.Cut(encoded, []byte("\n"))
		encoded = rest
		text := bytes.TrimRight(line, " \t\r")
		soft := bytes.HasSuffix(text, []byte("="))
		decoded = appendQuoted(decoded, bytes.TrimSuffix(text, []byte("=")))
		if broken && !soft {
			decoded = append(decoded, line[len(bytes.TrimRight(line, "\r")):]...)
			decoded = append(decoded, '\n')
		}
	}
	return decoded
}

func appendQuoted(decoded, line []byte) []byte {
	for i := 0; i < len(line); i++ {
		if line[i] == '=' && i+2 < len(line) {
			if high, low := hexDigit(line[i+1]), hexDigit(line[i+2]); high >= 0 && low >= 0 {
				decoded = append(decoded, byte(high<<4|low))
				i += 2
				continue
			}
		}
		decoded = append(decoded, line[i])
	}
	return decoded
}

func hexDigit(c byte) int { return strings.IndexByte("0123456789ABCDEF", upper(c)) }

func upper(c byte) byte {
	if c >= 'a' && c <= 'f' {
		return c - 'a' + 'A'
	}
	return c
}
