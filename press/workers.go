package press

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// workers keeps idle children ready, so that a job does not wait for a start,
// and lets as many jobs run as there are slots. A child does one job and is
// replaced when it is done.
type workers struct {
	start func(pdfium bool) (*child, error)
	slots chan struct{}
	idle  map[bool]chan *child // by whether they have pdfium
	quit  context.Context
	stop  context.CancelFunc
	fill  sync.WaitGroup
	turn  sync.Mutex // a closed workers gets no new fill
}

func newWorkers(jobs int, start func(pdfium bool) (*child, error)) *workers {
	quit, stop := context.WithCancel(context.Background())
	w := &workers{start: start, slots: make(chan struct{}, jobs), quit: quit, stop: stop,
		idle: map[bool]chan *child{true: make(chan *child, jobs), false: make(chan *child, 1)}}
	for _, pdfium := range []bool{true, false} {
		for range cap(w.idle[pdfium]) {
			w.refill(pdfium)
		}
	}
	return w
}

// refill starts an idle child in the background.
func (w *workers) refill(pdfium bool) {
	w.turn.Lock()
	defer w.turn.Unlock()
	if w.quit.Err() != nil {
		return
	}
	w.fill.Go(func() {
		fresh, err := w.start(pdfium)
		if err != nil {
			return // the next job starts its own and tells what is wrong
		}
		select {
		case w.idle[pdfium] <- fresh:
		default:
			_ = fresh.end()
		}
	})
}

// take waits for a slot and returns a child for one job. Give it back with release.
func (w *workers) take(ctx context.Context, pdfium bool) (*child, error) {
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-w.quit.Done():
		return nil, closing()
	}
	for {
		select {
		case ready := <-w.idle[pdfium]:
			if ready.alive() {
				return ready, nil
			}
			_ = ready.end()
		default:
			fresh, err := w.start(pdfium)
			if err != nil {
				<-w.slots
			}
			return fresh, err
		}
	}
}

// release ends a child after its job and replaces it.
func (w *workers) release(used *child, pdfium bool) error {
	err := used.end()
	<-w.slots
	w.refill(pdfium)
	return err
}

// close ends all children and waits for their ends. A second call does nothing.
func (w *workers) close() {
	w.turn.Lock()
	closed := w.quit.Err() != nil
	w.stop()
	w.turn.Unlock()
	if closed {
		return
	}
	w.fill.Wait()
	for range cap(w.slots) { // until the last job has ended
		w.slots <- struct{}{}
	}
	for _, idle := range w.idle {
		close(idle)
		for ready := range idle {
			_ = ready.end()
		}
	}
}

// start starts one child in a directory of its own.
func (p *Press) start(pdfium bool) (*child, error) { return p.startIn(p.sandbox, pdfium) }

func (p *Press) startIn(confined sandbox, pdfium bool) (*child, error) {
	dir, err := p.area.newDir(confined.user)
	if err != nil {
		return nil, err
	}
	first := setup{Pdfium: pdfium, CacheDir: p.config.CacheDir, Limits: p.config.Limits, User: confined.user, Seccomp: confined.seccomp}
	started, err := p.launcher.do(func() (*child, error) { return startChild(p.config.Executable, p.tools, dir, confined, first) })
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return started, nil
}

// run does one job on one file and moves the files that it made to out.
func (p *Press) run(ctx context.Context, work job, file, out string) (result, error) {
	pdfium := work.Task.needsPdfium()
	worker, err := p.workers.take(ctx, pdfium)
	if err != nil {
		return result{}, fmt.Errorf("wait for a child: %w", err)
	}
	answer, err := p.runIn(ctx, worker, work, file, out)
	if ended := p.workers.release(worker, pdfium); ended != nil {
		p.config.Log.Warn("remove a job's directory", "error", ended)
	}
	return answer, err
}

func (p *Press) runIn(ctx context.Context, worker *child, work job, file, out string) (result, error) {
	if file != "" {
		if err := copyFile(filepath.Join(worker.dir, inputName), file); err != nil {
			return result{}, failed("hand a file to a child", err)
		}
	}
	wall := p.config.Limits.Wall
	expired := tookTooLong(wall, errors.New("wall clock limit"))
	ctx, cancel := context.WithTimeoutCause(ctx, wall, expired)
	defer cancel()
	stop := context.AfterFunc(ctx, worker.kill)
	defer stop()
	quit := context.AfterFunc(p.workers.quit, worker.kill)
	defer quit()
	if err := worker.send(work); err != nil && worker.alive() {
		return result{}, failed("hand a job to a child", err)
	}
	<-worker.done
	if ctx.Err() != nil {
		return result{}, context.Cause(ctx)
	}
	if p.workers.quit.Err() != nil {
		return result{}, closing()
	}
	answer, err := worker.result(p.config.Limits)
	if err != nil {
		return result{}, err
	}
	if err := collect(&answer, worker.dir, out); err != nil {
		return result{}, failed("collect the files of a job", err)
	}
	return answer, nil
}

// collect moves the files that an answer names from the job's directory to out.
func collect(answer *result, from, out string) error {
	names := []*string{&answer.Standardized.File, &answer.Standardized.Thumbnail, &answer.Drawn}
	for i := range answer.Message.Parts {
		names = append(names, &answer.Message.Parts[i].File)
	}
	for _, name := range names {
		if *name == "" {
			continue
		}
		path, err := moveFile(from, *name, out)
		if err != nil {
			return err
		}
		*name = path
	}
	return nil
}

// moveFile takes nothing but a plain file of the job's own directory: a child
// that was taken over could name or link to anything.
func moveFile(from, name, out string) (string, error) {
	if filepath.Base(name) != name {
		return "", fmt.Errorf("a child named the file %q", name)
	}
	source, target := filepath.Join(from, name), filepath.Join(out, name)
	info, err := os.Lstat(source)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || links(info) > 1 {
		return "", fmt.Errorf("%q is not a file of its own", name)
	}
	if os.Rename(source, target) == nil {
		return target, os.Chown(target, os.Getuid(), os.Getgid())
	}
	return target, copyFile(target, source) // another file system
}

func copyFile(target, source string) (err error) {
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	_, err = io.Copy(to, from)
	return err
}
