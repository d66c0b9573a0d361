// Package discord shows each document as one message of a Discord webhook,
// edited as the document moves on.
//
// Discord gives a message its id only in the answer, and takes no key. A message
// whose answer was lost is posted again: at least once. Everything after
// the first answer edits that one message.
package discord

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Endpoint of Discord.
const Endpoint = "https://discord.com"

const secretURL = "webhook_url" //nolint:gosec // its name

// Kind describes connections with Discord.
func Kind() domain.ConnectionKind {
	return domain.ConnectionKind{
		Name: "discord", Title: "Discord", Icon: "chat", Help: "One message per document, edited as it goes.",
		Fields: []domain.ConnectionField{
			{Name: secretURL, Label: "Webhook address", Required: true, Secret: true, Help: "Discord: channel settings, Integrations, Webhooks, Copy Webhook URL."},
			{Name: "channel", Label: "Channel", Help: "For your own eyes: #bookkeeping"},
			{Name: "digest_above", Label: "Gather above", Default: "30", Help: "When more documents than this come in a minute, they share messages. 0: never."},
		},
		Events: []string{domain.EventReceived, domain.EventFiled, domain.EventFailed, domain.EventCorrected},
	}
}

// Limiter keeps all nodes together under a rate.
type Limiter interface {
	Take(ctx context.Context, limit domain.Limit) (wait time.Duration, err error)
}

// Config is how this installation reaches Discord.
type Config struct {
	Endpoint string // https://discord.com
	HTTP     *http.Client
	Limiter  Limiter
}

// Discord is one connection. Create it with Config.Open.
type Discord struct {
	title   string
	webhook string
	client  *http.Client
	limiter Limiter
	digest  domain.Limit // documents with a message of their own

	mu     sync.Mutex
	until  time.Time // no call before
	gather *gathering
}

// Open makes the client of a connection.
func (c Config) Open(connection domain.Connection, title string, secrets domain.Secrets) (*Discord, error) {
	address := strings.TrimSpace(secrets[secretURL])
	to, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, c.Endpoint+"/api/webhooks/") || to.RawQuery != "" || len(strings.Split(strings.Trim(to.Path, "/"), "/")) != 4 {
		return nil, errors.New("the webhook address must look like " + c.Endpoint + "/api/webhooks/NUMBER/TOKEN")
	}
	d := &Discord{title: title, webhook: address, client: c.HTTP, limiter: c.Limiter}
	above := connection.Settings["digest_above"]
	if above == "" {
		above = "0"
	}
	perMinute, err := strconv.Atoi(above)
	if err != nil || perMinute < 0 {
		return nil, errors.New("the number above which documents are gathered must be 0 or more")
	}
	if perMinute > 0 {
		d.digest = domain.Limit{Name: "discord-messages:" + string(connection.ID), Burst: perMinute, PerSecond: float64(perMinute) / 60}
	}
	return d, nil
}

// Announce posts the document's message, or edits the one that is there.
func (d *Discord) Announce(ctx context.Context, notice domain.Notice) (reference, link string, err error) {
	if notice.Reference != "" {
		return d.edit(ctx, notice)
	}
	if notice.Event == domain.EventCorrected {
		return "", "", nil // it was told of in a gathered message
	}
	if notice.Event != domain.EventFailed { // what failed needs eyes
		busy, err := d.busy(ctx)
		if err != nil {
			return "", "", err
		}
		if busy && notice.Event == domain.EventReceived {
			return "", "", nil // it is told of once it is filed
		}
		if busy {
			return "", "", d.together(ctx, notice)
		}
	}
	var made struct {
		ID string `json:"id"`
	}
	if err := d.call(ctx, http.MethodPost, "?wait=true", message(embed(notice)), &made); err != nil {
		return "", "", err
	}
	return made.ID, "", nil
}

const unknownMessage = 10008 // Discord's code

func (d *Discord) edit(ctx context.Context, notice domain.Notice) (reference, link string, err error) {
	err = d.call(ctx, http.MethodPatch, "/messages/"+url.PathEscape(notice.Reference), message(embed(notice)), nil)
	if answer, ok := errors.AsType[*refusal](err); ok && answer.Code == unknownMessage {
		return notice.Reference, "", nil // a person has removed it, and wants no other one
	}
	if err != nil {
		return "", "", err
	}
	return notice.Reference, "", nil
}

