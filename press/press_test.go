package press

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/docuflow/docuflow/domain"
)

// someone is the workspace of most files here.
const someone = domain.WorkspaceID("0d6f5e9c-6f0b-4f38-9a0e-5c6e3f1f4f10")

// The tests' children are the test binary itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "press-child" {
		os.Exit(ChildMain(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	if len(os.Args) > 1 && os.Args[1] == "try-network" {
		tryNetwork()
		return
	}
	if len(os.Args) > 3 && os.Args[1] == "live-until-killed" {
		liveUntilKilled(os.Args[2], os.Args[3])
	}
	os.Exit(m.Run())
}

// newPress starts a press whose compiled pdfium is kept between test runs.
func newPress(t testing.TB, change func(*Config)) *Press {
	t.Helper()
	for _, tool := range []string{"qpdf", "tesseract"} {
		need(t, tool)
	}
	config := Config{
		TempDir:  t.TempDir(),
		CacheDir: testCache(),
		Limits:   DefaultLimits(),
		Log:      slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	if change != nil {
		change(&config)
	}
	if raced {
		config.Limits.AddressSpace, config.Limits.Data = 0, 0
	}
	press, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := press.Close(); err != nil {
			t.Error(err)
		}
	})
	return press
}

// need skips a test on a machine without a tool, but never in continuous integration.
func need(t testing.TB, tool string) {
	t.Helper()
	if _, err := findTools(tool); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", tool)
	}
	t.Skipf("SKIPPED: %s is not installed", tool)
}

// testCache is where the tests keep compiled pdfium: one for each user.
func testCache() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("docuflow-test-pdfium-%d", os.Getuid()))
}
