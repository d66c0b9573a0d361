package press

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/docuflow/docuflow/page"
)

func saidBy(document page.Document) string {
	var words []string
	for _, page := range document.Pages {
		for _, word := range page.Words {
			words = append(words, word.Text)
		}
	}
	return strings.Join(words, " ")
}

// textOf is what a PDF says.
func textOf(t *testing.T, press *Press, file string) string {
	t.Helper()
	reading, err := press.Read(t.Context(), someone, file)
	if err != nil {
		t.Fatal(err)
	}
	return saidBy(reading.Document)
}

func TestEInvoiceAloneBecomesAPDF(t *testing.T) {
	press := newPress(t, nil)
	for range 2 {
		done, err := press.Standardize(t.Context(), someone, write(t, "in.xml", []byte(sampleXML)), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		reading, err := press.Read(t.Context(), someone, done.File)
		if err != nil {
			t.Fatal(err)
		}
		if done.Pages != 1 || done.Thumbnail == "" || !bytes.Equal(reading.XML, []byte(sampleXML)) || !strings.Contains(saidBy(reading.Document), "what counts is the XML") {
			t.Errorf("%+v says %q and has %q", done, saidBy(reading.Document), reading.XML)
		}
	}
}

// hostilePage is a mail's text that tries everything to reach out.
func hostilePage(address string) []byte {
	return []byte("Content-Type: text/html; charset=utf-8\r\n\r\n" +
		`<html><head><base href="http://` + address + `/"><meta http-equiv="refresh" content="0;url=file:///etc/passwd"><link rel=stylesheet href="http://` + address + `/s.css">` +
		`<style>body{background:url(http://` + address + `/bg.png)} @import "http://` + address + `/i.css"; @font-face{font-family:x;src:url(http://` + address + `/f.woff)} p{font-family:x}</style></head>` +
		`<body onload="document.body.innerText='ran'"><p>Invoice 4711 für Zoë, total € 1.234,50</p><img src="http://` + address + `/pixel.png"><img src="file:///etc/passwd">` +
		`<iframe src="file:///etc/passwd"></iframe><object data="file:///etc/passwd"></object><embed src="file:///etc/passwd"><a href="http://` + address + `/">pay</a>` +
		`<script>document.body.innerText='ran'</script><svg><image href="http://` + address + `/x"/></svg><img src="cid:logo@x"></body></html>`)
}

func TestTextOfAMailBecomesAPDF(t *testing.T) {
	press := newPress(t, nil)
	calls, address := listener(t)
	mail := sampleMail(string(hostilePage(address)), attached("Content-Type: image/png; name=l.png\r\nContent-ID: <logo@x>", encodedPNG(t, corners(200, 60))))
	for _, test := range []struct {
		name    string
		browser *browser
		note    string
	}{{"browser", press.browser, "printed from"}, {"words alone", nil, "words"}} {
		t.Run(test.name, func(t *testing.T) {
			if test.browser == nil && test.name == "browser" {
				needBrowser(t)
			}
			installed := press.browser
			press.browser = test.browser
			defer func() { press.browser = installed }()
			message, err := press.Unpack(t.Context(), someone, write(t, "mail", mail), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			text := message.Parts[len(message.Parts)-1]
			if !text.Usable || text.MediaType != typeHTML {
				t.Fatalf("got %+v", message.Parts)
			}
			if made := string(read(t, text.File)); strings.Contains(made, "<script") || strings.Contains(made, "passwd") || strings.Contains(made, "http-equiv=\"refresh") ||
				strings.Contains(made, "onload") || !strings.Contains(made, "data:image/png;base64,") {
				t.Errorf("not clean: %s", made)
			}
			done, err := press.Standardize(t.Context(), someone, text.File, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			says := textOf(t, press, done.File)
			if !strings.Contains(says, "Invoice 4711 für Zoë, total € 1.234,50") || strings.Contains(says, "ran") || strings.Contains(says, "root:") || !strings.Contains(done.Reason, test.note) {
				t.Errorf("%+v says %q", done, says)
			}
			if done.Pages != 1 || done.Thumbnail == "" {
				t.Errorf("got %+v", done)
			}
		})
	}
	if calls.Load() != 0 {
		t.Errorf("%d connections to the outside", calls.Load())
	}
	checkNothingRuns(t, press)
}

// The walls stand without each other: a page that was not cleaned gets neither a connection nor a file.
func TestBrowserIsConfined(t *testing.T) {
	press := newPress(t, nil)
	if press.browser == nil {
		needBrowser(t)
	}
	if !press.sandbox.seccomp && !press.sandbox.namespaces {
		t.Skip("SKIPPED: nothing can be confined here")
	}
	calls, address := listener(t)
	_, page, _ := strings.Cut(string(hostilePage(address)), "\r\n\r\n")
	page = regexp.MustCompile(`<meta[^>]*>`).ReplaceAllString(page, "") // a page that is left is not printed at all
	made, err := press.browse(t.Context(), write(t, "page.html", []byte("<!DOCTYPE html>"+page)), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if says := textOf(t, press, made.File); strings.Contains(says, "ran") || !strings.Contains(says, "4711") {
		t.Errorf("a script ran, or nothing was printed: %q", says)
	}
	if calls.Load() != 0 {
		t.Errorf("%d connections to the outside", calls.Load())
	}
}

// listener counts who connects to it.
func listener(t *testing.T) (*atomic.Int32, string) {
	t.Helper()
	open, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { open.Close() })
	var calls atomic.Int32
	go func() {
		for {
			conn, err := open.Accept()
			if err != nil {
				return
			}
			calls.Add(1)
			conn.Close()
		}
	}()
	return &calls, open.Addr().String()
}

func needBrowser(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("chromium is not installed")
	}
	t.Skip("SKIPPED: chromium is not installed")
}
