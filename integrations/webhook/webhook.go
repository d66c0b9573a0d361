// Package webhook tells programs of a workspace's own what became of its
// documents, signed as the Standard Webhooks specification says
// (https://www.standardwebhooks.com): webhook-id is the same at every attempt
// and lets the receiver drop a repeat, webhook-timestamp bounds how long a
// recorded delivery can be replayed, and webhook-signature is over both and the body.
//
// Each event is delivered at least once, and may come after later ones.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Kind describes webhooks.
func Kind() domain.ConnectionKind {
	return domain.ConnectionKind{
		Name: "webhook", Title: "Webhook", Icon: "out", Help: "Calls a program of yours when a document is done, failed, or needs your eyes.",
		Fields: []domain.ConnectionField{
			{Name: "url", Label: "Address", Required: true, Help: "We POST JSON to it."},
			{Name: "secret", Label: "Signing secret", Required: true, Secret: true, Help: "At least 16 characters. Check webhook-signature with it."},
		},
		Events: []string{domain.EventCompleted, domain.EventReview, domain.EventFailed},
	}
}

// Webhook is one connection. Create it with Open.
type Webhook struct {
	title  string
	url    string
	secret []byte
	client *http.Client
}

const leastSecret = 16

// Open makes the client of a connection. transport decides which addresses it may reach.
func Open(connection domain.Connection, title string, secrets domain.Secrets, transport http.RoundTripper) (*Webhook, error) {
	to, err := url.Parse(connection.Settings["url"])
	if err != nil || to.Host == "" || to.User != nil || to.Scheme != "https" && to.Scheme != "http" {
		return nil, errors.New("the address must be a web address like https://books.example.com/hooks")
	}
	if len(secrets["secret"]) < leastSecret {
		return nil, fmt.Errorf("the signing secret needs at least %d characters", leastSecret)
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Webhook{title: title, url: to.String(), secret: []byte(secrets["secret"]), client: client}, nil
}

// Announce delivers one event.
func (h *Webhook) Announce(ctx context.Context, notice domain.Notice) (reference, link string, err error) {
	body, err := json.Marshal(payload(notice))
	if err != nil {
		return "", "", fmt.Errorf("encode the event: %w", err)
	}
	response, err := h.post(ctx, string(notice.ID), body)
	if err != nil {
		return "", "", h.unreachable(err)
	}
	return "", "", h.judge(response)
}

// Test delivers an event that receivers should ignore.
func (h *Webhook) Test(ctx context.Context) domain.ConnectionTest {
	test := domain.ConnectionTest{At: time.Now()}
	body, err := json.Marshal(event{ID: "test-" + strconv.FormatInt(test.At.UnixNano(), 36), Event: "test", CreatedAt: test.At.UTC()})
	if err != nil {
		test.Error = "The test could not be written."
		return test
	}
	test.Sent = "POST " + h.url + "\n" + string(body)
	response, err := h.post(ctx, "test", body)
	test.Took = time.Since(test.At)
	if err != nil {
		test.Error = domain.AsFailure(h.unreachable(err)).Message
		test.Answered = "no answer"
		return test
	}
	test.Answered = response.status
	if err := h.judge(response); err != nil {
		test.Error = domain.AsFailure(err).Message
	}
	return test
}

// answer is a response whose body is read and closed.
type answer struct {
	status string
	code   int
	header http.Header
}

func (h *Webhook) post(ctx context.Context, id string, body []byte) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "DocuFlow")
	request.Header.Set("Webhook-Id", id)
	request.Header.Set("Webhook-Timestamp", stamp)
	request.Header.Set("Webhook-Signature", Sign(h.secret, id, stamp, body))
	response, err := h.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	const most = 64 << 10 // of an answer that nobody reads
	_, _ = io.CopyN(io.Discard, response.Body, most)
	return answer{response.Status, response.StatusCode, response.Header}, response.Body.Close()
}

// Sign returns the value of webhook-signature.
func Sign(secret []byte, id, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (h *Webhook) unreachable(err error) error {
	if errors.Is(err, ErrPrivate) {
		return domain.NeedsPerson("private_address", h.title, "The address leads into a private network, which this server does not call. Enter a public one.", ErrPrivate)
	}
	if cause, ok := errors.AsType[*url.Error](err); ok {
		err = cause.Err // its address may carry a secret
	}
	return domain.Temporary("webhook", "The webhook's address did not answer. We try again by ourselves.", err)
}

func (h *Webhook) judge(response answer) error {
	code := response.code
	err := errors.New("status " + response.status)
	switch {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusGone:
		return domain.NeedsPerson("gone", h.title, "The webhook's address says that it is gone for good (410). Enter a new one.", err)
	case code == http.StatusTooManyRequests, code >= 500, code == http.StatusRequestTimeout, code == http.StatusConflict, code == http.StatusTooEarly:
		return &domain.Failure{Kind: "webhook", Message: fmt.Sprintf("The webhook's address answered %d. We try again by ourselves.", code), RetryAfter: retryAfter(response.header), Err: err}
	}
	return domain.Permanent(domain.KindRejected, fmt.Sprintf("The webhook's address refused the event (%d).", code), err)
}

const longestWait = time.Hour

func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, longestWait)
}

// event is the body of a delivery.
type event struct {
	ID        string    `json:"id"`
	Event     string    `json:"event"`
	CreatedAt time.Time `json:"created_at"`
	Workspace string    `json:"workspace,omitempty"`
	Document  *document `json:"document,omitempty"`
}

type document struct {
	ID            domain.DocumentID     `json:"id"`
	Status        domain.Status         `json:"status"`
	FileName      string                `json:"file_name"`
	Sender        string                `json:"sender"`
	VendorName    string                `json:"vendor_name"`
	TotalAmount   string                `json:"total_amount"`
	Currency      string                `json:"currency"`
	InvoiceDate   string                `json:"invoice_date"`
	InvoiceNumber string                `json:"invoice_number"`
	Category      string                `json:"category"`
	Review        []domain.ReviewReason `json:"review"`
	Error         *domain.StageError    `json:"error"`
	URL           string                `json:"url"`
	Deliveries    []domain.Delivery     `json:"deliveries"`
}

func payload(n domain.Notice) event {
	d, value := n.Document, n.Document.Fields.Value
	return event{ID: string(n.ID), Event: n.Event, CreatedAt: n.At.UTC(), Workspace: n.Workspace.Slug, Document: &document{
		ID: d.ID, Status: d.Status, FileName: d.FileName, Sender: d.Sender, VendorName: value(domain.VendorName), TotalAmount: value(domain.TotalAmount),
		Currency: value(domain.Currency), InvoiceDate: value(domain.InvoiceDate), InvoiceNumber: value(domain.InvoiceNumber), Category: value(domain.CategoryName),
		Review: append([]domain.ReviewReason{}, d.Review...), Error: d.Error, URL: n.Link, Deliveries: append([]domain.Delivery{}, d.Deliveries...),
	}}
}
