package domain

import (
	"errors"
	"net/mail"
	"strings"
	"time"
	"unicode"
)

// Role is what a person may do in a workspace.
type Role string

// The roles. Owners also decide who belongs to the workspace and what it pays.
const (
	RoleOwner  Role = "owner"
	RoleMember Role = "member"
)

var (
	// ErrNoWorkspace says that somebody proved who they are, but belongs to no
	// workspace here, and that newcomers need an invitation. Nothing was made.
	ErrNoWorkspace = errors.New("belongs to no workspace")
	// ErrLastOwner says that a workspace would be left without an owner.
	ErrLastOwner = errors.New("the last owner")
	// ErrOtherAddress says that an invitation is for another address.
	ErrOtherAddress = errors.New("the invitation is for another address")
)

// Identity is what a provider (Google, for example) has proved about somebody.
// The provider says that the address is theirs.
type Identity struct {
	Provider string
	Subject  string // the provider's own id of the person; never changes
	Email    string
	Name     string // may be empty
}

// Arrival is how a person comes in.
type Arrival struct {
	Browser string // as it names itself
	// SignUp says that newcomers without an invitation get a workspace of their
	// own, with an address at MailDomain.
	SignUp     bool
	MailDomain string
}

// Membership is a person in a workspace.
type Membership struct {
	User      User
	Workspace Workspace
	Role      Role
	Since     time.Time
}

// InvitationID is the UUID of an invitation.
type InvitationID string

// Invitation lets whoever has the address join a workspace.
type Invitation struct {
	ID        InvitationID
	Workspace Workspace
	Email     string
	Role      Role
	InvitedBy string
	ExpiresAt time.Time
}

// SessionID is the UUID of a session. It is no secret.
type SessionID string

// Device is a browser in which a person is signed in.
type Device struct {
	ID        SessionID
	Browser   string // as it names itself
	Workspace string // its name
	CreatedAt time.Time
	SeenAt    time.Time // within an hour
	Current   bool      // the browser that asks
}

const maxAddress = 254 // RFC 5321, 4.5.3.1.3, without the brackets

// ErrAddress says that a text is no mail address.
var ErrAddress = errors.New("not a mail address")

// CanonicalAddress checks a mail address that a person typed, and returns it
// in lower case.
func CanonicalAddress(text string) (string, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Address != text || len(text) > maxAddress || strings.ContainsFunc(text, unicode.IsControl) {
		return "", ErrAddress
	}
	return text, nil
}
