package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/docuflow/docuflow/domain"
)

const (
	maxFiles      = 50 // of one request
	multipartRoom = 1 << 20
	uploadTime    = 30 * time.Minute
)

// upload takes files from a form. A file that is refused does not stop the others.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) error {
	parts, err := s.multipart(w, r)
	if err != nil {
		return err
	}
	taken, refused, status, err := s.takeAll(r, parts)
	if err != nil {
		return err
	}
	if len(refused) > 0 {
		return &problem{Status: status, Kind: "refused", Title: fmt.Sprintf("%d of %d files were not taken", len(refused), len(refused)+len(taken)),
			Detail: "The other files are in the inbox.", Refused: refused}
	}
	if len(taken) == 0 {
		return &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Title: "No file was chosen", Detail: "Choose one or more files, then upload them."}
	}
	if wantsJSON(r) {
		return writeJSON(w, http.StatusCreated, documentsJSON(taken, ""))
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// multipart prepares a long request body with bounds on its size and time.
func (s *Server) multipart(w http.ResponseWriter, r *http.Request) (*multipart.Reader, error) {
	deadlines := http.NewResponseController(w)
	end := time.Now().Add(uploadTime)
	if err := errors.Join(deadlines.SetReadDeadline(end), deadlines.SetWriteDeadline(end)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("set upload deadline: %w", err)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxFiles*s.cfg.MaxUpload+multipartRoom)
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, badUpload(err)
	}
	return parts, nil
}

func (s *Server) takeAll(r *http.Request, parts *multipart.Reader) (taken []domain.Document, refused []string, status int, err error) {
	for len(taken)+len(refused) < maxFiles {
		part, err := nextFile(parts)
		if errors.Is(err, io.EOF) {
			return taken, refused, status, nil
		}
		if err != nil {
			return nil, nil, 0, err
		}
		document, err := s.take(r, part)
		if err == nil {
			taken = append(taken, document)
			continue
		}
		p := problemOf(err)
		if p.Status >= http.StatusInternalServerError {
			return nil, nil, 0, err
		}
		refused, status = append(refused, part.FileName()+": "+p.Detail), p.Status
	}
	if _, err := nextFile(parts); !errors.Is(err, io.EOF) {
		refused, status = append(refused, fmt.Sprintf("More than %d files came at once. The ones after that were not taken.", maxFiles)), http.StatusRequestEntityTooLarge
	}
	return taken, refused, status, nil
}

// take hands one file to the intake, and nothing over the limit.
func (s *Server) take(r *http.Request, part *multipart.Part) (domain.Document, error) {
	document, err := s.cfg.Intake.Upload(r.Context(), workspaceOf(r), visitorOf(r).User.Email, part.FileName(), &limited{r: part, left: s.cfg.MaxUpload, limit: s.cfg.MaxUpload})
	if err != nil {
		return domain.Document{}, fmt.Errorf("take upload: %w", err)
	}
	return document, nil
}

// nextFile skips fields that are no files. A browser sends a nameless empty
// file when none was chosen.
func nextFile(parts *multipart.Reader) (*multipart.Part, error) {
	for {
		part, err := parts.NextPart()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, badUpload(err)
		}
		if err != nil || part.FileName() != "" {
			return part, err
		}
	}
}

func badUpload(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge
	}
	return &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Title: "This upload could not be read",
		Detail: "Send files as multipart/form-data in a part named “file”. What came before the fault was taken.", cause: err}
}

// limited fails once more than limit octets are read, so that a file that is
// too large is never mistaken for one that ended.
type limited struct {
	r           io.Reader
	left, limit int64
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if int64(n) > l.left {
		return int(l.left), &http.MaxBytesError{Limit: l.limit}
	}
	l.left -= int64(n)
	return n, err
}

// sample mails a sample invoice to the workspace through the real door.
func (s *Server) sample(w http.ResponseWriter, r *http.Request) error {
	addresses, err := s.cfg.Mails.Addresses(r.Context(), workspaceOf(r))
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	if len(addresses) == 0 {
		return &problem{Status: http.StatusConflict, Kind: "no_address", Title: "This workspace has no mail address", Detail: "A sample goes through the mail door. Upload a file instead."}
	}
	if err := s.cfg.Sampler.SendSample(r.Context(), addresses[0].Address); err != nil {
		return fmt.Errorf("send sample: %w", err)
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func writeJSON(w http.ResponseWriter, status int, value any) error {
	body, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the status is sent: a broken connection has nobody to be told
	return nil
}
