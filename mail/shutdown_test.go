package mail_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/mail"
)

// stop shuts the server down and waits for everything that it does. The log
// may be read after it.
func (r *running) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := r.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func TestShutdown(t *testing.T) {
	to := &inbox{reading: make(chan struct{}, 2)}
	server := start(t, mail.Config{}, to)

	idle, between := dial(t, server.address), dial(t, server.address)
	idle.expect("220 ")
	between.transaction()
	inData, inChunk := dial(t, server.address), dial(t, server.address)
	for conn, send := range map[*client]string{inData: "DATA\r\none ", inChunk: "BDAT 6 LAST\r\ntwo "} {
		conn.transaction()
		conn.send(send)
		<-to.reading
	}
	inData.expect("354 ")

	stopped := make(chan error, 1)
	go func() { stopped <- server.Shutdown(t.Context()) }()
	idle.expect("421 4.3.2", "")
	between.expect("421 4.3.2", "")
	dial(t, server.address).expect("421 4.3.2", "")
	select {
	case err := <-stopped:
		t.Fatalf("did not wait for the mails: %v", err)
	default:
	}

	inData.send("and its end\r\n.\r\nNOOP\r\n")
	inData.expect("250 2.6.0", "421 4.3.2", "")
	inChunk.send("\r\n")
	inChunk.expect("250 2.6.0", "421 4.3.2", "")
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if got := strings.Join(to.contents(), "|"); got != "one and its end\r\n|two \r\n" {
		t.Errorf("kept %q", got)
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Errorf("second shutdown: %v", err)
	}
}

func TestServeAfterShutdown(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := mail.NewServer(mail.Config{}, &inbox{})
	if err := server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(listener); err != nil {
		t.Errorf("serve: %v", err)
	}
	if conn, err := net.Dial("tcp", listener.Addr().String()); err == nil {
		conn.Close()
		t.Error("the listener of a server that was shut down is still open")
	}
}

func TestShutdownRunsOutOfTime(t *testing.T) {
	to := &inbox{reading: make(chan struct{}, 1)}
	server := start(t, mail.Config{}, to)
	conn := dial(t, server.address)
	conn.transaction()
	conn.send("DATA\r\nhalf")
	conn.expect("354 ")
	<-to.reading
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v, want %v", err, context.Canceled)
	}
	for reply := conn.reply(); reply != ""; reply = conn.reply() {
		if strings.HasPrefix(reply, "250") {
			t.Errorf("reply %q to half a mail", reply)
		}
	}
	if got := to.contents(); len(got) > 0 {
		t.Errorf("kept %q", got)
	}
}

func TestConnectionLimit(t *testing.T) {
	server := start(t, mail.Config{MaxConnections: 2}, &inbox{})
	first, second := dial(t, server.address), dial(t, server.address)
	first.expect("220 ")
	second.expect("220 ")
	dial(t, server.address).expect("421 4.3.2 Too many connections", "")
	first.send("QUIT\r\n")
	first.expect("221 ", "")
	// The server may notice a moment later than the client.
	for range 1000 {
		if strings.HasPrefix(dial(t, server.address).reply(), "220 ") {
			return
		}
	}
	t.Error("a place that was given back stays taken")
}
