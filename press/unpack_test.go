package press

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/docuflow/docuflow/domain"
)

// sampleMail is a multipart mail; each part is a header and its raw content.
func sampleMail(parts ...string) []byte {
	var out strings.Builder
	out.WriteString("From: =?utf-8?q?J=C3=B6rg?= <Billing@Example.com>\r\nTo: a@b.example\r\nSubject: =?iso-8859-1?q?Rechnung_M=E4rz?=\r\n" +
		"Date: Mon, 02 Nov 2026 10:00:00 +0100\r\nMessage-ID: <one@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n")
	for _, part := range parts {
		out.WriteString("--=_b\r\n" + part + "\r\n")
	}
	out.WriteString("--=_b--\r\n")
	return []byte(out.String())
}

func attached(header string, content []byte) string {
	encoded := base64.StdEncoding.EncodeToString(content)
	var lines strings.Builder
	for len(encoded) > 76 {
		lines.WriteString(encoded[:76] + "\r\n")
		encoded = encoded[76:]
	}
	return header + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines.String() + encoded
}

func TestUnpackReadsTheHeader(t *testing.T) {
	press := newPress(t, nil)
	message, err := press.Unpack(t.Context(), someone, write(t, "mail", sampleMail("Content-Type: text/plain\r\n\r\nHello")), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if message.MessageID != "one@example.com" || message.Subject != "Rechnung März" || message.From != "billing@example.com" || message.FromName != "Jörg" ||
		message.Date.Format("2006-01-02 15:04 MST") != "2026-11-02 09:00 UTC" || len(message.Parts) != 0 {
		t.Errorf("got %+v", message)
	}
}

func TestUnpackFindsDocuments(t *testing.T) {
	press := newPress(t, nil)
	pdf, photo, logo := invoicePDF(), encodedJPEG(t, corners(900, 700)), encodedPNG(t, corners(200, 60))
	html := "Content-Type: text/html\r\n\r\n<img src=\"cid:logo@x\"><img src='cid:photo@x'>"
	inner := strings.ReplaceAll(string(sampleMail(attached("Content-Type: application/pdf; name=inner.pdf", pdf))), "=_b", "=_c")
	for _, test := range []struct {
		name   string
		mail   []byte
		want   string // the names of the usable parts
		reason string // of the first part that is not
	}{
		{"attached PDF", sampleMail(attached("Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a b.pdf\"", pdf)), "a b.pdf", ""},
		{"PDF that says it is text", sampleMail(attached("Content-Type: text/plain; charset=iso-8859-1; name=a.txt", pdf)), "a.txt", ""},
		{"inline PDF without a name", sampleMail(attached("Content-Type: application/octet-stream\r\nContent-Disposition: inline", pdf)), "attachment.pdf", ""},
		{"the mail itself is a PDF", []byte(attached("From: a@b.example\r\nContent-Type: application/pdf; name=whole.pdf", pdf)), "whole.pdf", ""},
		{"inline photo", sampleMail(attached("Content-Type: image/jpeg; name=p.jpg\r\nContent-Disposition: inline", photo)), "p.jpg", ""},
		{"photo in the text", sampleMail(html, attached("Content-Type: image/jpeg; name=p.jpg\r\nContent-ID: <photo@x>", photo)), "p.jpg", ""},
		{"logo in the text", sampleMail(html, attached("Content-Type: image/png; name=l.png\r\nContent-ID: <logo@x>", logo)), "", "design"},
		{"tracking pixel", sampleMail(attached("Content-Type: image/png", encodedPNG(t, corners(1, 1)))), "", "design"},
		{"small photo, attached", sampleMail(attached("Content-Type: image/png\r\nContent-Disposition: attachment; filename=s.png", encodedPNG(t, corners(50, 50)))), "s.png", ""},
		{"forwarded mail", sampleMail("Content-Type: message/rfc822\r\n\r\n" + inner), "inner.pdf", ""},
		{"forwarded mail as a file", sampleMail(attached("Content-Type: application/octet-stream; name=fw.eml", []byte(inner))), "inner.pdf", ""},
		{"two", sampleMail(attached("Content-Type: application/pdf; name=1.pdf", pdf), attached("Content-Type: application/pdf; name=2.pdf", pdf)), "1.pdf 2.pdf", ""},
		{"broken content type", sampleMail(attached("Content-Type: application/pdf;; name=\"x.pdf; ???\r\nContent-Disposition: attachment; filename=x.pdf", pdf)), "x.pdf", ""},
		{"broken header lines", sampleMail(attached(":::\r\n\x00\x01: y\r\nnonsense without a colon\r\nContent-Type: application/pdf; name=x.pdf", pdf)), "x.pdf", ""},
		{"no closing boundary", bytes.TrimSuffix(sampleMail(attached("Content-Type: application/pdf; name=x.pdf", pdf)), []byte("--=_b--\r\n")), "x.pdf", ""},
		{"empty attachment", sampleMail("Content-Type: application/pdf; name=x.pdf\r\nContent-Disposition: attachment\r\n\r\n"), "", "empty"},
		{"web page named .pdf", sampleMail(attached("Content-Type: application/pdf; name=x.pdf", []byte("<html><body>hi</body></html>"))), "", "web page"},
		{"e-invoice alone", sampleMail(attached("Content-Type: application/xml; name=x.xml", []byte(sampleXML))), "x.xml", ""},
		{"e-invoice without a name", sampleMail(attached("Content-Type: text/plain", []byte(sampleXML))), "attachment.xml", ""},
		{"other XML", sampleMail(attached("Content-Type: application/xml; name=x.xml", []byte("<?xml version=\"1.0\"?><note/>"))), "", "XML"},
		{"forwarded mail of 8-bit addresses", sampleMail("Content-Type: message/global\r\n\r\n" + inner), "inner.pdf", ""},
		{"PDF in an archive", sampleMail(attached("Content-Type: application/zip; name=a.zip", zipped(t, file{"in/a.pdf", pdf}, file{"__MACOSX/._a.pdf", pdf}))), "a.pdf", ""},
		{"archive named .pdf", sampleMail(attached("Content-Type: application/pdf; name=a.pdf", zipped(t, file{"b.pdf", pdf}))), "b.pdf", ""},
		{"archive in an archive", sampleMail(attached("Content-Type: application/zip; name=a.zip", zipped(t, file{"i.zip", zipped(t, file{"c.pdf", pdf})}))), "c.pdf", ""},
		{"mail in an archive", sampleMail(attached("Content-Type: application/zip; name=a.zip", zipped(t, file{"m.eml", []byte(inner)}))), "inner.pdf", ""},
		{"small picture in an archive", sampleMail(attached("Content-Type: application/zip; name=a.zip", zipped(t, file{"s.png", encodedPNG(t, corners(50, 50))}))), "s.png", ""},
		{"path in an archive", sampleMail(attached("Content-Type: application/zip; name=a.zip", zipped(t, file{"../../etc/x.pdf", pdf}))), "x.pdf", ""},
		{"bomb", sampleMail(attached("Content-Type: application/zip; name=a.zip", zipped(t, file{"z.pdf", make([]byte, 20<<20)}, file{"a.pdf", pdf}))), "a.pdf", "attacks"},
		{"locked archive", sampleMail(attached("Content-Type: application/zip; name=a.zip", lockedZIP(t, pdf))), "", "password"},
		{"damaged archive", sampleMail(attached("Content-Type: application/zip; name=a.zip", zipped(t, file{"a.pdf", pdf})[:80])), "", "damaged"},
		{"office document", sampleMail(attached("Content-Type: application/msword; name=a.docx", zipped(t, file{"[Content_Types].xml", []byte("x")}))), "", "office"},
		{"winmail.dat", sampleMail(attached("Content-Type: application/ms-tnef; name=winmail.dat", []byte("\x78\x9f\x3e\x22\x01\x00"))), "", "Outlook"},
		{"signed e-invoice", sampleMail(attached("Content-Type: application/pkcs7-mime; name=a.xml.p7m", []byte("\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x82"+sampleXML))), "", "p7m"},
		{"mail that is an invoice", sampleMail("Content-Type: text/html; charset=iso-8859-1\r\n\r\n<p>Rechnung f\xfcr Sie</p><td>Summe 12,50 EUR</td>"), "Rechnung März.html", ""},
		{"mail that says it is XHTML", sampleMail("Content-Type: text/html\r\n\r\n<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\"><body>Invoice $12.50</body></html>"), "Rechnung März.html", ""},
		{"mail that is an invoice and brings one", sampleMail("Content-Type: text/html\r\n\r\n<p>Your invoice: $12.50</p>", attached("Content-Type: application/pdf; name=1.pdf", pdf)), "1.pdf", ""},
		{"mail that is a letter", sampleMail("Content-Type: text/html\r\n\r\n<p>See you at 12.50, it costs nothing.</p>"), "", ""},
		{"content id that is escaped", sampleMail("Content-Type: text/html\r\n\r\n<img src=\"cid:a%2Bb@x\">", attached("Content-Type: image/png; name=l.png\r\nContent-ID: <a+b@x>\r\nContent-Disposition: attachment", logo)), "", "design"},
		{"same content id in another mail", sampleMail(html, "Content-Type: message/rfc822\r\n\r\n"+strings.ReplaceAll(string(sampleMail(attached("Content-Type: image/png; name=l.png\r\nContent-ID: <logo@x>\r\nContent-Disposition: attachment", logo))), "=_b", "=_c")), "l.png", ""},
		{"no attachment", sampleMail("Content-Type: text/plain\r\n\r\nHello"), "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			message, err := press.Unpack(t.Context(), someone, write(t, "mail", test.mail), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			var usable []string
			reason := ""
			for i, part := range message.Parts {
				checkPart(t, part, i)
				if part.Usable {
					usable = append(usable, part.Name)
				} else if reason == "" {
					reason = part.Reason
				}
			}
			if strings.Join(usable, " ") != test.want {
				t.Errorf("usable are %q in %+v", usable, message.Parts)
			}
			if !strings.Contains(reason, test.reason) || (test.reason == "") != (reason == "") {
				t.Errorf("reason %q", reason)
			}
		})
	}
}

