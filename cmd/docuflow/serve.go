package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/docuflow/docuflow/actors"
	"github.com/docuflow/docuflow/pipeline"
	"github.com/docuflow/docuflow/storage/postgres"
)

type serveCommand struct {
	settings
	// also are destinations beside the folder. The chaos test files at a service of its own.
	also []pipeline.Destination
}

func (c *serveCommand) Run(ctx context.Context, term terminal) error {
	settings, err := c.settings.complete()
	if err := errors.Join(err, settings.production()); err != nil {
		return err
	}
	log := settings.logger(term)
	doors, err := listen(settings)
	if err != nil {
		return err
	}
	defer doors.close()
	store, err := postgres.Open(ctx, string(settings.DatabaseURL), log)
	if err != nil {
		return err
	}
	defer store.Close()
	node, err := assemble(ctx, settings, store, log, c.also...)
	if err != nil {
		return err
	}
	return node.run(ctx, doors)
}

// doors are the listeners of a node. They are opened before anything else, so
// that a port that is taken is said at once.
type doors struct {
	http, smtp, admin, submission, lmtp, acme net.Listener // the last three only when they are set
}

func listen(s settings) (d doors, err error) {
	for _, door := range []struct {
		listener   *net.Listener
		addr, name string
	}{
		{&d.http, s.HTTPAddr, "DOCUFLOW_HTTP_ADDR"}, {&d.smtp, s.SMTPAddr, "DOCUFLOW_SMTP_ADDR"}, {&d.admin, s.AdminAddr, "DOCUFLOW_ADMIN_ADDR"},
		{&d.submission, s.SubmissionAddr, "DOCUFLOW_SUBMISSION_ADDR"}, {&d.lmtp, s.LMTPAddr, "DOCUFLOW_LMTP_ADDR"}, {&d.acme, s.ACMEAddr, "DOCUFLOW_ACME_ADDR"},
	} {
		if door.addr == "" {
			continue
		}
		*door.listener, err = listenAt(door.addr)
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%s is taken by another program; stop it, or set %s to another address", door.addr, door.name)
		} else if err != nil {
			err = fmt.Errorf("%s: %w", door.name, err)
		}
		if err != nil {
			d.close()
			return doors{}, err
		}
	}
	return d, nil
}

// listenAt listens at host:port, or at the path of a Unix socket, which its
// group may use. A socket that a killed program left behind is replaced.
func listenAt(addr string) (net.Listener, error) {
	if !filepath.IsAbs(addr) {
		return net.Listen("tcp", addr)
	}
	dialer := net.Dialer{Timeout: time.Second}
	if conn, err := dialer.Dial("unix", addr); err == nil {
		conn.Close()
		return nil, syscall.EADDRINUSE
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		os.Remove(addr)
	}
	listener, err := net.Listen("unix", addr)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(addr, 0o660); err != nil { // the mail server in front is another user of the same group
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

func (d doors) close() {
	for _, listener := range []net.Listener{d.http, d.smtp, d.admin, d.submission, d.lmtp, d.acme} {
		if listener != nil {
			listener.Close() // closed twice when a server has owned it: harmless
		}
	}
}

// run serves until ctx ends, then stops in order: no new work and no new
// mail, running stages finish, leases and membership end, then the pages, then children.
func (n *node) run(ctx context.Context, doors doors) error {
	serving, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	if err := n.system.Start(ctx); err != nil {
		return errors.Join(err, n.close())
	}
	// The feed and the streams outlive the order to stop: they show how it goes.
	background, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	pages := &http.Server{Handler: n.web, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug), BaseContext: func(net.Listener) context.Context { return background }}
	admin := &http.Server{Handler: n.adminHandler(), ReadHeaderTimeout: 10 * time.Second}

	var servers sync.WaitGroup
	serve := func(name string, f func() error) {
		servers.Go(func() {
			if err := f(); err != nil && !errors.Is(err, http.ErrServerClosed) {
				fail(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	serve("serve pages", func() error { return pages.Serve(doors.http) })
	serve("serve operators", func() error { return admin.Serve(doors.admin) })
	n.serveMail(serving, doors, serve)
	serve("watch changes", func() error { return n.web.Run(background) })
	serve("feed", func() error { n.store.Feed().Run(background); return nil })
	serve("work", func() error { return n.system.Run(serving) })
	serve("tell", func() error { n.courier().Run(serving); return nil })
	if n.mailbox != nil {
		serve("fetch mail", func() error { n.mailbox.Run(serving); return nil })
	}
	serve("count", func() error { n.countCensus(serving); return nil })
	if n.relay != nil {
		serve("answer senders", func() error { n.answerer().Run(serving); return nil })
	}
	serve("replay", func() error { n.replayer().Run(serving); return nil })

	<-serving.Done()
	err := n.stop(pages, admin, end)
	servers.Wait()
	if cause := context.Cause(serving); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return errors.Join(err, n.close())
}

// serveMail opens the doors for mail that there are, until the mail server is
// shut down and serving ends.
func (n *node) serveMail(serving context.Context, doors doors, serve func(name string, f func() error)) {
	serve("serve mail", func() error { return n.mail.Serve(doors.smtp) })
	if doors.submission != nil {
		serve("serve submissions", func() error { return n.mail.ServeSubmission(doors.submission) })
	}
	if doors.lmtp != nil {
		serve("serve a mail server", func() error { return n.mail.ServeLMTP(doors.lmtp) })
	}
	if doors.acme != nil {
		challenges := &http.Server{Handler: n.mailTLS.challenges, ReadHeaderTimeout: 10 * time.Second}
		context.AfterFunc(serving, func() { _ = challenges.Close() })
		serve("serve ACME challenges", func() error { return challenges.Serve(doors.acme) })
		serve("order a certificate", func() error { n.orderCertificate(serving); return nil })
	}
}

func (n *node) stop(pages, admin *http.Server, endStreams func()) error {
	n.log.Info("stopping: running work may finish", "at_most", n.settings.DrainTime)
	const grace = 2 * time.Second
	receiving, cancelReceiving := context.WithTimeout(context.Background(), n.settings.DrainTime+grace)
	defer cancelReceiving()
	working, cancelWorking := context.WithTimeout(receiving, n.settings.DrainTime)
	defer cancelWorking()
	// First of all the other nodes are told, by mail and among each other: from
	// now on they look after everything that is not in work here.
	n.system.Drain()
	n.mail.Drain()
	err := errors.Join(n.finishWork(working), n.mail.Shutdown(receiving))
	endStreams()
	// A browser that keeps a connection open must not hold us.
	closing, cancelClosing := context.WithTimeout(context.Background(), grace)
	defer cancelClosing()
	if pages.Shutdown(closing) != nil {
		err = errors.Join(err, pages.Close())
	}
	return errors.Join(err, admin.Close())
}

// finishWork waits for the work and leaves the other nodes. Work that is cut
// off is no error: it was given back, and another attempt repeats it.
func (n *node) finishWork(ctx context.Context) error {
	err := n.system.Stop(ctx)
	if errors.Is(err, actors.ErrCutOff) {
		n.log.Warn("some work was cut off and will be repeated", "error", err)
		return nil
	}
	return err
}

// publicHost is the host of a web address.
func publicHost(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return parsed.Hostname()
}

func isHTTPS(url string) bool { return strings.HasPrefix(url, "https://") }
