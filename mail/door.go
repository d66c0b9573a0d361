package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"github.com/emersion/go-smtp"
)

// door is one way in. All doors of a server share its limits and its inbox.
type door struct {
	server     *Server
	smtp       *smtp.Server
	name       string
	tls        bool // from the first octet
	submission bool // for people who sign in
	lmtp       bool // for another mail server (RFC 2033)
}

func (s *Server) newDoor(d door) *door {
	d.server = s
	d.smtp = smtp.NewServer(smtp.BackendFunc(d.newSession))
	d.smtp.Domain = s.cfg.Hostname
	d.smtp.LMTP = d.lmtp
	d.smtp.MaxMessageBytes = s.cfg.MaxSize
	d.smtp.MaxRecipients = s.cfg.MaxRecipients
	d.smtp.MaxLineLength = 0 // the wire limits commands; mails may have any lines
	d.smtp.WriteTimeout = s.cfg.ReplyTimeout
	d.smtp.EnableSMTPUTF8 = true
	d.smtp.AllowInsecureAuth = d.submission // the wire asks for TLS, go-smtp sees none
	d.smtp.ErrorLog = protocolLog{s.cfg.Log}
	return &d
}

func (d *door) newSession(c *smtp.Conn) (smtp.Session, error) {
	w, ok := c.Conn().(*wire)
	if !ok {
		return nil, errors.New("connection did not come through a door")
	}
	s := &session{server: d.server, wire: w, conn: c}
	if d.submission {
		return signIn{s}, nil
	}
	return s, nil
}

func (d *door) wrongHello() *smtp.SMTPError {
	if d.lmtp {
		return replySayLHLO
	}
	return replySayEHLO
}

func (d *door) serve(l net.Listener) error {
	if !d.server.open(l) {
		return l.Close()
	}
	if err := d.smtp.Serve(&listener{Listener: behindProxy(l, d.server.cfg.Proxies), door: d}); err != nil {
		return fmt.Errorf("serve %s on %s: %w", d.name, l.Addr(), err)
	}
	return nil
}

// listener makes wires of connections. It waits for nothing that a client
// should send: others want to come in too.
type listener struct {
	net.Listener
	door *door
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		w := newWire(conn, l.door, l.door.server.leave)
		if l.door.server.join(w) {
			return w, nil
		}
		conn.Close()
	}
}

// protocolLog receives what go-smtp has to say: broken connections and panics.
type protocolLog struct{ log *slog.Logger }

func (l protocolLog) Printf(format string, v ...any) {
	level := slog.LevelInfo
	if strings.HasPrefix(format, "panic") {
		level = slog.LevelError
	}
	l.log.Log(context.Background(), level, "SMTP session ended badly", "error", fmt.Sprintf(format, v...))
}

func (l protocolLog) Println(v ...any) { l.Printf("%s", fmt.Sprintln(v...)) }
