package web

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/docuflow/docuflow/domain"
)

// browser starts Chromium, signed in at the site.
func (s *site) browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("Chromium is missing: install the package chromium")
		}
		t.Skip("SKIPPED: Chromium is missing: install the package chromium")
	}
	profile, err := os.MkdirTemp("", "docuflow-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(profile) }) // last; a process of Chromium's may still write there
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(profile))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() { // its directory is removed next, so wait until it is gone
		cancel()
		stop()
		chromedp.FromContext(ctx).Allocator.Wait()
	})
	ctx, cancelTime := context.WithTimeout(ctx, 90*time.Second)
	t.Cleanup(cancelTime)
	s.cookie()
	if err := chromedp.Run(ctx, network.SetCookie(s.server.cookieName(), s.server.sign(sessionPurpose, "session-1")).WithURL(s.url)); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// TestLook draws the pages at the sizes of the design's pictures, to be looked
// at beside them: DOCUFLOW_LOOK=directory go test -run TestLook ./web
func TestLook(t *testing.T) {
	directory := os.Getenv("DOCUFLOW_LOOK")
	if directory == "" {
		t.Skip("set DOCUFLOW_LOOK to a directory for the pictures")
	}
	s, empty := newSite(t, func(c *Config) { c.Provider, c.Letters = &oracle{}, &letterbox{} }), newSite(t)
	seed(s.memory)
	seedDocument(t, s.memory)
	ctx, ectx := s.browser(t), empty.browser(t)
	broken := newSite(t)
	seedFailures(broken.memory)
	broken.user.Operator = true
	seedConnections(broken.memory)
	fctx := broken.browser(t)
	log := newSite(t)
	seedMails(log.memory)
	log.rules = []domain.SenderRule{{Sender: "nordlys.example", Verb: domain.RuleAllow, By: log.user.Email, CreatedAt: time.Now()}, {Sender: "prize-desk.example", Verb: domain.RuleBlock, CreatedAt: time.Now()}}
	log.addresses = append(log.addresses, domain.Address{Address: "lindqvist-old4@in.docuflow.example", Label: "Travel", RetiresAt: time.Now().Add(700 * time.Hour)})
	mctx := log.browser(t)
	doc := "/documents/" + string(nordlys)
	for _, shot := range []struct {
		ctx           context.Context
		name, url     string
		width, height int64
		dark          bool
	}{
		{ctx, "inbox-light-1280", s.url + "/", 1280, 900, false},
		{ctx, "inbox-dark-1280", s.url + "/", 1280, 900, true},
		{ctx, "inbox-900", s.url + "/", 900, 900, false},
		{ctx, "inbox-390", s.url + "/", 390, 844, false},
		{ctx, "inbox-dark-390", s.url + "/", 390, 844, true},
		{ctx, "filtered-1280", s.url + "/?status=FAILED&q=util", 1280, 500, false},
		{ctx, "document-1280", s.url + doc, 1280, 1570, false},
		{ctx, "document-dark-1280", s.url + doc, 1280, 1570, true},
		{ctx, "document-390", s.url + doc, 390, 844, false},
		{ctx, "document-390-long", s.url + doc, 390, 2600, false},
		{ctx, "document-pdf-1280", s.url + doc + "?view=standardized", 1280, 900, false},
		{ctx, "document-failed-1280", s.url + "/documents/0d0c0000-0000-4000-8000-000000000006", 1280, 900, false},
		{ctx, "review-1280", s.url + "/review", 1280, 900, false},
		{ctx, "review-dark-1280", s.url + "/review", 1280, 900, true},
		{ctx, "review-900", s.url + "/review", 900, 1200, false},
		{ctx, "review-390", s.url + "/review", 390, 844, false},
		{ctx, "error-1280", s.url + "/documents/nothing", 1280, 500, false},
		{ctx, "signin-390", s.url + "/sign-in/link-1", 390, 844, false},
		{ctx, "signin-ways-390", s.url + "/sign-in", 390, 844, false},
		{ctx, "signin-refused-390", s.url + "/sign-in/callback", 390, 844, false},
		{ctx, "signin-1280", s.url + "/sign-in", 1280, 844, true},
		{ctx, "join-390", s.url + "/join/invitation-1", 390, 844, false},
		{ctx, "account-1280", s.url + "/account", 1280, 600, false},
		{ctx, "account-390", s.url + "/account", 390, 844, false},
		{ctx, "members-1280", s.url + "/members", 1280, 600, false},
		{ctx, "members-390", s.url + "/members", 390, 844, false},
		{fctx, "failures-1280", broken.url + "/failures", 1280, 1100, false},
		{fctx, "failures-dark-1280", broken.url + "/failures?discarded=3&at=2026-11-23T07:00:00Z", 1280, 1100, true},
		{fctx, "failures-900", broken.url + "/failures", 900, 1200, false},
		{fctx, "failures-390", broken.url + "/failures", 390, 1800, false},
		{fctx, "operations-1280", broken.url + "/operations", 1280, 840, false},
		{fctx, "operations-dark-1280", broken.url + "/operations", 1280, 840, true},
		{fctx, "operations-390", broken.url + "/operations", 390, 1400, false},
		{mctx, "maillog-1280", log.url + "/mails?open=" + string(heldMail), 1280, 900, false},
		{mctx, "maillog-dark-1280", log.url + "/mails?open=" + string(heldMail), 1280, 900, true},
		{mctx, "maillog-900", log.url + "/mails?open=" + string(heldMail), 900, 1200, false},
		{mctx, "maillog-390", log.url + "/mails", 390, 1400, false},
		{mctx, "maillog-open-390", log.url + "/mails/" + string(heldMail), 390, 1400, false},
		{mctx, "maillog-copy-1280", log.url + "/mails/" + string(copyMail), 1280, 700, false},
		{mctx, "settings-1280", log.url + "/settings", 1280, 1000, false},
		{mctx, "settings-390", log.url + "/settings", 390, 1500, false},
		{fctx, "connections-1280", broken.url + "/connections?open=" + vehicles, 1280, 1000, false},
		{fctx, "connections-dark-1280", broken.url + "/connections?open=" + vehicles, 1280, 1000, true},
		{fctx, "connections-390", broken.url + "/connections?open=" + vehicles, 390, 1600, false},
		{ectx, "empty-1280", empty.url + "/", 1280, 900, false},
		{ectx, "empty-dark-1280", empty.url + "/", 1280, 900, true},
		{ectx, "empty-390", empty.url + "/", 390, 1400, false},
	} {
		shoot(t, shot.ctx, filepath.Join(directory, shot.name+".png"), shot.url, shot.width, shot.height, shot.dark)
	}
}

func shoot(t *testing.T, ctx context.Context, file, url string, width, height int64, dark bool) {
	t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	var picture []byte
	err := chromedp.Run(ctx,
		chromedp.EmulateViewport(width, height),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		chromedp.Navigate(url),
		chromedp.Sleep(700*time.Millisecond), // fonts, pictures and the stream
		chromedp.CaptureScreenshot(&picture),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		t.Fatal(err)
	}
}
