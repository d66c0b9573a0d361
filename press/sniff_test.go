package press

import (
	"bytes"
	"strings"
	"testing"
)

func TestSniff(t *testing.T) {
	for _, test := range []struct {
		name string
		head []byte
		want string
	}{
		{"PDF", []byte("%PDF-1.7\n"), "application/pdf"},
		{"PDF after junk", append(bytes.Repeat([]byte("x"), 1000), "%PDF-1.7"...), "application/pdf"},
		{"PDF after too much junk", append(bytes.Repeat([]byte("x"), 1500), "%PDF-1.7"...), "text/plain"},
		{"JPEG", []byte("\xff\xd8\xff\xe0\x00\x10JFIF"), "image/jpeg"},
		{"JPEG that mentions PDF", []byte("\xff\xd8\xff\xe0 %PDF-1.4"), "image/jpeg"},
		{"PNG", []byte("\x89PNG\r\n\x1a\n"), "image/png"},
		{"WebP", []byte("RIFF\x00\x00\x00\x00WEBPVP8 "), "image/webp"},
		{"RIFF sound", []byte("RIFF\x00\x00\x00\x00WAVEfmt "), "application/octet-stream"},
		{"little-endian TIFF", []byte("II*\x00\x08\x00\x00\x00"), "image/tiff"},
		{"big-endian TIFF", []byte("MM\x00*\x00\x00\x00\x08"), "image/tiff"},
		{"GIF", []byte("GIF89a"), "image/gif"},
		{"HEIC", []byte("\x00\x00\x00\x18ftypheic"), "image/heic"},
		{"MP4", []byte("\x00\x00\x00\x18ftypisom"), "application/octet-stream"},
		{"XML", []byte("<?xml version='1.0'?><a/>"), "text/xml"},
		{"XML with byte order mark", []byte("\xef\xbb\xbf<?xml version='1.0'?><a/>"), "text/xml"},
		{"XML in UTF-16", []byte("\xff\xfe<\x00?\x00x\x00m\x00l\x00 \x00"), "text/xml"},
		{"XML in UTF-16 without byte order mark", []byte("\x00<\x00?\x00x\x00m\x00l\x00 "), "text/xml"},
		{"XML without declaration", []byte("<!-- note --><Invoice xmlns='urn:x'>"), "text/xml"},
		{"XML behind a long comment", []byte("<!--" + strings.Repeat("x", 3000)), "text/xml"},
		{"HTML", []byte("<!DOCTYPE html><html>"), "text/html"},
		{"XHTML", []byte("<html xmlns='http://www.w3.org/1999/xhtml'>"), "text/html"},
		{"ZIP", []byte("PK\x03\x04"), "application/zip"},
		{"text", []byte("Hello"), "text/plain"},
		{"nothing known", []byte("\x00\x01\x02\x03"), "application/octet-stream"},
	} {
		if got := Sniff(test.head); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestIsInvoiceXML(t *testing.T) {
	latin := "<?xml version='1.0' encoding='UTF-8'?><!-- f\xfcr Sie --><Invoice xmlns='urn:x'><Note>f\xfcr Sie</Note></Invoice>"
	for name, content := range map[string]string{
		"wrong declaration":                latin,
		"declared as UTF-16, but is not":   "<?xml version='1.0' encoding='UTF-16'?><p:FatturaElettronica xmlns:p='urn:x'/>",
		"unknown encoding":                 "<?xml version='1.0' encoding='X-HAUS'?><a:CrossIndustryDocument xmlns:a='urn:x'/>",
		"UTF-16 without a byte order mark": strings.Join(strings.Split("<CreditNote xmlns='u'/>", ""), "\x00") + "\x00",
		"in an envelope":                   "<StandardBusinessDocument xmlns='urn:x'><Invoice/></StandardBusinessDocument>",
	} {
		if !isInvoiceXML([]byte(content)) {
			t.Errorf("%s: it is not recognised", name)
		}
	}
	for _, content := range []string{"", "<html/>", "<Order xmlns='urn:x'/>", "<!-- Invoice -->", "\x00\x01"} {
		if isInvoiceXML([]byte(content)) {
			t.Errorf("%q is taken for an e-invoice", content)
		}
	}
}
