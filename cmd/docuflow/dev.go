package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/postgres"
	"github.com/docuflow/docuflow/storage/postgres/private"
)

type devCommand struct {
	settings
	PostgresBin string `name:"postgres-bin" env:"DOCUFLOW_PG_BIN" help:"Directory of PostgreSQL's programs. Default: searched for in the usual places."`
}

// devNode is the node's name: the private server's lock keeps a second
// process off the same data.
const devNode = "dev"

func (c *devCommand) Run(ctx context.Context, term terminal) (err error) {
	settings, err := c.settings.complete()
	if err != nil {
		return err
	}
	settings.development = true
	log := settings.logger(term)
	doors, err := listen(settings)
	if err != nil {
		return err
	}
	defer doors.close()
	if settings, err = c.prepare(settings, doors); err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	url, stopDatabase, err := c.database(ctx, settings, log, fail)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopDatabase()) }()
	store, err := postgres.Open(ctx, url, log)
	if err != nil {
		return err
	}
	defer store.Close()
	if settings.Node == "" && settings.DatabaseURL == "" {
		settings.Node = devNode
		if err := store.ReleaseNode(ctx, devNode); err != nil {
			return err
		}
	}
	access, err := openWorkspace(ctx, store, settings, url)
	if err != nil {
		return err
	}
	settings, stopProvider, err := startDevProvider(settings, access.Owner)
	if err != nil {
		return err
	}
	defer stopProvider()
	node, err := assemble(ctx, settings, store, log)
	if err != nil {
		return err
	}
	if err := access.write(settings.DataDir); err != nil {
		return errors.Join(err, node.close())
	}
	fmt.Fprint(term.out, access.banner(settings))
	return node.run(ctx, doors)
}

// prepare makes the data directory and what is kept in it, and fills in what
// follows from the doors.
func (c *devCommand) prepare(s settings, doors doors) (settings, error) {
	// The real addresses, where a port was left to the system.
	s.HTTPAddr, s.SMTPAddr, s.AdminAddr = doors.http.Addr().String(), doors.smtp.Addr().String(), doors.admin.Addr().String()
	if c.PublicURL == "" {
		s.PublicURL = "http://" + s.HTTPAddr
	}
	if err := os.MkdirAll(s.DataDir, 0o711); err != nil {
		return s, fmt.Errorf("make the data directory: %w; set DOCUFLOW_DATA_DIR to a place that you may write to", err)
	}
	var err error
	if s.CookieKey, err = keptSecret(filepath.Join(s.DataDir, "cookie.key")); err != nil {
		return s, err
	}
	if s.Keyset == "" {
		s.Keyset, err = keptKeyset(filepath.Join(s.DataDir, keysetFile))
	}
	return s, err
}

// database returns the URL of the server's login and how to stop what was
// started for it. fail is called when that ends by itself.
func (c *devCommand) database(ctx context.Context, s settings, log *slog.Logger, fail func(error)) (string, func() error, error) {
	if s.DatabaseURL != "" {
		url, err := provisionGiven(ctx, s)
		return url, func() error { return nil }, err
	}
	server, err := private.Start(ctx, private.Config{BinDir: c.PostgresBin, DataDir: filepath.Join(s.DataDir, "postgres"), Durable: true, Log: log})
	if err != nil {
		return "", nil, err
	}
	go func() {
		<-server.Done()
		fail(errors.New("the private PostgreSQL has ended by itself; start docuflow dev again"))
	}()
	stop := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		return server.Stop(ctx)
	}
	url, err := provision(ctx, server)
	if err != nil {
		return "", nil, errors.Join(err, stop())
	}
	return url, stop, nil
}

func provision(ctx context.Context, server *private.Server) (string, error) {
	const database = "docuflow"
	if err := postgres.CreateDatabase(ctx, server.URL("postgres"), database); err != nil {
		return "", err
	}
	return postgres.Provision(ctx, server.URL(database), rand.Text())
}

