package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// secret does not print itself.
type secret string

func (s secret) String() string {
	if s == "" {
		return ""
	}
	return "[redacted]"
}

// GoString keeps %#v from printing it.
func (s secret) GoString() string { return s.String() }

// LogValue keeps logs from printing it.
func (s secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// settings are all settings of a server. Nothing else reads the environment.
type settings struct {
	HTTPAddr  string `env:"DOCUFLOW_HTTP_ADDR" default:"127.0.0.1:8080" help:"Address of the dashboard and the API."`
	SMTPAddr  string `env:"DOCUFLOW_SMTP_ADDR" default:"127.0.0.1:2525" help:"Address that mail comes in at."`
	AdminAddr string `env:"DOCUFLOW_ADMIN_ADDR" default:"127.0.0.1:9090" help:"Address of /healthz, /readyz and /metrics. Not for strangers."`
	PublicURL string `env:"DOCUFLOW_PUBLIC_URL" help:"Where people reach the dashboard, for links. Default: http at the HTTP address."`

	DataDir    string `env:"DOCUFLOW_DATA_DIR" default:"${data_dir}" help:"Directory for everything that is kept on this machine."`
	FiledDir   string `env:"DOCUFLOW_FILED_DIR" help:"Folder that documents are filed in. Default: filed in the data directory."`
	FiledNames string `env:"DOCUFLOW_FILED_NAMES" default:"${filed_names}" help:"Names of filed documents, without .pdf. Placeholders: {workspace} {year} {month} {date} {vendor} {number} {total} {currency} {category}."`

	DatabaseURL secret `env:"DATABASE_URL" needed:"docuflow dev needs none" help:"PostgreSQL login of the server. docuflow dev starts a private server when it is empty."`

	S3Endpoint  string `env:"DOCUFLOW_S3_ENDPOINT" help:"Host and port of an S3 server for objects. Without it they are in the data directory."`
	S3Region    string `env:"DOCUFLOW_S3_REGION" default:"us-east-1" help:"Region of the bucket."`
	S3Bucket    string `env:"DOCUFLOW_S3_BUCKET" default:"docuflow" help:"Bucket for objects; made when missing."`
	S3AccessKey string `env:"DOCUFLOW_S3_ACCESS_KEY" help:"Access key."`
	S3SecretKey secret `env:"DOCUFLOW_S3_SECRET_KEY" help:"Secret key."`
	S3Insecure  bool   `env:"DOCUFLOW_S3_INSECURE" help:"Speak plain HTTP to the S3 server."`

	MailDomain string `env:"DOCUFLOW_MAIL_DOMAIN" default:"in.docuflow.localhost" help:"Domain of the workspaces' mail addresses."`
	MailLimit  int64  `env:"DOCUFLOW_MAIL_LIMIT" default:"52428800" help:"Largest mail, in octets as transmitted."`
	RateLimits string `env:"DOCUFLOW_RATE_LIMITS" default:"on" enum:"on,off" help:"Limits on how often strangers and clients may come, in mail and on pages: on, or off for load tests."`

	mailing

	DNS string `env:"DOCUFLOW_DNS" help:"DNS server for the checks of senders, host:port. Default: the system's."`

	CookieKey secret `env:"DOCUFLOW_COOKIE_KEY" needed:"make one with: openssl rand -hex 32" help:"Signs session cookies: at least 32 random characters, the same on all nodes."`

	InboundSecret  []secret       `env:"DOCUFLOW_INBOUND_SECRET" help:"Signs mails that come in over HTTP: at least 32 random characters. Two, separated by a comma, while it is changed. Without it none is taken there."`
	TrustedProxies []netip.Prefix `env:"DOCUFLOW_TRUSTED_PROXIES" help:"Networks of the proxies in front of the dashboard, like 10.0.0.0/8, whose X-Forwarded-For is believed."`

	Keyset secret `env:"DOCUFLOW_KEYSET" help:"Keys that the secrets of connections are sealed with: a file, or a keyset in base64. docuflow keys create makes one, docuflow dev by itself. Without it there are no connections."`

	Node      string        `env:"DOCUFLOW_NODE" help:"Name of this node; no two running ones may share it. Default: a new one at every start."`
	Jobs      int           `env:"DOCUFLOW_JOBS" help:"Documents in heavy work at a time on this node. Default: the number of processors."`
	Slots     int           `env:"DOCUFLOW_SLOTS" default:"32" help:"Mails and documents of one workspace in work at a time, if its plan allows as many."`
	LeaseTTL  time.Duration `env:"DOCUFLOW_LEASE_TTL" default:"15s" help:"After a crash, another attempt begins within this time."`
	ScanEvery time.Duration `env:"DOCUFLOW_SCAN_EVERY" default:"1s" help:"How often to look for work that is due."`
	DrainTime time.Duration `env:"DOCUFLOW_DRAIN_TIME" default:"20s" help:"How long running work may take to finish when the server is stopped."`

	clustering
	polling

	Attempts      int                      `env:"DOCUFLOW_ATTEMPTS" default:"5" help:"Attempts of a stage before a document is a dead letter."`
	StageAttempts map[string]int           `env:"DOCUFLOW_STAGE_ATTEMPTS" help:"Attempts for single stages, like deliver=40;announce=40."`
	StageBudgets  map[string]time.Duration `env:"DOCUFLOW_STAGE_BUDGETS" default:"deliver=24h;announce=24h" help:"For how long single stages are tried, from their first attempt on, instead of a number of attempts. For outside services."`
	StageTimeouts map[string]time.Duration `env:"DOCUFLOW_STAGE_TIMEOUTS" help:"Time limits for single stages, like extract=3m."`
	BackoffBase   time.Duration            `env:"DOCUFLOW_BACKOFF_BASE" default:"2s" help:"Longest wait before the second attempt; it doubles with each one."`
	BackoffCap    time.Duration            `env:"DOCUFLOW_BACKOFF_CAP" default:"10m" help:"Longest wait before any attempt."`
	ReplayRate    int                      `env:"DOCUFLOW_REPLAY_RATE" default:"20" help:"Dead letters that a replay queues again each second."`

	services
	entrance
	OTLPEndpoint string `env:"DOCUFLOW_OTLP_ENDPOINT,OTEL_EXPORTER_OTLP_ENDPOINT" name:"otlp-endpoint" help:"OpenTelemetry receiver for traces, OTLP over HTTP, like http://collector:4318. Without it nothing is traced."`

	reading
	logging

	// devProvider says that people sign in with the development provider.
	devProvider bool
	// development says that one person runs the server for themselves.
	development bool
}

// mailing is how mail comes in, beside the plain door.
type mailing struct {
	SubmissionAddr string `env:"DOCUFLOW_SUBMISSION_ADDR" help:"Address where people sign in to send mail to their workspace, with TLS from the start, like :465. Needs a mail certificate."`
	LMTPAddr       string `name:"lmtp-addr" env:"DOCUFLOW_LMTP_ADDR" help:"Address, or path of a Unix socket, for a mail server in front of this one. Not for strangers."`

	MailHost      string `env:"DOCUFLOW_MAIL_HOST" help:"What the mail server calls itself, and its certificate is for. Default: the mail domain."`
	MailCert      string `env:"DOCUFLOW_MAIL_CERT" help:"File of the mail server's certificate (PEM), read again when it changes."`
	MailKey       string `env:"DOCUFLOW_MAIL_KEY" help:"File of its key (PEM)."`
	ACMEAddr      string `name:"acme-addr" env:"DOCUFLOW_ACME_ADDR" help:"Instead of files: address where an ACME authority checks that the mail host is ours, :80 in the open. For one node."`
	ACMEDirectory string `name:"acme-directory" env:"DOCUFLOW_ACME_DIRECTORY" default:"https://acme-v02.api.letsencrypt.org/directory" help:"The ACME authority. Setting DOCUFLOW_ACME_ADDR agrees to its terms."`

	MailProxies []netip.Prefix `env:"DOCUFLOW_MAIL_PROXIES" help:"Ranges of proxies that send a PROXY header and are believed, like 10.0.0.0/8,fd00::/8."`
	MailRelays  []netip.Prefix `env:"DOCUFLOW_MAIL_RELAYS" help:"Ranges of mail servers in front of this one that send no PROXY header. SPF is not checked for what they hand over: the sender's server is not known."`
	MailRates   map[string]int `env:"DOCUFLOW_MAIL_RATES" help:"Mails a minute from one address, network and domain of senders, and to one workspace; and unknown recipients. Default: client=600;network=1200;domain=1200;workspace=3000;guesses=60."`
}

// defaultMailRates are those of rates that are not set.
var defaultMailRates = map[string]int{"client": 600, "network": 1200, "domain": 1200, "workspace": 3000, "guesses": 60}

// checkMailing looks for what cannot work.
func (s settings) checkMailing(report func(bad bool, format string, values ...any)) {
	for name, addr := range map[string]string{"DOCUFLOW_SUBMISSION_ADDR": s.SubmissionAddr, "DOCUFLOW_LMTP_ADDR": s.LMTPAddr, "DOCUFLOW_ACME_ADDR": s.ACMEAddr} {
		_, _, err := net.SplitHostPort(addr)
		socket := name == "DOCUFLOW_LMTP_ADDR" && filepath.IsAbs(addr)
		report(err != nil && addr != "" && !socket, "%s: %q is not host:port", name, addr)
	}
	report((s.MailCert == "") != (s.MailKey == ""), "DOCUFLOW_MAIL_CERT and DOCUFLOW_MAIL_KEY: one does not go without the other")
	report(s.MailCert != "" && s.ACMEAddr != "", "DOCUFLOW_MAIL_CERT and DOCUFLOW_ACME_ADDR: the certificate comes from files or from ACME, not from both")
	report(s.SubmissionAddr != "" && s.MailCert == "" && s.ACMEAddr == "", "DOCUFLOW_SUBMISSION_ADDR: needs DOCUFLOW_MAIL_CERT or DOCUFLOW_ACME_ADDR")
	for name, rate := range s.MailRates {
		_, known := defaultMailRates[name]
		report(!known, "DOCUFLOW_MAIL_RATES: there is no rate %q", name)
		report(rate < 1, "DOCUFLOW_MAIL_RATES: %s must be at least 1", name)
	}
}

// mailRate is a rate, or its default when others alone are set.
func (s settings) mailRate(name string) int {
	if rate, ok := s.MailRates[name]; ok {
		return rate
	}
	return defaultMailRates[name]
}

// clustering is how several servers share the work of one database.
type clustering struct {
	Cluster     string        `env:"DOCUFLOW_CLUSTER" default:"postgres" enum:"postgres,kubernetes" help:"What says which nodes share the work: postgres, or kubernetes in a binary that was built with it."`
	ClusterAddr string        `env:"DOCUFLOW_CLUSTER_ADDR" help:"Address where the other nodes reach this one, like 10.0.0.5:7070. Without it this node is on its own."`
	ClusterCert string        `env:"DOCUFLOW_CLUSTER_CERT" help:"File of this node's certificate (PEM). Needed unless the cluster address is a loopback one."`
	ClusterKey  string        `env:"DOCUFLOW_CLUSTER_KEY" help:"File of its key (PEM)."`
	ClusterCA   string        `env:"DOCUFLOW_CLUSTER_CA" help:"File of the authority that signs the nodes' certificates, and nothing else (PEM)."`
	ClusterName string        `env:"DOCUFLOW_CLUSTER_NAME" help:"Name that every node's certificate is for. Default: the host of its cluster address."`
	ClusterBeat time.Duration `env:"DOCUFLOW_CLUSTER_BEAT" default:"1500ms" help:"How often a node says that it lives."`
	ClusterTTL  time.Duration `env:"DOCUFLOW_CLUSTER_TTL" default:"12s" help:"A node that was silent for so long is given up. If it still runs, it ends itself."`
}

// polling is a mailbox elsewhere that mail is fetched from.
type polling struct {
	IMAPAddr     string        `env:"DOCUFLOW_IMAP_ADDR" help:"IMAP server to fetch mail from, like imap.example.com:993. Without it none is fetched."`
	IMAPSecurity string        `env:"DOCUFLOW_IMAP_SECURITY" default:"tls" enum:"tls,starttls,off" help:"tls, starttls, or off for a server on this machine."`
	IMAPUser     string        `env:"DOCUFLOW_IMAP_USER" help:"Login there."`
	IMAPPassword secret        `env:"DOCUFLOW_IMAP_PASSWORD" help:"Password there."`
	IMAPMailbox  string        `env:"DOCUFLOW_IMAP_MAILBOX" default:"INBOX" help:"Mailbox there. It is only read: nothing is marked, moved or deleted."`
	IMAPTo       string        `env:"DOCUFLOW_IMAP_TO" help:"The address here that its mails are for."`
	IMAPEarlier  bool          `env:"DOCUFLOW_IMAP_EARLIER" help:"Take what the mailbox holds when it is read first too, not only what arrives from then on."`
	IMAPEvery    time.Duration `env:"DOCUFLOW_IMAP_EVERY" default:"1m" help:"How often to look."`
}

func (p polling) check(report func(bad bool, format string, values ...any)) {
	if p.IMAPAddr == "" {
		return
	}
	host, _, err := net.SplitHostPort(p.IMAPAddr)
	report(err != nil, "DOCUFLOW_IMAP_ADDR: %q is not host:port", p.IMAPAddr)
	report(p.IMAPUser == "" || p.IMAPPassword == "", "DOCUFLOW_IMAP_USER and DOCUFLOW_IMAP_PASSWORD: are needed with DOCUFLOW_IMAP_ADDR")
	report(p.IMAPTo == "", "DOCUFLOW_IMAP_TO: is needed with DOCUFLOW_IMAP_ADDR")
	report(p.IMAPEvery < time.Second, "DOCUFLOW_IMAP_EVERY: must be at least 1s")
	address, err := netip.ParseAddr(host)
	local := host == "localhost" || err == nil && address.IsLoopback()
	report(p.IMAPSecurity == "off" && !local, "DOCUFLOW_IMAP_SECURITY: off would send the password openly; it is for a loopback address alone")
}

// reading is what every command needs that opens documents.
type reading struct {
	CacheDir  string   `env:"DOCUFLOW_CACHE_DIR" help:"Where the PDF reader's compiled code is kept. Default: the user's cache directory."`
	OCRDir    string   `name:"ocr-dir" env:"DOCUFLOW_OCR_DIR" help:"The accurate reader of pictures, as deploy/setup.sh fetches it. Default: ocr beside the program."`
	Languages []string `env:"DOCUFLOW_OCR_LANGUAGES" default:"eng,deu,fra,spa,ita,nld,por,pol" help:"Languages of scans and photos, in tesseract's codes."`
}

// defaultDataDir is where programs of this system keep a user's data.
func defaultDataDir() string {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "docuflow")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "docuflow-data"
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "docuflow")
	}
	return filepath.Join(home, ".local", "share", "docuflow")
}

