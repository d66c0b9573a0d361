package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// The headers of an inbound mail. The envelope's addresses are percent-encoded
// UTF-8, as encodeURI of ECMAScript writes them: headers are ASCII.
const (
	headerMailFrom  = "X-Docuflow-Mail-From" // empty for bounces
	headerRcptTo    = "X-Docuflow-Rcpt-To"   // several are separated by commas
	headerTimestamp = "X-Docuflow-Timestamp" // seconds since 1970
	headerSHA256    = "X-Docuflow-Content-Sha256"
	headerSignature = "X-Docuflow-Signature" // v1= and the HMAC-SHA256 in hex
)

const (
	inboundPath   = apiPrefix + "/inbound/raw"
	inboundTime   = 10 * time.Minute // for a whole mail
	inboundWindow = 5 * time.Minute  // in which a signature is good, to either side of its time
	maxRecipients = 100
)

// apiInbound answers POST /api/v1/inbound/raw: one raw mail (RFC 5322), signed
// by whoever received it. It is durable when the answer is 200. 4xx says that the same
// request will never be taken, but for 401 (the secrets differ) and 429; 5xx, that it should come again.
//
// A request that is sent twice within its window makes the same mail twice,
// which unpacking recognises.
func (s *Server) apiInbound(w http.ResponseWriter, r *http.Request) error {
	body, err := s.verified(r)
	if err != nil {
		return s.countFailure(w, r, err)
	}
	envelope, to, err := s.envelope(r)
	if err != nil {
		return err
	}
	if r.ContentLength > s.cfg.MaxMail {
		return s.tooLargeMail()
	}
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(inboundTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("set inbound deadline: %w", err)
	}
	if err := s.cfg.Inbound.Accept(r.Context(), envelope, to, body); err != nil {
		return s.inboundProblem(body, err)
	}
	s.cfg.Log.InfoContext(r.Context(), "mail accepted", "door", "http", "from", envelope.From, "recipients", len(to), "size", body.size)
	return writeJSON(w, http.StatusOK, map[string]int{"accepted": len(to)})
}

// inboundProblem tells what is wrong with the mail from what went wrong here.
func (s *Server) inboundProblem(body *signedBody, err error) error {
	switch {
	case errors.Is(body.err, errMailTooLarge):
		return s.tooLargeMail()
	case errors.Is(body.err, errOtherBody):
		return &problem{Status: http.StatusBadRequest, Kind: "other_body", Title: "The mail is not the one that was signed", cause: err,
			Detail: "Its SHA-256 differs from " + headerSHA256 + ". Nothing was stored."}
	case body.err != nil && !errors.Is(body.err, io.EOF):
		return &problem{Status: http.StatusServiceUnavailable, Kind: "cut_off", Title: "The mail was cut off", cause: err,
			Detail: "The connection ended before the mail did. Nothing was stored; send it again."}
	}
	return fmt.Errorf("accept mail: %w", err)
}

func (s *Server) tooLargeMail() error {
	return &problem{Status: http.StatusRequestEntityTooLarge, Kind: "too_large", Title: "This mail is too large",
		Detail: fmt.Sprintf("At most %d octets (%d MB) are taken. Nothing was stored.", s.cfg.MaxMail, s.cfg.MaxMail>>20)}
}

