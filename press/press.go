package press

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/page"
)

// Config is what a Press needs to know.
type Config struct {
	Executable string       // our own binary, started as `<exe> press-child`; default: the running one
	TempDir    string       // parent of the jobs' private directories; default: the system's
	CacheDir   string       // where pdfium's machine code is kept; only trusted users may write there
	Languages  []string     // of tesseract; default DefaultLanguages
	OCRDir     string       // of the accurate reader, see package ppocr; default: "ocr" beside the running program
	Limits     Limits       // of one child; default DefaultLimits
	Jobs       int          // at the same time; default: the number of processors
	Log        *slog.Logger // default: none
	// Ended is told of every job. nil: nobody counts.
	Ended func(Ended)
}

// Ended is how one job went.
type Ended struct {
	Task    string           // standardize, read …
	Failure domain.ErrorKind // empty: it went well; killed, timeout and panic cost the child its life
	Took    time.Duration    // with the wait for a child
}

// Children is how many child processes work, and how many are ready to.
func (p *Press) Children() (working, ready int) { return p.workers.count() }

// Limits bound one job. Zero is no limit, except for Wall.
type Limits struct {
	AddressSpace int64         // octets of virtual memory per process
	Data         int64         // octets of writable private memory per process: what counts
	CPU          time.Duration // processor time per process
	Wall         time.Duration // from the job's start to its end, all its processes
	Output       int64         // octets of the largest file that may be written
}

// DefaultLimits suit an invoice of some hundred pages or a photo of 50 megapixels.
func DefaultLimits() Limits {
	return Limits{
		AddressSpace: 4 << 30,
		Data:         1 << 30,
		CPU:          60 * time.Second,
		Wall:         90 * time.Second,
		Output:       256 << 20,
	}
}

// DefaultLanguages are the languages that text is recognised in.
func DefaultLanguages() []string {
	return []string{"eng", "deu", "fra", "spa", "ita", "nld", "por", "pol"}
}

// Press runs jobs in child processes, of which none sees files of two
// workspaces. It is safe for concurrent use.
type Press struct {
	config   Config
	tools    []string // directories of qpdf and tesseract
	accurate string   // directory of the accurate reader, empty when it is not there
	missing  string   // why it is not, in words
	area     *area
	sandbox  sandbox
	launcher *launcher
	workers  *workers
	browser  *browser // nil when it is not installed
}

// Standardized is one optimized PDF and what is known about it.
type Standardized struct {
	File      string `json:"file"` // path of the PDF
	Size      int64  `json:"size"` // octets
	Pages     int    `json:"pages"`
	Thumbnail string `json:"thumbnail,omitempty"` // path of a PNG of page 1, empty when it could not be drawn
	MediaType string `json:"media_type"`          // of the original, by content
	Kept      bool   `json:"kept,omitempty"`      // the original's bytes were kept
	Reason    string `json:"reason,omitempty"`    // what was done when it is not the usual, in words
}

// Reading is what can be read in a document.
type Reading struct {
	Document page.Document `json:"document"` // without pages when the file is a bare e-invoice
	// XML is the e-invoice inside the PDF, or the file itself when that is one; nil when there is none.
	XML []byte `json:"xml,omitempty"`
	// Trouble says why the accurate reader could not be used though it is there.
	Trouble string `json:"trouble,omitempty"`
}

// Message is an unpacked mail. Its texts are safe to show: valid UTF-8
// without control characters.
type Message struct {
	MessageID string        `json:"message_id"` // without angle brackets, empty when the mail has none
	Subject   string        `json:"subject"`
	From      string        `json:"from"` // address of the author, empty when it is not one
	FromName  string        `json:"from_name"`
	Date      time.Time     `json:"date"`      // zero when it is missing or not a date
	Authors   int           `json:"authors"`   // addresses in all From fields
	Automatic bool          `json:"automatic"` // a program wrote it, by its own account
	Forwarded bool          `json:"forwarded"` // it was passed on, by its own account
	Text      string        `json:"text"`      // the beginning of what it says, in one line; empty when that is HTML alone
	Parts     []MessagePart `json:"parts"`
	// Incomplete says in words that the mail went beyond a limit and some of it was not looked at.
	Incomplete string `json:"incomplete,omitempty"`
}