// provisionGiven uses a database that is not ours to stop. A login that may
// make roles sets everything up; any other one must find it done.
func provisionGiven(ctx context.Context, s settings) (string, error) {
	given := string(s.DatabaseURL)
	mayProvision, err := postgres.MayProvision(ctx, given)
	if err != nil || !mayProvision {
		return given, err
	}
	password, err := keptSecret(filepath.Join(s.DataDir, "database.password"))
	if err != nil {
		return "", err
	}
	return postgres.Provision(ctx, given, string(password))
}

// keptSecret reads a random secret from a file, and makes it the first time.
func keptSecret(path string) (secret, error) {
	content, err := os.ReadFile(path)
	if err == nil && len(content) >= 32 {
		return secret(content), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read a kept secret: %w; the data directory must be readable for you", err)
	}
	made := rand.Text() + rand.Text()
	if err := writePrivate(path, []byte(made)); err != nil {
		return "", fmt.Errorf("keep a secret: %w", err)
	}
	return secret(made), nil
}

// writePrivate replaces a file that only its owner may read.
func writePrivate(path string, content []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// access is how people and scripts reach a development server. It is kept in
// dev.json in the data directory.
type access struct {
	HTTP      string             `json:"http"`
	SMTP      string             `json:"smtp"`
	Admin     string             `json:"admin"`
	Address   string             `json:"address"`
	Token     string             `json:"token"`
	Workspace domain.WorkspaceID `json:"workspace_id"`
	Owner     string             `json:"owner"`
	SignInURL string             `json:"sign_in_url"`
	Database  string             `json:"database_url"`
}

const accessFile = "dev.json"

func readAccess(dataDir string) (a access, err error) {
	content, err := os.ReadFile(filepath.Join(dataDir, accessFile))
	if err != nil {
		return access{}, err
	}
	return a, json.Unmarshal(content, &a)
}

func (a access) write(dataDir string) error {
	content, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	if err := writePrivate(filepath.Join(dataDir, accessFile), append(content, '\n')); err != nil {
		return fmt.Errorf("write %s: %w", accessFile, err)
	}
	return nil
}

// openWorkspace finds or makes the first workspace, a token for scripts and
// a sign-in link for its owner.
func openWorkspace(ctx context.Context, store *postgres.Store, s settings, database string) (access, error) {
	workspace, owner, err := store.FirstWorkspace(ctx)
	if errors.Is(err, domain.ErrNotFound) {
		owner = "you@docuflow.localhost"
		workspace, _, err = store.NewWorkspace(ctx, "My books", s.MailDomain, owner)
	}
	if err != nil {
		return access{}, err
	}
	// Who runs this on their own machine operates it.
	if err := store.MakeOperator(ctx, owner); err != nil {
		return access{}, err
	}
	addresses, err := store.Addresses(ctx, workspace.ID)
	if err != nil {
		return access{}, err
	}
	link, err := store.NewSignInLink(ctx, workspace.ID, owner)
	if err != nil {
		return access{}, err
	}
	token, err := scriptToken(ctx, store, workspace.ID, s.DataDir)
	if err != nil {
		return access{}, err
	}
	return access{
		HTTP: s.HTTPAddr, SMTP: s.SMTPAddr, Admin: s.AdminAddr, Address: addresses[0].Address, Token: token, Workspace: workspace.ID, Owner: owner,
		SignInURL: strings.TrimSuffix(s.PublicURL, "/") + "/sign-in/" + url.PathEscape(link), Database: database,
	}, nil
}

// scriptToken uses the token of the last start again while it is valid.
func scriptToken(ctx context.Context, store *postgres.Store, workspace domain.WorkspaceID, dataDir string) (string, error) {
	if last, err := readAccess(dataDir); err == nil {
		if session, err := store.Token(ctx, last.Token); err == nil && session.Workspace.ID == workspace {
			return last.Token, nil
		}
	}
	return store.NewToken(ctx, workspace, "dev")
}

func (a access) banner(s settings) string {
	return fmt.Sprintf(`
  DocuFlow %s is running.

  Open       %s
             (signs you in once; a new link is printed at every start)
  Email to   %s   by SMTP at %s
             or: docuflow send invoice.pdf
  Files in   %s

  Ctrl-C stops it. Settings: docuflow dev --help

`, version(), a.SignInURL, a.Address, a.SMTP, s.FiledDir)
}
