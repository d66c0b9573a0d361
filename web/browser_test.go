package web

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/docuflow/docuflow/domain"
)

// complaints collects what the browser reports: exceptions, and everything
// that the content security policy stopped.
type complaints struct {
	mu    sync.Mutex
	lines []string
}

func (c *complaints) listen(ctx context.Context) {
	chromedp.ListenTarget(ctx, func(event any) {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			c.lines = append(c.lines, e.ExceptionDetails.Error())
		case *log.EventEntryAdded:
			// A broken connection is part of the test, everything else is a fault.
			if e.Entry.Level == log.LevelError && e.Entry.Source != log.SourceNetwork {
				c.lines = append(c.lines, e.Entry.Text)
			}
		}
	})
}

func TestBrowserFollowsLive(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	ctx := s.browser(t)
	var c complaints
	c.listen(ctx)
	run := func(what string, actions ...chromedp.Action) {
		t.Helper()
		limited, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := chromedp.Run(limited, actions...); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	shown := func(d domain.Document) string { return "#doc-" + string(d.ID) }
	marked := func() bool {
		var same bool
		run("look for a reload", chromedp.Evaluate("window.sameDocument === true", &same))
		return same
	}

	run("open", chromedp.EmulateViewport(1280, 900), chromedp.Navigate(s.url),
		chromedp.WaitVisible(`#badge[data-state="live"]`, chromedp.ByQuery), chromedp.Evaluate("window.sameDocument = true", nil))

	d := document("Brand New Vendor")
	d.Status, d.Stage, d.CreatedAt = domain.Processing, "extract", time.Now()
	d = s.put(d)
	started := time.Now()
	run("new row", chromedp.WaitVisible(shown(d)+".row-running", chromedp.ByQuery))
	if took := time.Since(started); took > time.Second {
		t.Errorf("the row took %v", took)
	}
	d.Status, d.CompletedAt = domain.Completed, time.Now()
	d = s.put(d)
	run("row in place", chromedp.WaitVisible(shown(d)+".row-done", chromedp.ByQuery))
	var rows, received, order string
	run("read", chromedp.Evaluate(fmt.Sprintf("String(document.querySelectorAll('[id=\"doc-%s\"]').length)", d.ID), &rows),
		chromedp.Text(".term-received b", &received, chromedp.ByQuery),
		chromedp.Evaluate(`[...document.querySelectorAll("#ledger .row")].slice(0, 2).map(r => r.id).join(" ")`, &order))
	if rows != "1" || received != "23" || !strings.HasPrefix(order, "doc-"+string(d.ID)) {
		t.Errorf("%s rows of the document, %s received, order %s", rows, received, order)
	}

	run("scroll down", chromedp.Evaluate("window.scrollTo(0, 200)", nil), chromedp.EmulateViewport(1280, 300), chromedp.Evaluate("window.scrollTo(0, 400)", nil))
	for range 3 {
		fresh := document("While Reading")
		fresh.CreatedAt = time.Now()
		d = s.put(fresh)
	}
	run("new rows wait", chromedp.WaitVisible("#fresh", chromedp.ByQuery))
	var waiting string
	run("three", chromedp.ActionFunc(func(ctx context.Context) error {
		for waiting != "3 new" {
			if err := chromedp.Evaluate(`document.querySelector("#fresh span").textContent`, &waiting).Do(ctx); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("%q: %w", waiting, err)
			}
		}
		return nil
	}), chromedp.Click("#fresh", chromedp.ByQuery), chromedp.WaitVisible(shown(d), chromedp.ByQuery), chromedp.WaitNotVisible("#fresh", chromedp.ByQuery))

	file := filepath.Join(t.TempDir(), "quittung.pdf")
	if err := os.WriteFile(file, drawnPDF(), 0o600); err != nil {
		t.Fatal(err)
	}
	run("upload", chromedp.SetUploadFiles(".head input[type=file]", []string{file}, chromedp.ByQuery),
		chromedp.WaitVisible(`//a[text()="quittung.pdf"]`, chromedp.BySearch), chromedp.WaitVisible("#uploads li", chromedp.ByQuery))

	s.web.CloseClientConnections()
	run("connection lost", chromedp.WaitVisible(`#badge[data-state="reconnecting"]`, chromedp.ByQuery))
	d = s.put(document("While Away"))
	run("back", chromedp.WaitVisible(`#badge[data-state="live"]`, chromedp.ByQuery), chromedp.WaitReady(shown(d), chromedp.ByQuery))

	if !marked() {
		t.Error("the page was loaded again")
	}
	if len(c.lines) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(c.lines, "\n"))
	}
}

