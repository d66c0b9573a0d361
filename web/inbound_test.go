package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// postbox keeps mails as the door for mail does: only those that were read to their end.
type postbox struct {
	mails []string
	last  domain.Envelope
	err   error
}

func (p *postbox) Resolve(_ context.Context, address string) (domain.Address, error) {
	if !strings.HasSuffix(address, "@in.example") {
		return domain.Address{}, domain.ErrNotFound
	}
	return domain.Address{Address: address}, p.err
}

func (p *postbox) Accept(_ context.Context, envelope domain.Envelope, _ []domain.Address, raw io.Reader) error {
	content, err := io.ReadAll(raw)
	if err == nil {
		p.mails, p.last = append(p.mails, string(content)), envelope
	}
	return err
}

var (
	secret    = strings.Repeat("s", 32)
	oldSecret = strings.Repeat("o", 32)
)

// delivery is one request to the door, right in all points until it is changed.
type delivery struct {
	from, to, body, secret string
	at                     time.Time
	header                 map[string]string // set after signing
}

func (d delivery) headers() []string {
	sum := sha256.Sum256([]byte(d.body))
	stamp, hash := strconv.FormatInt(d.at.Unix(), 10), hex.EncodeToString(sum[:])
	mac := hmac.New(sha256.New, []byte(d.secret))
	mac.Write([]byte("v1\nPOST\n/api/v1/inbound/raw\n" + stamp + "\n" + d.from + "\n" + d.to + "\n" + hash))
	headers := []string{
		"X-Docuflow-Mail-From", d.from, "X-Docuflow-Rcpt-To", d.to, "X-Docuflow-Timestamp", stamp,
		"X-Docuflow-Content-Sha256", hash, "X-Docuflow-Signature", "v1=" + hex.EncodeToString(mac.Sum(nil)),
	}
	for name, value := range d.header {
		headers = append(headers, name, value)
	}
	return headers
}

func TestInboundMail(t *testing.T) {
	mail := "Subject: x\r\n\r\nhello\r\n"
	for _, test := range []struct {
		name   string
		change func(*delivery)
		status int
		says   string
		stored string // envelope, when it is stored
	}{
		{"right", func(*delivery) {}, 200, `"accepted": 1`, "a@b.example>acme@in.example"},
		{"old secret", func(d *delivery) { d.secret = oldSecret }, 200, "", "a@b.example>acme@in.example"},
		{"bounce", func(d *delivery) { d.from = "<>" }, 200, "", ">acme@in.example"},
		{"percent-encoded", func(d *delivery) { d.from = "j%C3%B6rg%25@b.example" }, 200, "", "jörg%@b.example>acme@in.example"},
		{"two", func(d *delivery) { d.to = "acme@in.example, beta@in.example" }, 200, `"accepted": 2`, "a@b.example>acme@in.example,beta@in.example"},
		{"two, one unknown", func(d *delivery) { d.to = "acme@in.example,x@elsewhere.example" }, 404, "no such mailbox", ""},
		{"nobody", func(d *delivery) { d.to = "" }, 400, "envelope", ""},
		{"bad encoding", func(d *delivery) { d.from = "%zz" }, 400, "envelope", ""},
		{"other secret", func(d *delivery) { d.secret = "x" }, 401, "another secret", ""},
		{"too old", func(d *delivery) { d.at = d.at.Add(-6 * time.Minute) }, 401, "our time", ""},
		{"from the future", func(d *delivery) { d.at = d.at.Add(6 * time.Minute) }, 401, "our time", ""},
		{"other sender", func(d *delivery) { d.header = map[string]string{"X-Docuflow-Mail-From": "c@d.example"} }, 401, "another secret", ""},
		{"other recipient", func(d *delivery) { d.header = map[string]string{"X-Docuflow-Rcpt-To": "beta@in.example"} }, 401, "another secret", ""},
		{"other hash", func(d *delivery) { d.header = map[string]string{"X-Docuflow-Content-Sha256": strings.Repeat("0", 64)} }, 401, "another secret", ""},
		{"no signature", func(d *delivery) { d.header = map[string]string{"X-Docuflow-Signature": ""} }, 401, "another secret", ""},
		{"too large", func(d *delivery) { d.body = strings.Repeat("x", 1001) }, 413, "1000 octets", ""},
		{"as large as may be", func(d *delivery) { d.body = strings.Repeat("x", 1000) }, 200, "", "a@b.example>acme@in.example"},
	} {
		t.Run(test.name, func(t *testing.T) {
			box := &postbox{}
			s := newInboundSite(t, box)
			d := delivery{from: "a@b.example", to: "acme@in.example", body: mail, secret: secret, at: time.Now()}
			test.change(&d)
			s.do(t, "POST", "/api/v1/inbound/raw", strings.NewReader(d.body), d.headers()...).want(t, test.status, test.says)
			got := ""
			if len(box.mails) == 1 && box.mails[0] == d.body {
				if !box.last.HandedOver {
					t.Error("the server that hands mail over is taken for the sender's")
				}
				got = box.last.From + ">" + strings.Join(box.last.Recipients, ",")
			}
			if got != test.stored {
				t.Errorf("stored %q for %+v", box.mails, box.last)
			}
		})
	}
}

func newInboundSite(t *testing.T, box *postbox, change ...func(*Config)) *site {
	t.Helper()
	return newSite(t, append([]func(*Config){func(c *Config) {
		c.Inbound, c.InboundSecrets, c.MaxMail = box, [][]byte{[]byte(oldSecret), []byte(secret)}, 1000
	}}, change...)...)
}

// The hash is checked before the mail counts: what was stored until then is not a mail.
func TestInboundMailThatIsNotTheSignedOne(t *testing.T) {
	box := &postbox{}
	s := newInboundSite(t, box)
	d := delivery{from: "a@b.example", to: "acme@in.example", body: "the signed one", secret: secret, at: time.Now()}
	for _, body := range []string{"the other one.", "the signed", ""} {
		s.do(t, "POST", "/api/v1/inbound/raw", strings.NewReader(body), d.headers()...).want(t, 400, "not the one that was signed")
	}
	// Chunked, so that nothing tells its size before.
	s.do(t, "POST", "/api/v1/inbound/raw", io.MultiReader(strings.NewReader(strings.Repeat("x", 2000))), d.headers()...).want(t, 413)
	if len(box.mails) != 0 {
		t.Errorf("stored %q", box.mails)
	}
}

func TestInboundMailWhenSomethingIsDown(t *testing.T) {
	d := delivery{from: "a@b.example", to: "acme@in.example", body: "x", secret: secret, at: time.Now()}
	s := newInboundSite(t, &postbox{err: errors.New("database is away")})
	s.do(t, "POST", "/api/v1/inbound/raw", strings.NewReader(d.body), d.headers()...).want(t, 500, "reference")
	off := newSite(t)
	off.do(t, "POST", "/api/v1/inbound/raw", strings.NewReader(d.body), d.headers()...).want(t, http.StatusServiceUnavailable, "DOCUFLOW_INBOUND_SECRET")
}
