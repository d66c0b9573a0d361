package press

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	// browserData is what each of the browser's processes may use, in octets.
	browserData = 2 << 30
	// browserPatience is within the job's wall clock.
	browserPatience = 40 * time.Second
)

// browser is Chromium, for one page at a time: it is as heavy as all other children together.
type browser struct {
	path string
	area *area // it wants to know its whole path, so all directories above a job's are open to it
	slot chan struct{}
}

// findBrowser returns nil when Chromium is not installed.
func findBrowser() (*browser, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		area, err := openArea(os.TempDir())
		if err != nil {
			return nil, err
		}
		const passable = 0o711 // nobody can list it, and the jobs' directories in it stay closed
		if err := os.Chmod(area.path, passable); err != nil {
			return nil, errors.Join(fmt.Errorf("open the browser's directory: %w", err), area.close())
		}
		return &browser{path: path, area: area, slot: make(chan struct{}, 1)}, nil
	}
	return nil, nil // there is none, which is no error
}

// close waits for the last page; those that wait for the browser are told by the workers' end.
func (b *browser) close() error {
	if b == nil {
		return nil
	}
	b.slot <- struct{}{} // for good
	return b.area.close()
}

// browse prints the input, an HTML page that unpack has cleaned, as printedName.
// The browser has no network (the sandbox), runs no script and is given nothing to load.
func (h *hand) browse(ctx context.Context, program string) (printed, error) {
	ctx, cancel := context.WithTimeout(ctx, browserPatience)
	defer cancel()
	const page = "page.html" // the name tells the browser the type
	if err := os.Rename(inputName, page); err != nil {
		return printed{}, err
	}
	here, err := os.Getwd()
	if err != nil {
		return printed{}, err
	}
	if err := writePreferences(); err != nil {
		return printed{}, err
	}
	command := exec.CommandContext(ctx, program, browserFlags(here, page)...)
	command.Env = append(command.Environ(), "HOME="+here, "TMPDIR="+here, "XDG_CONFIG_HOME="+here, "XDG_CACHE_HOME="+here)
	command.SysProcAttr = tool()
	command.WaitDelay = time.Second
	var complaint bytes.Buffer
	command.Stderr = &complaint
	if err := command.Run(); err != nil {
		return printed{}, fmt.Errorf("chromium: %w: %s", err, lastOf(complaint.Bytes()))
	}
	if _, err := os.Stat(printedName); err != nil {
		return printed{}, fmt.Errorf("chromium made no PDF: %s", lastOf(complaint.Bytes()))
	}
	return printed{printedName, "printed from the mail's text", typeHTML}, nil
}

// writePreferences forbids scripts. Blink's own switch for it also stops the
// browser's page that prints.
func writePreferences() error {
	const preferences = `{"profile": {"default_content_setting_values": {"javascript": 2}}}`
	if err := os.MkdirAll("profile/Default", 0o700); err != nil {
		return err
	}
	return os.WriteFile("profile/Default/Preferences", []byte(preferences), 0o600)
}

func browserFlags(here, page string) []string {
	return []string{
		"--headless", "--no-sandbox", // it is in ours, which is stricter
		"--disable-gpu", "--disable-dev-shm-usage", "--disable-crash-reporter", "--no-first-run", "--no-zygote", "--disable-breakpad",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-default-apps",
		"--disable-features=Translate,MediaRouter,OptimizationHints,AutofillServerCommunication",
		"--host-resolver-rules=MAP * ~NOTFOUND", "--disable-quic", "--mute-audio",
		"--user-data-dir=" + filepath.Join(here, "profile"), "--no-pdf-header-footer",
		"--print-to-pdf=" + filepath.Join(here, printedName), "file://" + filepath.Join(here, page),
	}
}

// lastOf is the end of a complaint: the browser grumbles a lot before it dies.
func lastOf(complaint []byte) []byte { return complaint[max(0, len(complaint)-1000):] }
