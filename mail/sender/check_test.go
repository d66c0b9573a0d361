package sender_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/mail/sender"
)

// zone is a DNS. A name that is not in it does not exist; one in down does not answer.
type zone struct {
	txt  map[string][]string
	down map[string]bool
	hang bool
}

func (z zone) LookupTXT(ctx context.Context, name string) ([]string, error) {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if z.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if z.down[name] {
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	}
	if records, ok := z.txt[name]; ok {
		return records, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z zone) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z zone) LookupAddr(_ context.Context, name string) ([]string, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

var key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

func published() []string {
	return []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))}
}

const plainMail = "From: Billing <billing@acme.example>\r\nTo: a@b.example\r\nSubject: Invoice\r\n\r\nPlease pay.\r\n"

// signed signs a mail for a domain and puts our own trace before it, as the door does.
func signed(t testing.TB, raw, domainName string) string {
	t.Helper()
	var b bytes.Buffer
	err := dkim.Sign(&b, strings.NewReader(raw), &dkim.SignOptions{
		Domain: domainName, Selector: "s", Signer: key, HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		HeaderKeys: []string{"From", "To", "Subject"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func check(t testing.TB, z zone, envelope domain.Envelope, author, raw string) domain.Verdict {
	t.Helper()
	raw = "Received: from x\r\n\tby us; today\r\n" + raw
	return sender.New(z, 5*time.Second).Check(t.Context(), envelope, author, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(raw)), nil })
}

func acme() zone {
	return zone{down: map[string]bool{}, txt: map[string][]string{
		"acme.example":                   {"v=spf1 ip4:192.0.2.1 -all"},
		"s._domainkey.acme.example":      published(),
		"s._domainkey.mail.acme.example": published(),
		"s._domainkey.bulk.example":      published(),
		"_dmarc.acme.example":            {"v=DMARC1; p=reject; sp=quarantine"},
	}}
}

var (
	ours   = domain.Envelope{From: "bounce@acme.example", RemoteAddr: "192.0.2.1", Helo: "mx.acme.example"}
	front  = domain.Envelope{From: "bounce@acme.example", RemoteAddr: "192.0.2.1", Helo: "mx.acme.example", HandedOver: true}
	theirs = domain.Envelope{From: "bounce@acme.example", RemoteAddr: "198.51.100.9", Helo: "evil.example"}
	list   = domain.Envelope{From: "list@bulk.example", RemoteAddr: "198.51.100.9", Helo: "bulk.example"}
)

func TestVerdicts(t *testing.T) {
	good := signed(t, plainMail, "acme.example")
	for name, c := range map[string]struct {
		change           func(*zone)
		envelope         domain.Envelope
		author, raw      string
		spf, dkim, dmarc domain.CheckResult
		asks             string
		trusted          bool
	}{
		"sent by its own server":  {nil, ours, "billing@acme.example", plainMail, "pass", "none", "pass", "reject", true},
		"signed":                  {nil, ours, "billing@acme.example", good, "pass", "pass", "pass", "reject", true},
		"forged":                  {nil, theirs, "billing@acme.example", plainMail, "fail", "none", "fail", "reject", false},
		"forwarded, signature ok": {nil, list, "billing@acme.example", good, "none", "pass", "pass", "reject", true},
		"body changed":            {nil, list, "billing@acme.example", strings.Replace(good, "Please pay", "Please pay me", 1), "none", "fail", "fail", "reject", false},
		"subject changed":         {nil, list, "billing@acme.example", strings.Replace(good, "Subject: Invoice", "Subject: Urgent", 1), "none", "fail", "fail", "reject", false},
		"signed by another":       {nil, list, "billing@acme.example", signed(t, plainMail, "bulk.example"), "none", "pass", "fail", "reject", false},
		"two signatures":          {nil, list, "billing@acme.example", signed(t, good, "bulk.example"), "none", "pass", "pass", "reject", true},
		"subdomain is relaxed":    {nil, list, "billing@acme.example", signed(t, plainMail, "mail.acme.example"), "none", "pass", "pass", "reject", true},
		"subdomain is strict": {func(z *zone) { z.txt["_dmarc.acme.example"] = []string{"v=DMARC1; p=none; adkim=s"} }, list, "billing@acme.example",
			signed(t, plainMail, "mail.acme.example"), "none", "pass", "fail", "none", false},
		"policy of the organization": {nil, theirs, "x@sub.acme.example", plainMail, "fail", "none", "fail", "quarantine", false},
		"no policy, aligned":         {func(z *zone) { delete(z.txt, "_dmarc.acme.example") }, ours, "billing@acme.example", plainMail, "pass", "none", "none", "", true},
		"no policy, nothing":         {func(z *zone) { delete(z.txt, "_dmarc.acme.example") }, list, "billing@acme.example", plainMail, "none", "none", "none", "", false},
		"handed over, signed":        {nil, front, "billing@acme.example", good, "none", "pass", "pass", "reject", true},
		"handed over, not signed":    {nil, front, "billing@acme.example", plainMail, "none", "none", "none", "reject", false},
		"handed over, changed":       {nil, front, "billing@acme.example", strings.Replace(good, "Please pay", "Please pay me", 1), "none", "fail", "none", "reject", false},
		"no single author":           {nil, ours, "", good, "pass", "pass", "permerror", "", false},
		"believes no header": {nil, theirs, "billing@acme.example",
			"Authentication-Results: us; spf=pass; dkim=pass; dmarc=pass\r\nReceived-SPF: pass\r\n" + plainMail, "fail", "none", "fail", "reject", false},
		"key is away":    {func(z *zone) { z.down["s._domainkey.acme.example"] = true }, list, "billing@acme.example", good, "none", "temperror", "temperror", "reject", false},
		"spf is away":    {func(z *zone) { z.down["acme.example"] = true }, ours, "billing@acme.example", plainMail, "temperror", "none", "temperror", "reject", false},
		"policy is away": {func(z *zone) { z.down["_dmarc.acme.example"] = true }, ours, "billing@acme.example", plainMail, "pass", "none", "temperror", "", true},
		"bounce":         {nil, domain.Envelope{RemoteAddr: "192.0.2.1", Helo: "acme.example"}, "billing@acme.example", plainMail, "pass", "none", "pass", "reject", true},
		"no address":     {nil, domain.Envelope{From: "x@acme.example", RemoteAddr: "pipe"}, "billing@acme.example", plainMail, "none", "none", "fail", "reject", false},
	} {
		t.Run(name, func(t *testing.T) {
			z := acme()
			if c.change != nil {
				c.change(&z)
			}
			v := check(t, z, c.envelope, c.author, c.raw)
			if v.SPF.Result != c.spf || v.DKIM.Result != c.dkim || v.DMARC.Result != c.dmarc || v.Asks != c.asks || v.Authenticated() != c.trusted {
				t.Errorf("%+v, authenticated %v", v, v.Authenticated())
			}
		})
	}
}

func TestPrependedFromDoesNotBorrowASignature(t *testing.T) {
	// The library verifies the lowest From; who puts another one above it makes
	// two authors, and that mail is nobody's.
	raw := "From: boss@acme.example\r\n" + signed(t, plainMail, "acme.example")
	if v := check(t, acme(), list, "", raw); v.Authenticated() {
		t.Errorf("%+v", v)
	}
}

func TestDNSThatHangsIsATemporaryError(t *testing.T) {
	begun := time.Now()
	checker := sender.New(zone{hang: true}, 50*time.Millisecond)
	v := checker.Check(t.Context(), ours, "billing@acme.example", func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(signed(t, plainMail, "acme.example"))), nil
	})
	if v.SPF.Result != domain.CheckTempError || v.DKIM.Result != domain.CheckTempError || v.DMARC.Result != domain.CheckTempError || v.Authenticated() {
		t.Errorf("%+v", v)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestHostileMailsAreBounded(t *testing.T) {
	const sixteen = 16 << 20
	header := "DKIM-Signature: v=1; a=ed25519-sha256; d=acme.example; s=s; c=simple/simple; h=From; bh=AAAA; b=AAAA\r\n"
	for name, raw := range map[string]io.Reader{
		"endless header line": io.MultiReader(strings.NewReader("From: "), io.LimitReader(filler('x'), sixteen)),
		"endless header":      io.LimitReader(filler([]byte("X: y\r\n")...), sixteen),
		"empty lines":         io.MultiReader(strings.NewReader(header+"\r\n"), io.LimitReader(filler('\r', '\n'), sixteen)),
		"large body":          io.MultiReader(strings.NewReader(strings.Repeat(header, 50)+"\r\n"), io.LimitReader(filler('x'), sixteen)),
		"no body":             strings.NewReader("DKIM-Signature: v=1; b=;;;==\r\n"),
		"nothing":             strings.NewReader(""),
		"broken signature":    strings.NewReader("DKIM-Signature: \x00; a=;\r\nDKIM-Signature:\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			content, err := io.ReadAll(raw)
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			v := checkContent(t, content)
			runtime.ReadMemStats(&after)
			if v.DKIM.Result == domain.CheckPass {
				t.Errorf("%+v", v)
			}
			// What is allocated in all bounds what is held; the copies of the passes themselves are small.
			if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 24<<20 {
				t.Errorf("held %d MB", held>>20)
			}
		})
	}
}

func checkContent(t testing.TB, content []byte) domain.Verdict {
	return sender.New(acme(), 30*time.Second).Check(t.Context(), ours, "billing@acme.example", func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	})
}

type repeated struct {
	octets []byte
	at     int
}

func filler(octets ...byte) io.Reader { return &repeated{octets: octets} }

func (r *repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.octets[r.at]
		r.at = (r.at + 1) % len(r.octets)
	}
	return len(p), nil
}

func TestUnreadableMailIsNoPanic(t *testing.T) {
	v := sender.New(acme(), time.Second).Check(t.Context(), ours, "billing@acme.example", func() (io.ReadCloser, error) { return nil, errors.New("gone") })
	if v.DKIM.Result != domain.CheckPermError {
		t.Errorf("%+v", v)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(plainMail, "billing@acme.example", "bounce@acme.example", "mx")
	f.Add("DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=s; h=from:to; bh=; b=\r\nFrom: x\r\n\r\n", "a@ä.example", "", "[1.2.3.4]")
	f.Fuzz(func(t *testing.T, raw, author, from, helo string) {
		v := check(t, acme(), domain.Envelope{From: from, RemoteAddr: "192.0.2.77", Helo: helo}, author, raw)
		if v.DMARC.Result == domain.CheckPass && v.DKIM.Result != domain.CheckPass {
			t.Errorf("passed without a check that did: %+v", v)
		}
	})
}
