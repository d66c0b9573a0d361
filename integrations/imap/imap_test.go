package imap_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/integrations/imap"
	"github.com/docuflow/docuflow/storage/postgres"
	"github.com/docuflow/docuflow/storage/postgres/postgrestest"
)

// inbox takes mails, unless it is told to fail.
type inbox struct {
	mails []string
	last  domain.Envelope
	fail  error
}

func (i *inbox) Resolve(context.Context, string) (domain.Address, error) {
	return domain.Address{Address: "acme@in.example"}, nil
}

func (i *inbox) Accept(_ context.Context, envelope domain.Envelope, to []domain.Address, raw io.Reader) error {
	content, err := io.ReadAll(raw)
	if err = errors.Join(err, i.fail); err == nil && len(to) == 1 {
		i.mails, i.last = append(i.mails, string(content)), envelope
	}
	return err
}

// elsewhere is a mail server with one mailbox, and a database for the cursor.
type elsewhere struct {
	addr  string
	user  *imapmemserver.User
	store *postgres.Store
}

const password = "secret"

func newElsewhere(t *testing.T) *elsewhere {
	t.Helper()
	memory := imapmemserver.New()
	user := imapmemserver.NewUser("me", password)
	if err := user.Create("Invoices", nil); err != nil {
		t.Fatal(err)
	}
	memory.AddUser(user)
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return memory.NewSession(), nil, nil
		},
		Caps: goimap.CapSet{goimap.CapIMAP4rev1: {}}, InsecureAuth: true, Logger: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	return &elsewhere{addr: listener.Addr().String(), user: user, store: openStore(t)}
}

