package mail

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"
)

// enter lets the client in, or says why not: with a proxy's header comes the
// client's address, then TLS where the door has it from the start, then the
// limits of connections.
func (w *wire) enter() error {
	w.begin()
	w.client = clientAddr(w.RemoteAddr()) // waits for a proxy's header
	if proxied, ok := w.Conn.(*proxyproto.Conn); ok && proxied.ProxyHeader() == nil {
		return fmt.Errorf("proxy %s sent no PROXY header", w.RemoteAddr())
	}
	if w.door.tls {
		if err := w.secure(); err != nil {
			return err
		}
	}
	if refusal := w.door.server.admit(w); refusal != nil {
		w.say(refusal)
		return refusal
	}
	return nil
}

// begin sets the time limit of a client's first octets, and of a handshake.
// Nothing is lost when they are interrupted.
func (w *wire) begin() {
	if w.setWaiting(true) {
		w.SetReadDeadline(time.Unix(1, 0))
		return
	}
	w.begun = time.Now()
	w.arm()
}

// startTLS replaces the connection by TLS on it. Everything that the client
// said before is forgotten (RFC 3207 §4.2).
func (w *wire) startTLS() error {
	w.begin()
	if err := w.secure(); err != nil {
		w.cfg.Log.Info("TLS handshake failed", "client", w.address(), "error", err)
		return io.EOF // nothing can be said any more
	}
	w.in.Reset(receiver{w})
	w.greeted, w.esmtp = false, false
	return nil
}

func (w *wire) secure() error {
	conn := tls.Server(w.Conn, w.cfg.TLS)
	w.SetWriteDeadline(time.Now().Add(w.cfg.ReplyTimeout))
	if err := conn.HandshakeContext(w.door.server.ctx); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	w.stream, w.tls = conn, true
	return nil
}

func clientAddr(addr net.Addr) netip.Addr {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("")
}

// behindProxy believes the PROXY header (versions 1 and 2) of the proxies in
// the given ranges, and demands one of them. For everybody else such a header
// is an unknown command.
func behindProxy(l net.Listener, proxies []netip.Prefix) net.Listener {
	if len(proxies) == 0 {
		return l
	}
	return &proxyproto.Listener{Listener: l, ConnPolicy: func(opts proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
		upstream := clientAddr(opts.Upstream)
		for _, proxy := range proxies {
			if proxy.Contains(upstream) {
				return proxyproto.REQUIRE, nil
			}
		}
		return proxyproto.SKIP, nil
	}}
}
