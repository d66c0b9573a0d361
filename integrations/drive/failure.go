package drive

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"github.com/docuflow/docuflow/domain"
)

// needsPerson are reasons of a 403 that only a person can mend, in their words.
// https://developers.google.com/workspace/drive/api/guides/handle-errors
var needsPerson = map[string]string{
	"storageQuotaExceeded":        "The Drive is full. Make room there; documents wait and are filed by themselves once you press Reconnect.",
	"insufficientFilePermissions": "We may not write to the folder in Drive. Give the account the right to, then press Reconnect.",
	"teamDriveFileLimitExceeded":  "The shared drive holds as many files as Google allows. Make room there, then press Reconnect.",
	"appNotAuthorizedToFile":      "We may not write to the folder in Drive any more. Sign in to Drive again.",
	"insufficientPermissions":     "Google gave us fewer rights than we need. Sign in to Drive again and allow it to file.",
	"accessNotConfigured":         "The Drive API is not switched on in the Google project of this installation. Ask the operator.",
}

// status is the HTTP status of an answer of the API, 0 when there was none.
func status(err error) int {
	if answer, ok := errors.AsType[*googleapi.Error](err); ok {
		return answer.Code
	}
	return 0
}

// failure turns an error of the client library into one of ours.
func (d *Drive) failure(doing string, err error) error {
	if _, ours := errors.AsType[*domain.Failure](err); ours {
		return err // of reading the document: it says nothing about Google
	}
	err = fmt.Errorf("%s in Drive: %w", doing, err)
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return d.refusedToken(refused, err)
	}
	answer, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return domain.Temporary("google", "Google did not answer. We try again by ourselves.", err)
	}
	reason := ""
	if len(answer.Errors) > 0 {
		reason = answer.Errors[0].Reason
	}
	switch {
	case answer.Code == http.StatusUnauthorized:
		return d.signedOut(err)
	case answer.Code == http.StatusTooManyRequests, reason == "rateLimitExceeded", reason == "userRateLimitExceeded", reason == "sharingRateLimitExceeded":
		return &domain.Failure{Kind: domain.KindBusy, Message: "Google asked us to wait. We try again by ourselves.", RetryAfter: retryAfter(answer.Header), Err: err}
	case answer.Code == http.StatusForbidden:
		message, known := needsPerson[reason]
		if !known {
			message = "Google refused us. Look at the connection, then press Reconnect."
		}
		return domain.NeedsPerson("google_refused", d.title, message, err)
	case answer.Code >= http.StatusInternalServerError:
		return &domain.Failure{Kind: "google", Message: "Google had a problem of its own. We try again by ourselves.", RetryAfter: retryAfter(answer.Header), Err: err}
	}
	return domain.Permanent(domain.KindRejected, fmt.Sprintf("Google refused the file (%d %s). Retry when you have looked at it.", answer.Code, reason), err)
}

func (d *Drive) refusedToken(refused *oauth2.RetrieveError, err error) error {
	if refused.Response != nil && (refused.Response.StatusCode >= http.StatusInternalServerError || refused.Response.StatusCode == http.StatusTooManyRequests) {
		return &domain.Failure{Kind: "google", Message: "Google gave us no access for the moment. We try again by ourselves.", RetryAfter: retryAfter(refused.Response.Header), Err: err}
	}
	return d.signedOut(err)
}

func (d *Drive) signedOut(err error) error {
	return domain.NeedsPerson("signed_out", d.title, "Google ended our access. Sign in to Drive; documents wait and are filed by themselves.", errors.New(answered(err)))
}

// answered is what Google said, without what our request carried.
func answered(err error) string {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return fmt.Sprintf("%s %s", refused.ErrorCode, refused.ErrorDescription)
	}
	if answer, ok := errors.AsType[*googleapi.Error](err); ok {
		return fmt.Sprintf("%d %s", answer.Code, answer.Message)
	}
	return "no answer"
}

func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