// busy says that this minute's messages are used up.
func (d *Discord) busy(ctx context.Context) (bool, error) {
	if d.digest.Name == "" {
		return false, nil
	}
	wait, err := d.limiter.Take(ctx, d.digest)
	return wait > 0, err
}

// Test asks for the webhook itself, which posts nothing.
func (d *Discord) Test(ctx context.Context) domain.ConnectionTest {
	test := domain.ConnectionTest{At: time.Now(), Sent: "GET /api/webhooks/…"}
	var found struct {
		Name      string `json:"name"`
		ChannelID string `json:"channel_id"`
	}
	err := d.call(ctx, http.MethodGet, "", nil, &found)
	test.Took = time.Since(test.At)
	if err != nil {
		test.Error, test.Answered = domain.AsFailure(err).Message, "no answer"
		if answer, ok := errors.AsType[*refusal](err); ok {
			test.Answered = answer.Error()
		}
		return test
	}
	test.Answered = fmt.Sprintf("200 webhook %q in channel %s", found.Name, found.ChannelID)
	return test
}

// refusal is Discord's answer to what it does not do.
type refusal struct {
	Status     int
	Code       int     `json:"code"`
	Message    string  `json:"message"`
	RetryAfter float64 `json:"retry_after"` // seconds
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%d %s (code %d)", r.Status, r.Message, r.Code)
}

const mostAnswer = 1 << 20 // octets

func (d *Discord) call(ctx context.Context, method, path string, body, into any) error {
	if wait := d.wait(); wait > 0 {
		return &domain.Failure{Kind: domain.KindBusy, Message: "Discord asked us to wait. Nothing was posted twice.", RetryAfter: wait}
	}
	content, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode the message: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, d.webhook+path, bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("build the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := d.client.Do(request)
	if err != nil {
		if cause, ok := errors.AsType[*url.Error](err); ok {
			err = cause.Err // its address is the secret
		}
		return domain.Temporary("discord", "Discord did not answer. We try again by ourselves.", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	if err != nil {
		return domain.Temporary("discord", "Discord's answer broke off. We try again by ourselves.", err)
	}
	d.heed(response.Header)
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		if into == nil {
			return nil
		}
		if err := json.Unmarshal(answer, into); err != nil {
			return domain.Temporary("discord", "Discord's answer could not be read. We try again by ourselves.", err)
		}
		return nil
	}
	refused := &refusal{Status: response.StatusCode}
	_ = json.Unmarshal(answer, refused) // it may be a page of something in between
	return d.failure(refused, response.Header)
}

// heed keeps to what the headers say of the limit.
func (d *Discord) heed(header http.Header) {
	after, err := strconv.ParseFloat(header.Get("X-RateLimit-Reset-After"), 64)
	if err != nil || header.Get("X-RateLimit-Remaining") != "0" {
		return
	}
	d.hold(seconds(after))
}

func (d *Discord) hold(wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if until := time.Now().Add(wait); until.After(d.until) {
		d.until = until
	}
}

func (d *Discord) wait() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Until(d.until)
}

func seconds(s float64) time.Duration {
	const most = 3600
	return time.Duration(min(max(s, 0), most) * float64(time.Second))
}

func (d *Discord) failure(refused *refusal, header http.Header) error {
	switch {
	case refused.Status == http.StatusTooManyRequests:
		wait := seconds(refused.RetryAfter)
		if after, err := strconv.ParseFloat(header.Get("Retry-After"), 64); err == nil {
			wait = max(wait, seconds(after))
		}
		d.hold(wait)
		return &domain.Failure{Kind: domain.KindBusy, Message: "Discord asked us to wait. Nothing was posted twice.", RetryAfter: wait, Err: refused}
	case refused.Status == http.StatusNotFound && refused.Code == unknownMessage:
		return domain.Permanent(domain.KindRejected, "The message is gone.", refused)
	case refused.Status == http.StatusNotFound, refused.Status == http.StatusUnauthorized, refused.Status == http.StatusForbidden:
		return domain.NeedsPerson("webhook_gone", d.title, "Discord does not know our webhook any more. Make a new one in the channel's settings and enter its address.", refused)
	case refused.Status >= http.StatusInternalServerError:
		return domain.Temporary("discord", "Discord had a problem of its own. We try again by ourselves.", refused)
	}
	return domain.Permanent(domain.KindRejected, fmt.Sprintf("Discord refused the message (%d).", refused.Status), refused)
}
