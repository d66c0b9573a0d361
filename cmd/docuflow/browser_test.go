package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/docuflow/docuflow/mail"
)

// TestBrowserSeesMailBecomeFiled signs in with the printed link and watches
// documents arrive and finish, without a reload. With DOCUFLOW_LOOK=directory it
// leaves pictures there, to be looked at.
func TestBrowserSeesMailBecomeFiled(t *testing.T) {
	p := start(t, newDataDir(t))
	b := openBrowser(t)
	var complaints []string
	chromedp.ListenTarget(b.ctx, func(event any) {
		switch event := event.(type) {
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, event.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			if event.Type == runtime.APITypeError {
				complaints = append(complaints, "console.error")
			}
		}
	})

	b.run(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(p.SignInURL), chromedp.WaitVisible("[data-copy]"))
	b.see(p.Address)
	b.look("empty-1280")
	// A reload would lose the mark.
	b.run(chromedp.Evaluate(`window.unloaded = false; void 0`, nil))

	if err := p.send("Your invoice", mail.File{Name: "invoice.pdf", Content: invoicePDF("LIVE-1")}); err != nil {
		t.Fatal(err)
	}
	b.until("the invoice is done", `[...document.querySelectorAll("[data-key]")].some(row => row.innerText.includes("LIVE-1") && row.innerText.includes("Done"))`)
	if err := p.send("A photo", mail.File{Name: "photo.jpg", Content: encodeJPEG(t, picture())}); err != nil {
		t.Fatal(err)
	}
	p.rest("photo.jpg")
	b.until("the photo's row came by itself", `[...document.querySelectorAll('[data-key]')].some(row => row.innerText.includes('photo.jpg'))`)
	b.until("the page was not loaded again", `window.unloaded === false`)
	b.look("live-1280")

	b.run(chromedp.Click(`//a[contains(., 'Nordwind')]`, chromedp.BySearch), chromedp.WaitVisible(`//*[contains(text(), 'Timeline')]`, chromedp.BySearch))
	b.see("LIVE-1")
	b.see("125.00")
	b.look("document-1280")
	b.run(chromedp.EmulateViewport(390, 844))
	b.look("document-390")
	b.run(chromedp.Navigate("http://"+p.HTTP+"/"), chromedp.WaitVisible("[data-key]"))
	b.look("inbox-390")
	b.run(chromedp.EmulateViewport(1280, 900), emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}))
	b.look("inbox-dark-1280")
	if len(complaints) > 0 {
		t.Errorf("the browser complains: %q", complaints)
	}
}

// browser is a headless Chromium with one page.
type browser struct {
	t   *testing.T
	ctx context.Context
}

func openBrowser(t *testing.T) browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		missing(t, "Chromium (package chromium)")
	}
	profile, err := os.MkdirTemp("", "docuflow-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(profile) }) // last, and Chromium's children may still write
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(profile))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	t.Cleanup(func() { chromedp.Cancel(ctx) }) // the browser ends either way
	ctx, cancelTime := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancelTime)
	return browser{t: t, ctx: ctx}
}

func (b browser) run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.look("failed")
		b.t.Fatal(err)
	}
}

// until waits for a condition in the page.
func (b browser) until(what, condition string) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, chromedp.Poll(condition, nil, chromedp.WithPollingTimeout(60*time.Second))); err != nil {
		b.look("failed")
		b.t.Fatalf("waited in vain until %s: %v", what, err)
	}
}

func (b browser) see(text string) {
	b.t.Helper()
	var page string
	b.run(chromedp.Text("body", &page, chromedp.ByQuery))
	var fields string
	b.run(chromedp.Evaluate(`[...document.querySelectorAll('input')].map(i => i.value).join('\n')`, &fields))
	if !strings.Contains(page, text) && !strings.Contains(fields, text) {
		b.t.Errorf("the page does not show %q:\n%s", text, page)
	}
}

// look keeps a picture of the page, when somebody wants to see it.
func (b browser) look(name string) {
	b.t.Helper()
	directory := os.Getenv("DOCUFLOW_LOOK")
	if directory == "" {
		return
	}
	var picture []byte
	err := chromedp.Run(b.ctx, chromedp.Sleep(500*time.Millisecond), chromedp.CaptureScreenshot(&picture))
	if err != nil {
		b.t.Error(err)
		return
	}
	if err := os.WriteFile(filepath.Join(directory, name+".png"), picture, 0o644); err != nil {
		b.t.Error(err)
	}
}
