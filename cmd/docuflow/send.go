package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/docuflow/docuflow/mail"
)

type sendCommand struct {
	To      string   `help:"Address to send to. Default: that of a running docuflow dev."`
	From    string   `default:"sender@docuflow.localhost" help:"Address to send from."`
	Subject string   `help:"Subject. Default: the files' names."`
	Server  string   `env:"DOCUFLOW_SMTP_ADDR" help:"Mail server, host:port. Default: that of a running docuflow dev."`
	Each    bool     `help:"One mail for each file instead of one for all."`
	DataDir string   `env:"DOCUFLOW_DATA_DIR" default:"${data_dir}" help:"Data directory of docuflow dev."`
	Files   []string `arg:"" name:"file" type:"existingfile" help:"Files to attach."`
}

func (c *sendCommand) Run(ctx context.Context, term terminal) error {
	if c.To == "" || c.Server == "" {
		running, err := readAccess(c.DataDir)
		if err != nil {
			return errors.New("no docuflow dev runs on this data directory; give --to and --server")
		}
		if c.To == "" {
			c.To = running.Address
		}
		if c.Server == "" {
			c.Server = running.SMTP
		}
	}
	groups := [][]string{c.Files}
	if c.Each {
		groups = nil
		for _, file := range c.Files {
			groups = append(groups, []string{file})
		}
	}
	for _, files := range groups {
		if err := c.send(ctx, files); err != nil {
			return err
		}
		fmt.Fprintf(term.out, "%s: accepted for %s\n", strings.Join(files, ", "), c.To)
	}
	return nil
}

func (c *sendCommand) send(ctx context.Context, paths []string) error {
	message := mail.Message{From: c.From, To: c.To, Subject: c.Subject, Text: "Sent with docuflow send.\n"}
	var names []string
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		names = append(names, filepath.Base(path))
		message.Files = append(message.Files, mail.File{Name: filepath.Base(path), Content: content})
	}
	if message.Subject == "" {
		message.Subject = strings.Join(names, ", ")
	}
	return mail.Send(ctx, c.Server, message)
}

// sampler mails the sample invoice to our own door, like anybody else's mail.
type sampler struct {
	server string
}

func (s sampler) SendSample(ctx context.Context, address string) error {
	invoice := mail.SampleInvoice()
	return mail.Send(ctx, s.server, mail.Message{
		From: "Nordlys Hosting <billing@nordlys.example>", To: address, Subject: "A sample invoice",
		Text: "This invoice is made up. Watch it being read and filed.\n", Files: []mail.File{invoice},
	})
}
