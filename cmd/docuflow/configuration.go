package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/docuflow/docuflow/pipeline"
	"github.com/docuflow/docuflow/storage/postgres"
)

type configCommand struct {
	Check configCheck `cmd:"" help:"Report every problem with the settings of docuflow serve at once, and start nothing."`
	Docs  configDocs  `cmd:"" help:"Print the page of all settings (docs/configuration.md)."`
}

type configCheck struct {
	settings
	Offline bool `help:"Do not ask the database what its login may do."`
}

func (c *configCheck) Run(ctx context.Context, term terminal) error {
	completed, err := c.settings.complete()
	err = errors.Join(err, completed.production())
	if !c.Offline && c.DatabaseURL != "" {
		err = errors.Join(err, checkDatabase(ctx, c.DatabaseURL))
	}
	if err != nil {
		return fmt.Errorf("the settings have problems:\n%w", err)
	}
	_, err = fmt.Fprintln(term.out, "The settings are fine for docuflow serve. docuflow doctor looks at what they name.")
	return err
}

// checkDatabase refuses logins that the server refuses.
func checkDatabase(ctx context.Context, login secret) error {
	store, err := postgres.Open(ctx, string(login), slog.New(slog.DiscardHandler))
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	store.Close()
	return nil
}

type configDocs struct{}

func (configDocs) Run(term terminal) error { return writeConfiguration(term.out) }

// setting is one environment name as the page of settings has it.
type setting struct {
	env, flag, preset, help string
	secret, needed          bool
	commands                []string
}

// What the page has instead of defaults that differ from machine to machine.
var pageVars = kong.Vars{"data_dir": "~/.local/share/docuflow", "filed_names": pipeline.FolderPattern}

// allSettings reads the command line's own description: what has an
// environment name there is a setting. One that several commands have is
// described by the first.
func allSettings() ([]setting, error) {
	parser, err := kong.New(&commands{}, kong.Name("docuflow"), pageVars)
	if err != nil {
		return nil, fmt.Errorf("read the command line: %w", err)
	}
	var found []setting
	index := map[string]int{}
	for _, leaf := range serveFirst(parser.Model.Leaves(false)) {
		for _, flags := range leaf.AllFlags(true) {
			for _, flag := range flags {
				for _, env := range flag.Envs {
					at, known := index[env]
					if !known {
						at = len(found)
						index[env] = at
						found = append(found, newSetting(env, flag))
					}
					found[at].commands = append(found[at].commands, strings.TrimPrefix(leaf.Path(), "docuflow "))
				}
			}
		}
	}
	return found, nil
}

func serveFirst(leaves []*kong.Node) []*kong.Node {
	ordered := make([]*kong.Node, 0, len(leaves))
	for _, first := range []bool{true, false} {
		for _, leaf := range leaves {
			if (leaf.Name == "serve") == first {
				ordered = append(ordered, leaf)
			}
		}
	}
	return ordered
}

func newSetting(env string, flag *kong.Flag) setting {
	return setting{
		env: env, flag: "--" + flag.Name, preset: flag.Default, help: flag.Help,
		secret: isSecret(flag.Target.Type()), needed: flag.Tag.Has("needed"),
	}
}

// isSecret says that a setting is a secret, or several.
func isSecret(kind reflect.Type) bool {
	return kind == reflect.TypeFor[secret]() || kind == reflect.TypeFor[[]secret]()
}

const pageHead = `<!-- Written by docuflow config docs (make generate). Do not edit: edit the settings in cmd/docuflow. -->

# Configuration

Every setting is an environment variable or a flag of the command; a flag goes before the variable. ` + "`docuflow config check`" + `
reports every problem with the variables of ` + "`docuflow serve`" + ` at once: what is needed and missing, what cannot be, secrets from
examples, session cookies in plain HTTP beyond loopback, and a database login that is a superuser.

**needed** says that ` + "`docuflow serve`" + ` does not start without it. **secret** values are never printed, neither in logs nor in errors:
keep them out of files that others can read.
`

func writeConfiguration(out io.Writer) error {
	settings, err := allSettings()
	if err != nil {
		return err
	}
	page := strings.Builder{}
	page.WriteString(pageHead)
	serves := func(s setting) bool { return s.commands[0] == "serve" }
	writeSettings(&page, "Servers", "Settings of `docuflow serve`; `docuflow dev` has them too.", settings, serves)
	writeSettings(&page, "Other commands", "Settings that only other commands have.", settings, func(s setting) bool { return !serves(s) })
	_, err = io.WriteString(out, page.String())
	return err
}

func writeSettings(page *strings.Builder, title, about string, settings []setting, belongs func(setting) bool) {
	fmt.Fprintf(page, "\n## %s\n\n%s\n\n| environment | flag | default | what |\n|---|---|---|---|\n", title, about)
	for _, s := range settings {
		if belongs(s) {
			fmt.Fprintf(page, "| `%s` | `%s` | %s | %s |\n", s.env, s.flag, code(s.preset), s.words())
		}
	}
}

// words are the setting's help with what is particular about it.
func (s setting) words() string {
	words := strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(s.help)
	if s.needed {
		words = "**needed** " + words
	}
	if s.secret {
		words = "**secret** " + words
	}
	if s.commands[0] != "serve" {
		words += " For `docuflow " + strings.Join(s.commands, "`, `docuflow ") + "`."
	}
	return words
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}
