package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// driveLike is a service that files what it is sent, again and again, unless
// an upload carries an id that was used before: that one is answered 409 and
// changes nothing, as Google Drive does. Some uploads meet trouble, the worst
// kind of which is an answer that gets lost after the file was kept.
type driveLike struct {
	*httptest.Server

	mu       sync.Mutex
	files    map[string]string // SHA-256 of the content by id
	uploads  int
	repeated int // answered 409
	refused  int
	lost     int // answers
}

func startDriveLike(t *testing.T) *driveLike {
	d := &driveLike{files: map[string]string{}}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

func (d *driveLike) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	if err != nil {
		return // the client is gone, and with it the upload
	}
	sum := sha256.Sum256(content)
	id := r.URL.Query().Get("id")
	d.mu.Lock()
	defer d.mu.Unlock()
	d.uploads++
	if _, exists := d.files[id]; exists {
		d.repeated++
		w.WriteHeader(http.StatusConflict)
		return
	}
	if d.uploads%29 == 0 {
		d.refused++
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	d.files[id] = hex.EncodeToString(sum[:])
	if d.uploads%37 == 0 {
		d.lost++
		panic(http.ErrAbortHandler)
	}
}

// kept counts the files by content.
func (d *driveLike) kept() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	byContent := map[string]int{}
	for _, sum := range d.files {
		byContent[sum]++
	}
	return byContent
}

// driveClient is the destination in the nodes. It reserves ids that it makes
// up; the reservation is committed before Deliver is called.
type driveClient struct{ base string }

func (driveClient) Name() string { return "drive-like" }

func (driveClient) Propose(context.Context, domain.Filing, int) (string, error) {
	return rand.Text(), nil
}

func (c driveClient) Deliver(ctx context.Context, filing domain.Filing) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/upload?id="+url.QueryEscape(filing.Reference), filing.Body)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		// The body is read from our storage: its failure is not the service's.
		if failure, ok := errors.AsType[*domain.Failure](err); ok {
			return "", failure
		}
		return "", domain.Temporary("service", "The service did not answer.", err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK, http.StatusConflict: // filed now, or before
		return c.base + "/files/" + filing.Reference, nil
	case http.StatusServiceUnavailable:
		return "", &domain.Failure{Kind: "service", Message: "The service is busy.", RetryAfter: time.Second}
	}
	return "", domain.Permanent(domain.KindRejected, "The service refused.", fmt.Errorf("status %s", response.Status))
}
