// Package hubspot keeps a note about each filed document on the contact who
// sent it.
//
// Contacts are upserted by their address. Notes carry no key of ours: before one
// is made, HubSpot is asked for a note that names the document, and the note's
// id is kept, so that everything later edits it. HubSpot's search lags some
// seconds: an answer that was lost and is repeated within them may make a second note.
package hubspot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Endpoint of HubSpot's API, and its version that is current now.
const (
	Endpoint = "https://api.hubapi.com"
	Version  = "2026-09"
)

const secretToken = "token"

// Kind describes connections with HubSpot.
func Kind() domain.ConnectionKind {
	return domain.ConnectionKind{
		Name: "hubspot", Title: "HubSpot", Icon: "person", Help: "A note on the sender's contact for each document.",
		Fields: []domain.ConnectionField{
			{Name: secretToken, Label: "Access token", Required: true, Secret: true, Help: "Of a private app with the scopes crm.objects.contacts.read, crm.objects.contacts.write and notes."},
		},
		Events: []string{domain.EventFiled, domain.EventCorrected},
	}
}

// Limit is below what HubSpot allows a private app, 100 calls in 10 seconds:
// a document takes up to three.
func Limit(c domain.Connection) domain.Limit {
	return domain.Limit{Name: "hubspot:" + string(c.ID), Burst: 20, PerSecond: 3}
}

// Config is how this installation reaches HubSpot.
type Config struct {
	Endpoint string
	Version  string // of the API
	HTTP     *http.Client
}

// HubSpot is one connection. Create it with Config.Open.
type HubSpot struct {
	title  string
	base   string // of the CRM objects
	root   string
	token  string
	client *http.Client
}

// Open makes the client of a connection.
func (c Config) Open(_ domain.Connection, title string, secrets domain.Secrets) (*HubSpot, error) {
	token := strings.TrimSpace(secrets[secretToken])
	if token == "" || strings.ContainsAny(token, "\r\n\x00") {
		return nil, errors.New("the access token is missing")
	}
	return &HubSpot{title: title, root: c.Endpoint, base: c.Endpoint + "/crm/objects/" + url.PathEscape(c.Version), token: token, client: c.HTTP}, nil
}

// Announce makes or edits the document's note.
func (h *HubSpot) Announce(ctx context.Context, notice domain.Notice) (reference, link string, err error) {
	if notice.Reference != "" {
		return h.edit(ctx, notice)
	}
	email, ok := contactOf(notice.Document)
	if !ok || notice.Event == domain.EventCorrected {
		return "", "", nil // nobody to keep a note about
	}
	contact, err := h.upsert(ctx, email)
	if err != nil {
		return "", "", err
	}
	note, err := h.find(ctx, notice.Document.ID)
	if err != nil || note != "" {
		return note, "", err
	}
	note, err = h.create(ctx, notice, contact)
	return note, "", err
}

// upsert makes the contact or finds it. One that HubSpot refuses is an item of
// an answer that is a success as a whole (207).
func (h *HubSpot) upsert(ctx context.Context, email string) (id string, err error) {
	var answer struct {
		Results []struct {
			ID         string            `json:"id"`
			Properties map[string]string `json:"properties"`
		} `json:"results"`
		Errors []struct {
			Category string `json:"category"`
			Message  string `json:"message"`
		} `json:"errors"`
	}
	body := map[string]any{"inputs": []map[string]any{{"idProperty": "email", "id": email, "properties": map[string]string{"email": email}}}}
	if err := h.call(ctx, http.MethodPost, h.base+"/contacts/batch/upsert", body, &answer); err != nil {
		return "", err
	}
	if len(answer.Results) > 0 {
		return answer.Results[0].ID, nil
	}
	if len(answer.Errors) > 0 {
		return "", domain.Permanent(domain.KindRejected, "HubSpot does not take the sender's address as a contact.", errors.New(answer.Errors[0].Category))
	}
	return "", domain.Temporary("hubspot", "HubSpot's answer had no contact. We try again by ourselves.", nil)
}

