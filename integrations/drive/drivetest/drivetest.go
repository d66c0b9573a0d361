// Package drivetest is Google Drive for tests: a loopback server that speaks
// Drive's protocol and OAuth's, their errors and odd answers included, as far
// as the client library uses them.
package drivetest

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/oauth2"
)

// File is what Drive keeps.
type File struct {
	ID            string            `json:"id"`
	Name          string            `json:"name"`
	Parents       []string          `json:"parents"`
	MimeType      string            `json:"mimeType"`
	AppProperties map[string]string `json:"appProperties"`
	Trashed       bool              `json:"trashed"`
	MD5           string            `json:"md5Checksum,omitempty"`
	Size          string            `json:"size,omitempty"`
	WebViewLink   string            `json:"webViewLink"`

	Content []byte `json:"-"`
	order   int
}

// Server is a Drive with one user.
type Server struct {
	*httptest.Server

	// Trouble, when it is set, may answer a request itself: it returns true then.
	Trouble func(w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	files    map[string]*File
	sessions map[string]*File // of resumable uploads
	ids      int
	requests []string
	refresh  map[string]bool   // tokens that are good
	codes    map[string]string // PKCE challenge by code
	uploads  int
	loseNext bool
	onStored func()
	Scopes   []string // that consent was asked for
	OneHour  bool     // consent gives no refresh token
}

// Start runs a Drive until the test ends. The refresh token "refresh-1" is good.
func Start(t testing.TB) *Server {
	s := &Server{files: map[string]*File{}, sessions: map[string]*File{}, refresh: map[string]bool{"refresh-1": true}, codes: map[string]string{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// Endpoint of the API.
func (s *Server) Endpoint() string { return s.URL + "/drive/v3/" }

// Auth is where tokens come from.
func (s *Server) Auth() oauth2.Endpoint {
	return oauth2.Endpoint{AuthURL: s.URL + "/auth", TokenURL: s.URL + "/token", AuthStyle: oauth2.AuthStyleInParams}
}

// Revoke ends the access of a refresh token.
func (s *Server) Revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.refresh, token)
}

// LoseNextAnswer keeps the next uploaded file and closes the connection instead of an answer.
func (s *Server) LoseNextAnswer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loseNext = true
}

// OnStored is called after a file was kept, before that is answered.
func (s *Server) OnStored(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onStored = f
}

// Files lists the files that are no folders, with their whole path.
func (s *Server) Files() map[string]File {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]File{}
	for _, f := range s.files {
		if f.Content != nil {
			found[s.path(f)+"#"+f.ID] = *f
		}
	}
	return found
}

// Paths lists the whole paths of all files, sorted.
func (s *Server) Paths() (paths []string) {
	for key := range s.Files() {
		paths = append(paths, key[:strings.LastIndex(key, "#")])
	}
	slices.Sort(paths)
	return paths
}

// Folders counts the folders.
func (s *Server) Folders() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		if f.Content == nil {
			n++
		}
	}
	return n
}

func (s *Server) path(f *File) string {
	if len(f.Parents) == 0 {
		return f.Name
	}
	parent, known := s.files[f.Parents[0]]
	if !known {
		return f.Name
	}
	return s.path(parent) + "/" + f.Name
}

// Content is what is kept under an id; nil when nothing is.
func (s *Server) Content(id string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.files[id]; ok {
		return f.Content
	}
	return nil
}

// Put makes a file behind everybody's back.
func (s *Server) Put(f File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(&f)
}

