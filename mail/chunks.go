package mail

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-smtp"
)

// chunks reads one mail that comes in BDAT chunks (RFC 3030), octet for octet.
// Between two chunks it answers the client itself, for go-smtp believes that
// it is receiving a mail after DATA.
type chunks struct {
	wire  *wire
	left  int64 // octets of the present chunk
	last  bool
	given int64
	err   error
	lost  bool // err is the connection's
}

// chunkSize reads the argument of BDAT.
func chunkSize(argument string) (size int64, last, ok bool) {
	words := strings.Fields(argument)
	if len(words) == 0 || len(words) > 2 || len(words) == 2 && !strings.EqualFold(words[1], "LAST") {
		return 0, false, false
	}
	unsigned, err := strconv.ParseUint(words[0], 10, 63)
	return int64(unsigned), len(words) == 2, err == nil
}

// Read reads from a chunk, or from the one after it. It fails with
// io.ErrUnexpectedEOF when the client goes away, and with errAborted when it
// begins something else.
func (c *chunks) Read(p []byte) (int, error) {
	for c.err == nil && c.left == 0 {
		c.err = c.advance()
	}
	if c.err == nil && c.left > c.wire.cfg.MaxSize-c.given {
		c.err = errTooBig
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.wire.in.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	c.given += int64(n)
	if err != nil {
		return n, c.lose(err)
	}
	return n, nil
}

// skip reads to the end of the present chunk. What is so large that it could
// never be a mail is not waited for.
func (c *chunks) skip() error {
	if c.lost {
		return c.err
	}
	if c.left > 2*c.wire.cfg.MaxSize+receiveBuffer {
		return errFlood
	}
	for c.left > 0 {
		n, err := c.wire.in.Discard(int(min(c.left, receiveBuffer)))
		c.left -= int64(n)
		if err != nil {
			return c.lose(err)
		}
	}
	return nil
}

// advance goes from the end of one chunk to the beginning of the next.
func (c *chunks) advance() error {
	if c.last {
		return io.EOF
	}
	w := c.wire
	w.say(replyContinue)
	for {
		if reply := w.exhausted(); reply != nil {
			return c.end(reply)
		}
		line, err := w.scanLine()
		if errors.Is(err, io.EOF) {
			return c.lose(err)
		}
		if err != nil {
			w.muted = true // farewell says it all
			return c.lose(w.farewell(err))
		}
		verb, argument, reply := parse(line)
		switch {
		case reply != nil:
			w.say(reply)
		case verb == "BDAT":
			return c.begin(argument)
		case verb == "NOOP":
			w.say(replyNothing)
		case slices.Contains([]string{"RSET", "QUIT", "EHLO", "HELO", "LHLO"}, verb):
			w.again, w.muted = slices.Clone(line), true
			return errAborted
		default:
			w.say(replyInChunks)
		}
	}
}

func (c *chunks) begin(argument string) error {
	var ok bool
	if c.left, c.last, ok = chunkSize(argument); !ok {
		return c.end(replyChunk)
	}
	if c.left > 0 {
		c.wire.commands-- // a mail may have any number of chunks
	}
	return nil
}

// end ends the connection with a last word.
func (c *chunks) end(reply *smtp.SMTPError) error {
	c.wire.say(reply)
	c.wire.muted = true
	return c.lose(io.EOF)
}

// lose notes that nothing more can come from the client.
func (c *chunks) lose(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	c.err, c.lost = err, true
	return err
}