func checkPart(t *testing.T, part MessagePart, index int) {
	t.Helper()
	content := read(t, part.File)
	sum := sha256.Sum256(content)
	if part.Importable && (part.Usable || whyUnusable(part.MediaType) != "") {
		t.Errorf("inconsistent: %+v", part)
	}
	if part.Index != index || part.Size != int64(len(content)) || part.SHA256 != hex.EncodeToString(sum[:]) || part.Usable != (part.Reason == "") {
		t.Errorf("inconsistent: %+v", part)
	}
	if !utf8.ValidString(part.Name) || part.Name == "" || strings.ContainsAny(part.Name, "/\\\x00\n") {
		t.Errorf("name %q", part.Name)
	}
}

func TestUnpackKeepsPDFBytes(t *testing.T) {
	press := newPress(t, nil)
	pdf := invoicePDF()
	message, err := press.Unpack(t.Context(), someone, write(t, "mail", sampleMail(attached("Content-Type: text/html; charset=windows-1252; name=a.pdf", pdf))), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(message.Parts) != 1 || !bytes.Equal(read(t, message.Parts[0].File), pdf) {
		t.Errorf("got %+v", message.Parts)
	}
}

func TestUnpackIsBounded(t *testing.T) {
	press := newPress(t, nil)
	var many []string
	for i := range maxParts + 50 {
		many = append(many, attached(fmt.Sprintf("Content-Type: application/pdf; name=%d.pdf", i), invoicePDF()))
	}
	message, err := press.Unpack(t.Context(), someone, write(t, "mail", sampleMail(many...)), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	usable := 0
	for _, part := range message.Parts {
		if part.Usable {
			usable++
		}
	}
	if usable != maxAttachments || len(message.Parts) != maxParts || !strings.Contains(message.Incomplete, "200 parts") {
		t.Errorf("%d of %d parts are usable, %q", usable, len(message.Parts), message.Incomplete)
	}
}

func TestUnpackRefusesLargeAttachments(t *testing.T) {
	press := newPress(t, nil)
	exact := append(invoicePDF(), make([]byte, maxDocumentSize-len(invoicePDF()))...)
	mail := sampleMail(attached("Content-Type: application/pdf; name=exact.pdf", exact), attached("Content-Type: application/pdf; name=over.pdf", append(exact, 0)))
	message, err := press.Unpack(t.Context(), someone, write(t, "mail", mail), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(message.Parts) != 2 || !message.Parts[0].Usable || message.Parts[1].Usable || !strings.Contains(message.Parts[1].Reason, "25 MB") {
		t.Errorf("got %+v", message.Parts)
	}
}

// Mails in mails are opened so deep and no deeper, and what is deeper is not lost silently.
func TestUnpackDepth(t *testing.T) {
	press := newPress(t, nil)
	mail := sampleMail(attached("Content-Type: application/pdf; name=x.pdf", invoicePDF()))
	for range maxDepth + 1 {
		mail = sampleMail(attached("Content-Type: application/octet-stream; name=fw.eml", mail))
	}
	message, err := press.Unpack(t.Context(), someone, write(t, "mail", mail), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(message.Parts) != 1 || message.Parts[0].Usable || message.Parts[0].Name != "fw.eml" {
		t.Errorf("got %+v", message.Parts)
	}
}

func TestUnpackEmptyMail(t *testing.T) {
	press := newPress(t, nil)
	_, err := press.Unpack(t.Context(), someone, write(t, "mail", nil), t.TempDir())
	checkFailure(t, err, domain.KindDamaged, "empty")
}
