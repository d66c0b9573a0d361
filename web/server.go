package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/templates"
)

// Config is everything the web server needs.
type Config struct {
	Documents         Documents
	Overview          Overview
	Desk              Desk
	Approver          Approver
	Memory            Memory
	Dead              DeadLetters
	Replays           Replays
	Pauses            Pauses
	Operations        Operations
	Operators         Operators
	Connections       Connections
	ConnectionDesk    ConnectionDesk
	ConnectionUse     ConnectionUse
	ConnectionConsent ConnectionConsent
	Ledger            Ledger
	Mails             Mails
	MailLog           MailLog
	MailDesk          MailDesk
	Quarantine        Quarantine
	Policies          Policies
	Rules             Rules
	Addresses         Addresses
	Labels            Labels
	Feed              Feed
	Sessions          Sessions
	Doors             Doors
	Devices           Devices
	Belongings        Memberships
	Team              Team
	Inviter           Inviter
	Invited           Invitations
	Tokens            Tokens
	Intake            Intake
	Files             Files
	Sampler           Sampler

	// Painter is optional: without it the document page shows the PDF, and no
	// evidence marked on it.
	Painter Painter

	// Provider is optional: without it people sign in by mailed links.
	Provider Provider
	// Letters is optional: without it no links are mailed.
	Letters Letters
	// Arrival is how newcomers are met; the browser's name is filled in.
	Arrival domain.Arrival

	// Stages are those of the pipeline, in order.
	Stages []domain.StageInfo
	// Reads is the stage whose findings people review. It may be empty.
	Reads domain.StageName
	// Zone is where days begin and times are told; nil is the server's zone.
	Zone    *time.Location
	Version string
	// MailDomain is that of new mail addresses.
	MailDomain string
	// PublicURL is where browsers reach the server, without a slash at its end.
	PublicURL string
	// Secure says that browsers reach the server by https alone.
	Secure bool
	// CookieKey signs the session cookie: at least 32 secret octets that stay
	// the same across restarts and nodes.
	CookieKey []byte
	// ReplayRate is how many dead letters a replay queues again each second.
	ReplayRate int
	// PrintedLinks says that sign-in links are printed for the operator alone:
	// opening one signs in. Mailed ones wait for a button, because previews and
	// scanners open links too.
	PrintedLinks bool
	// MaxUpload is the largest file that is taken, in octets.
	MaxUpload int64
	// Inbound takes mails that other programs received, signed with one of the
	// secrets: several let them be changed one side at a time. Without any, none is taken.
	Inbound        Inbound
	InboundSecrets [][]byte
	// MaxMail is the largest of these mails, in octets.
	MaxMail int64
	// CanAnswer says that there is a mail server to send answers through.
	CanAnswer bool
	// RateLimits says that who asks too often is sent away for a while.
	RateLimits bool
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	Log            *slog.Logger
}

const (
	minCookieKey     = 32
	minInboundSecret = 32
)

func (c Config) check() error {
	var problems []error
	for name, part := range map[string]any{
		"Documents": c.Documents, "Overview": c.Overview, "Desk": c.Desk, "Approver": c.Approver, "Ledger": c.Ledger,
		"Mails": c.Mails, "Feed": c.Feed, "Sessions": c.Sessions, "Tokens": c.Tokens, "Intake": c.Intake,
		"Files": c.Files, "Sampler": c.Sampler, "Dead": c.Dead, "Replays": c.Replays, "Pauses": c.Pauses, "Operations": c.Operations, "Operators": c.Operators,
		"MailLog": c.MailLog, "MailDesk": c.MailDesk, "Quarantine": c.Quarantine, "Policies": c.Policies, "Rules": c.Rules, "Addresses": c.Addresses, "Labels": c.Labels,
		"Connections": c.Connections, "ConnectionDesk": c.ConnectionDesk, "ConnectionUse": c.ConnectionUse, "ConnectionConsent": c.ConnectionConsent,
		"Doors": c.Doors, "Devices": c.Devices, "Belongings": c.Belongings, "Team": c.Team, "Inviter": c.Inviter, "Invited": c.Invited,
	} {
		if part == nil {
			problems = append(problems, fmt.Errorf("%s is missing", name))
		}
	}
	if c.Log == nil {
		problems = append(problems, errors.New("Log is missing"))
	}
	if len(c.Stages) == 0 {
		problems = append(problems, errors.New("Stages are missing"))
	}
	if len(c.CookieKey) < minCookieKey {
		problems = append(problems, fmt.Errorf("CookieKey is shorter than %d octets", minCookieKey))
	}
	if c.ReplayRate <= 0 {
		problems = append(problems, errors.New("ReplayRate is not positive"))
	}
	if c.MaxUpload <= 0 {
		problems = append(problems, errors.New("MaxUpload is not positive"))
	}
	for _, secret := range c.InboundSecrets {
		if len(secret) < minInboundSecret {
			problems = append(problems, fmt.Errorf("an InboundSecret is shorter than %d octets", minInboundSecret))
		}
	}
	return errors.Join(problems...)
}

// Server answers HTTP requests. Live pages move while Run runs.
type Server struct {
	cfg    Config
	static *static
	limits *limits
	hub    *hub
	asked  chan string // addresses that asked for a sign-in link
	routes http.Handler
}

// New makes a server, or says everything that is wrong with the configuration.
func New(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("web server: %w", err)
	}
	if cfg.Zone == nil {
		cfg.Zone = time.Local
	}
	files, err := newStatic()
	if err != nil {
		return nil, fmt.Errorf("web server: %w", err)
	}
	s := &Server{cfg: cfg, static: files, limits: newLimits(cfg.RateLimits, cfg.TrustedProxies), hub: newHub(cfg.Ledger, cfg.Log), asked: make(chan string, askedRoom)}
	s.routes = s.router()
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }

// Run follows the feed and moves live pages until ctx is done, and mails
// sign-in links. All event streams end with it, so that the HTTP server can shut down.
func (s *Server) Run(ctx context.Context) error {
	var mailing sync.WaitGroup
	defer mailing.Wait()
	mailing.Go(func() { s.mailLinks(ctx) })
	return s.hub.run(ctx, s.cfg.Feed.Subscribe(ctx))
}

// Watchers is how many event streams are open.
func (s *Server) Watchers() int { return s.hub.watchers() }

func (s *Server) view() templates.View {
	return templates.View{Stages: s.cfg.Stages, Reads: s.cfg.Reads, Zone: s.cfg.Zone, Now: time.Now()}
}
