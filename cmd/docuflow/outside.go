package main

import (
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/integrations/discord"
	"github.com/docuflow/docuflow/integrations/drive"
	"github.com/docuflow/docuflow/integrations/hubspot"
	"github.com/docuflow/docuflow/integrations/s3"
	"github.com/docuflow/docuflow/integrations/webhook"
	"github.com/docuflow/docuflow/pipeline"
	"github.com/docuflow/docuflow/storage/vault"
)

// services is how this installation reaches services outside.
type services struct {
	DriveClientID       string `env:"DOCUFLOW_DRIVE_CLIENT_ID" help:"OAuth client with which people connect their Google Drive. Without it only service accounts can be connected."`
	DriveClientSecret   secret `env:"DOCUFLOW_DRIVE_CLIENT_SECRET" help:"Its secret."`
	DriveURL            string `env:"DOCUFLOW_DRIVE_URL" default:"https://www.googleapis.com/drive/v3/" help:"Google Drive's API."`
	DriveAuthURL        string `env:"DOCUFLOW_DRIVE_AUTH_URL" default:"https://accounts.google.com/o/oauth2/v2/auth" help:"Where people allow it."`
	DriveTokenURL       string `env:"DOCUFLOW_DRIVE_TOKEN_URL" default:"https://oauth2.googleapis.com/token" help:"Where its tokens come from."`
	DiscordURL          string `env:"DOCUFLOW_DISCORD_URL" default:"https://discord.com" help:"Where webhooks of Discord are."`
	HubSpotURL          string `env:"DOCUFLOW_HUBSPOT_URL" default:"https://api.hubapi.com" help:"HubSpot's API."`
	HubSpotVersion      string `env:"DOCUFLOW_HUBSPOT_VERSION" default:"2026-09" help:"Its version."`
	AllowPrivateTargets bool   `env:"DOCUFLOW_ALLOW_PRIVATE_TARGETS" help:"Let workspaces enter addresses of webhooks and buckets in private networks."`
}

// drive is how Google is reached.
func (s services) drive() drive.Config {
	return drive.Config{
		ClientID: s.DriveClientID, ClientSecret: string(s.DriveClientSecret), Endpoint: s.DriveURL, HTTP: serviceClient(),
		Auth: oauth2.Endpoint{AuthURL: s.DriveAuthURL, TokenURL: s.DriveTokenURL, AuthStyle: oauth2.AuthStyleInParams},
	}
}

// kinds are the outside services, in the order in which people see them. A
// new one is one line here.
func (s services) kinds(limiter pipeline.Limiter) []pipeline.Kind {
	entered := webhook.Transport(s.AllowPrivateTargets) // to addresses that people enter
	return []pipeline.Kind{
		{ConnectionKind: drive.Kind(), Limit: drive.Limit, Open: opener(s.drive().Open)},
		{ConnectionKind: s3.Kind(), Open: opener(func(c domain.Connection, title string, secrets domain.Secrets) (*s3.Bucket, error) {
			return s3.Open(c, title, secrets, entered)
		})},
		{ConnectionKind: discord.Kind(), Open: opener(discord.Config{Endpoint: s.DiscordURL, HTTP: serviceClient(), Limiter: limiter}.Open)},
		{ConnectionKind: hubspot.Kind(), Limit: hubspot.Limit, Open: opener(hubspot.Config{Endpoint: s.HubSpotURL, Version: s.HubSpotVersion, HTTP: serviceClient()}.Open)},
		{ConnectionKind: webhook.Kind(), Open: opener(func(c domain.Connection, title string, secrets domain.Secrets) (*webhook.Webhook, error) {
			return webhook.Open(c, title, secrets, entered)
		})},
	}
}

// opener returns a client as what the pipeline knows of it.
func opener[C pipeline.Client](open func(domain.Connection, string, domain.Secrets) (C, error)) func(domain.Connection, string, domain.Secrets) (pipeline.Client, error) {
	return func(c domain.Connection, title string, secrets domain.Secrets) (pipeline.Client, error) {
		client, err := open(c, title, secrets)
		if err != nil {
			return nil, err
		}
		return client, nil
	}
}

// serviceClient calls services at addresses that the operator has set. It
// follows no redirect: they carry tokens.
func serviceClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = time.Minute
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// seals is the vault, or a stand-in without keys that opens nothing.
type seals struct{ *vault.Vault }

func (s seals) Seal(workspace domain.WorkspaceID, id domain.ConnectionID, secrets domain.Secrets) ([]byte, error) {
	if s.Vault == nil {
		return nil, domain.Permanent("no_keys", "This server has no keys to seal secrets with. Ask the operator to set DOCUFLOW_KEYSET.", nil)
	}
	return s.Vault.Seal(workspace, id, secrets)
}

func (s seals) Unseal(workspace domain.WorkspaceID, id domain.ConnectionID, sealed []byte) (domain.Secrets, error) {
	if s.Vault == nil && len(sealed) > 0 {
		return nil, vault.ErrSealed
	}
	if s.Vault == nil {
		return domain.Secrets{}, nil
	}
	return s.Vault.Unseal(workspace, id, sealed)
}