// verified checks the signature over everything but the body, and returns the
// body, which checks itself while it is read.
func (s *Server) verified(r *http.Request) (*signedBody, error) {
	if len(s.cfg.InboundSecrets) == 0 || s.cfg.Inbound == nil {
		return nil, &problem{Status: http.StatusServiceUnavailable, Kind: "off", Title: "Mail is not taken here",
			Detail: "The operator has set no secret for this door (DOCUFLOW_INBOUND_SECRET). Nothing was stored."}
	}
	seconds, err := strconv.ParseInt(r.Header.Get(headerTimestamp), 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > inboundWindow {
		return nil, unsigned(fmt.Sprintf("%s is missing, or further than %s from our time.", headerTimestamp, inboundWindow))
	}
	sum, err := hex.DecodeString(r.Header.Get(headerSHA256))
	if err != nil || len(sum) != sha256.Size {
		return nil, unsigned(headerSHA256 + " is not a SHA-256 in hex.")
	}
	signature, err := hex.DecodeString(strings.TrimPrefix(r.Header.Get(headerSignature), "v1="))
	if err != nil || !s.isSigned(signedText(r), signature) {
		return nil, unsigned(headerSignature + " is missing, or made with another secret or of another request.")
	}
	return &signedBody{r: r.Body, room: s.cfg.MaxMail, hash: sha256.New(), want: sum}, nil
}

func unsigned(detail string) error {
	return &problem{Status: http.StatusUnauthorized, Kind: "unsigned", Title: "This mail is not signed for us", Detail: detail + " Nothing was stored."}
}

// signedText is what the signature is made of: a line for each part.
func signedText(r *http.Request) []byte {
	h := r.Header
	return []byte(strings.Join([]string{"v1", r.Method, r.URL.Path, h.Get(headerTimestamp), h.Get(headerMailFrom), h.Get(headerRcptTo), h.Get(headerSHA256)}, "\n"))
}

// isSigned tries all secrets, however early one fits: time tells nothing.
func (s *Server) isSigned(text, signature []byte) bool {
	fits := false
	for _, secret := range s.cfg.InboundSecrets {
		h := hmac.New(sha256.New, secret)
		h.Write(text)
		fits = hmac.Equal(h.Sum(nil), signature) || fits
	}
	return fits
}

// envelope reads the envelope. All recipients must be ours: one answer cannot tell of several.
func (s *Server) envelope(r *http.Request) (domain.Envelope, []domain.Address, error) {
	envelope := domain.Envelope{RemoteAddr: s.limits.client(r).String(), Helo: "http", TLS: s.cfg.Secure, HandedOver: true}
	from, err := addressOf(r.Header.Get(headerMailFrom))
	if err != nil {
		return envelope, nil, badEnvelope(headerMailFrom)
	}
	envelope.From = from
	var to []domain.Address
	for part := range strings.SplitSeq(r.Header.Get(headerRcptTo), ",") {
		recipient, err := addressOf(part)
		if err != nil || recipient == "" || len(to) == maxRecipients {
			return envelope, nil, badEnvelope(headerRcptTo)
		}
		address, err := s.resolve(r.Context(), recipient)
		if err != nil {
			return envelope, nil, err
		}
		envelope.Recipients, to = append(envelope.Recipients, recipient), append(to, address)
	}
	return envelope, to, nil
}

func (s *Server) resolve(ctx context.Context, recipient string) (domain.Address, error) {
	address, err := s.cfg.Inbound.Resolve(ctx, recipient)
	if errors.Is(err, domain.ErrNotFound) {
		return address, &problem{Status: http.StatusNotFound, Kind: "no_mailbox", Title: "There is no such mailbox here, please check the address",
			Detail: "Nothing was stored.", Field: headerRcptTo}
	}
	if err != nil {
		return address, fmt.Errorf("resolve a recipient: %w", err)
	}
	return address, nil
}

// addressOf reads a path (RFC 5321), with its angle brackets or without.
func addressOf(encoded string) (string, error) {
	address, err := url.PathUnescape(strings.TrimSpace(encoded))
	if err != nil {
		return "", err
	}
	address = strings.TrimSuffix(strings.TrimPrefix(address, "<"), ">")
	const longest = 254 + 2 // RFC 5321, section 4.5.3.1.3
	if len(address) > longest || strings.ContainsAny(address, "\r\n\x00") {
		return "", errors.New("not an address")
	}
	return address, nil
}

func badEnvelope(header string) error {
	return &problem{Status: http.StatusBadRequest, Kind: "invalid_request", Field: header, Title: "The envelope cannot be read",
		Detail: fmt.Sprintf("%s holds percent-encoded addresses; there are at most %d recipients. Nothing was stored.", header, maxRecipients)}
}

var (
	errMailTooLarge = errors.New("mail is larger than the limit")
	errOtherBody    = errors.New("mail is not the one that was signed")
)

// signedBody is a body that ends with an error unless it is the one that was
// signed: whoever stores it stores nothing else.
type signedBody struct {
	r    io.Reader
	room int64 // octets that may still come
	size int64
	hash hash.Hash
	want []byte
	err  error
}

func (b *signedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p)
	b.size += int64(n)
	b.hash.Write(p[:n])
	switch {
	case b.size > b.room:
		n, err = 0, errMailTooLarge
	case errors.Is(err, io.EOF) && !hmac.Equal(b.hash.Sum(nil), b.want):
		n, err = 0, errOtherBody
	}
	b.err = err
	return n, err
}
