package sender

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/docuflow/docuflow/domain"
)

const (
	maxHeader     = 256 << 10 // octets of a mail's header
	maxSignatures = 5         // that are looked at
	maxBlank      = 64 << 10  // octets of line ends in a row: canonicalization has to remember them
)

var (
	errHeader = errors.New("the header is longer than 256 KB")
	errBlank  = errors.New("the mail has more empty lines in a row than can be meant")
)

// signature is one DKIM signature of a mail.
type signature struct {
	domain string
	result domain.CheckResult
	detail string
}

// signatures verifies the first few signatures, each in a pass of its own:
// the library would give each a goroutine, whose panic nobody could catch.
func (c *Checker) signatures(ctx context.Context, open func() (io.ReadCloser, error)) ([]signature, error) {
	header, err := c.header(open)
	if err != nil {
		return nil, err
	}
	var found []signature
	signed := header.signed()
	for _, at := range signed[:min(maxSignatures, len(signed))] {
		found = append(found, c.verify(ctx, header.only(at), open))
	}
	return found, nil
}

func (c *Checker) verify(ctx context.Context, header []byte, open func() (io.ReadCloser, error)) (s signature) {
	defer func() {
		if cause := recover(); cause != nil {
			s = signature{result: domain.CheckPermError, detail: fmt.Sprint("the signature could not be read: ", cause)}
		}
	}()
	raw, err := open()
	if err != nil {
		return signature{result: domain.CheckTempError, detail: "the mail could not be read"}
	}
	defer raw.Close()
	body := bufio.NewReader(raw)
	if _, err := readHeader(body); err != nil {
		return signature{result: domain.CheckPermError, detail: err.Error()}
	}
	verified, err := dkim.VerifyWithOptions(io.MultiReader(bytes.NewReader(header), &patience{r: body}), &dkim.VerifyOptions{LookupTXT: c.txt(ctx)})
	if err != nil || len(verified) == 0 {
		return signature{result: domain.CheckPermError, detail: "the signature could not be read"}
	}
	return judged(verified[0])
}

func judged(v *dkim.Verification) signature {
	s := signature{domain: strings.ToLower(v.Domain), result: domain.CheckPass}
	switch {
	case v.Err == nil:
		s.detail = "signed by " + s.domain
	case dkim.IsTempFail(v.Err):
		s.result, s.detail = domain.CheckTempError, "the DNS did not answer"
	case dkim.IsPermFail(v.Err):
		s.result, s.detail = domain.CheckPermError, strings.TrimPrefix(v.Err.Error(), "dkim: ")
	default:
		s.result, s.detail = domain.CheckFail, strings.TrimPrefix(v.Err.Error(), "dkim: ")
	}
	return s
}

// best is the signature that says most: one that passed for the author's
// domain, then any that passed, then the first one.
func best(signatures []signature, err error, from string) domain.Check {
	if err != nil {
		return domain.Check{Result: domain.CheckPermError, Detail: err.Error()}
	}
	if len(signatures) == 0 {
		return domain.Check{Result: domain.CheckNone, Detail: "the mail is not signed"}
	}
	chosen, rank := signatures[0], 0
	for _, s := range signatures {
		switch {
		case s.result == domain.CheckPass && isAligned(s.domain, from, false):
			chosen, rank = s, 2
		case s.result == domain.CheckPass && rank < 1:
			chosen, rank = s, 1
		}
	}
	return domain.Check{Result: chosen.result, Domain: chosen.domain, Detail: chosen.detail}
}

// header is a mail's header, field by field as it came.
type header [][]byte

func (c *Checker) header(open func() (io.ReadCloser, error)) (header, error) {
	raw, err := open()
	if err != nil {
		return nil, errors.New("the mail could not be read")
	}
	defer raw.Close()
	return readHeader(bufio.NewReader(raw))
}

// readHeader reads up to the empty line, and that one too.
func readHeader(r *bufio.Reader) (header, error) {
	var fields header
	size := 0
	for {
		line, err := readLine(r, maxHeader-size)
		size += len(line)
		if errors.Is(err, errHeader) {
			return nil, err
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 || err != nil {
			return fields, nil //nolint:nilerr // a mail may end with its header
		}
		if last := len(fields) - 1; last >= 0 && (line[0] == ' ' || line[0] == '\t') {
			fields[last] = append(fields[last], line...)
			continue
		}
		fields = append(fields, line)
	}
}

func readLine(r *bufio.Reader, most int) (line []byte, err error) {
	for {
		piece, err := r.ReadSlice('\n')
		line = append(line, piece...)
		if len(line) > most {
			return nil, errHeader
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

const signatureField = "dkim-signature"

func isSignature(field []byte) bool {
	name, _, found := bytes.Cut(field, []byte(":"))
	return found && strings.EqualFold(string(bytes.TrimSpace(name)), signatureField)
}

// signed are the places of the signatures.
func (h header) signed() (places []int) {
	for i, field := range h {
		if isSignature(field) {
			places = append(places, i)
		}
	}
	return places
}

// only is the header with one of its signatures.
func (h header) only(at int) []byte {
	var b bytes.Buffer
	for i, field := range h {
		if i != at && isSignature(field) {
			continue
		}
		b.Write(field)
		if !bytes.HasSuffix(field, []byte("\n")) {
			b.WriteString("\r\n")
		}
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// patience ends a mail whose line ends in a row are more than anybody means.
type patience struct {
	r     io.Reader
	blank int
}

func (p *patience) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	for _, octet := range b[:n] {
		if octet == '\r' || octet == '\n' {
			p.blank++
		} else {
			p.blank = 0
		}
		if p.blank > maxBlank {
			return 0, errBlank
		}
	}
	return n, err
}
