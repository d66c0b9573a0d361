package press

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/klippa-app/go-pdfium"
)

// ChildMain is a child process from its start to its end: `docuflow
// press-child`, with the job's directory as working directory. It returns the
// exit code: 0 when it answered, 1 when it could not even do that.
func ChildMain(_ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	runtime.LockOSThread() // confine and the tools' end with ours are properties of a thread
	if err := serveChild(bufio.NewReader(stdin), stdout); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func serveChild(stdin *bufio.Reader, stdout io.Writer) error {
	var first setup
	if err := readLine(stdin, &first); err != nil {
		return fmt.Errorf("read the setup: %w", err)
	}
	hand := hand{wall: first.Limits.Wall, cacheDir: first.CacheDir}
	if first.Pdfium {
		if _, err := hand.pdfium(); err != nil {
			return err
		}
	}
	if err := confine(first); err != nil {
		return err
	}
	var work job
	if err := readLine(stdin, &work); errors.Is(err, io.EOF) {
		return nil // not needed any more
	} else if err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	go dieWithParent(stdin)
	answer, err := hand.do(context.Background(), work)
	if err != nil {
		answer = result{Failure: newFailure(err)}
	}
	return json.NewEncoder(stdout).Encode(answer)
}

func readLine(r *bufio.Reader, into any) error {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, into)
}

func dieWithParent(stdin io.Reader) {
	_, _ = io.Copy(io.Discard, stdin)
	os.Exit(1)
}

// hand does the work of one child.
type hand struct {
	wall     time.Duration
	cacheDir string
	engine   pdfium.Pdfium // nil until it is needed
}

// pdfium starts pdfium unless it runs already.
func (h *hand) pdfium() (pdfium.Pdfium, error) {
	if h.engine != nil {
		return h.engine, nil
	}
	engine, _, err := openPdfium(h.cacheDir) // ends with the process
	h.engine = engine
	return engine, err
}

// do does a job. A panic is an error like any other: the process ends anyway.
func (h *hand) do(ctx context.Context, work job) (answer result, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = crashed(fmt.Errorf("%v\n%s", panicked, debug.Stack()))
		}
	}()
	switch work.Task {
	case taskPing:
	case taskStandardize:
		answer.Standardized, err = h.standardize(ctx)
	case taskRead:
		answer.Reading, err = h.read(ctx, work.Languages)
	case taskUnpack:
		answer.Message, err = unpack(inputName)
	case taskDraw:
		answer.Drawn, err = h.draw(work.Page, work.Width)
	default:
		err = fmt.Errorf("unknown task %q", work.Task)
	}
	return answer, err
}
