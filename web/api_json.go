package web

import (
	"time"

	"github.com/docuflow/docuflow/domain"
)

// apiDocument is a document in the JSON API. docs/api/openapi.yaml describes it.
type apiDocument struct {
	ID            domain.DocumentID            `json:"id"`
	Status        domain.Status                `json:"status"`
	Stage         domain.StageName             `json:"stage"`
	NeedsReview   bool                         `json:"needs_review"`
	ReviewReasons []domain.ReviewReason        `json:"review_reasons"`
	FileName      string                       `json:"file_name"`
	MediaType     string                       `json:"media_type"`
	Size          int64                        `json:"size"`
	SHA256        string                       `json:"sha256"`
	Pages         *int                         `json:"pages"`
	MailID        *string                      `json:"mail_id"`
	Sender        string                       `json:"sender"`
	VendorName    *string                      `json:"vendor_name"`
	TotalAmount   *string                      `json:"total_amount"`
	InvoiceDate   *string                      `json:"invoice_date"`
	InvoiceNumber *string                      `json:"invoice_number"`
	Currency      *string                      `json:"currency"`
	Category      *string                      `json:"category"`
	Confidence    map[domain.FieldName]float64 `json:"confidence"`
	Source        *string                      `json:"source"`
	Attempt       int                          `json:"attempt"`
	NextAttemptAt *time.Time                   `json:"next_attempt_at"`
	Waiting       *domain.Waiting              `json:"waiting"`
	Error         *domain.StageError           `json:"error"`
	Deliveries    []domain.Delivery            `json:"deliveries"`
	CreatedAt     time.Time                    `json:"created_at"`
	UpdatedAt     time.Time                    `json:"updated_at"`
	CompletedAt   *time.Time                   `json:"completed_at"`
	DuplicateOf   *string                      `json:"duplicate_of"`
	Discarded     bool                         `json:"discarded,omitempty"` // in events only
	Fields        domain.Fields                `json:"fields,omitempty"`    // with evidence; not in lists
}

func documentJSON(d domain.Document, whole bool) apiDocument {
	shown := apiDocument{
		ID: d.ID, Status: d.Status, Stage: d.Stage, NeedsReview: d.NeedsReview(), ReviewReasons: orEmpty(d.Review),
		FileName: d.FileName, MediaType: d.MediaType, Size: d.Size, SHA256: d.SHA256, Pages: orNull(d.Pages),
		MailID: orNull(string(d.Mail)), Sender: d.Sender,
		VendorName: value(d, domain.VendorName), TotalAmount: value(d, domain.TotalAmount), InvoiceDate: value(d, domain.InvoiceDate),
		InvoiceNumber: value(d, domain.InvoiceNumber), Currency: value(d, domain.Currency), Category: value(d, domain.CategoryName),
		Confidence: map[domain.FieldName]float64{}, Source: orNull(d.Source), Attempt: d.Attempt, Waiting: d.Waiting, Error: d.Error,
		Deliveries: orEmpty(d.Deliveries), CreatedAt: d.CreatedAt.UTC(), UpdatedAt: d.UpdatedAt.UTC(),
		CompletedAt: moment(d.CompletedAt), DuplicateOf: orNull(string(d.DuplicateOf)), Discarded: !d.DiscardedAt.IsZero(),
	}
	for name, field := range d.Fields {
		shown.Confidence[name] = field.Confidence
	}
	if d.Status == domain.Retrying && d.Waiting == nil {
		shown.NextAttemptAt = moment(d.NextAttemptAt)
	}
	if whole {
		shown.Fields = d.Fields
	}
	return shown
}

// apiDocuments is one page of a list.
type apiDocuments struct {
	Documents  []apiDocument `json:"documents"`
	NextCursor *string       `json:"next_cursor"`
}

func documentsJSON(documents []domain.Document, cursor string) apiDocuments {
	page := apiDocuments{Documents: make([]apiDocument, 0, len(documents)), NextCursor: orNull(cursor)}
	for _, d := range documents {
		page.Documents = append(page.Documents, documentJSON(d, false))
	}
	return page
}

