package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/press"
	"github.com/docuflow/docuflow/storage/postgres"
)

type doctorCommand struct {
	settings
	JSON bool `help:"Print JSON."`

	names resolver // nil: the system's
}

// resolver is what the doctor asks the DNS.
type resolver interface {
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupHost(ctx context.Context, host string) ([]string, error)
}

// finding is what one look has found.
type finding struct {
	Part  string `json:"part"`
	State string `json:"state"` // ok, warning, failed or skipped
	Says  string `json:"says"`
	Hint  string `json:"hint,omitempty"` // what to do, in words
}

// States of a finding.
const (
	fine    = "ok"
	warning = "warning"
	failing = "failed"
	skipped = "skipped"
)

func ok(says string, values ...any) finding {
	return finding{State: fine, Says: fmt.Sprintf(says, values...)}
}

func bad(err error, hint string) finding {
	return finding{State: failing, Says: strings.ReplaceAll(err.Error(), "\n", "; "), Hint: hint}
}

func warn(says, hint string) finding { return finding{State: warning, Says: says, Hint: hint} }

func skip(says string) finding { return finding{State: skipped, Says: says} }

// look is one thing that the doctor looks at.
type look struct {
	part string
	at   func(context.Context) finding
}

// lookTime bounds one look: the first one at the PDF engine compiles it.
const lookTime = 90 * time.Second