func openStore(t *testing.T) *postgres.Store {
	t.Helper()
	admin := postgrestest.New(t, func(ctx context.Context, superuserURL string) error {
		_, err := postgres.Provision(ctx, superuserURL, password)
		return err
	})
	login, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	login.User = url.UserPassword("docuflow", password)
	store, err := postgres.Open(t.Context(), login.String(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

func (e *elsewhere) reader(node string, into *inbox) *imap.Mailbox {
	return imap.New(imap.Config{
		Addr: e.addr, Security: imap.Plain, User: "me", Password: password, Mailbox: "Invoices", To: "acme@in.example",
		Every: time.Millisecond, MaxSize: 1000, Node: node, Log: slog.New(slog.DiscardHandler),
	}, into, e.store)
}

func (e *elsewhere) arrive(t *testing.T, text string) string {
	t.Helper()
	return e.arriveAt(t, text, time.Now())
}

func (e *elsewhere) arriveAt(t *testing.T, text string, at time.Time) string {
	t.Helper()
	mail := "Subject: x\r\n\r\n" + text
	if _, err := e.user.Append("Invoices", literal{strings.NewReader(mail)}, &goimap.AppendOptions{Time: at}); err != nil {
		t.Fatal(err)
	}
	return mail
}

type literal struct{ *strings.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

func look(t *testing.T, m *imap.Mailbox, want int) {
	t.Helper()
	taken, err := m.Look(t.Context())
	if err != nil || taken != want {
		t.Fatalf("took %d, want %d: %v", taken, want, err)
	}
}

func TestNewMailIsTakenOnce(t *testing.T) {
	e, box := newElsewhere(t), &inbox{}
	e.arrive(t, "before we came")
	reader := e.reader("a", box)
	look(t, reader, 0)
	first, second := e.arrive(t, "first"), e.arrive(t, "second")
	look(t, reader, 2)
	look(t, reader, 0)
	third := e.arrive(t, "third")
	look(t, e.reader("a", box), 1) // after a restart
	if !box.last.HandedOver {
		t.Error("the server elsewhere is taken for the sender's")
	}
	if !slices.Equal(box.mails, []string{first, second, third}) {
		t.Errorf("got %q", box.mails)
	}
	e.checkUntouched(t, 4)
}

func TestEarlierMailIsTakenWhenItIsWanted(t *testing.T) {
	e, box := newElsewhere(t), &inbox{}
	old := e.arriveAt(t, "years ago", time.Now().AddDate(-3, 0, 0))
	fresh := e.arrive(t, "just now")
	reader := func() *imap.Mailbox {
		return imap.New(imap.Config{
			Addr: e.addr, Security: imap.Plain, User: "me", Password: password, Mailbox: "Invoices", To: "acme@in.example",
			Earlier: true, Every: time.Millisecond, MaxSize: 1000, Node: "a", Log: slog.New(slog.DiscardHandler),
		}, box, e.store)
	}
	look(t, reader(), 2)
	look(t, reader(), 0)
	if !slices.Equal(box.mails, []string{old, fresh}) {
		t.Errorf("got %q", box.mails)
	}
}

// checkUntouched looks that all mails are there and none was marked.
func (e *elsewhere) checkUntouched(t *testing.T, want int) {
	t.Helper()
	client, err := imapclient.DialInsecure(e.addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Login("me", password).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Select("Invoices", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	mails, err := client.Fetch(goimap.SeqSet{goimap.SeqRange{Start: 1, Stop: 0}}, &goimap.FetchOptions{Flags: true}).Collect()
	if err != nil || len(mails) != want {
		t.Fatalf("%d mails, want %d: %v", len(mails), want, err)
	}
	for _, mail := range mails {
		if len(mail.Flags) > 0 {
			t.Errorf("mail %d is marked %v", mail.SeqNum, mail.Flags)
		}
	}
}

func TestMailThatCannotBeStoredComesAgain(t *testing.T) {
	e, box := newElsewhere(t), &inbox{}
	reader := e.reader("a", box)
	look(t, reader, 0)
	mails := []string{e.arrive(t, "one"), e.arrive(t, "two")}
	box.fail = errors.New("storage is away")
	if _, err := reader.Look(t.Context()); !errors.Is(err, box.fail) {
		t.Fatalf("got %v", err)
	}
	box.fail = nil
	look(t, reader, 2)
	if !slices.Equal(box.mails, mails) {
		t.Errorf("got %q", box.mails)
	}
}

func TestTooLargeMailDoesNotStopTheOthers(t *testing.T) {
	e, box := newElsewhere(t), &inbox{}
	reader := e.reader("a", box)
	look(t, reader, 0)
	e.arrive(t, strings.Repeat("x", 1001))
	small := e.arrive(t, "small")
	look(t, reader, 1)
	if !slices.Equal(box.mails, []string{small}) {
		t.Errorf("got %q", box.mails)
	}
	e.checkUntouched(t, 2)
}

// A server that numbers its mails anew makes us look again at everything since we began, and at nothing older.
func TestNewUIDValidity(t *testing.T) {
	e, box := newElsewhere(t), &inbox{}
	reader := e.reader("a", box)
	look(t, reader, 0)
	taken := e.arrive(t, "taken before")
	look(t, reader, 1)
	if err := e.user.Delete("Invoices"); err != nil {
		t.Fatal(err)
	}
	if err := e.user.Create("Invoices", nil); err != nil {
		t.Fatal(err)
	}
	e.arriveAt(t, "from long ago", time.Now().AddDate(-1, 0, 0))
	e.arrive(t, "taken before")
	fresh := e.arrive(t, "new")
	look(t, reader, 2)
	if !slices.Equal(box.mails, []string{taken, taken, fresh}) {
		t.Errorf("got %q", box.mails)
	}
}

func TestOneNodeReadsAMailbox(t *testing.T) {
	e, box := newElsewhere(t), &inbox{}
	look(t, e.reader("a", box), 0)
	e.arrive(t, "x")
	if _, err := e.reader("b", box).Look(t.Context()); !errors.Is(err, domain.ErrNotDue) {
		t.Fatalf("the other node: %v", err)
	}
	look(t, e.reader("a", box), 1)
}

// A node that stops leaves the mailbox to the others at once.
func TestMailboxIsLeftAtTheEnd(t *testing.T) {
	e, box := newElsewhere(t), &inbox{}
	reader := e.reader("a", box)
	look(t, reader, 0)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	reader.Run(ctx)
	look(t, e.reader("b", box), 0)
}

func TestWrongPassword(t *testing.T) {
	e := newElsewhere(t)
	reader := imap.New(imap.Config{Addr: e.addr, Security: imap.Plain, User: "me", Password: "wrong", Mailbox: "Invoices", Log: slog.New(slog.DiscardHandler)}, &inbox{}, e.store)
	if _, err := reader.Look(t.Context()); err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("got %v", err)
	}
}

// A mail whose transmission breaks off is not taken for a shorter one.
func TestBrokenConnection(t *testing.T) {
	e, box := newElsewhere(t), &inbox{}
	broken := e.throughALine(t)
	reader := e.reader("a", box)
	look(t, reader, 0)
	mail := e.arrive(t, strings.Repeat("y", 900))
	broken.Store(true)
	if taken, err := reader.Look(t.Context()); err == nil || taken != 0 {
		t.Fatalf("took %d: %v", taken, err)
	}
	broken.Store(false)
	look(t, reader, 1)
	if !slices.Equal(box.mails, []string{mail}) {
		t.Errorf("got %q", box.mails)
	}
}

// throughALine puts a line in front of the server that, while it is broken, ends in the middle of a mail.
func (e *elsewhere) throughALine(t *testing.T) *atomic.Bool {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	server, broken := e.addr, &atomic.Bool{}
	e.addr = listener.Addr().String()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go carry(client, server, broken)
		}
	}()
	return broken
}

func carry(client net.Conn, addr string, broken *atomic.Bool) {
	defer client.Close()
	server, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer server.Close()
	go func() { _, _ = io.Copy(server, client) }()
	answers := make([]byte, 4096)
	for {
		n, err := server.Read(answers)
		if err != nil {
			return
		}
		at := strings.Index(string(answers[:n]), "yyyyyyyy")
		if at >= 0 && broken.Load() {
			_, _ = client.Write(answers[:at+5])
			return
		}
		if _, err := client.Write(answers[:n]); err != nil {
			return
		}
	}
}
