package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/textproto"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"
)

// letter is one mail in the queue of the sending server.
type letter struct {
	to     string
	raw    []byte
	wants  []wanted
	tries  int
	bornAt time.Time
}

// wanted is a document that a letter must become.
type wanted struct {
	sha256 string
	number string // printed on it and part of the filed name; empty on pictures
}

// mta delivers like the mail server of a sender: it owns a queue, tries again
// after every temporary refusal and every broken connection, later each time
// and with the same Message-ID, and never after 250.
type mta struct {
	hosts func() []string // mail exchangers of equal preference
	tally *tally

	due      chan *letter
	mu       sync.Mutex
	accepted []*letter
	bounced  []string
	slowest  time.Duration // from a letter's first try to its 250
}

const (
	mtaConnections = 6
	mtaPatience    = 10 * time.Second // for one answer: less than servers should wait, so that some 250s get lost
)

func newMTA(tally *tally, hosts func() []string) *mta {
	return &mta{hosts: hosts, tally: tally, due: make(chan *letter, 100_000)}
}

// run delivers until ctx ends.
func (m *mta) run(ctx context.Context) {
	var connections sync.WaitGroup
	for range mtaConnections {
		connections.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case l := <-m.due:
					m.attempt(ctx, l)
				}
			}
		})
	}
	connections.Wait()
}

// submit queues letters at a rate, in letters a second.
func (m *mta) submit(ctx context.Context, rate float64, letters []*letter) {
	pace := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer pace.Stop()
	for _, l := range letters {
		l.bornAt = time.Now()
		m.due <- l
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
	}
}

func (m *mta) attempt(ctx context.Context, l *letter) {
	hosts := m.hosts()
	l.tries++
	code, err := m.transmit(ctx, hosts[rand.IntN(len(hosts))], l)
	m.tally.add("mail", code)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		m.accepted = append(m.accepted, l)
		m.slowest = max(m.slowest, time.Since(l.bornAt))
	case code[0] == '5':
		m.bounced = append(m.bounced, err.Error())
	case ctx.Err() == nil:
		bound := min(500*time.Millisecond<<min(l.tries, 5), 8*time.Second)
		time.AfterFunc(bound/2+rand.N(bound/2), func() { m.due <- l })
	}
}

// transmit is one conversation. It returns the reply's code, or what became
// of the connection.
func (m *mta) transmit(ctx context.Context, host string, l *letter) (code string, err error) {
	dialer := net.Dialer{Timeout: mtaPatience}
	conn, err := dialer.DialContext(ctx, "tcp", host)
	if err != nil {
		return outcome(err), err
	}
	defer conn.Close()
	client := smtp.NewClient(conn)
	client.CommandTimeout, client.SubmissionTimeout = mtaPatience, mtaPatience
	if err := converse(client, l.to, l.raw); err != nil {
		return outcome(err), err
	}
	_ = client.Quit() // it is theirs already
	return "250", nil
}

func converse(client *smtp.Client, to string, raw []byte) error {
	if err := client.Hello("mta.example.test"); err != nil {
		return err
	}
	if err := client.Mail("billing@vendor.example", nil); err != nil {
		return err
	}
	if err := client.Rcpt(to, nil); err != nil {
		return err
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := body.Write(raw); err != nil {
		return err
	}
	return body.Close()
}

func outcome(err error) string {
	if errors.Is(err, errNoneReady) {
		return "no node was ready"
	}
	if reply, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return strconv.Itoa(reply.Code)
	}
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
		return "no answer in time"
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "connection refused"
	}
	return "connection lost"
}

// counts tells how many letters were accepted and which documents they owe.
func (m *mta) counts() (accepted int, owed []wanted, bounced []string, slowest time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.accepted {
		owed = append(owed, l.wants...)
	}
	return len(m.accepted), owed, append([]string(nil), m.bounced...), m.slowest
}

// letters writes mails with that many documents in all, to each address in
// turn: mostly one small invoice, sometimes two, now and then a picture or a part that is no document.
func letters(run string, to []string, documents int) (all []*letter) {
	for made := 0; made < documents; {
		id := fmt.Sprintf("%s-%05d", run, made)
		var parts []part
		add := func(kind, name string, content []byte, number string) {
			parts = append(parts, part{kind, name, content, number})
			made++
		}
		number := func() string { return fmt.Sprintf("C-%05d", made) }
		add("application/pdf", "invoice-"+id+".pdf", invoicePDF(number()), number())
		switch {
		case len(all)%97 == 40 && made < documents:
			add("image/png", "photo-"+id+".png", smallPicture(id), "")
		case len(all)%10 == 3 && made < documents:
			add("application/pdf", "second-"+id+".pdf", invoicePDF(number()), number())
		case len(all)%10 == 7:
			parts = append(parts, part{kind: "text/plain", name: "notes.txt", content: []byte("no document\n")})
		}
		all = append(all, compose(id, to[len(all)%len(to)], parts))
	}
	return all
}

type part struct {
	kind, name string
	content    []byte
	number     string
}

func compose(id, to string, parts []part) *letter {
	l := &letter{to: to}
	var raw bytes.Buffer
	body := multipart.NewWriter(&raw)
	fmt.Fprintf(&raw, "From: Vendor <billing@vendor.example>\r\nTo: <%s>\r\nSubject: Invoice %s\r\nMessage-ID: <%s@vendor.example>\r\n"+
		"Date: %s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=%s\r\n\r\n", to, id, id, time.Now().Format(time.RFC1123Z), body.Boundary())
	for _, p := range parts {
		w, _ := body.CreatePart(textproto.MIMEHeader{
			"Content-Type": {p.kind}, "Content-Transfer-Encoding": {"base64"},
			"Content-Disposition": {fmt.Sprintf("attachment; filename=%q", p.name)},
		})
		lines := base64.StdEncoding.EncodeToString(p.content)
		for len(lines) > 0 {
			n := min(76, len(lines))
			io.WriteString(w, lines[:n]+"\r\n")
			lines = lines[n:]
		}
		if p.kind != "text/plain" {
			sum := sha256.Sum256(p.content)
			l.wants = append(l.wants, wanted{sha256: hex.EncodeToString(sum[:]), number: p.number})
		}
	}
	body.Close()
	l.raw = raw.Bytes()
	return l
}

// smallPicture is a picture that no other letter has.
func smallPicture(id string) []byte {
	picture := image.NewGray(image.Rect(0, 0, 120, 40))
	for i := range picture.Pix {
		picture.Pix[i] = 255
	}
	for i, c := range []byte(id) {
		picture.SetGray(5+i*4, 10+int(c)%20, color.Gray{})
	}
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		panic(err)
	}
	return file.Bytes()
}