func (c *doctorCommand) Run(ctx context.Context, term terminal) error {
	if c.names == nil {
		c.names = net.DefaultResolver
	}
	completed, problems := c.settings.complete()
	d := &doctor{settings: completed, problems: errors.Join(problems, completed.production()), names: c.names}
	defer d.close()
	var findings []finding
	for _, look := range d.looks() {
		ctx, cancel := context.WithTimeout(ctx, lookTime)
		found := look.at(ctx)
		cancel()
		found.Part = look.part
		findings = append(findings, found)
		if !c.JSON {
			found.print(term.out)
		}
	}
	if c.JSON {
		encoder := json.NewEncoder(term.out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(findings); err != nil {
			return err
		}
	}
	failed := 0
	for _, found := range findings {
		if found.State == failing {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d looks found something that does not work", failed, len(findings))
	}
	return nil
}

func (f finding) print(out io.Writer) {
	fmt.Fprintf(out, "%-8s %-16s %s\n", f.State, f.Part, f.Says)
	if f.Hint != "" {
		fmt.Fprintf(out, "%-8s %-16s %s\n", "", "", "→ "+f.Hint)
	}
}

// doctor looks at everything a server needs, one after the other; later looks
// use what earlier ones have opened.
type doctor struct {
	settings settings
	problems error
	names    resolver
	store    *postgres.Store // nil: it could not be opened
	database postgres.Inspection
	press    *press.Press
	tempDir  string
}

// looks is the list; a new one is one line here.
func (d *doctor) looks() []look {
	return []look{
		{"settings", d.lookAtSettings},
		{"database", d.lookAtDatabase},
		{"migrations", d.lookAtMigrations},
		{"row security", d.lookAtRowSecurity},
		{"clock", d.lookAtClock},
		{"balance", d.lookAtBalance},
		{"object storage", d.lookAtObjects},
		{"qpdf", tool("qpdf", "--version")},
		{"tesseract", tool("tesseract", "--version")},
		{"languages", d.lookAtLanguages},
		{"sandbox", d.lookAtSandbox},
		{"PDF engine", d.lookAtEngine},
		{"MX", d.lookAtMX},
		{"SPF", d.lookAtSPF},
		{"own name", d.lookAtName},
		{"port HTTP", d.port("DOCUFLOW_HTTP_ADDR", d.settings.HTTPAddr)},
		{"port SMTP", d.port("DOCUFLOW_SMTP_ADDR", d.settings.SMTPAddr)},
		{"port admin", d.port("DOCUFLOW_ADMIN_ADDR", d.settings.AdminAddr)},
	}
}

func (d *doctor) close() {
	if d.store != nil {
		d.store.Close()
	}
	if d.press != nil {
		_ = d.press.Close()
	}
	if d.tempDir != "" {
		_ = os.RemoveAll(d.tempDir)
	}
}

func (d *doctor) lookAtSettings(context.Context) finding {
	if d.problems != nil {
		return bad(d.problems, "docs/configuration.md lists all settings.")
	}
	return ok("fit for docuflow serve")
}

const oldestPostgres = 150000

func (d *doctor) lookAtDatabase(ctx context.Context) finding {
	if d.settings.DatabaseURL == "" {
		return bad(errors.New("DATABASE_URL is not set"), "Set it to the login of the server.")
	}
	store, err := postgres.Open(ctx, string(d.settings.DatabaseURL), slog.New(slog.DiscardHandler))
	if err != nil {
		return bad(err, "Is PostgreSQL running, is DATABASE_URL right, and was docuflow migrate up run?")
	}
	d.store = store
	if d.database, err = store.Inspect(ctx); err != nil {
		return bad(err, "Run docuflow migrate up with DOCUFLOW_MIGRATION_URL.")
	}
	if d.database.Number < oldestPostgres {
		return bad(fmt.Errorf("PostgreSQL %s is too old", d.database.Version), "Use PostgreSQL 15 or newer.")
	}
	return ok("PostgreSQL %s, the login is neither superuser nor owner; %s for a question", d.database.Version, d.database.RoundTrip.Round(10*time.Microsecond))
}

var noDatabase = skip("needs the database")

func (d *doctor) lookAtMigrations(context.Context) finding {
	switch {
	case d.database.Number == 0:
		return noDatabase
	case len(d.database.Missing) > 0:
		slices.Sort(d.database.Missing)
		return bad(fmt.Errorf("missing: %s", strings.Join(d.database.Missing, ", ")), "Run docuflow migrate up with DOCUFLOW_MIGRATION_URL.")
	case len(d.database.Unknown) > 0:
		return warn(fmt.Sprintf("the database has %d that this version does not know", len(d.database.Unknown)), "A newer version has been here. Use that one.")
	}
	return ok("all applied")
}

func (d *doctor) lookAtRowSecurity(context.Context) finding {
	switch {
	case d.database.Number == 0:
		return noDatabase
	case len(d.database.Unsecured) > 0:
		return bad(fmt.Errorf("not in force on: %s", strings.Join(d.database.Unsecured, ", ")), "ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; find out who changed that.")
	}
	return ok("in force on every table, for the owner too")
}

func (d *doctor) lookAtClock(context.Context) finding {
	const hint = "Let both machines keep time with NTP. Leases and retries go by the database's clock alone; what people see, and certificates, go by this one."
	switch ahead := d.database.Ahead; {
	case d.database.Number == 0:
		return noDatabase
	case ahead.Abs() > time.Minute:
		return bad(fmt.Errorf("the database's clock differs by %s", ahead.Round(time.Second)), hint)
	case ahead.Abs() > 2*time.Second:
		return warn(fmt.Sprintf("the database's clock differs by %s", ahead.Round(100*time.Millisecond)), hint)
	default:
		return ok("within %s of the database's", max(ahead.Abs(), time.Millisecond).Round(time.Millisecond))
	}
}

func (d *doctor) lookAtBalance(ctx context.Context) finding {
	if d.database.Number == 0 {
		return noDatabase
	}
	check, err := d.store.LastBalanceCheck(ctx)
	switch {
	case err != nil:
		return bad(err, "")
	case check.At.IsZero():
		return skip("nobody has counted yet; a running server does")
	case check.Unbalanced() > 0:
		return bad(fmt.Errorf("%d mails or documents are in no proper state: %s", check.Unbalanced(), strings.Join(check.Broken(), ", ")), `docs/operations.md, "The balance", says what that means.`)
	}
	return ok("%d mails and documents, each in exactly one state, at %s", check.Counted(), check.At.Format(time.DateTime))
}

// lookAtObjects writes, reads and deletes an object of no workspace.
func (d *doctor) lookAtObjects(ctx context.Context) finding {
	const hint = "Check DOCUFLOW_S3_* and what the key may do: it needs to read, write, list and delete in the bucket. Without an endpoint: may this user write to DOCUFLOW_DATA_DIR?"
	blobs, err := openBlobs(ctx, d.settings)
	if err != nil {
		return bad(err, hint)
	}
	if closer, ok := blobs.(io.Closer); ok {
		defer closer.Close()
	}
	key, content := domain.ObjectKey(uuid.Nil.String()+"/doctor/"+uuid.NewString()), []byte(rand.Text())
	begun := time.Now()
	if err := blobs.Put(ctx, key, bytes.NewReader(content)); err != nil {
		return bad(fmt.Errorf("write: %w", err), hint)
	}
	read, err := readObject(ctx, blobs, key)
	if err == nil && !bytes.Equal(read, content) {
		err = errors.New("other octets came back than were written")
	}
	deleter, can := blobs.(interface {
		Delete(context.Context, domain.ObjectKey) error
	})
	if can {
		if deleteErr := deleter.Delete(ctx, key); deleteErr != nil {
			err = errors.Join(err, fmt.Errorf("delete: %w", deleteErr))
		}
	}
	if err != nil {
		return bad(err, hint)
	}
	where := "a directory of this machine"
	if d.settings.S3Endpoint != "" {
		where = "bucket " + d.settings.S3Bucket
	}
	return ok("%s: written, read and deleted in %s", where, time.Since(begun).Round(time.Millisecond))
}

func readObject(ctx context.Context, blobs blobs, key domain.ObjectKey) ([]byte, error) {
	reader, err := blobs.Open(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	defer reader.Close()
	content, err := io.ReadAll(reader)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return content, nil
}

const installHint = "On Debian: apt-get install qpdf tesseract-ocr (and tesseract-ocr-<language>); deploy/setup.sh does that."

func tool(name string, args ...string) func(context.Context) finding {
	return func(ctx context.Context) finding {
		path, err := exec.LookPath(name)
		if err != nil {
			return bad(fmt.Errorf("%s is not installed", name), installHint)
		}
		said, err := exec.CommandContext(ctx, path, args...).CombinedOutput() // a fixed name, found on PATH as the server does
		if err != nil {
			return bad(fmt.Errorf("%s: %w", path, err), installHint)
		}
		first, _, _ := strings.Cut(string(said), "\n")
		return ok("%s at %s", strings.TrimSpace(first), path)
	}
}

func (d *doctor) lookAtLanguages(ctx context.Context) finding {
	said, err := exec.CommandContext(ctx, "tesseract", "--list-langs").Output()
	if err != nil {
		return skip("needs tesseract")
	}
	installed := strings.Fields(string(said))
	missing := slices.DeleteFunc(slices.Clone(d.settings.Languages), func(language string) bool { return slices.Contains(installed, language) })
	if len(missing) > 0 {
		return bad(fmt.Errorf("tesseract lacks: %s", strings.Join(missing, ", ")), "Install tesseract-ocr-<language>, or shorten DOCUFLOW_OCR_LANGUAGES.")
	}
	return ok("%s", strings.Join(d.settings.Languages, ", "))
}

// lookAtSandbox starts a child as the server does.
func (d *doctor) lookAtSandbox(context.Context) (found finding) {
	dir, err := os.MkdirTemp("", "docuflow-doctor-")
	if err != nil {
		return bad(err, "")
	}
	d.tempDir = dir
	if err := os.Chmod(dir, 0o711); err != nil { // children may be another user
		return bad(err, "")
	}
	if d.press, err = openPress(d.settings.reading, 1, dir, slog.New(slog.DiscardHandler), nil); err != nil {
		return bad(err, "No child process can be started: files would not be opened at all.")
	}
	if !d.press.Confined() {
		return warn(d.press.Sandbox(), "Allow unprivileged user namespaces (kernel.unprivileged_userns_clone, AppArmor, the container's seccomp profile), so that a hostile file reaches nothing.")
	}
	return ok("%s", d.press.Sandbox())
}

func (d *doctor) lookAtEngine(ctx context.Context) finding {
	if d.press == nil {
		return skip("needs a child process")
	}
	begun := time.Now()
	if err := d.press.WarmCache(ctx); err != nil {
		return bad(err, "May this user write to DOCUFLOW_CACHE_DIR? docuflow warm fills it.")
	}
	return ok("ready in %s", time.Since(begun).Round(10*time.Millisecond))
}

// local says that a domain is for this machine alone, so the DNS knows nothing of it.
func (d *doctor) local() bool { return isLoopback(d.settings.MailDomain) }

var onlyHere = skip("the mail domain is for this machine alone")

func (d *doctor) lookAtMX(ctx context.Context) finding {
	if d.local() {
		return onlyHere
	}
	hint := fmt.Sprintf("Publish: %s. MX 10 mail.%s. (a name of this server; docs/dns.md)", d.settings.MailDomain, d.settings.MailDomain)
	records, err := d.names.LookupMX(ctx, d.settings.MailDomain)
	if err != nil || len(records) == 0 {
		return bad(fmt.Errorf("%s has no MX record: nobody can send mail there", d.settings.MailDomain), hint)
	}
	var names, dead []string
	for _, record := range records {
		names = append(names, strings.TrimSuffix(record.Host, "."))
		if _, err := d.names.LookupHost(ctx, record.Host); err != nil {
			dead = append(dead, strings.TrimSuffix(record.Host, "."))
		}
	}
	if len(dead) > 0 {
		return bad(fmt.Errorf("the MX record names %s, which has no address", strings.Join(dead, ", ")), "Publish an A or AAAA record for it.")
	}
	return ok("mail for %s goes to %s", d.settings.MailDomain, strings.Join(names, ", "))
}

func (d *doctor) lookAtSPF(ctx context.Context) finding {
	if d.local() {
		return onlyHere
	}
	records, _ := d.names.LookupTXT(ctx, d.settings.MailDomain) // none and an error come to the same
	for _, record := range records {
		if strings.HasPrefix(strings.ToLower(record), "v=spf1") {
			return ok("%s", record)
		}
	}
	return warn(d.settings.MailDomain+" has no SPF record: others can send in its name", fmt.Sprintf(`Publish: %s. TXT "v=spf1 -all" (DocuFlow sends no mail from this domain; docs/dns.md)`, d.settings.MailDomain))
}

func (d *doctor) lookAtName(ctx context.Context) finding {
	if d.local() {
		return onlyHere
	}
	host := publicHost(d.settings.PublicURL)
	if isLoopback(host) {
		return warn("people are told to go to "+d.settings.PublicURL, "Set DOCUFLOW_PUBLIC_URL to the address where people reach the dashboard.")
	}
	if net.ParseIP(host) != nil {
		return ok("%s is an address", host)
	}
	addresses, err := d.names.LookupHost(ctx, host)
	if err != nil {
		return bad(fmt.Errorf("%s has no address", host), "Publish an A or AAAA record for the host of DOCUFLOW_PUBLIC_URL.")
	}
	return ok("%s is %s", host, strings.Join(addresses, ", "))
}

// port says whether the server can listen there, or does so already.
func (d *doctor) port(name, addr string) func(context.Context) finding {
	return func(ctx context.Context) finding {
		listener, err := net.Listen("tcp", addr)
		switch {
		case err == nil:
			listener.Close()
			return ok("%s is free", addr)
		case errors.Is(err, syscall.EADDRINUSE) && d.runsHere(ctx):
			return ok("%s is in use; DocuFlow runs here", addr)
		case errors.Is(err, syscall.EADDRINUSE):
			return bad(fmt.Errorf("%s is taken by another program", addr), "Stop that program, or set "+name+" to another address.")
		case errors.Is(err, syscall.EACCES):
			return bad(fmt.Errorf("%s may not be used by this user", addr), "Ports below 1024 need CAP_NET_BIND_SERVICE (the systemd unit has it), or a port above and a redirect.")
		}
		return bad(err, "Check "+name+".")
	}
}

// runsHere asks the admin address whether a server lives there.
func (d *doctor) runsHere(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.settings.AdminAddr+"/healthz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	said, err := io.ReadAll(io.LimitReader(response.Body, 16))
	return err == nil && string(said) == "ok\n"
}
