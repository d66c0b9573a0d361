package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/mail"
	"github.com/docuflow/docuflow/pipeline"
	"github.com/docuflow/docuflow/storage/objects"
	"github.com/docuflow/docuflow/storage/postgres"
	"github.com/docuflow/docuflow/storage/postgres/private"
)

// BenchmarkIngest compares, in rounds that take turns, a server that discards,
// the least that is durable (a file, fsync, a row) and ours, with a PostgreSQL
// whose commits are durable. Its ratios mean something, its figures little:
//
//	go test -run '^$' -bench Ingest -benchtime 1x ./cmd/docuflow
func BenchmarkIngest(b *testing.B) {
	bench := newIngest(b)
	for _, c := range []struct{ size, connections, mails int }{{50 << 10, 8, 600}, {1 << 20, 8, 160}, {10 << 20, 4, 24}} {
		b.Run(fmt.Sprintf("%dKB", c.size>>10), func(b *testing.B) {
			body := ingestBody(c.size)
			rates := map[string][]float64{}
			for b.Loop() {
				for range 5 {
					for _, name := range []string{"discard", "durable", "docuflow"} {
						rates[name] = append(rates[name], bench.round(b, bench.servers[name], c.connections, c.mails, body))
					}
				}
			}
			for name, all := range rates {
				slices.Sort(all)
				b.Logf("%-8s %6.0f mails/s (%.0f to %.0f)", name, all[len(all)/2], all[0], all[len(all)-1])
			}
			median := func(name string) float64 { return rates[name][len(rates[name])/2] }
			b.ReportMetric(median("docuflow")/median("durable"), "of-durable")
			b.ReportMetric(median("docuflow")/median("discard"), "of-discard")
		})
	}
}

type ingest struct {
	servers   map[string]string // addresses
	addresses []domain.Address  // of several workspaces
}

func newIngest(b *testing.B) *ingest {
	dir := newDataDir(b)
	server, err := private.Start(b.Context(), private.Config{DataDir: filepath.Join(dir, "postgres"), Durable: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { server.Stop(context.Background()) })
	url, err := provision(b.Context(), server)
	if err != nil {
		b.Fatal(err)
	}
	store, err := postgres.Open(b.Context(), url, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(store.Close)
	blobs, err := objects.OpenDirectory(filepath.Join(dir, "objects"))
	if err != nil {
		b.Fatal(err)
	}
	bench := &ingest{servers: map[string]string{}}
	for n := range 8 {
		_, address, err := store.NewWorkspace(b.Context(), fmt.Sprintf("Bench %d", n), "in.docuflow.test", fmt.Sprintf("bench%d@docuflow.test", n))
		if err != nil {
			b.Fatal(err)
		}
		bench.addresses = append(bench.addresses, address)
	}
	pool, err := pgxpool.New(b.Context(), server.URL("postgres"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	if _, err := pool.Exec(b.Context(), "CREATE TABLE raw (name text PRIMARY KEY, size bigint)"); err != nil {
		b.Fatal(err)
	}
	ours := mail.NewServer(mail.Config{Limits: mail.Limits{Off: true}}, pipeline.NewAcceptance(blobs, store, "standardize", dir, func(domain.WorkspaceID) {}))
	b.Cleanup(func() { ours.Shutdown(context.Background()) })
	bench.servers["docuflow"] = listenForBench(b, ours.Serve)
	bench.servers["discard"] = listenForBench(b, bareServer(func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }))
	bench.servers["durable"] = listenForBench(b, bareServer(func(r io.Reader) error { return keepRaw(b.Context(), dir, pool, r) }))
	return bench
}

func listenForBench(b *testing.B, serve func(net.Listener) error) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { listener.Close() })
	go serve(listener)
	return listener.Addr().String()
}

// keepRaw is the least that makes a mail durable.
func keepRaw(ctx context.Context, dir string, pool *pgxpool.Pool, r io.Reader) error {
	name := rand.Text()
	file, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer file.Close()
	size, err := io.CopyBuffer(struct{ io.Writer }{file}, r, make([]byte, 256<<10))
	if err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	_, err = pool.Exec(ctx, "INSERT INTO raw VALUES ($1, $2)", name, size)
	return err
}

type bareSession struct{ keep func(io.Reader) error }

func (bareSession) Reset()                               {}
func (bareSession) Logout() error                        { return nil }
func (bareSession) Mail(string, *smtp.MailOptions) error { return nil }
func (bareSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s bareSession) Data(r io.Reader) error             { return s.keep(r) }

func bareServer(keep func(io.Reader) error) func(net.Listener) error {
	return smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return bareSession{keep}, nil })).Serve
}

func ingestBody(size int) string {
	line := strings.Repeat("JVBERi0xLjcK", 7)[:76] + "\r\n"
	return "Subject: bench\r\n\r\n" + strings.Repeat(line, size/len(line)) + ".\r\n"
}

// round sends mails over some connections at once and returns mails a second.
func (i *ingest) round(b *testing.B, server string, connections, mails int, body string) float64 {
	begun := time.Now()
	var senders sync.WaitGroup
	errs := make(chan error, connections)
	for n := range connections {
		senders.Go(func() { errs <- sendForBench(server, i.addresses[n].Address, mails/connections, body) })
	}
	senders.Wait()
	took := time.Since(begun)
	for range connections {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
	return float64(mails) / took.Seconds()
}

func sendForBench(server, to string, mails int, body string) error {
	conn, err := net.Dial("tcp", server)
	if err != nil {
		return err
	}
	defer conn.Close()
	replies := bufio.NewReader(conn)
	ask := func(command, want string) error {
		if _, err := io.WriteString(conn, command); err != nil {
			return err
		}
		for {
			reply, err := replies.ReadString('\n')
			if err != nil || !strings.HasPrefix(reply, want) {
				return cmp.Or(err, fmt.Errorf("%.40q: %s", command, reply))
			}
			if reply[3] == ' ' {
				return nil
			}
		}
	}
	for _, step := range [][2]string{{"", "220"}, {"EHLO bench.test\r\n", "250"}} {
		if err := ask(step[0], step[1]); err != nil {
			return err
		}
	}
	for range mails {
		for _, step := range [][2]string{{"MAIL FROM:<a@b.test>\r\n", "250"}, {"RCPT TO:<" + to + ">\r\n", "250"}, {"DATA\r\n", "354"}, {body, "250"}} {
			if err := ask(step[0], step[1]); err != nil {
				return err
			}
		}
	}
	return nil
}