// Requests lists method and path of everything that was asked for.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Refuse writes an error as Google does.
func Refuse(w http.ResponseWriter, status int, reason string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"code":%d,"message":"refused: %s","errors":[{"domain":"global","reason":%q,"message":"refused: %s"}]}}`, status, reason, reason, reason)
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	trouble := s.Trouble
	s.mu.Unlock()
	if trouble != nil && trouble(w, r) {
		return
	}
	if r.URL.Path == "/token" {
		s.token(w, r)
		return
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer access-") {
		Refuse(w, http.StatusUnauthorized, "authError")
		return
	}
	id, isFile := strings.CutPrefix(r.URL.Path, "/drive/v3/files/")
	switch {
	case r.URL.Path == "/drive/v3/about":
		answer(w, map[string]any{"user": map[string]string{"emailAddress": "office@lindqvist.example"}, "storageQuota": map[string]string{"limit": "100", "usage": "7"}})
	case r.URL.Path == "/drive/v3/files/generateIds":
		s.generate(w)
	case r.URL.Path == "/drive/v3/files" && r.Method == http.MethodGet:
		s.list(w, r)
	case r.URL.Path == "/drive/v3/files" && r.Method == http.MethodPost:
		s.create(w, r.Body)
	case r.URL.Path == "/upload/drive/v3/files":
		s.upload(w, r)
	case isFile && r.Method == http.MethodGet:
		s.get(w, id)
	case isFile && r.Method == http.MethodPatch:
		s.update(w, r, id)
	default:
		Refuse(w, http.StatusNotFound, "notFound")
	}
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(value)
}

// Allow is the person who agrees at Google: it returns the code for a consent's address.
func (s *Server) Allow(consent string) (code, state string, err error) {
	u, err := url.Parse(consent)
	if err != nil {
		return "", "", err
	}
	q := u.Query()
	if q.Get("access_type") != "offline" || q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" {
		return "", "", fmt.Errorf("consent asks with %v", q)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Scopes = strings.Fields(q.Get("scope"))
	code = "code-" + strconv.Itoa(len(s.codes)+1)
	s.codes[code] = q.Get("code_challenge")
	return code, q.Get("state"), nil
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	good, refresh := false, ""
	switch r.FormValue("grant_type") {
	case "refresh_token":
		good = s.refresh[r.FormValue("refresh_token")]
	case "authorization_code":
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		challenge, known := s.codes[r.FormValue("code")]
		good = known && challenge == base64.RawURLEncoding.EncodeToString(sum[:])
		delete(s.codes, r.FormValue("code"))
		if !s.OneHour {
			refresh = "refresh-2"
			s.refresh[refresh] = good
		}
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		good = r.FormValue("assertion") != ""
	}
	if !good {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`)
		return
	}
	answer(w, map[string]any{"access_token": "access-1", "token_type": "Bearer", "expires_in": 3599, "refresh_token": refresh})
}

func (s *Server) generate(w http.ResponseWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids++
	answer(w, map[string]any{"ids": []string{fmt.Sprintf("1gen%06d", s.ids)}, "space": "drive"})
}

var property = regexp.MustCompile(`appProperties has \{ key='([^']*)' and value='([^']*)' \}`)

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := property.FindStringSubmatch(r.URL.Query().Get("q"))
	if wanted == nil {
		Refuse(w, http.StatusBadRequest, "invalid")
		return
	}
	found := []*File{}
	for _, f := range s.files {
		if f.AppProperties[wanted[1]] == wanted[2] && !f.Trashed {
			found = append(found, f)
		}
	}
	slices.SortFunc(found, func(a, b *File) int { return a.order - b.order })
	answer(w, map[string]any{"files": found})
}