// complete fills in what follows from other settings, and reports every
// problem at once.
func (s settings) complete() (settings, error) {
	var problems []error
	report := func(bad bool, format string, values ...any) {
		if bad {
			problems = append(problems, fmt.Errorf(format, values...))
		}
	}
	absolute, err := filepath.Abs(s.DataDir)
	report(err != nil, "DOCUFLOW_DATA_DIR: %w", err)
	s.DataDir = absolute
	if s.FiledDir == "" {
		s.FiledDir = filepath.Join(s.DataDir, "filed")
	}
	if s.PublicURL == "" {
		s.PublicURL = "http://" + s.HTTPAddr
	}
	if s.Jobs == 0 {
		s.Jobs = runtime.NumCPU()
	}
	if s.MailHost == "" {
		s.MailHost = s.MailDomain
	}
	for name, addr := range map[string]string{"DOCUFLOW_HTTP_ADDR": s.HTTPAddr, "DOCUFLOW_SMTP_ADDR": s.SMTPAddr, "DOCUFLOW_ADMIN_ADDR": s.AdminAddr} {
		_, _, err := net.SplitHostPort(addr)
		report(err != nil, "%s: %q is not host:port", name, addr)
	}
	if s.DNS != "" {
		_, _, err := net.SplitHostPort(s.DNS)
		report(err != nil, "DOCUFLOW_DNS: %q is not host:port", s.DNS)
	}
	public, err := url.Parse(s.PublicURL)
	report(err != nil || public.Host == "" || public.Scheme != "http" && public.Scheme != "https", "DOCUFLOW_PUBLIC_URL: %q is not a web address", s.PublicURL)
	report(s.Jobs < 1, "DOCUFLOW_JOBS: must be at least 1")
	report(s.Slots < 1, "DOCUFLOW_SLOTS: must be at least 1")
	report(s.Attempts < 1, "DOCUFLOW_ATTEMPTS: must be at least 1")
	report(s.ReplayRate < 1, "DOCUFLOW_REPLAY_RATE: must be at least 1")
	for stage, budget := range s.StageBudgets {
		report(budget < 0, "DOCUFLOW_STAGE_BUDGETS: %s must not be negative", stage)
	}
	report(s.LeaseTTL < 3*time.Second, "DOCUFLOW_LEASE_TTL: must be at least 3s")
	report(s.ScanEvery < 10*time.Millisecond, "DOCUFLOW_SCAN_EVERY: must be at least 10ms")
	report(s.BackoffBase <= 0 || s.BackoffCap < s.BackoffBase, "DOCUFLOW_BACKOFF_BASE and DOCUFLOW_BACKOFF_CAP: the cap must not be below the base")
	for _, secret := range s.InboundSecret {
		report(len(secret) < 32, "DOCUFLOW_INBOUND_SECRET: each needs at least 32 characters")
	}
	s.polling.check(report)
	s.checkClustering(report)
	s.checkMailing(report)
	receiver, err := url.Parse(s.OTLPEndpoint)
	report(s.OTLPEndpoint != "" && (err != nil || receiver.Host == ""), "DOCUFLOW_OTLP_ENDPOINT: %q is not a web address", s.OTLPEndpoint)
	s.checkEntrance(report)
	report(s.CookieKey != "" && len(s.CookieKey) < 32, "DOCUFLOW_COOKIE_KEY: needs at least 32 characters")
	return s, errors.Join(problems...)
}

func (s settings) inboundSecrets() (secrets [][]byte) {
	for _, secret := range s.InboundSecret {
		secrets = append(secrets, []byte(secret))
	}
	return secrets
}

// policy is the retry policy of a stage, with its usual time limit. A number
// of attempts that is set for the stage goes before a budget of time.
func (s settings) policy(stage domain.StageName, timeout time.Duration) domain.RetryPolicy {
	policy := domain.RetryPolicy{Attempts: s.Attempts, Base: s.BackoffBase, Cap: s.BackoffCap, Timeout: timeout, Budget: s.StageBudgets[string(stage)]}
	if attempts, ok := s.StageAttempts[string(stage)]; ok {
		policy.Attempts, policy.Budget = attempts, 0
	}
	if timeout, ok := s.StageTimeouts[string(stage)]; ok {
		policy.Timeout = timeout
	}
	return policy
}

// resolver asks the DNS that the settings name.
func (s settings) resolver() *net.Resolver {
	if s.DNS == "" {
		return &net.Resolver{PreferGo: true}
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, network, s.DNS)
	}}
}
