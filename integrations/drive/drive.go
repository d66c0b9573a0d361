// Package drive files documents in Google Drive, and renames them when their
// fields are corrected.
//
// A file's id is reserved at Google and committed here before the upload. A
// repeated delivery is answered 409 and finds its file: each document is filed
// once, also when an answer was lost. In shared drives, where ids are not
// promised to be honoured, the document's id among the file's appProperties is a second guard.
//
// A person connects their own Drive by signing in (scope drive.file: we see
// what we have made and nothing else), or a service account files in a shared drive.
package drive

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/drive/v3"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/docuflow/docuflow/domain"
)

// Config is how this installation reaches Google.
type Config struct {
	ClientID, ClientSecret string          // of the OAuth client; empty: only service accounts can be connected
	Endpoint               string          // of the API: https://www.googleapis.com/drive/v3/
	Auth                   oauth2.Endpoint // where people sign in and where tokens come from
	HTTP                   *http.Client    // for everything
}

// Endpoints of Google.
const (
	Endpoint = "https://www.googleapis.com/drive/v3/"
	AuthURL  = "https://accounts.google.com/o/oauth2/v2/auth"
	TokenURL = "https://oauth2.googleapis.com/token" //nolint:gosec // an address
)

// Names of settings and secrets.
const (
	settingFolder      = "folder"
	settingSharedDrive = "shared_drive_id"
	settingAccount     = "account"
	secretRefresh      = "refresh_token"
	secretService      = "service_account"
)

// Kind describes connections with Google Drive.
func Kind() domain.ConnectionKind {
	return domain.ConnectionKind{
		Name: "drive", Title: "Google Drive", Icon: "folder", Help: "Files each document once, and renames it when you correct it.",
		Fields: []domain.ConnectionField{
			{Name: "pattern", Label: "File name and folder", Pattern: true, Required: true, Default: "{year}/{vendor}/{date} {vendor} {total} {currency}"},
			{Name: settingFolder, Label: "Folder at the top", Default: "DocuFlow", Required: true, Help: "Made in your Drive, or in the shared drive. You may move and rename it there."},
			{Name: settingSharedDrive, Label: "Shared drive", Help: "Its id, for a service account. Leave it empty to sign in with your own account."},
			{Name: secretService, Label: "Service account", Secret: true, Help: "The JSON key, if you use a shared drive. Make the account a content manager of the drive."},
		},
		Events: []string{domain.EventCorrected}, SignIn: true,
	}
}

// Limit is Google's quota for one project, shared by all workspaces: 12,000
// queries a minute.
func Limit(domain.Connection) domain.Limit {
	return domain.Limit{Name: "drive", Burst: 200, PerSecond: 200}
}

// Drive is one connection. Create it with Config.Open.
type Drive struct {
	title       string
	service     *drive.Service
	top         string // name of the folder at the top
	sharedDrive string // id, empty: the user's own

	mu      sync.Mutex
	folders map[string]string // id by path
}

// Open makes the client of a connection.
func (c Config) Open(connection domain.Connection, title string, secrets domain.Secrets) (*Drive, error) {
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, c.HTTP) // token sources keep it
	var tokens oauth2.TokenSource
	switch {
	case secrets[secretService] != "":
		if connection.Settings[settingSharedDrive] == "" {
			return nil, errors.New("a service account owns no files: name a shared drive")
		}
		account, err := google.JWTConfigFromJSON([]byte(secrets[secretService]), drive.DriveScope)
		if err != nil {
			return nil, errors.New("this is no key of a service account") // the cause may quote it
		}
		account.TokenURL = c.Auth.TokenURL // never the one that somebody has written into the key
		tokens = account.TokenSource(ctx)
	case secrets[secretRefresh] != "":
		tokens = c.oauth("").TokenSource(ctx, &oauth2.Token{RefreshToken: secrets[secretRefresh]})
	default:
		return nil, errors.New("nobody has signed in yet. Sign in to Drive")
	}
	service, err := drive.NewService(ctx, option.WithHTTPClient(oauth2.NewClient(ctx, tokens)), option.WithEndpoint(c.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("make the Drive client: %w", err)
	}
	return &Drive{title: title, service: service, top: connection.Settings[settingFolder], sharedDrive: connection.Settings[settingSharedDrive], folders: map[string]string{}}, nil
}

