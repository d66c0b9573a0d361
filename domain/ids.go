package domain

// WorkspaceID is a UUID in its canonical text form. It names the tenant that
// every row and every object belongs to.
type WorkspaceID string

// AllWorkspaces stands for every workspace where a feed cannot tell which ones
// changed.
const AllWorkspaces WorkspaceID = ""

// UserID is the UUID of a person who can sign in.
type UserID string

// MailID is the UUID of an accepted mail.
type MailID string

// DocumentID is the UUID of a document.
type DocumentID string

// ReplayID is the UUID of a replay of dead letters.
type ReplayID string

// ObjectKey names stored bytes in object storage. Keys are made of lower-case
// letters, digits, '-', '.' and '/', and begin with the workspace's id.
type ObjectKey string

// StageName names a stage of the pipeline. Stages are an open set: nothing
// may switch on a stage's name.
type StageName string
