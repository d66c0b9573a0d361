package press

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/klippa-app/go-pdfium"
)

// ChildMain is a child process from its start to its end: `docuflow
// press-child`, with the child's directory as working directory. It returns
// when it could not even answer, with the exit code 1.
func ChildMain(_ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	runtime.LockOSThread() // confine and the tools' end with ours are properties of a thread
	if err := serveChild(bufio.NewReader(stdin), stdout, stderr); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func serveChild(stdin *bufio.Reader, stdout, stderr io.Writer) error {
	var first setup
	if err := readLine(stdin, &first); err != nil {
		return fmt.Errorf("read the setup: %w", err)
	}
	hand := hand{limits: first.Limits, cacheDir: first.CacheDir}
	if first.Pdfium {
		if _, err := hand.pdfium(); err != nil {
			return err
		}
	}
	if err := confine(first); err != nil {
		return err
	}
	go endWhenSpent(stderr)
	jobs := make(chan job)
	go receive(stdin, jobs)
	for work := range jobs {
		answer, err := hand.serve(work)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(stdout).Encode(answer); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
	return nil
}

// receive reads jobs. The end of the input is the end of the process, whatever
// it does: nobody waits for it any more.
func receive(stdin *bufio.Reader, jobs chan<- job) {
	for {
		var work job
		if err := readLine(stdin, &work); err != nil {
			os.Exit(1)
		}
		jobs <- work
	}
}

// cpuExceeded is what a child says last when its processor time is used up.
const cpuExceeded = "cpu limit exceeded"

// endWhenSpent ends the process at the signal that its processor time is used up.
func endWhenSpent(stderr io.Writer) {
	spent := make(chan os.Signal, 1)
	signal.Notify(spent, syscall.SIGXCPU)
	<-spent
	fmt.Fprintln(stderr, cpuExceeded)
	os.Exit(1)
}

// serve does one job in its directory, with the processor time of one job.
func (h *hand) serve(work job) (result, error) {
	if err := allowCPU(h.limits.CPU); err != nil {
		return result{}, err
	}
	if err := os.Chdir(work.Dir); err != nil {
		return result{}, fmt.Errorf("enter the job's directory: %w", err)
	}
	answer, err := h.do(context.Background(), work)
	if err != nil {
		answer = result{Failure: newFailure(err)}
	}
	answer.Worn = worn(h.limits)
	if work.Dir == "." {
		return answer, nil
	}
	if err := os.Chdir(".."); err != nil {
		return result{}, fmt.Errorf("leave the job's directory: %w", err)
	}
	return answer, nil
}

func readLine(r *bufio.Reader, into any) error {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, into)
}

// hand does the work of one child.
type hand struct {
	limits   Limits
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

// do does a job. A panic is an error like any other: after one the parent ends
// the process.
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
	case taskPrint:
		answer.Printed, err = h.print(ctx, work.Browser)
	default:
		err = fmt.Errorf("unknown task %q", work.Task)
	}
	return answer, err
}
