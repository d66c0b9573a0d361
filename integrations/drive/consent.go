package drive

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/oauth2"
	"google.golang.org/api/drive/v3"
	"google.golang.org/api/option"

	"github.com/docuflow/docuflow/domain"
)

func (c Config) oauth(redirect string) *oauth2.Config {
	return &oauth2.Config{ClientID: c.ClientID, ClientSecret: c.ClientSecret, Endpoint: c.Auth, RedirectURL: redirect, Scopes: []string{drive.DriveFileScope}}
}

// Consent is where a person allows us to file in their Drive: apart from
// signing in here, and for nothing but that. verifier is PKCE's (RFC 7636).
func (c Config) Consent(redirect, state, verifier string) (string, error) {
	if c.ClientID == "" {
		return "", errors.New("this installation has no Google client; the operator sets DOCUFLOW_DRIVE_CLIENT_ID and DOCUFLOW_DRIVE_CLIENT_SECRET")
	}
	return c.oauth(redirect).AuthCodeURL(state, oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("prompt", "consent"),
		oauth2.SetAuthURLParam("include_granted_scopes", "true"), oauth2.S256ChallengeOption(verifier)), nil
}

// Granted trades the code of a consent for what the connection keeps.
func (c Config) Granted(ctx context.Context, redirect, code, verifier string) (domain.Secrets, map[string]string, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, c.HTTP)
	token, err := c.oauth(redirect).Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, nil, domain.Permanent("google_refused", "Google did not confirm the sign-in. Try it again.", errors.New(answered(err)))
	}
	if token.RefreshToken == "" {
		return nil, nil, domain.Permanent("google_refused", "Google gave us access for an hour only. Remove our access in your Google account, then sign in to Drive again.", nil)
	}
	service, err := drive.NewService(ctx, option.WithHTTPClient(c.oauth(redirect).Client(ctx, token)), option.WithEndpoint(c.Endpoint))
	if err != nil {
		return nil, nil, fmt.Errorf("make the Drive client: %w", err)
	}
	settings := map[string]string{}
	about, err := service.About.Get().Fields("user(emailAddress)").Context(ctx).Do()
	if err == nil { // it is nice to show, and nothing more
		settings[settingAccount] = about.User.EmailAddress
	}
	return domain.Secrets{secretRefresh: token.RefreshToken}, settings, nil
}
