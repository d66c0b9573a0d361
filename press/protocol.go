package press

import (
	"errors"

	"github.com/docuflow/docuflow/domain"
)

// A child reads JSON lines from its standard input, a setup when it is started
// and later one job after the other, and answers each job with one JSON line.
// The input stays open meanwhile: its end means that the parent has died. Each
// job has a directory of its own below the child's; the job's file is "in"
// there, and all names in both directions are names in that directory.

const inputName = "in"

// setup tells a child, before it sees anything from strangers, how to confine itself.
type setup struct {
	Pdfium   bool   `json:"pdfium"` // start pdfium before the first job
	CacheDir string `json:"cache_dir"`
	Limits   Limits `json:"limits"`
	User     int    `json:"user"` // uid and gid to become; 0 stays what it is
	Seccomp  bool   `json:"seccomp"`
	Browser  bool   `json:"browser,omitempty"` // it is going to run the browser
}

type task string

const (
	taskPing        task = "ping"
	taskStandardize task = "standardize"
	taskRead        task = "read"
	taskUnpack      task = "unpack"
	taskDraw        task = "draw"
	taskPrint       task = "print"
)

type job struct {
	Dir       string   `json:"dir"` // name of its directory
	Task      task     `json:"task"`
	Languages []string `json:"languages,omitempty"`
	Page      int      `json:"page,omitempty"`    // to draw, from 1
	Width     int      `json:"width,omitempty"`   // of the drawing, in pixels
	Browser   string   `json:"browser,omitempty"` // to print with; without it only words are printed
}

// result is the answer to a job: the part that belongs to its task, or a failure.
type result struct {
	Failure      *failure     `json:"failure,omitempty"`
	Standardized Standardized `json:"standardized,omitzero"`
	Reading      Reading      `json:"reading,omitzero"`
	Message      Message      `json:"message,omitzero"`
	Drawn        string       `json:"drawn,omitempty"` // file name of a PNG
	Printed      printed      `json:"printed,omitzero"`
	Worn         bool         `json:"worn,omitempty"` // the child has used so much that it should do no other job
}

// failure is a domain.Failure on its way through a pipe.
type failure struct {
	Kind      domain.ErrorKind `json:"kind"`
	Permanent bool             `json:"permanent"`
	Message   string           `json:"message"`
	Detail    string           `json:"detail"`
}

func newFailure(err error) *failure {
	cause := domain.AsFailure(err)
	told := &failure{Kind: cause.Kind, Permanent: cause.Permanent, Message: cause.Message}
	if cause.Err != nil {
		told.Detail = cause.Err.Error()
	}
	return told
}

func (f *failure) err() error {
	failure := &domain.Failure{Kind: f.Kind, Permanent: f.Permanent, Message: f.Message}
	if f.Detail != "" {
		failure.Err = errors.New(f.Detail)
	}
	return failure
}
