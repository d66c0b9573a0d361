package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/docuflow/docuflow/actors"
	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/integrations/drive"
	"github.com/docuflow/docuflow/integrations/folder"
	"github.com/docuflow/docuflow/integrations/imap"
	"github.com/docuflow/docuflow/integrations/relay"
	"github.com/docuflow/docuflow/mail"
	"github.com/docuflow/docuflow/mail/sender"
	"github.com/docuflow/docuflow/pipeline"
	"github.com/docuflow/docuflow/press"
	"github.com/docuflow/docuflow/storage/objects"
	"github.com/docuflow/docuflow/storage/postgres"
	"github.com/docuflow/docuflow/storage/vault"
	"github.com/docuflow/docuflow/web"
)

// node is one running DocuFlow: everything that is wired together here.
type node struct {
	settings settings
	name     string // no two running nodes share it
	log      *slog.Logger
	metrics  *metrics
	store    *postgres.Store
	blobs    blobs
	press    *press.Press
	folder   *folder.Folder
	system   *actors.System
	mail     *mail.Server
	mailTLS  mailTLS
	mailbox  *imap.Mailbox // nil when none is read
	relay    *relay.Relay  // nil when no mail goes out
	web      *web.Server
	tracing  *tracing // nil: nothing is traced

	outside *pipeline.Outside
	teller  *pipeline.Teller
	vault   *vault.Vault // nil: there is no keyset
	also    []pipeline.Destination
}

// blobs is object storage with what an operator needs of it.
type blobs interface {
	pipeline.Blobs
	Check(ctx context.Context) error
}

// stages is the way of a document, in order. A new stage is one line here.
func (n *node) stages(tempDir string) []pipeline.Step {
	step := func(stage pipeline.Stage, timeout time.Duration, heavy bool) pipeline.Step {
		return pipeline.Step{Stage: stage, Policy: n.settings.policy(stage.Info().Name, timeout), Heavy: heavy}
	}
	return []pipeline.Step{
		step(pipeline.NewStandardize(n.blobs, n.press, tempDir), 2*time.Minute, true),
		step(pipeline.NewExtract(n.blobs, n.press, n.store, n.store, tempDir), 3*time.Minute, true),
		step(pipeline.NewCategorize(n.blobs, n.store), time.Minute, false),
		step(pipeline.NewDeliver(n.blobs, n.store, n.store, n.outside), 5*time.Minute, false),
		step(pipeline.NewAnnounce(n.teller, n.store), time.Minute, false),
	}
}

