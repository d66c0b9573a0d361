package mail

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// wire stands between a client's connection and go-smtp. It hands over one
// command at a time, only once the one before is answered, so it always knows
// what the client's next octets are: a command, a mail (DATA), or a chunk of
// one (BDAT). What no server should see it answers itself.
//
// Only the goroutine that serves the connection may call Read.
type wire struct {
	net.Conn
	cfg    Config
	closed func()
	in     *bufio.Reader

	line   []byte   // rest of what go-smtp is to read next
	mail   *message // being received after DATA
	chunk  int64    // octets that are left of a BDAT chunk
	begun  time.Time
	esmtp  bool  // the client said EHLO, not HELO
	errors int   // 5xx replies so far
	err    error // the client is not listened to any more

	mu       sync.Mutex
	waiting  bool // for a command: nothing is lost when it is interrupted
	draining bool
}

const (
	receiveBuffer = 32 << 10
	maxCommand    = 2048 // octets; RFC 5321 asks for 512, and extensions add to it
)

func newWire(conn net.Conn, cfg Config, leave func(*wire)) *wire {
	w := &wire{Conn: conn, cfg: cfg}
	w.closed = sync.OnceFunc(func() { leave(w) })
	w.in = bufio.NewReaderSize(receiver{w}, receiveBuffer)
	return w
}

// Close ends the connection.
func (w *wire) Close() error {
	defer w.closed()
	return w.Conn.Close()
}

// Read gives go-smtp what it is to see.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.line) == 0 && w.chunk > 0 {
		return w.readChunk(p)
	}
	if len(w.line) == 0 {
		line, err := w.next()
		if err != nil {
			w.err = err
			return 0, err
		}
		w.line = line
	}
	n := copy(p, w.line)
	w.line = w.line[n:]
	return n, nil
}

func (w *wire) next() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	if w.mail == nil {
		return w.nextCommand()
	}
	// go-smtp is at the start of a mail that the session has read from here.
	// What the session left is skipped, and go-smtp sees an empty mail.
	mail := w.mail
	w.mail = nil
	err := mail.skip()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, io.EOF // as between commands: nobody is there
	}
	if err != nil {
		return nil, err
	}
	return []byte(".\r\n"), nil
}

// message begins to read a mail after DATA.
func (w *wire) message() *message {
	w.begun = time.Now()
	w.mail = newMessage(w.in, w.cfg.MaxSize)
	return w.mail
}

// readChunk reads from a BDAT chunk. Its errors are replies: go-smtp takes
// io.EOF for the chunk's end, and shows other errors to the client.
func (w *wire) readChunk(p []byte) (int, error) {
	if w.err != nil {
		return 0, replyCutOff
	}
	if int64(len(p)) > w.chunk {
		p = p[:w.chunk]
	}
	n, err := w.in.Read(p)
	w.chunk -= int64(n)
	if err != nil {
		w.err = err
		w.chunk = 0
		return n, replyCutOff
	}
	return n, nil
}

// nextCommand returns the next command that go-smtp should see. io.EOF ends
// the connection without another word.
func (w *wire) nextCommand() ([]byte, error) {
	defer w.setWaiting(false)
	for {
		if w.setWaiting(true) {
			w.say(replyClosing)
			return nil, io.EOF
		}
		if w.errors > w.cfg.MaxErrors {
			w.say(replyErrors)
			return nil, io.EOF
		}
		line, err := w.readLine()
		if err != nil {
			return nil, w.farewell(err)
		}
		line, refusal := w.examine(line)
		if refusal == nil {
			return line, nil
		}
		w.say(refusal)
		if refusal == replyChunk { // what follows could be commands or mail
			return nil, io.EOF
		}
	}
}

// readLine reads up to a line feed, but never more than the buffer holds.
func (w *wire) readLine() ([]byte, error) {
	w.begun = time.Now()
	line, err := w.in.ReadSlice('\n')
	if err == nil && len(line) > maxCommand {
		err = bufio.ErrBufferFull
	}
	return line, err
}

// farewell says why the connection is ended, when the client can still hear.
func (w *wire) farewell(err error) error {
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		w.say(replyTooLong)
	case w.isDraining():
		w.say(replyClosing)
	case isTimeout(err):
		w.say(replyTimeout)
	default:
		return err
	}
	return io.EOF
}

// say sends a reply past go-smtp, which is waiting for a command.
func (w *wire) say(reply *smtp.SMTPError) {
	w.SetWriteDeadline(time.Now().Add(w.cfg.ReplyTimeout))
	code := reply.EnhancedCode
	fmt.Fprintf(w, "%d %d.%d.%d %s\r\n", reply.Code, code[0], code[1], code[2], reply.Message)
}

// Write sends a reply. It counts those that say that the client is wrong.
func (w *wire) Write(p []byte) (int, error) {
	if len(p) > 3 && p[0] == '5' && p[3] == ' ' {
		w.errors++
	}
	n, err := w.Conn.Write(p)
	if err != nil {
		w.err = io.EOF // who takes no replies is not listened to, either
	}
	return n, err
}

// interrupt makes the client leave at its next command.
func (w *wire) interrupt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.draining = true
	if w.waiting {
		w.SetReadDeadline(time.Unix(1, 0))
	}
}

// setWaiting marks the wire as waiting for a command, and says whether it is
// to leave instead.
func (w *wire) setWaiting(waiting bool) (leave bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = waiting
	return w.draining
}

func (w *wire) isDraining() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.draining
}

// arm sets the time limit of the next read.
func (w *wire) arm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting && w.draining {
		return // interrupted, and it stays so
	}
	deadline := w.begun.Add(w.cfg.CommandTimeout)
	if !w.waiting {
		deadline = time.Now().Add(w.cfg.DataTimeout)
		if whole := w.begun.Add(w.cfg.MessageTimeout); whole.Before(deadline) {
			deadline = whole
		}
	}
	w.SetReadDeadline(deadline)
}

// receiver reads from the client, with a time limit.
type receiver struct{ *wire }

func (r receiver) Read(p []byte) (int, error) {
	r.arm()
	return r.Conn.Read(p)
}
