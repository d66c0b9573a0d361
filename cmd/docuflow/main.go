// Command docuflow is the whole product in one binary: the server, the
// one-machine version of it, and the tools around them.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/docuflow/docuflow/pipeline"
	"github.com/docuflow/docuflow/press"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "press-child" {
		os.Exit(press.ChildMain(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "docuflow:", err)
		os.Exit(1)
	}
}

// commands is the command line. Every flag has an environment name.
type commands struct {
	Dev         devCommand         `cmd:"" help:"Run everything on this machine, with a private PostgreSQL and a first workspace."`
	Serve       serveCommand       `cmd:"" help:"Run a server on a given PostgreSQL and object storage."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the database schema up to date, or show its state."`
	Send        sendCommand        `cmd:"" help:"Email files to a workspace, as any mail program would."`
	Extract     extractCommand     `cmd:"" help:"Read the fields of files and print them, one JSON object a line. Needs no database."`
	Standardize standardizeCommand `cmd:"" help:"Make an optimized PDF of a PDF or an image. Needs no database."`
	Cluster     clusterCommand     `cmd:"" help:"See the nodes that share a database."`
	Token       tokenCommand       `cmd:"" help:"Make access tokens for the JSON API."`
	Keys        keysCommand        `cmd:"" help:"Make and rotate the keys that secrets of connections are sealed with."`
	Config      configCommand      `cmd:"" help:"Check the settings of a server, or print the page of all settings."`
	Doctor      doctorCommand      `cmd:"" help:"Look at everything that a server needs, and say what to do about what is wrong."`
	Warm        warmCommand        `cmd:"" help:"Prepare the PDF reader's cache, so that the first document is quick."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// terminal is where a command writes: results to out, everything else to log.
type terminal struct {
	out, log io.Writer
}

// run is the program. It returns when the command is done or ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return runLine(ctx, &commands{}, args, stdout, stderr)
}

func runLine(ctx context.Context, line *commands, args []string, stdout, stderr io.Writer) error {
	parser, err := kong.New(line,
		kong.Name("docuflow"),
		kong.Description("People email invoices and receipts; DocuFlow files them, and shows how."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Writers(stdout, stderr),
		kong.Vars{"data_dir": defaultDataDir(), "filed_names": pipeline.FolderPattern},
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(line, terminal{out: stdout, log: stderr}),
	)
	if err != nil {
		return fmt.Errorf("build the command line: %w", err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return fmt.Errorf("%w (docuflow --help explains)", err)
	}
	return parsed.Run()
}

type versionCommand struct{}

func (versionCommand) Run(term terminal) error {
	_, err := fmt.Fprintln(term.out, "docuflow", version())
	return err
}

// release is set by the linker when a release is built.
var release string

// version is the release, or the commit that the binary was built from.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return "development " + setting.Value[:min(12, len(setting.Value))]
		}
	}
	return "development"
}