// assemble wires a node on an open store, with destinations beside the
// folder. run closes it.
func assemble(ctx context.Context, settings settings, store *postgres.Store, log *slog.Logger, also ...pipeline.Destination) (*node, error) {
	n := &node{settings: settings, log: log, store: store, metrics: newMetrics(), also: also}
	if err := n.assemble(ctx); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

func (n *node) assemble(ctx context.Context) error {
	settings, store, log := n.settings, n.store, n.log
	n.name = nodeName(settings)
	tempDir, err := emptyDir(settings.DataDir, "tmp")
	if err != nil {
		return err
	}
	if n.blobs, err = openBlobs(ctx, settings); err != nil {
		return err
	}
	if n.press, err = openPress(settings.reading, settings.Jobs, tempDir, log, n.metrics.pressed); err != nil {
		return err
	}
	log.Info("press is ready", "sandbox", n.press.Sandbox(), "recognition", n.press.Recognition())
	if err := n.openOutside(); err != nil {
		return err
	}
	if n.relay, err = settings.relay(); err != nil {
		return err
	}
	if n.tracing, err = openTracing(ctx, settings.OTLPEndpoint, n.name); err != nil {
		return err
	}
	steps := n.tracing.steps(n.stages(tempDir))
	first := steps[0].Info().Name
	peers, err := settings.peers(log)
	if err != nil {
		return err
	}
	n.system = actors.New(actors.Config{
		Node: n.name, Queue: store, Documents: store, Mails: store, Leases: store,
		Unpack:       n.tracing.unpacker(pipeline.NewUnpack(n.blobs, n.press, store, pipeline.NewAdmission(n.senderChecks(), store, n.relay != nil), first, tempDir)),
		UnpackPolicy: settings.policy(pipeline.UnpackStage, 2*time.Minute),
		Steps:        steps,
		LeaseTTL:     settings.LeaseTTL, Slots: settings.Slots, HeavySlots: settings.Jobs,
		ScanEvery: settings.ScanEvery, IdleAfter: time.Minute,
		Membership: actors.Membership{Members: store, Beat: settings.ClusterBeat, TTL: settings.ClusterTTL},
		Peers:      peers, Drained: n.turnAway, Ended: n.metrics.attempted, Log: log,
	})
	acceptance := pipeline.NewAcceptance(n.blobs, n.tracing.intake(store), first, tempDir, n.system.Kick)
	if err := n.openMail(acceptance); err != nil {
		return err
	}
	return n.openWeb(acceptance, steps, tempDir)
}

// openMail builds the doors for mail.
func (n *node) openMail(acceptance *pipeline.Acceptance) (err error) {
	settings, log := n.settings, n.log
	if n.mailTLS, err = openMailTLS(settings, log); err != nil {
		return err
	}
	n.mail = mail.NewServer(n.mailConfig(), n.tracing.inbox(acceptance))
	if settings.IMAPAddr != "" {
		n.mailbox = imap.New(imap.Config{
			Addr: settings.IMAPAddr, Security: imap.Security(settings.IMAPSecurity), User: settings.IMAPUser, Password: string(settings.IMAPPassword),
			Mailbox: settings.IMAPMailbox, To: settings.IMAPTo, Earlier: settings.IMAPEarlier, Every: settings.IMAPEvery, MaxSize: settings.MailLimit, Node: n.name, Log: log,
		}, n.tracing.inbox(acceptance), n.store)
	}
	return nil
}

// openWeb builds the dashboard and the API.
func (n *node) openWeb(acceptance *pipeline.Acceptance, steps []pipeline.Step, tempDir string) (err error) {
	settings, store, log := n.settings, n.store, n.log
	connections := pipeline.NewConnectionDesk(n.outside, store, store, seals{n.vault}, map[string]pipeline.Consenter{drive.Kind().Name: settings.drive()})
	teacher := pipeline.NewTeacher(store, store, n.blobs, store, log)
	n.web, err = web.New(web.Config{
		Documents: store, Overview: store, Desk: desk{store, teacher}, Approver: teacher, Memory: store, Ledger: store, Mails: store, Feed: store.Feed(),
		MailLog: store, MailDesk: store, Quarantine: store, Policies: store, Rules: store, Addresses: store, Labels: store, MailDomain: settings.MailDomain,
		Dead: store, Replays: store, Pauses: store, Operations: store, Operators: store,
		Connections: connections, ConnectionDesk: connections, ConnectionUse: connections, ConnectionConsent: connections, PublicURL: strings.TrimSuffix(settings.PublicURL, "/"),
		Sessions: store, Doors: store, Devices: store, Belongings: store, Team: store, Inviter: store, Invited: store,
		Provider: settings.provider(), Letters: n.letters(), Arrival: settings.arrival(),
		Tokens: store, Intake: acceptance, Files: n.blobs, Sampler: sampler{settings.SMTPAddr},
		Painter: pipeline.NewPainter(n.blobs, n.press, web.PageWidth, tempDir),
		Stages:  infos(steps), Reads: "extract", Version: version(), Secure: isHTTPS(settings.PublicURL), PrintedLinks: settings.development && settings.SMTPRelay == "", CookieKey: []byte(settings.CookieKey),
		Inbound: acceptance, InboundSecrets: settings.inboundSecrets(), MaxMail: settings.MailLimit,
		RateLimits: settings.RateLimits == "on", TrustedProxies: settings.TrustedProxies,
		CanAnswer: n.relay != nil, ReplayRate: settings.ReplayRate, MaxUpload: pipeline.MaxDocument, Log: log,
	})
	if err != nil {
		return err
	}
	n.metrics.registry.MustRegister(present{n})
	return nil
}

// openOutside opens the folder and whatever workspaces are connected with.
func (n *node) openOutside() (err error) {
	if err := pipeline.CheckPattern(n.settings.FiledNames); err != nil {
		return fmt.Errorf("DOCUFLOW_FILED_NAMES: %w", err)
	}
	if n.folder, err = folder.Open(n.settings.FiledDir); err != nil {
		return err
	}
	if n.vault, err = openVault(n.settings.Keyset); err != nil {
		return err
	}
	always := []pipeline.Place{{Destination: countedDestination{n.folder, n.metrics}, Pattern: n.settings.FiledNames}}
	for _, destination := range n.also {
		always = append(always, pipeline.Place{Destination: destination, Pattern: n.settings.FiledNames})
	}
	n.outside = pipeline.NewOutside(n.settings.kinds(n.store), n.store, n.store, n.store, seals{n.vault}, n.log, always...)
	n.outside.Observe(n.metrics.called)
	n.teller = pipeline.NewTeller(n.outside, n.store, n.store, n.settings.PublicURL, n.name)
	return nil
}

// courier tells connections what no stage tells them.
func (n *node) courier() actors.Courier {
	const slots, every = 8, 500 * time.Millisecond
	return actors.Courier{Notices: n.store, Teller: n.teller, Policy: n.settings.policy("announce", 0), Slots: slots, Every: every, Log: n.log}
}

// turnAway follows a person's wish that this node drains: mail and load
// balancers go elsewhere, pages stay.
func (n *node) turnAway(drained bool) { n.mail.TurnAway(drained) }

func (n *node) mailConfig() mail.Config {
	s := n.settings
	config := mail.Config{
		Hostname: s.MailHost, Domain: s.MailDomain, MaxSize: s.MailLimit,
		TLS: n.mailTLS.config, TLSReady: n.mailTLS.ready, Tokens: n.store, Proxies: s.MailProxies, Relays: s.MailRelays,
		Limits: mail.Limits{
			Off: s.RateLimits == "off", ClientMails: s.mailRate("client"), NetworkMails: s.mailRate("network"),
			DomainMails: s.mailRate("domain"), Guesses: s.mailRate("guesses"),
		},
		Log: n.log, Answered: n.metrics.answered,
	}
	if !config.Limits.Off {
		config.Gate = mail.NewBuckets(s.mailRate("workspace"))
	}
	return config
}

// senderChecks asks the DNS about the senders of mails, for at most so long a mail.
func (n *node) senderChecks() *sender.Checker {
	const timeout = 10 * time.Second
	return sender.New(n.settings.resolver(), timeout)
}

// desk is the store's, with a teacher who looks at the edits.
type desk struct {
	*postgres.Store
	teacher *pipeline.Teacher
}

func (d desk) Edit(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, values map[domain.FieldName]*string, by string) (domain.Document, error) {
	return d.teacher.Edit(ctx, workspace, id, values, by)
}

// replayer gives dead letters another try when somebody asked for it.
func (n *node) replayer() actors.Replayer {
	const every = 250 * time.Millisecond // steps are a second apart
	return actors.Replayer{Replays: n.store, Kick: n.system.Kick, Every: every, Log: n.log}
}

// answerer tells senders what became of their mail.
func (n *node) answerer() actors.Answerer {
	const day = 24 * time.Hour
	return actors.Answerer{
		Answers: n.store, Post: n.relay, Node: n.name, Every: 5 * n.settings.ScanEvery, Log: n.log,
		Policy: domain.RetryPolicy{Base: time.Minute, Cap: 2 * time.Hour, Timeout: 5 * time.Minute, Budget: day},
	}
}

func infos(steps []pipeline.Step) (infos []domain.StageInfo) {
	for _, step := range steps {
		infos = append(infos, step.Info())
	}
	return infos
}

func openBlobs(ctx context.Context, s settings) (blobs, error) {
	if s.S3Endpoint == "" {
		return objects.OpenDirectory(filepath.Join(s.DataDir, "objects"))
	}
	return objects.OpenS3(ctx, objects.S3Config{
		Endpoint: s.S3Endpoint, Region: s.S3Region, Bucket: s.S3Bucket,
		AccessKey: s.S3AccessKey, SecretKey: string(s.S3SecretKey), TLS: !s.S3Insecure,
	})
}

func openPress(r reading, jobs int, tempDir string, log *slog.Logger, ended func(press.Ended)) (*press.Press, error) {
	return press.New(press.Config{TempDir: tempDir, CacheDir: r.CacheDir, OCRDir: r.OCRDir, Languages: r.Languages, Jobs: jobs, Log: log, Ended: ended})
}

// emptyDir makes a directory and removes what a killed predecessor left in it.
func emptyDir(parent, name string) (string, error) {
	dir := filepath.Join(parent, name)
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("empty the directory for temporary files: %w", err)
	}
	if err := os.MkdirAll(dir, 0o711); err != nil { // the press's children are another user
		return "", fmt.Errorf("make the directory for temporary files: %w", err)
	}
	return dir, nil
}

func nodeName(s settings) string {
	if s.Node != "" {
		return s.Node
	}
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	return host + "-" + uuid.NewString()[:8]
}

// close ends what assemble has opened.
func (n *node) close() error {
	errs := []error{n.tracing.close()}
	if n.press != nil {
		errs = append(errs, n.press.Close())
	}
	if n.folder != nil {
		errs = append(errs, n.folder.Close())
	}
	if closer, ok := n.blobs.(interface{ Close() error }); ok {
		errs = append(errs, closer.Close())
	}
	return errors.Join(errs...)
}