// Name names the destination.
func (d *Drive) Name() string { return d.title }

// Propose asks Google for an id.
func (d *Drive) Propose(ctx context.Context, _ domain.Filing, _ int) (string, error) {
	ids, err := d.service.Files.GenerateIds().Count(1).Space("drive").Context(ctx).Do()
	if err != nil {
		return "", d.failure("reserve an id", err)
	}
	if len(ids.Ids) != 1 {
		return "", domain.Temporary("google", "Google gave no id for the file. We try again by ourselves.", errors.New("generateIds returned none"))
	}
	return ids.Ids[0], nil
}

const (
	documentProperty = "docuflow_document_id"
	folderProperty   = "docuflow_folder"
	folderType       = "application/vnd.google-apps.folder"
	fileFields       = "id,name,parents,md5Checksum,size,webViewLink,trashed"
)

// Deliver uploads the document, unless it is there.
func (d *Drive) Deliver(ctx context.Context, filing domain.Filing) (link string, err error) {
	hash := md5.New()
	body := io.TeeReader(filing.Body, hash)
	if d.sharedDrive != "" {
		if found, err := d.find(ctx, documentProperty, string(filing.Document.ID)); err != nil || found != nil {
			return d.verified(found, body, hash.Sum, err)
		}
	}
	parent, err := d.folder(ctx, path.Dir(filing.Name))
	if err != nil {
		return "", err
	}
	made, err := d.upload(ctx, filing, parent, body)
	if status(err) == http.StatusConflict {
		made, err = d.service.Files.Get(filing.Reference).SupportsAllDrives(true).Fields(fileFields).Context(ctx).Do()
		if err != nil {
			return "", d.failure("read the file of an earlier delivery", err)
		}
	}
	if status(err) == http.StatusNotFound {
		d.forgetFolders() // somebody has removed one; the next attempt makes it anew
		return "", domain.Temporary("folder_gone", "A folder in Drive is gone. We make it anew by ourselves.", err)
	}
	if err != nil {
		return "", d.failure("upload", err)
	}
	return d.verified(made, body, hash.Sum, nil)
}

func (d *Drive) upload(ctx context.Context, filing domain.Filing, parent string, body io.Reader) (*drive.File, error) {
	const chunk = 8 << 20 // of a resumable upload; smaller files go in one request
	file := &drive.File{
		Id: filing.Reference, Name: path.Base(filing.Name), Parents: []string{parent}, MimeType: "application/pdf",
		AppProperties: map[string]string{documentProperty: string(filing.Document.ID)},
	}
	return d.service.Files.Create(file).SupportsAllDrives(true).Fields(fileFields).Context(ctx).
		Media(body, googleapi.ContentType("application/pdf"), googleapi.ChunkSize(chunk), googleapi.ChunkRetryDeadline(5*time.Second)).Do()
}

// verified compares what Google has with what we have. body is read to its end for that.
func (d *Drive) verified(file *drive.File, body io.Reader, sum func([]byte) []byte, err error) (string, error) {
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return "", fmt.Errorf("read the document: %w", err)
	}
	if file.Md5Checksum != hex.EncodeToString(sum(nil)) {
		return "", domain.Permanent(domain.KindRejected, "The file in Drive is not the one that we sent. Nothing was overwritten. Look at it in Drive, then retry.",
			fmt.Errorf("file %s has checksum %q", file.Id, file.Md5Checksum))
	}
	return file.WebViewLink, nil
}

