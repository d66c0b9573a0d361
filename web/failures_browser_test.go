package web

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/docuflow/docuflow/domain"
)

// TestBrowserFollowsFailures watches groups come, grow and go without a
// reload, retries one by key and takes a discard back.
func TestBrowserFollowsFailures(t *testing.T) {
	s := newSite(t)
	seedFailures(s.memory)
	s.pauses = nil
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
	run("open", chromedp.EmulateViewport(1280, 900), chromedp.Navigate(s.url+"/failures"),
		chromedp.WaitVisible(`#badge[data-state="live"]`, chromedp.ByQuery), chromedp.Evaluate("window.sameDocument = true", nil),
		// What a person unfolds stays unfolded while the page changes under them.
		chromedp.Click(`details[data-keep="group-standardize-password"] summary`, chromedp.ByQuery))

	l := line{status: domain.Failed, stage: "extract", file: "fresh.pdf", note: "It fell off the desk."}
	fresh := l.document()
	fresh.Error.Kind = "fell"
	started := time.Now()
	fresh = s.put(fresh)
	run("a new group", chromedp.WaitVisible("#group-extract-fell", chromedp.ByQuery))
	if took := time.Since(started); took > time.Second {
		t.Errorf("the group took %v", took)
	}
	var count string
	var open, same bool
	run("read", chromedp.Text("#failure-count", &count, chromedp.ByQuery), chromedp.Evaluate("window.sameDocument === true", &same),
		chromedp.Evaluate(`document.querySelector('details[data-keep="group-standardize-password"]').open`, &open))
	if count != "8" || !same || !open {
		t.Errorf("count %q, same document %v, unfolded %v", count, same, open)
	}
	if _, err := s.Retry(t.Context(), s.workspace.ID, fresh.ID, ""); err != nil {
		t.Fatal(err)
	}
	run("the group is gone", chromedp.WaitNotPresent("#group-extract-fell", chromedp.ByQuery))

	// j goes to the first group, j to the second, r retries that one.
	run("keys", chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent("r"), chromedp.WaitVisible(".group-replay ~ .group-replay", chromedp.ByQuery))
	s.mu.Lock()
	replayed := s.replays[len(s.replays)-1].Filter
	s.mu.Unlock()
	if replayed.Stage != "standardize" || replayed.Kind != "password" {
		t.Errorf("the key retried %+v", replayed)
	}
	run("discard and undo", chromedp.Click(`//section[.//a[@id="group-deliver-folder_gone"]]//button[contains(., "Discard 3")]`, chromedp.BySearch),
		chromedp.WaitVisible(`.toast`, chromedp.ByQuery), chromedp.WaitNotPresent("#group-deliver-folder_gone", chromedp.ByQuery),
		chromedp.KeyEvent("z"), chromedp.WaitVisible("#group-deliver-folder_gone", chromedp.ByQuery))
	if len(c.lines) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(c.lines, "\n"))
	}
}