func (s *Server) create(w http.ResponseWriter, body io.Reader) {
	var f File
	if err := json.NewDecoder(body).Decode(&f); err != nil {
		Refuse(w, http.StatusBadRequest, "parseError")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.ID == "" {
		s.ids++
		f.ID = fmt.Sprintf("1made%06d", s.ids)
	}
	s.keep(&f)
	answer(w, f)
}

func (s *Server) keep(f *File) {
	f.order = len(s.files)
	f.WebViewLink = s.URL + "/view/" + f.ID
	if f.Content != nil {
		sum := md5.Sum(f.Content)
		f.MD5, f.Size = hex.EncodeToString(sum[:]), strconv.Itoa(len(f.Content))
	}
	s.files[f.ID] = f
}

// upload speaks both forms: in one request, and resumable in chunks.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	if session := r.URL.Query().Get("upload_id"); session != "" {
		s.chunk(w, r, session)
		return
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		Refuse(w, http.StatusBadRequest, "badContent")
		return
	}
	if r.URL.Query().Get("uploadType") == "resumable" {
		s.begin(w, r.Body)
		return
	}
	if kind != "multipart/related" {
		Refuse(w, http.StatusBadRequest, "badContent")
		return
	}
	parts := multipart.NewReader(r.Body, params["boundary"])
	head, err := parts.NextPart()
	if err != nil {
		return
	}
	var f File
	if err := json.NewDecoder(head).Decode(&f); err != nil {
		Refuse(w, http.StatusBadRequest, "parseError")
		return
	}
	media, err := parts.NextPart()
	if err != nil {
		return
	}
	if f.Content, err = io.ReadAll(media); err != nil {
		return // the client is gone, and with it the upload
	}
	if s.taken(f.ID) {
		Refuse(w, http.StatusConflict, "fileIdInUse")
		return
	}
	s.store(w, &f)
}

func (s *Server) taken(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, taken := s.files[id]
	return taken
}

func (s *Server) begin(w http.ResponseWriter, body io.Reader) {
	var f File
	if err := json.NewDecoder(body).Decode(&f); err != nil {
		Refuse(w, http.StatusBadRequest, "parseError")
		return
	}
	if s.taken(f.ID) {
		Refuse(w, http.StatusConflict, "fileIdInUse")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	session := "session-" + strconv.Itoa(len(s.sessions)+1)
	f.Content = []byte{}
	s.sessions[session] = &f
	w.Header().Set("Location", s.URL+"/upload/drive/v3/files?uploadType=resumable&upload_id="+session)
}

func (s *Server) chunk(w http.ResponseWriter, r *http.Request, session string) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	f, known := s.sessions[session]
	if known {
		f.Content = append(f.Content, content...)
	}
	size := 0
	if known {
		size = len(f.Content)
	}
	s.mu.Unlock()
	if !known {
		Refuse(w, http.StatusNotFound, "notFound")
		return
	}
	if strings.HasSuffix(r.Header.Get("Content-Range"), "/*") {
		w.Header().Set("X-Http-Status-Code-Override", "308") // the client asks for it with X-GUploader-No-308
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", size-1))
		return
	}
	s.store(w, f)
}

func (s *Server) store(w http.ResponseWriter, f *File) {
	s.mu.Lock()
	s.uploads++
	s.keep(f)
	lose, stored := s.loseNext, s.onStored
	s.loseNext = false
	kept := *f
	s.mu.Unlock()
	if stored != nil {
		stored()
	}
	if lose {
		panic(http.ErrAbortHandler)
	}
	answer(w, kept)
}

// Uploads counts the files that were uploaded.
func (s *Server) Uploads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.uploads
}

func (s *Server) get(w http.ResponseWriter, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, known := s.files[id]
	if !known {
		Refuse(w, http.StatusNotFound, "notFound")
		return
	}
	answer(w, f)
}

func (s *Server) update(w http.ResponseWriter, r *http.Request, id string) {
	var change File
	if err := json.NewDecoder(r.Body).Decode(&change); err != nil {
		Refuse(w, http.StatusBadRequest, "parseError")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, known := s.files[id]
	if !known {
		Refuse(w, http.StatusNotFound, "notFound")
		return
	}
	if change.Name != "" {
		f.Name = change.Name
	}
	maps.Copy(f.AppProperties, change.AppProperties)
	if parent := r.URL.Query().Get("addParents"); parent != "" {
		f.Parents = []string{parent}
	}
	answer(w, f)
}