// MessagePart is one attachment-like part of a mail: everything but the text
// that a mail program shows.
type MessagePart struct {
	Index       int    `json:"index"`      // from 0, in the mail's order
	File        string `json:"file"`       // path of the decoded bytes
	Name        string `json:"name"`       // safe on every file system and to show
	MediaType   string `json:"media_type"` // by content
	Declared    string `json:"declared"`   // what the mail says it is
	Disposition string `json:"disposition"`
	ContentID   string `json:"content_id"`
	Size        int64  `json:"size"`             // octets, decoded
	SHA256      string `json:"sha256"`           // hex, of the decoded bytes
	Usable      bool   `json:"usable"`           // makes a document
	Reason      string `json:"reason,omitempty"` // why it does not, in words
	// Picture says that it is an image that the mail shows: a document, or part of the mail's design.
	Picture bool `json:"picture,omitempty"`
	// Fallback says that it is the mail's own text: a document only if nothing else in the mail is one.
	Fallback bool `json:"fallback,omitempty"`
	// Importable says that it makes no document but could: a person may think otherwise.
	Importable bool `json:"importable,omitempty"`
}

// New checks that the tools are installed, removes what a killed predecessor
// left behind, finds out how far children can be confined on this machine, and
// starts idle children.
func New(config Config) (*Press, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	tools, err := findTools("qpdf", "tesseract")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(config.CacheDir, 0o700); err != nil {
		return nil, fmt.Errorf("make pdfium's cache directory: %w", err)
	}
	area, err := openArea(config.TempDir)
	if err != nil {
		return nil, err
	}
	press := &Press{config: config, tools: tools, area: area, launcher: newLauncher()}
	press.accurate, press.missing = lookForAccurate(config.OCRDir)
	if press.sandbox, err = press.probe(); err != nil {
		press.launcher.close()
		return nil, errors.Join(err, area.close())
	}
	if press.browser, err = findBrowser(); err != nil {
		press.launcher.close()
		return nil, errors.Join(err, area.close())
	}
	press.workers = newWorkers(config.Jobs, press.start)
	return press, nil
}

func (c Config) withDefaults() (Config, error) {
	if c.Executable == "" {
		own, err := os.Executable()
		if err != nil {
			return c, fmt.Errorf("find our own program file: %w", err)
		}
		c.Executable = own
	}
	if c.TempDir == "" {
		c.TempDir = os.TempDir()
	}
	if c.OCRDir == "" {
		own, err := os.Executable()
		if err != nil {
			return c, fmt.Errorf("find our own program file: %w", err)
		}
		c.OCRDir = filepath.Join(filepath.Dir(own), "ocr")
	}
	if c.CacheDir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return c, fmt.Errorf("find a place for pdfium's cache: %w", err)
		}
		c.CacheDir = filepath.Join(base, "docuflow", "pdfium")
	}
	if len(c.Languages) == 0 {
		c.Languages = DefaultLanguages()
	}
	if c.Limits == (Limits{}) {
		c.Limits = DefaultLimits()
	}
	if c.Jobs <= 0 {
		c.Jobs = runtime.NumCPU()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func findTools(names ...string) (directories []string, err error) {
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			return nil, fmt.Errorf("%s is not installed: apt-get install qpdf tesseract-ocr (macOS: brew install qpdf tesseract tesseract-lang)", name)
		}
		if path, err = filepath.Abs(path); err != nil {
			return nil, fmt.Errorf("find %s: %w", name, err)
		}
		directories = append(directories, filepath.Dir(path))
	}
	return directories, nil
}

// Close ends all children, running jobs included, and removes their files.
func (p *Press) Close() error {
	p.workers.close()
	err := p.browser.close()
	p.launcher.close()
	return errors.Join(err, p.area.close())
}

