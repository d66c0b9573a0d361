package private

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

const oldestMajor = 15

// ErrNotInstalled means that there is no PostgreSQL that could be started.
var ErrNotInstalled = errors.New("PostgreSQL is not installed")

// places are searched in addition to PATH. Debian keeps the server's programs
// off PATH, Homebrew does so for all but one version.
var places = []string{
	"/usr/lib/postgresql/*/bin",
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
	"/usr/pgsql-*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// install is one installed PostgreSQL.
type install struct {
	bin     string // the folder with postgres and initdb
	version string // "15.18"
	major   int
}

// Find returns the folder of the newest installed PostgreSQL, or binDir if that
// holds one. The error is one line that says what to install.
func Find(binDir string) (string, error) {
	installs, err := search(binDir)
	if err != nil {
		return "", err
	}
	return installs[0].bin, nil
}

// search lists what is installed and new enough, newest first, at least one.
func search(binDir string) ([]install, error) {
	var found []install
	for _, bin := range candidates(binDir) {
		if in, err := inspect(bin); err == nil && in.major >= oldestMajor {
			found = append(found, in)
		}
	}
	if len(found) == 0 && binDir != "" {
		return nil, fmt.Errorf("%w in %s: it must hold postgres and initdb of version %d or newer", ErrNotInstalled, binDir, oldestMajor)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: %s (version %d or newer)", ErrNotInstalled, howToInstall(), oldestMajor)
	}
	slices.SortStableFunc(found, func(a, b install) int { return cmp.Compare(b.major, a.major) })
	return found, nil
}

func candidates(binDir string) []string {
	if binDir != "" {
		return []string{binDir}
	}
	var bins []string
	for _, pattern := range places {
		matches, _ := filepath.Glob(pattern) // the patterns are well-formed
		bins = append(bins, matches...)
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		bins = append(bins, filepath.Dir(path))
	}
	return bins
}

func inspect(bin string) (install, error) {
	if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
		return install{}, err
	}
	out, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return install{}, err
	}
	// postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
	words := strings.Fields(string(out))
	if len(words) < 3 {
		return install{}, fmt.Errorf("unexpected version %q", out)
	}
	digits := strings.FieldsFunc(words[2], func(r rune) bool { return r < '0' || r > '9' }) // "18beta1" too
	major, err := strconv.Atoi(digits[0])
	return install{bin: bin, version: words[2], major: major}, err
}

// installFor chooses the binaries for a data directory: those of the version
// that wrote it, the newest for a new one.
func installFor(binDir, dataDir string) (install, error) {
	installs, err := search(binDir)
	if err != nil {
		return install{}, err
	}
	major, err := readMajor(dataDir)
	if err != nil {
		return install{}, err
	}
	if major == "" {
		return installs[0], nil
	}
	for _, in := range installs {
		if strconv.Itoa(in.major) == major {
			return in, nil
		}
	}
	return install{}, fmt.Errorf("the data in %s was written by PostgreSQL %s, found is PostgreSQL %s: install PostgreSQL %s, or move the data away to start without it",
		dataDir, major, installs[0].version, major)
}

func howToInstall() string {
	if runtime.GOOS == "darwin" {
		return "run brew install postgresql@17"
	}
	return "run make setup, or apt-get install postgresql"
}
