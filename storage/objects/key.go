package objects

import (
	"errors"
	"fmt"
	"strings"

	"github.com/docuflow/docuflow/domain"
)

// ErrKey is wrapped by the error about every key that is refused.
var ErrKey = errors.New("invalid object key")

const (
	maxKey     = 512 // S3 allows 1024 octets
	maxSegment = 128 // file systems allow 255 octets
)

// checkKey holds a key to the rules of domain.ObjectKey, so that it is a safe
// path of a file and of a URL alike.
func checkKey(key domain.ObjectKey) error {
	workspace, rest, _ := strings.Cut(string(key), "/")
	if len(key) > maxKey || !isUUID(workspace) || rest == "" {
		return refusal(key)
	}
	for segment := range strings.SplitSeq(rest, "/") {
		if !isSegment(segment) {
			return refusal(key)
		}
	}
	return nil
}

func refusal(key domain.ObjectKey) error {
	err := fmt.Errorf("%w: %.60q", ErrKey, string(key))
	return domain.Permanent(domain.KindInternal, "Something went wrong on our side.", err)
}

// isSegment forbids a leading dot, and with it "." and "..".
func isSegment(s string) bool {
	if s == "" || len(s) > maxSegment || s[0] == '.' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') {
			return false
		}
	}
	return strings.Trim(s, "abcdef0123456789-") == ""
}