// Sandbox says in words what confines the children, for the log at start.
func (p *Press) Sandbox() string {
	limits := p.config.Limits
	return fmt.Sprintf("%s; each at most %d MB of memory, %s of processor time, %s in all, files of %d MB; %d at a time",
		p.sandbox.words, limits.Data>>20, limits.CPU, limits.Wall, limits.Output>>20, p.config.Jobs)
}

// Recognition says in words what reads pictures, for the log at start.
func (p *Press) Recognition() string {
	if p.accurate != "" {
		return "PP-OCR (" + p.accurate + "), then tesseract"
	}
	return "tesseract alone, which misreads photos more often: " + p.missing
}

// Confined says that children have no network and see no other processes.
func (p *Press) Confined() bool { return p.sandbox.namespaces && p.sandbox.seccomp }

// WarmCache compiles pdfium into the cache directory, which takes some
// seconds once and next to nothing when it was done before.
func (p *Press) WarmCache(ctx context.Context) error {
	fresh, err := p.start()
	if err != nil {
		return err
	}
	_, err = fresh.ask(ctx, job{Task: taskPing, Dir: "."}, p.config.Limits)
	return errors.Join(err, fresh.end())
}

// Standardize turns an original of a workspace (PDF, JPEG, PNG, WebP, TIFF, HEIC, the
// text of a mail as Unpack writes it, the XML of an e-invoice) into one optimized PDF in
// dir. Its errors are domain.Failures.
func (p *Press) Standardize(ctx context.Context, workspace domain.WorkspaceID, original, dir string) (Standardized, error) {
	source, err := p.withPages(ctx, workspace, original, dir)
	if err != nil {
		return Standardized{}, fmt.Errorf("standardize: %w", err)
	}
	answer, err := p.run(ctx, workspace, job{Task: taskStandardize}, source.File, dir)
	if err != nil {
		return Standardized{}, fmt.Errorf("standardize: %w", err)
	}
	done := answer.Standardized
	if source.Note != "" { // the PDF is ours: whether it could be made smaller is nobody's concern
		done.Kept, done.Reason, done.MediaType = false, source.Note, source.From
	}
	return done, nil
}

// Read returns the page model of a workspace's PDF or image, from its text
// layer or else by recognition, and an embedded e-invoice. Its errors are
// domain.Failures.
func (p *Press) Read(ctx context.Context, workspace domain.WorkspaceID, file string) (Reading, error) {
	result, err := p.run(ctx, workspace, job{Task: taskRead, Languages: p.config.Languages}, file, "")
	if err != nil {
		return Reading{}, fmt.Errorf("read: %w", err)
	}
	if result.Reading.Trouble != "" {
		p.config.Log.Warn("the accurate reader failed, tesseract read alone", "error", result.Reading.Trouble)
	}
	return result.Reading, nil
}

// Unpack reads a raw mail (RFC 5322) to a workspace and writes every
// attachment-like part into dir. A damaged mail gives what is left of it. Its
// errors are domain.Failures.
func (p *Press) Unpack(ctx context.Context, workspace domain.WorkspaceID, raw, dir string) (Message, error) {
	result, err := p.run(ctx, workspace, job{Task: taskUnpack}, raw, dir)
	if err != nil {
		return Message{}, fmt.Errorf("unpack: %w", err)
	}
	return result.Message, nil
}

// Draw draws a page of a workspace's PDF, from 1, as a PNG in dir, so many pixels wide, and
// returns its path. Its errors are domain.Failures.
func (p *Press) Draw(ctx context.Context, workspace domain.WorkspaceID, file, dir string, page, width int) (string, error) {
	result, err := p.run(ctx, workspace, job{Task: taskDraw, Page: page, Width: width}, file, dir)
	if err != nil {
		return "", fmt.Errorf("draw page %d: %w", page, err)
	}
	return result.Drawn, nil
}
