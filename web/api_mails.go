package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/docuflow/docuflow/domain"
)

// apiMailPart is a part of a mail in the JSON API.
type apiMailPart struct {
	Index       int     `json:"index"`
	FileName    string  `json:"file_name"`
	MediaType   string  `json:"media_type"`
	Size        int64   `json:"size"`
	SHA256      string  `json:"sha256"`
	Used        bool    `json:"used"`
	Reason      *string `json:"reason"`
	DocumentID  *string `json:"document_id"`
	DuplicateOf *string `json:"duplicate_of"`
	Importable  bool    `json:"importable"`
}

// apiWholeMail is a mail with everything that is known of it.
type apiWholeMail struct {
	apiMail
	Outcome     domain.MailOutcome   `json:"outcome"`
	Author      string               `json:"author"`
	AuthorName  string               `json:"author_name"`
	MessageID   string               `json:"message_id"`
	RemoteAddr  string               `json:"remote_addr"`
	Encrypted   bool                 `json:"encrypted"`
	Verdict     domain.Verdict       `json:"verdict"`
	Trusted     bool                 `json:"authenticated"`
	DuplicateOf *string              `json:"duplicate_of"`
	ApprovedBy  *string              `json:"approved_by"`
	Notice      *domain.Confirmation `json:"notice"`
	Answer      *domain.Answer       `json:"answer"`
	Parts       []apiMailPart        `json:"parts"`
}

func wholeMailJSON(m domain.Mail) apiWholeMail {
	whole := apiWholeMail{
		apiMail: mailJSON(m), Outcome: m.Outcome, Author: m.Author, AuthorName: m.AuthorName, MessageID: m.MessageID,
		RemoteAddr: m.Envelope.RemoteAddr, Encrypted: m.Envelope.TLS, Verdict: m.Verdict, Trusted: m.Verdict.Authenticated(),
		DuplicateOf: orNull(string(m.DuplicateOf)), ApprovedBy: orNull(m.ApprovedBy), Notice: m.Notice, Answer: m.Answer, Parts: []apiMailPart{},
	}
	for _, p := range m.Parts {
		whole.Parts = append(whole.Parts, apiMailPart{
			Index: p.Index, FileName: p.FileName, MediaType: p.MediaType, Size: p.Size, SHA256: p.SHA256, Used: p.Used, Reason: orNull(p.Reason),
			DocumentID: orNull(string(p.Document)), DuplicateOf: orNull(string(p.DuplicateOf)), Importable: p.Importable && !p.Used,
		})
	}
	return whole
}

// apiMails answers GET /api/v1/mails.
func (s *Server) apiMails(w http.ResponseWriter, r *http.Request) error {
	list, err := mailListOf(r.URL.Query())
	if err != nil {
		return err
	}
	limit, err := limitOf(r.URL.Query().Get("limit"))
	if err != nil {
		return err
	}
	page, err := s.cfg.MailLog.Mails(r.Context(), workspaceOf(r), mailQuery(list, limit))
	if err != nil {
		return fmt.Errorf("list mails: %w", err)
	}
	counts, err := s.cfg.MailLog.CountMails(r.Context(), workspaceOf(r))
	if err != nil {
		return fmt.Errorf("count mails: %w", err)
	}
	answer := struct {
		Mails      []apiWholeMail             `json:"mails"`
		Counts     map[domain.MailOutcome]int `json:"counts"`
		NextCursor *string                    `json:"next_cursor"`
	}{make([]apiWholeMail, 0, len(page.Mails)), map[domain.MailOutcome]int{}, orNull(page.NextCursor)}
	for _, mail := range page.Mails {
		answer.Mails = append(answer.Mails, wholeMailJSON(mail))
	}
	for _, outcome := range domain.MailOutcomes {
		answer.Counts[outcome] = counts[outcome]
	}
	return writeJSON(w, http.StatusOK, answer)
}

// apiGetMail answers GET /api/v1/mails/{id}.
func (s *Server) apiGetMail(w http.ResponseWriter, r *http.Request) error {
	id, err := mailID(r)
	if err != nil {
		return err
	}
	mail, err := s.cfg.Mails.Mail(r.Context(), workspaceOf(r), id)
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	return writeJSON(w, http.StatusOK, wholeMailJSON(mail))
}

// apiMailDeed answers POST /api/v1/mails/{id}/{deed}. Its body is an object
// with the members that the deed knows: always, part.
func (s *Server) apiMailDeed(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Always bool `json:"always"`
		Part   *int `json:"part"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxForm))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil && !errors.Is(err, io.EOF) {
		return &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Title: "This body could not be read", cause: err,
			Detail: `Send nothing, or an object like {"always": true} to approve, {"part": 2} to import.`}
	}
	r.PostForm = url.Values{}
	if body.Always {
		r.PostForm.Set("always", "1")
	}
	if body.Part != nil {
		r.PostForm.Set("part", strconv.Itoa(*body.Part))
	}
	mail, err := s.actOnMail(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, wholeMailJSON(mail))
}
