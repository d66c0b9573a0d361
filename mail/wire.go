package mail

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/docuflow/docuflow/domain"
)

// wire stands between a client's connection and go-smtp. It hands over one
// command at a time, only once the one before is answered, so it always knows
// what the client's next octets are: a command, a mail (DATA), a chunk of one
// (BDAT), or a sign-in. What no server should see it answers itself, and what
// go-smtp answers it says in our words.
//
// Only the goroutine that serves the connection may call Read and Write.
type wire struct {
	net.Conn // as it came in; time limits are set here
	door     *door
	cfg      *Config
	closed   func()
	stream   io.ReadWriter // the connection, or TLS on it
	in       *bufio.Reader

	client   netip.Addr // of the client, not of a proxy; zero for a local socket
	entered  bool
	tls      bool
	greeted  bool               // the client said who it is, since TLS began
	esmtp    bool               // … with EHLO, not HELO
	account  domain.WorkspaceID // that the client signed in to
	commands int                // since the last mail
	errors   int                // 5xx replies so far

	line   []byte // rest of what go-smtp is to read next
	again  []byte // a command that is to be examined once more
	mail   body   // being received
	begun  time.Time
	giving bool  // go-smtp reads a mail: it said 354
	muted  bool  // go-smtp answers what the client did not ask
	sasl   bool  // the next line belongs to a sign-in: go-smtp said 334
	err    error // the client is not listened to any more

	mu       sync.Mutex
	waiting  bool // for a command: nothing is lost when it is interrupted
	draining bool

	places []netip.Prefix // that the server counts it under
}

// body is a mail on its way in.
type body interface {
	io.Reader
	// skip reads on to where the next command begins.
	skip() error
}

const (
	receiveBuffer = 32 << 10
	maxCommand    = 2048 // octets; RFC 5321 asks for 512, and extensions add to it
)

func newWire(conn net.Conn, d *door, leave func(*wire)) *wire {
	w := &wire{Conn: conn, door: d, cfg: &d.server.cfg, stream: conn}
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
	if w.sasl {
		return w.nextOfSignIn()
	}
	// What nobody read of a mail is skipped. When go-smtp waits for that mail,
	// which the session has read from here, it sees an empty one.
	giving := w.giving
	if err := w.skipMail(); err != nil {
		return nil, err
	}
	if giving {
		return []byte(".\r\n"), nil
	}
	return w.nextCommand()
}

func (w *wire) skipMail() error {
	mail := w.mail
	w.mail, w.giving = nil, false
	if mail == nil {
		return nil
	}
	err := mail.skip()
	if errors.Is(err, errFlood) {
		w.say(replyTooBig(w.cfg.MaxSize))
		w.muted = true
	}
	if err != nil && !isTimeout(err) {
		return io.EOF // as between commands: nobody is there
	}
	return err
}

// message begins to read the mail that the client has announced.
func (w *wire) message() io.Reader {
	if w.mail == nil { // DATA; BDAT brought its first chunk along
		w.begun = time.Now()
		w.mail = newMessage(w.in, w.cfg.MaxSize)
	}
	return w.mail
}

// nextCommand returns the next command that go-smtp should see. io.EOF ends
// the connection without another word.
func (w *wire) nextCommand() ([]byte, error) {
	defer w.setWaiting(false)
	w.muted = false
	for {
		if w.setWaiting(true) {
			w.say(replyClosing)
			return nil, io.EOF
		}
		if reply := w.exhausted(); reply != nil {
			w.say(reply)
			return nil, io.EOF
		}
		line, err := w.readLine()
		if err != nil {
			return nil, w.farewell(err)
		}
		line, reply := w.examine(line)
		if reply == nil {
			return line, nil
		}
		w.say(reply)
		if err := w.follow(reply); err != nil {
			return nil, err
		}
	}
}

func (w *wire) exhausted() *smtp.SMTPError {
	w.commands++
	switch {
	case w.errors > w.cfg.MaxErrors:
		return replyErrors
	case w.commands > w.cfg.MaxCommands:
		return replyCommands
	}
	return nil
}

// follow does what one of our own replies has promised.
func (w *wire) follow(reply *smtp.SMTPError) error {
	switch reply {
	case replyStartTLS:
		return w.startTLS()
	case replyChunk, replyInjection: // what follows could be anything
		return io.EOF
	}
	w.setWaiting(false)
	return w.skipMail()
}

// readLine reads a command, or the one that ended a mail in chunks once more.
func (w *wire) readLine() ([]byte, error) {
	if line := w.again; line != nil {
		w.again = nil
		return line, nil
	}
	w.begun = time.Now()
	return w.scanLine()
}

// scanLine reads up to a line feed, but never more than the buffer holds.
func (w *wire) scanLine() ([]byte, error) {
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
	}
	return io.EOF
}

// say sends a reply past go-smtp, which is waiting for a command.
func (w *wire) say(reply *smtp.SMTPError) {
	w.SetWriteDeadline(time.Now().Add(w.cfg.ReplyTimeout))
	_ = w.send(line(reply))
}

// Write takes a line of go-smtp's, and sends it in our words. The first one,
// the greeting, waits until the client is let in.
func (w *wire) Write(p []byte) (int, error) {
	if !w.entered {
		w.entered = true
		if err := w.enter(); err != nil {
			w.err = io.EOF
			return 0, err
		}
	}
	text := string(p)
	switch {
	case w.muted:
		return len(p), nil
	case strings.HasPrefix(text, "354"):
		w.giving = true
		if w.mail != nil { // BDAT: the client did not ask
			return len(p), nil
		}
	case strings.HasPrefix(text, "334"):
		w.sasl = true
	}
	return len(p), w.send(w.reword(text))
}

// send sends a line. Failures get a reference, and those that say that the
// client is wrong are counted.
func (w *wire) send(text string) error {
	if text[0] == '5' && text[3] == ' ' {
		w.errors++
	}
	if (text[0] == '4' || text[0] == '5') && !strings.Contains(text, "(reference ") {
		reference := newReference()
		text = refer(strings.TrimSuffix(text, "\r\n"), reference) + "\r\n"
		w.cfg.Log.Info("SMTP command refused", "client", w.address(), "reply", strings.TrimSpace(text), "reference", reference)
	}
	_, err := io.WriteString(w.stream, text)
	if err != nil {
		w.err = io.EOF // who takes no replies is not listened to, either
	}
	if secure, ok := w.stream.(*tls.Conn); ok && (strings.HasPrefix(text, "221") || strings.HasPrefix(text, "421")) {
		_ = secure.CloseWrite() // the last word: it was not cut off
	}
	return err
}

// line is a reply as it is sent.
func line(reply *smtp.SMTPError) string {
	code := reply.EnhancedCode
	return fmt.Sprintf("%d %d.%d.%d %s\r\n", reply.Code, code[0], code[1], code[2], reply.Message)
}

// address is the client's IP address, empty for a local socket.
func (w *wire) address() string {
	if !w.client.IsValid() {
		return ""
	}
	return w.client.String()
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
	return r.stream.Read(p)
}