// apiAttempt is one run of a stage.
type apiAttempt struct {
	Stage      domain.StageName `json:"stage"`
	Number     int              `json:"number"`
	Node       string           `json:"node"`
	QueuedAt   time.Time        `json:"queued_at"`
	StartedAt  time.Time        `json:"started_at"`
	FinishedAt *time.Time       `json:"finished_at"`
	Outcome    string           `json:"outcome"`
	Note       string           `json:"note"`
	ErrorKind  *string          `json:"error_kind"`
	Error      *string          `json:"error"`
	NextRunAt  *time.Time       `json:"next_run_at"`
}

// apiHistoryEvent is one line of a document's history.
type apiHistoryEvent struct {
	Seq   int64     `json:"seq"`
	Kind  string    `json:"kind"`
	Actor *string   `json:"actor"`
	Text  string    `json:"text"`
	At    time.Time `json:"at"`
}

type apiTimelineAnswer struct {
	Attempts []apiAttempt      `json:"attempts"`
	Events   []apiHistoryEvent `json:"events"`
}

const outcomeRunning = "running"

func timelineJSON(attempts []domain.Attempt, events []domain.Event) apiTimelineAnswer {
	answer := apiTimelineAnswer{Attempts: make([]apiAttempt, 0, len(attempts)), Events: make([]apiHistoryEvent, 0, len(events))}
	for _, a := range attempts {
		outcome := string(a.Outcome)
		if a.Outcome == domain.AttemptRunning {
			outcome = outcomeRunning
		}
		answer.Attempts = append(answer.Attempts, apiAttempt{
			Stage: a.Stage, Number: a.Number, Node: a.Node, QueuedAt: a.QueuedAt.UTC(), StartedAt: a.StartedAt.UTC(),
			FinishedAt: moment(a.FinishedAt), Outcome: outcome, Note: a.Note,
			ErrorKind: orNull(string(a.ErrorKind)), Error: orNull(a.Error), NextRunAt: moment(a.NextRunAt),
		})
	}
	for _, e := range events {
		answer.Events = append(answer.Events, apiHistoryEvent{Seq: e.Seq, Kind: e.Kind, Actor: orNull(e.Actor), Text: e.Text, At: e.At.UTC()})
	}
	return answer
}

// apiMail is a mail in the event stream.
type apiMail struct {
	ID          domain.MailID      `json:"id"`
	Status      domain.MailStatus  `json:"status"`
	Disposition domain.Disposition `json:"disposition"`
	Reason      string             `json:"reason"`
	From        string             `json:"from"`
	Recipient   string             `json:"recipient"`
	Subject     string             `json:"subject"`
	Size        int64              `json:"size"`
	ReceivedAt  time.Time          `json:"received_at"`
}

func mailJSON(m domain.Mail) apiMail {
	return apiMail{
		ID: m.ID, Status: m.Status, Disposition: m.Disposition, Reason: m.Reason, From: m.Envelope.From,
		Recipient: m.Recipient, Subject: m.Subject, Size: m.Size, ReceivedAt: m.ReceivedAt.UTC(),
	}
}

// apiBalance counts so that received = done + review + in_progress + retrying + waiting + failed.
type apiBalance struct {
	Received   int `json:"received"`
	Done       int `json:"done"`
	Review     int `json:"review"`
	InProgress int `json:"in_progress"`
	Retrying   int `json:"retrying"`
	Waiting    int `json:"waiting"`
	Failed     int `json:"failed"`
	Unpacking  int `json:"unpacking"`
}

func balanceJSON(b domain.Balance) apiBalance {
	return apiBalance{b.Received, b.Done, b.Review, b.InProgress, b.Retrying, b.Waiting, b.Failed, b.Unpacking}
}

func value(d domain.Document, name domain.FieldName) *string { return orNull(d.Fields.Value(name)) }

func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}
