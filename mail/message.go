package mail

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// message reads one mail after DATA, up to its only end: CR LF . CR LF. It
// takes the dots out that were added for the transport (RFC 5321 §4.5.2) and
// otherwise changes nothing. Lines may be of any length.
//
// A bare LF is passed on, because honest programs send it. A bare CR, and a
// dot that begins a line whose end or whose predecessor's end is a bare LF,
// are what other servers may take for the end: reading fails with errSmuggling.
type message struct {
	in    *bufio.Reader
	limit int64 // octets that Read gives
	given int64
	seen  int64 // octets on the wire

	rest   []byte // decoded and not read yet; lives in the buffer of in
	inLine bool   // the last piece had no line end
	cr     bool   // … and ended with CR
	bareLF bool   // the line before ended without CR
	forged bool   // a shape of smuggling was seen
	err    error
}

func newMessage(in *bufio.Reader, limit int64) *message {
	return &message{in: in, limit: limit}
}

// Read fills p unless the mail ends or fails: few large reads are what makes
// storing fast. It fails with io.ErrUnexpectedEOF when the client goes away.
func (m *message) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(m.rest) == 0 {
			if err := m.advance(); err != nil {
				return n, err
			}
		}
		copied := copy(p[n:], m.rest)
		m.rest = m.rest[copied:]
		n += copied
	}
	return n, nil
}

// advance makes the next piece the rest, and holds the mail to its limits.
func (m *message) advance() error {
	piece, err := m.next()
	if err != nil {
		return err
	}
	if m.forged {
		return errSmuggling
	}
	m.given += int64(len(piece))
	if m.given > m.limit {
		return errTooBig
	}
	m.rest = piece
	return nil
}

// skip reads on to the mail's end, for a client that should hear a reply. Who
// sends more than twice what is allowed does not listen.
func (m *message) skip() error {
	for {
		if m.seen > 2*m.limit+receiveBuffer {
			return errFlood
		}
		if _, err := m.next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// next returns a line, or a piece of one that is longer than the buffer.
// After the end it returns io.EOF for ever.
func (m *message) next() ([]byte, error) {
	if m.err != nil {
		return nil, m.err
	}
	piece, err := m.in.ReadSlice('\n')
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		m.err = err
		return nil, err
	}
	m.seen += int64(len(piece))
	return m.decode(piece)
}

// decode takes a piece that holds at most one LF, as its last octet.
func (m *message) decode(piece []byte) ([]byte, error) {
	last := len(piece) - 1
	ends := piece[last] == '\n'
	crlf := ends && (last > 0 && piece[last-1] == '\r' || last == 0 && m.cr)
	if m.cr && piece[0] != '\n' || hasBareCR(piece, ends) {
		m.forged = true
	}
	starts := !m.inLine
	m.inLine, m.cr = !ends, !ends && piece[last] == '\r'
	if starts && piece[0] == '.' {
		if crlf && last == 2 && !m.bareLF {
			m.err = io.EOF
			return nil, io.EOF
		}
		if m.bareLF || ends && !crlf && last == 1 {
			m.forged = true
		}
		piece = piece[1:]
	}
	if ends {
		m.bareLF = !crlf
	}
	return piece, nil
}

// hasBareCR finds a CR that no LF follows. A CR at the end of a piece without
// line end is for the next piece to judge.
func hasBareCR(piece []byte, ends bool) bool {
	at := bytes.IndexByte(piece, '\r')
	if at < 0 {
		return false
	}
	if ends {
		return at != len(piece)-2
	}
	return at != len(piece)-1
}
