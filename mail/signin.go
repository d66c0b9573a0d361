package mail

import (
	"context"
	"errors"

	"github.com/emersion/go-sasl"

	"github.com/docuflow/docuflow/domain"
)

// Tokens knows the API tokens of the workspaces.
type Tokens interface {
	// Token finds what a token is good for; domain.ErrNotFound when there is none.
	Token(ctx context.Context, token string) (domain.Session, error)
}

// signIn is a session whose client may sign in: any name will do, the password
// is an API token.
type signIn struct{ *session }

// AuthMechanisms are those that every mail program knows. They show the
// password to us alone, for there is TLS around them.
func (signIn) AuthMechanisms() []string { return []string{sasl.Plain, sasl.Login} }

// Auth begins a sign-in.
func (s signIn) Auth(mechanism string) (sasl.Server, error) {
	if wait := s.server.brakes.guessed(s.wire.client); wait > 0 {
		return nil, replyTooManyGuesses(wait)
	}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, name, password string) error { return s.check(name, password) }), nil
	case sasl.Login:
		return &login{check: s.check}, nil
	}
	return nil, replyMechanism
}

func (s signIn) check(name, password string) error {
	var found domain.Session
	err := contain(func() (err error) {
		ctx, cancel := context.WithTimeout(s.server.ctx, resolveTimeout)
		defer cancel()
		found, err = s.server.cfg.Tokens.Token(ctx, password)
		return err
	})
	log := s.server.cfg.Log.With("client", s.wire.address(), "name", name)
	reference := newReference()
	switch {
	case errors.Is(err, domain.ErrNotFound):
		s.server.brakes.guess(s.wire.client)
		log.Info("sign-in refused", "reference", reference)
		return withReference(replyCredentials, reference)
	case err != nil:
		log.Error("sign-in could not be checked", "reference", reference, "error", err)
		return withReference(reply(454, "4.7.0", "The sign-in cannot be checked at the moment, please try again later"), reference)
	}
	s.wire.account = found.Workspace.ID
	log.Info("signed in", "workspace", found.Workspace.ID, "token", found.User.Email)
	return nil
}

// login is the server's part of LOGIN (draft-murchison-sasl-login), which Outlook uses. go-sasl
// has only the client's.
type login struct {
	check func(name, password string) error
	name  *string
}

// Next takes the name, then the password.
func (l *login) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil:
		return []byte("Username:"), false, nil
	case l.name == nil:
		name := string(response)
		l.name = &name
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(*l.name, string(response))
}

// nextOfSignIn gives go-smtp the client's line of a sign-in, whatever is in
// it: it ends in CR LF, or the sign-in does.
func (w *wire) nextOfSignIn() ([]byte, error) {
	w.sasl = false
	w.begin()
	defer w.setWaiting(false)
	line, err := w.scanLine()
	if err != nil {
		return nil, w.farewell(err)
	}
	if _, _, refusal := parse(line); refusal != nil {
		return []byte("*\r\n"), nil
	}
	return line, nil
}