func TestBrowserEditsInPlace(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	seedDocument(t, s.memory)
	ctx := s.browser(t)
	var c complaints
	c.listen(ctx)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var total, head string
	var same bool
	err := chromedp.Run(ctx,
		chromedp.EmulateViewport(1280, 900), chromedp.Navigate(s.url+"/documents/"+string(nordlys)),
		chromedp.WaitVisible(`#badge[data-state="live"]`, chromedp.ByQuery), chromedp.Evaluate("window.sameDocument = true", nil),
		chromedp.KeyEvent("2"), // the second candidate
		chromedp.WaitVisible(`[data-field="total_amount"] .locked`, chromedp.ByQuery),
		chromedp.Text(".panel-total b", &total, chromedp.ByQuery),
		chromedp.KeyEvent("e"), // opens the first field
		chromedp.WaitVisible(`[data-field="vendor_name"] #field-input:focus`, chromedp.ByQuery),
		chromedp.SendKeys("#field-input", "Nordlys <b>Drift</b>\r", chromedp.ByQuery),
		chromedp.WaitVisible(`[data-field="vendor_name"] .locked`, chromedp.ByQuery),
		chromedp.Text(".panel-head h1", &head, chromedp.ByQuery),
		chromedp.Evaluate("window.sameDocument === true", &same),
	)
	if err != nil {
		t.Fatal(err)
	}
	if total != "1,992.00" || head != "Nordlys <b>Drift</b>" || !same {
		t.Errorf("total %q, head %q, same page: %v", total, head, same)
	}
	s.put(func() domain.Document {
		d, _ := s.Document(ctx, s.workspace.ID, nordlys)
		d.Status, d.Error, d.Review, d.CompletedAt = domain.Completed, nil, nil, time.Now()
		return d
	}())
	if err := chromedp.Run(ctx, chromedp.WaitVisible(".panel-head .pill-done", chromedp.ByQuery), chromedp.WaitNotPresent(".trouble", chromedp.ByQuery)); err != nil {
		t.Fatalf("the page does not follow: %v", err)
	}
	if len(c.lines) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(c.lines, "\n"))
	}
}

func TestBrowserTakesAnApprovalBack(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	ctx, cancel := context.WithTimeout(s.browser(t), 30*time.Second)
	defer cancel()
	var first, second string
	err := chromedp.Run(ctx, chromedp.EmulateViewport(1024, 900), chromedp.Navigate(s.url+"/review"),
		chromedp.WaitVisible(`#queue li.queue-here`, chromedp.ByQuery), // in reach on a tablet, too
		chromedp.WaitVisible(`#badge[data-state="live"]`, chromedp.ByQuery),
		chromedp.Location(&first),
		chromedp.KeyEvent("a"),
		chromedp.WaitVisible(`.toast [data-key-press="z"]`, chromedp.ByQuery),
		chromedp.WaitVisible(`#badge[data-state="live"]`, chromedp.ByQuery),
		chromedp.KeyEvent("z"),
		chromedp.WaitNotPresent(`.toast [data-key-press="z"]`, chromedp.ByQuery),
		chromedp.WaitVisible(`[data-key-press="a"]`, chromedp.ByQuery),
		chromedp.Location(&second),
	)
	if err != nil {
		t.Fatal(err)
	}
	if first != second {
		t.Errorf("from %s back to %s", first, second)
	}
}

func TestBrowserShowsOlderDocuments(t *testing.T) {
	s := newSite(t)
	for range inboxRows + 10 {
		s.put(lines()[5].document())
	}
	ctx, cancel := context.WithTimeout(s.browser(t), 30*time.Second)
	defer cancel()
	var rows, bands int
	err := chromedp.Run(ctx, chromedp.Navigate(s.url),
		chromedp.WaitVisible(`#badge[data-state="live"]`, chromedp.ByQuery),
		chromedp.Click("#more", chromedp.ByQuery), chromedp.WaitNotVisible("#more", chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelectorAll("#ledger .row").length`, &rows),
		chromedp.Evaluate(`document.querySelectorAll("#ledger .band").length`, &bands),
	)
	if err != nil {
		t.Fatal(err)
	}
	if rows != inboxRows+10 || bands != 1 {
		t.Errorf("%d rows under %d bands", rows, bands)
	}
}

func TestBrowserSeesAMailBecomeADocument(t *testing.T) {
	s := newSite(t)
	ctx, cancel := context.WithTimeout(s.browser(t), 30*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, chromedp.Navigate(s.url), chromedp.WaitVisible("[data-placeholder]", chromedp.ByQuery),
		chromedp.WaitVisible(`#badge[data-state="live"]`, chromedp.ByQuery)); err != nil {
		t.Fatal(err)
	}
	mail := s.putMail(domain.Mail{ID: "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a010", Status: domain.MailAccepted, ReceivedAt: time.Now()})
	if err := chromedp.Run(ctx, chromedp.WaitVisible("#mail-"+string(mail.ID), chromedp.ByQuery)); err != nil {
		t.Fatalf("the mail does not show: %v", err)
	}
	d := document("Acme")
	d.CreatedAt = time.Now()
	d = s.put(d)
	mail.Status, mail.Disposition = domain.MailUnpacked, domain.DispositionDocuments
	s.putMail(mail)
	var outline string
	if err := chromedp.Run(ctx, chromedp.WaitNotPresent("#mail-"+string(mail.ID), chromedp.ByQuery), chromedp.WaitVisible("#doc-"+string(d.ID), chromedp.ByQuery),
		chromedp.Evaluate(`[...document.querySelectorAll("#ledger tbody tr")].map(r => r.className.split(" ")[0]).join(" ")`, &outline)); err != nil {
		t.Fatalf("the document does not take the mail's place: %v", err)
	}
	if outline != "band row" {
		t.Errorf("the ledger holds: %s", outline)
	}
}
