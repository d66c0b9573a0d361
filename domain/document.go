package domain

import "time"

// Status is the small closed set of states of a document's work. That a
// person should look at a document is not a status: see Document.Review.
type Status string

// The states of a document. Completed and Failed are resting states; a failed
// document is a dead letter, kept with its history until a person replays or
// discards it.
const (
	Queued     Status = "QUEUED"
	Processing Status = "PROCESSING"
	Retrying   Status = "RETRYING"
	Completed  Status = "COMPLETED"
	Failed     Status = "FAILED"
)

// Statuses lists all states, in the order of a document's life.
var Statuses = []Status{Queued, Processing, Retrying, Completed, Failed}

// Rests says that nothing happens to a document by itself any more.
func (s Status) Rests() bool { return s == Completed || s == Failed }

// Document is one invoice or receipt: the present state of its row.
type Document struct {
	ID        DocumentID
	Workspace WorkspaceID
	Mail      MailID // empty for an upload
	Sender    string // address of the mail's author, or who uploaded it
	FileName  string // as the sender named it, made safe to show and to store
	MediaType string // detected from the bytes: application/pdf, image/jpeg …
	Size      int64  // octets of the original
	SHA256    string // hex, of the original

	Original     ObjectKey
	Standardized ObjectKey // empty until that stage is done
	StandardSize int64     // octets
	Pages        int       // 0 while unknown
	Thumbnail    ObjectKey // PNG of the first page, empty while there is none
	PageModel    ObjectKey // JSON of the page model (package page), empty while there is none

	Status Status
	Stage  StageName // the stage that runs or runs next; the last one when completed
	Fields Fields
	Source string         // where the fields come from: einvoice, text, ocr, llm; empty while unread
	Review []ReviewReason // not empty: a person should look

	Attempt       int       // attempts of the present stage so far
	NextAttemptAt time.Time // when the next one is due
	Error         *StageError
	// Trying is how long the present stage has been tried, by the database's
	// clock, when the row was read. 0: it was not tried yet.
	Trying time.Duration
	// Waiting is set while the stage is paused and the document waits for it.
	// Its status stays Queued or Retrying meanwhile.
	Waiting    *Waiting
	Deliveries []Delivery // one for each destination that was reached or tried

	CreatedAt   time.Time
	UpdatedAt   time.Time
	CompletedAt time.Time // zero while not completed
	DiscardedAt time.Time // zero unless discarded; only Changes shows discarded documents
	Seq         int64     // the workspace's event sequence at the last change
}

// NeedsReview says that a person should look at the document.
func (d Document) NeedsReview() bool { return len(d.Review) > 0 }

// ReviewReason says why a person should look at a field (or, with an empty
// Field, at the whole document).
type ReviewReason struct {
	Field   FieldName `json:"field,omitempty"`
	Message string    `json:"message"`
}

// Waiting says why a document's stage is paused. A person must act.
type Waiting struct {
	Connection string    `json:"connection,omitempty"`
	Reason     string    `json:"reason"`
	Since      time.Time `json:"since"`
	Everywhere bool      `json:"everywhere,omitempty"` // an operator must act, not the workspace's people
}

// StageError is what went wrong last, in words for the document's owner.
type StageError struct {
	Stage   StageName `json:"stage"`
	Kind    ErrorKind `json:"kind"`
	Message string    `json:"message"`
}

// Delivery is the outcome at one destination: a folder, Google Drive …
type Delivery struct {
	Destination string    `json:"destination"`
	Reference   string    `json:"reference"`      // path, file id: what the destination calls it
	Link        string    `json:"link,omitempty"` // where a person can open it
	At          time.Time `json:"at"`
}

// Attempt is one run of a stage, kept forever.
type Attempt struct {
	Stage      StageName
	Number     int // 1 is the first attempt of this stage since the document was last queued or replayed
	Node       string
	QueuedAt   time.Time // when the stage became due
	StartedAt  time.Time
	FinishedAt time.Time // zero while it runs
	Outcome    AttemptOutcome
	Note       string // what was done, for people: "2 pages, 212 → 148 KB"
	ErrorKind  ErrorKind
	Error      string
	NextRunAt  time.Time // when another attempt follows, else zero
}

// AttemptOutcome says how an attempt ended.
type AttemptOutcome string

// How an attempt ends.
const (
	AttemptRunning AttemptOutcome = ""
	AttemptDone    AttemptOutcome = "done"
	AttemptSkipped AttemptOutcome = "skipped"
	AttemptRetry   AttemptOutcome = "retry"   // failed, and another one follows
	AttemptFailed  AttemptOutcome = "failed"  // failed for good
	AttemptLost    AttemptOutcome = "lost"    // its node died or lost the lease
	AttemptWaiting AttemptOutcome = "waiting" // a person must act first; it does not count
)

// Outcome is what a stage found out or made. Only what is set is written to
// the document.
type Outcome struct {
	Note    string // for people: "2 pages, 212 → 148 KB"
	Skipped bool   // there was nothing to do

	Standardized ObjectKey
	StandardSize int64
	Pages        int
	Thumbnail    ObjectKey
	PageModel    ObjectKey

	Fields     Fields // merged under the document's locked fields
	Source     string
	Review     []ReviewReason // replaces the document's reasons when Fields is set
	Deliveries []Delivery     // replaces those with the same Destination
}

// StageInfo is what people see of a stage.
type StageInfo struct {
	Name  StageName // "standardize"
	Doing string    // "Standardizing"
	Done  string    // "Standardized"
}

// DocumentQuery selects documents of one workspace, newest first.
type DocumentQuery struct {
	Status Status    // empty: all
	Review bool      // only those that need a person's eyes
	Text   string    // in vendor, number, file name or sender
	Stage  StageName // empty: all
	Kind   ErrorKind // of the last error; empty: all
	Limit  int
	Cursor string // opaque, from the previous page
}

// DocumentPage is one page of an answer to a DocumentQuery.
type DocumentPage struct {
	Documents  []Document
	NextCursor string // empty: this was the last page
}

// Sum is the total of some documents in one currency.
type Sum struct {
	Currency  string
	Amount    Amount
	Documents int
}

// Place is where a document stands in a list, newest first.
type Place struct {
	Index int // from 1
	Of    int
	Newer DocumentID // empty for the first one
	Older DocumentID // empty for the last one
}