// find looks for a note of an earlier attempt.
func (h *HubSpot) find(ctx context.Context, document domain.DocumentID) (id string, err error) {
	var answer struct {
		Results []struct {
			ID string `json:"id"`
		} `json:"results"`
	}
	filter := map[string]string{"propertyName": "hs_note_body", "operator": "CONTAINS_TOKEN", "value": string(document)}
	body := map[string]any{"filterGroups": []any{map[string]any{"filters": []any{filter}}}, "limit": 1}
	if err := h.call(ctx, http.MethodPost, h.base+"/notes/search", body, &answer); err != nil || len(answer.Results) == 0 {
		return "", err
	}
	return answer.Results[0].ID, nil
}

// noteToContact is HubSpot's own association of notes with contacts.
const noteToContact = 202

func (h *HubSpot) create(ctx context.Context, notice domain.Notice, contact string) (id string, err error) {
	body := map[string]any{
		"properties": properties(notice),
		"associations": []any{map[string]any{
			"to":    map[string]string{"id": contact},
			"types": []any{map[string]any{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": noteToContact}},
		}},
	}
	var answer struct {
		ID string `json:"id"`
	}
	err = h.call(ctx, http.MethodPost, h.base+"/notes", body, &answer)
	return answer.ID, err
}

func (h *HubSpot) edit(ctx context.Context, notice domain.Notice) (reference, link string, err error) {
	err = h.call(ctx, http.MethodPatch, h.base+"/notes/"+url.PathEscape(notice.Reference), map[string]any{"properties": properties(notice)}, nil)
	if refused, ok := errors.AsType[*refusal](err); ok && refused.status == http.StatusNotFound {
		return notice.Reference, "", nil // a person has removed it, and wants no other one
	}
	if err != nil {
		return "", "", err
	}
	return notice.Reference, "", nil
}

func properties(notice domain.Notice) map[string]string {
	return map[string]string{"hs_timestamp": notice.Document.CreatedAt.UTC().Format(time.RFC3339), "hs_note_body": noteBody(notice)}
}

// mostBody is HubSpot's limit of a note, in characters.
const mostBody = 65536

// noteBody is HTML. The document's id in it is what find looks for.
func noteBody(n domain.Notice) string {
	var b strings.Builder
	b.WriteString("<p>Document filed by DocuFlow</p><ul>")
	for _, name := range domain.FieldNames {
		if value := n.Document.Fields.Value(name); value != "" {
			fmt.Fprintf(&b, "<li>%s: %s</li>", strings.ReplaceAll(string(name), "_", " "), html.EscapeString(value))
		}
	}
	b.WriteString("</ul>")
	for _, delivery := range n.Document.Deliveries {
		if delivery.Link != "" {
			fmt.Fprintf(&b, `<p><a href="%s">%s</a></p>`, html.EscapeString(delivery.Link), html.EscapeString(delivery.Destination))
		}
	}
	fmt.Fprintf(&b, `<p><a href="%s">Open in DocuFlow</a></p>`, html.EscapeString(n.Link))
	end := fmt.Sprintf("<p>Document %s</p>", n.Document.ID)
	if body := b.String(); len(body)+len(end) <= mostBody {
		return body + end
	}
	return end
}

// contactOf is the address that gets the note; false for those that are no person's or company's own.
func contactOf(d domain.Document) (email string, ok bool) {
	email = strings.ToLower(strings.TrimSpace(d.Sender))
	local, host, found := strings.Cut(email, "@")
	if !found || local == "" || !strings.Contains(host, ".") || freeMail[host] {
		return "", false
	}
	local = strings.NewReplacer("-", "", "_", "", ".", "", "+", "").Replace(local)
	for _, machine := range []string{"noreply", "donotreply", "mailerdaemon", "postmaster", "bounce", "notification", "nepasrepondre"} {
		if strings.HasPrefix(local, machine) {
			return "", false
		}
	}
	return email, true
}

// freeMail are providers whose addresses say nothing about a company.
var freeMail = map[string]bool{
	"gmail.com": true, "googlemail.com": true, "outlook.com": true, "hotmail.com": true, "live.com": true, "msn.com": true, "yahoo.com": true,
	"yahoo.co.uk": true, "yahoo.de": true, "yahoo.fr": true, "ymail.com": true, "aol.com": true, "icloud.com": true, "me.com": true, "mac.com": true, "gmx.de": true,
	"gmx.net": true, "gmx.at": true, "gmx.com": true, "web.de": true, "t-online.de": true, "freenet.de": true, "mail.com": true, "proton.me": true, "protonmail.com": true,
	"orange.fr": true, "free.fr": true, "laposte.net": true, "libero.it": true, "virgilio.it": true, "wp.pl": true, "o2.pl": true, "onet.pl": true, "yandex.com": true,
	"mail.ru": true, "qq.com": true, "163.com": true, "zoho.com": true, "fastmail.com": true,
}

// Test asks who we are there.
func (h *HubSpot) Test(ctx context.Context) domain.ConnectionTest {
	test := domain.ConnectionTest{At: time.Now(), Sent: "GET /account-info/v3/details"}
	var account struct {
		PortalID int64 `json:"portalId"`
	}
	err := h.call(ctx, http.MethodGet, h.root+"/account-info/v3/details", nil, &account)
	test.Took = time.Since(test.At)
	if err != nil {
		test.Error, test.Answered = domain.AsFailure(err).Message, "no answer"
		if refused, ok := errors.AsType[*refusal](err); ok {
			test.Answered = refused.Error()
		}
		return test
	}
	test.Answered = fmt.Sprintf("200 portal %d", account.PortalID)
	return test
}

// refusal is HubSpot's answer to what it does not do.
type refusal struct {
	status   int
	Category string `json:"category"`
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s", r.status, r.Category) }

const mostAnswer = 1 << 20 // octets

func (h *HubSpot) call(ctx context.Context, method, address string, body, into any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("build the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+h.token)
	response, err := h.client.Do(request)
	if err != nil {
		return domain.Temporary("hubspot", "HubSpot did not answer. We try again by ourselves.", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	if err != nil {
		return domain.Temporary("hubspot", "HubSpot's answer broke off. We try again by ourselves.", err)
	}
	if response.StatusCode < 200 || response.StatusCode >= 300 {
		return h.failure(response, answer)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return domain.Temporary("hubspot", "HubSpot's answer could not be read. We try again by ourselves.", err)
	}
	return nil
}

func (h *HubSpot) failure(response *http.Response, answer []byte) error {
	refused := &refusal{status: response.StatusCode}
	_ = json.Unmarshal(answer, refused) // it may be a page of something in between
	switch {
	case response.StatusCode == http.StatusTooManyRequests:
		return &domain.Failure{Kind: domain.KindBusy, Message: "HubSpot asked us to wait. We try again by ourselves.", RetryAfter: waitOf(response.Header), Err: refused}
	case response.StatusCode == http.StatusUnauthorized:
		return domain.NeedsPerson("signed_out", h.title, "HubSpot does not take our access token any more. Enter a new one.", refused)
	case response.StatusCode == http.StatusForbidden:
		return domain.NeedsPerson("no_right", h.title, "HubSpot's access token lacks a right. Give the private app its scopes, then press Reconnect.", refused)
	case response.StatusCode >= http.StatusInternalServerError:
		return domain.Temporary("hubspot", "HubSpot had a problem of its own. We try again by ourselves.", refused)
	}
	return domain.Permanent(domain.KindRejected, fmt.Sprintf("HubSpot refused the note (%s).", refused), refused)
}

// waitOf is how long HubSpot wants no call: what it says, or the rest of the interval that its limit counts.
func waitOf(header http.Header) time.Duration {
	const most = time.Hour
	if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil && seconds > 0 {
		return min(time.Duration(seconds)*time.Second, most)
	}
	if milliseconds, err := strconv.Atoi(header.Get("X-HubSpot-RateLimit-Interval-Milliseconds")); err == nil && milliseconds > 0 {
		return min(time.Duration(milliseconds)*time.Millisecond, most)
	}
	return 0
}
