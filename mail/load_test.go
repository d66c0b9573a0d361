package mail_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/mail"
)

const line = "JVBERi0xLjcKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlci9GbGF0ZURl\r\n"

// Memory does not grow with the mails: four of them, each 20 MB, are stopped
// in their middle and weighed.
func TestMemory(t *testing.T) {
	const clients, size, bound = 4, 20 << 20, 1 << 20
	for _, how := range []string{"DATA", "BDAT"} {
		t.Run(how, func(t *testing.T) {
			block := []byte(strings.Repeat(line, 100))
			idle := memory()
			scale := &weighing{middle: size / 2}
			scale.arrived.Add(clients)
			scale.leave = sync.OnceFunc(func() {
				scale.arrived.Wait()
				scale.weight = memory()
			})
			server := start(t, mail.Config{}, scale)
			var group sync.WaitGroup
			for range clients {
				conn := dial(t, server.address)
				conn.transaction()
				group.Go(func() { sendMany(conn, block, how, size) })
			}
			group.Wait()
			each := (scale.weight - idle) / clients
			t.Logf("%s: %d KB for each mail in transmission", how, each>>10)
			if each > bound {
				t.Errorf("more than %d KB", bound>>10)
			}
		})
	}
}

// sendMany makes no garbage while it sends, which would be weighed too.
func sendMany(conn *client, block []byte, how string, size int) {
	lines := size / len(line)
	if how == "DATA" {
		conn.send("DATA\r\n")
		conn.expect("354 ")
	} else {
		conn.send(fmt.Sprintf("BDAT %d LAST\r\n", 2+lines*len(line)))
	}
	conn.send("\r\n") // ends the header
	for range lines / 100 {
		if _, err := conn.Write(block); err != nil {
			conn.t.Errorf("send: %v", err)
			return
		}
	}
	conn.send(strings.Repeat(line, lines%100))
	if how == "DATA" {
		conn.send(".\r\n")
	}
	if got := conn.reply(); !strings.HasPrefix(got, "250 2.6.0") {
		conn.t.Errorf("reply %q", got)
	}
}

func memory() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc + stats.StackInuse)
}

// weighing is an inbox that holds all mails in their middle until the memory
// is measured.
type weighing struct {
	discarding
	middle  int64
	arrived sync.WaitGroup
	leave   func()
	weight  int64
}

func (w *weighing) Accept(_ context.Context, _ domain.Envelope, _ []domain.Address, raw io.Reader) error {
	buf := make([]byte, 256<<10)
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.LimitReader(raw, w.middle), buf); err != nil {
		return err
	}
	w.arrived.Done()
	w.leave()
	_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, raw, buf)
	return err
}

type discarding struct{}

func (discarding) Resolve(_ context.Context, address string) (domain.Address, error) {
	return domain.Address{Address: address}, nil
}

func (discarding) Accept(_ context.Context, _ domain.Envelope, _ []domain.Address, raw io.Reader) error {
	_, err := io.Copy(io.Discard, raw)
	return err
}

// BenchmarkReceive compares us with go-smtp alone. Both discard the mails.
func BenchmarkReceive(b *testing.B) {
	servers := map[string]func(testing.TB) string{
		"docuflow": func(t testing.TB) string { return start(t, mail.Config{}, discarding{}).address },
		"go-smtp":  startBare,
	}
	for _, size := range []int{50 << 10, 1 << 20, 10 << 20} {
		for name, serve := range servers {
			b.Run(fmt.Sprintf("%dKB/%s", size>>10, name), func(b *testing.B) {
				body := "\r\n" + strings.Repeat(line, size/len(line)) + ".\r\n"
				conn := dial(b, serve(b))
				conn.SetDeadline(time.Time{})
				conn.expect("220 ")
				conn.send(hello)
				conn.expect("250-")
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					conn.send(envelope + "DATA\r\n")
					conn.expect("250 ", "250 ", "354 ")
					conn.send(body)
					conn.expect("250 ")
				}
			})
		}
	}
}

type bare struct{}

func (bare) Reset()                               {}
func (bare) Logout() error                        { return nil }
func (bare) Mail(string, *smtp.MailOptions) error { return nil }
func (bare) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (bare) Data(r io.Reader) error               { _, err := io.Copy(io.Discard, r); return err }

func startBare(t testing.TB) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return bare{}, nil }))
	server.Domain = "mx.docuflow.test"
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}