// Announce renames the document's file after a correction. What a person has
// moved elsewhere in Drive stays there when only the name has changed.
func (d *Drive) Announce(ctx context.Context, notice domain.Notice) (reference, link string, err error) {
	if notice.Reference == "" {
		return "", "", nil // not filed yet: it is filed with the corrected fields
	}
	file, err := d.service.Files.Get(notice.Reference).SupportsAllDrives(true).Fields(fileFields).Context(ctx).Do()
	if status(err) == http.StatusNotFound && d.sharedDrive != "" {
		file, err = d.find(ctx, documentProperty, string(notice.Document.ID))
	}
	if status(err) == http.StatusNotFound || err == nil && (file == nil || file.Trashed) {
		return "", "", nil // a person has removed it there
	}
	if err != nil {
		return "", "", d.failure("find the file", err)
	}
	parent, err := d.folder(ctx, path.Dir(notice.Name))
	if err != nil {
		return "", "", err
	}
	name := path.Base(notice.Name)
	moved := len(file.Parents) == 1 && file.Parents[0] != parent && d.isOurs(file.Parents[0])
	if file.Name == name && !moved {
		return notice.Reference, file.WebViewLink, nil
	}
	update := d.service.Files.Update(file.Id, &drive.File{Name: name}).SupportsAllDrives(true).Fields(fileFields).Context(ctx)
	if moved {
		update = update.AddParents(parent).RemoveParents(file.Parents[0])
	}
	if file, err = update.Do(); err != nil {
		return "", "", d.failure("rename the file", err)
	}
	return notice.Reference, file.WebViewLink, nil
}

// isOurs says that a folder is one that the pattern has led to.
func (d *Drive) isOurs(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, known := range d.folders {
		if known == id {
			return true
		}
	}
	return false
}

// folder finds or makes the folder of a path below the one at the top.
func (d *Drive) folder(ctx context.Context, dir string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock() // so that this process makes each folder once
	parent, at := d.sharedDrive, ""
	if parent == "" {
		parent = "root"
	}
	for _, name := range append([]string{d.top}, strings.Split(path.Clean("/" + dir)[1:], "/")...) {
		if name == "" {
			continue
		}
		at = path.Join(at, name)
		id, err := d.folderIn(ctx, parent, at, name)
		if err != nil {
			return "", err
		}
		parent = id
	}
	return parent, nil
}

func (d *Drive) folderIn(ctx context.Context, parent, at, name string) (string, error) {
	if id, known := d.folders[at]; known {
		return id, nil
	}
	sum := sha256.Sum256([]byte(d.sharedDrive + "\x00" + at)) // a property holds 124 octets
	key := hex.EncodeToString(sum[:])
	found, err := d.find(ctx, folderProperty, key)
	if err != nil {
		return "", err
	}
	if found == nil {
		_, err = d.service.Files.Create(&drive.File{Name: name, Parents: []string{parent}, MimeType: folderType, AppProperties: map[string]string{folderProperty: key}}).
			SupportsAllDrives(true).Fields("id").Context(ctx).Do()
		if err != nil {
			return "", d.failure("make a folder", err)
		}
		// Another node may have made one too: all take the oldest.
		if found, err = d.find(ctx, folderProperty, key); err != nil {
			return "", err
		}
		if found == nil {
			return "", domain.Temporary("google", "A folder that we made in Drive is not there yet. We try again by ourselves.", nil)
		}
	}
	d.folders[at] = found.Id
	return found.Id, nil
}

func (d *Drive) forgetFolders() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.folders)
}

// find returns the oldest file with a property of ours, nil when there is none.
func (d *Drive) find(ctx context.Context, property, value string) (*drive.File, error) {
	list := d.service.Files.List().Q(fmt.Sprintf("appProperties has { key='%s' and value='%s' } and trashed = false", property, value)).
		OrderBy("createdTime").PageSize(1).Fields("files(" + fileFields + ")").SupportsAllDrives(true).IncludeItemsFromAllDrives(true).Context(ctx)
	if d.sharedDrive != "" {
		list = list.Corpora("drive").DriveId(d.sharedDrive)
	}
	found, err := list.Do()
	if err != nil {
		return nil, d.failure("search", err)
	}
	if len(found.Files) == 0 {
		return nil, nil
	}
	return found.Files[0], nil
}

// Test asks Google who we are there.
func (d *Drive) Test(ctx context.Context) domain.ConnectionTest {
	test := domain.ConnectionTest{At: time.Now(), Sent: "GET /drive/v3/about?fields=user,storageQuota"}
	about, err := d.service.About.Get().Fields("user(emailAddress),storageQuota(limit,usage)").Context(ctx).Do()
	test.Took = time.Since(test.At)
	if err != nil {
		failure := domain.AsFailure(d.failure("test", err))
		test.Error, test.Answered = failure.Message, answered(err)
		return test
	}
	test.Answered = fmt.Sprintf("200 user %s, %d of %d octets used", about.User.EmailAddress, about.StorageQuota.Usage, about.StorageQuota.Limit)
	return test
}
