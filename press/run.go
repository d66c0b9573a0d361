package press

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// start starts one child in a directory of its own.
func (p *Press) start() (*child, error) { return p.startIn(p.sandbox, true) }

func (p *Press) startIn(confined sandbox, pdfium bool) (*child, error) {
	dir, err := p.area.newDir()
	if err != nil {
		return nil, err
	}
	first := setup{Pdfium: pdfium, CacheDir: p.config.CacheDir, OCRDir: p.accurate, Limits: p.config.Limits, User: confined.user, Seccomp: confined.seccomp}
	started, err := p.launcher.do(func() (*child, error) { return startChild(p.config.Executable, p.tools, dir, confined, first) })
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return started, nil
}

// run does one job on one file of a workspace and moves the files that it made to out.
func (p *Press) run(ctx context.Context, workspace domain.WorkspaceID, work job, file, out string) (result, error) {
	begun := time.Now()
	answer, err := p.runOnce(ctx, workspace, work, file, out)
	if p.config.Ended != nil {
		ended := Ended{Task: string(work.Task), Took: time.Since(begun)}
		if err != nil {
			ended.Failure = domain.AsFailure(err).Kind
		}
		p.config.Ended(ended)
	}
	return answer, err
}

func (p *Press) runOnce(ctx context.Context, workspace domain.WorkspaceID, work job, file, out string) (result, error) {
	if workspace == domain.AllWorkspaces {
		return result{}, fmt.Errorf("the file %s belongs to no workspace", file)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.workers.quit, func() { cancel(closing()) })()
	worker, err := p.workers.take(ctx, workspace)
	if err != nil {
		return result{}, fmt.Errorf("wait for a child: %w", err)
	}
	answer, err := p.runIn(ctx, worker, work, file, out)
	if ended := p.workers.release(worker, err == nil && !answer.Worn); ended != nil {
		p.config.Log.Warn("remove a child's directory", "error", ended)
	}
	return answer, err
}

// runIn gives the job a directory of its own, which is gone when the next one begins.
func (p *Press) runIn(ctx context.Context, worker *child, work job, file, out string) (answer result, err error) {
	dir, err := worker.openJob(file)
	if err != nil {
		return result{}, failed("hand a file to a child", err)
	}
	work.Dir = filepath.Base(dir)
	if answer, err = worker.ask(ctx, work, p.config.Limits); err != nil {
		return result{}, err // the child is ended, and its directory with it
	}
	// From here on nothing the job left running can change the files.
	if err := os.Lchown(dir, os.Getuid(), os.Getgid()); err != nil {
		return result{}, failed("take back a job's directory", err)
	}
	if err := collect(&answer, dir, out); err != nil {
		return result{}, failed("collect the files of a job", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return result{}, failed("remove a job's directory", err)
	}
	return answer, nil
}

// openJob makes the directory of a child's next job, with the file in it.
func (c *child) openJob(file string) (string, error) {
	c.jobs++
	dir := filepath.Join(c.dir, strconv.Itoa(c.jobs))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("make a job's directory: %w", err)
	}
	if err := copyFile(filepath.Join(dir, inputName), file); err != nil {
		return "", err
	}
	if c.user == 0 {
		return dir, nil
	}
	if err := os.Chown(dir, c.user, c.user); err != nil {
		return "", fmt.Errorf("give a job's directory to user %d: %w", c.user, err)
	}
	return dir, nil
}

// collect moves the files that an answer names from the job's directory to out.
func collect(answer *result, from, out string) error {
	names := []*string{&answer.Standardized.File, &answer.Standardized.Thumbnail, &answer.Drawn, &answer.Printed.File}
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
		return target, os.Lchown(target, os.Getuid(), os.Getgid())
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
