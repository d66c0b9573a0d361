package webhook_test

import (
	"crypto/hmac"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/integrations/webhook"
)

const secret = "a-secret-of-the-receiver"

func open(t *testing.T, address string, private bool) *webhook.Webhook {
	t.Helper()
	h, err := webhook.Open(domain.Connection{Settings: map[string]string{"url": address}}, "Webhook", domain.Secrets{"secret": secret}, webhook.Transport(private))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func notice() domain.Notice {
	return domain.Notice{ID: "0d0c0000-0000-4000-8000-0000000000aa", Event: domain.EventCompleted, At: time.Now(), Link: "http://docuflow.example/documents/1",
		Document: domain.Document{ID: "1", Status: domain.Completed, Fields: domain.Fields{domain.VendorName: {Value: "Nordwind </script>"}}}}
}

func TestDeliveryIsSignedAndTheSameAtEveryAttempt(t *testing.T) {
	var ids []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		stamp := r.Header.Get("webhook-timestamp")
		seconds, err := strconv.ParseInt(stamp, 10, 64)
		want := webhook.Sign([]byte(secret), r.Header.Get("webhook-id"), stamp, body)
		if err != nil || time.Since(time.Unix(seconds, 0)) > time.Minute || !hmac.Equal([]byte(want), []byte(r.Header.Get("webhook-signature"))) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var event struct {
			Event    string
			Document struct {
				Vendor string `json:"vendor_name"`
				URL    string
			}
		}
		if err := json.Unmarshal(body, &event); err != nil || event.Event != "document.completed" || event.Document.Vendor != "Nordwind </script>" || event.Document.URL == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		ids = append(ids, r.Header.Get("webhook-id"))
		if len(ids) == 1 {
			panic(http.ErrAbortHandler) // the answer is lost
		}
	}))
	defer server.Close()
	h := open(t, server.URL, true)
	if _, _, err := h.Announce(t.Context(), notice()); err == nil || domain.AsFailure(err).Permanent {
		t.Fatalf("a lost answer: %v", err)
	}
	if _, _, err := h.Announce(t.Context(), notice()); err != nil {
		t.Fatal(err)
	}
	if len(ids) != 2 || ids[0] != ids[1] {
		t.Fatalf("a receiver cannot tell a repeat: %q", ids)
	}
}

func TestEachKindOfAnswer(t *testing.T) {
	for _, c := range []struct {
		status        int
		person, final bool
		wait          time.Duration
	}{
		{http.StatusTooManyRequests, false, false, 9 * time.Second}, {http.StatusBadGateway, false, false, 9 * time.Second},
		{http.StatusGone, true, false, 0}, {http.StatusNotFound, false, true, 0}, {http.StatusFound, false, true, 0},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "9")
			w.Header().Set("Location", "http://169.254.169.254/")
			w.WriteHeader(c.status)
		}))
		h := open(t, server.URL, true)
		_, _, err := h.Announce(t.Context(), notice())
		failure := domain.AsFailure(err)
		if err == nil || failure.Person != c.person || failure.Permanent != c.final || failure.RetryAfter != c.wait {
			t.Errorf("%d: %+v", c.status, failure)
		}
		if test := h.Test(t.Context()); test.Error == "" || !strings.Contains(test.Answered, strconv.Itoa(c.status)) {
			t.Errorf("%d: %+v", c.status, test)
		}
		server.Close()
	}
}

func TestPrivateAddressesAreRefusedWhenDialled(t *testing.T) {
	called := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer server.Close()
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	for _, address := range []string{server.URL, "http://localhost" + port, "http://[::ffff:127.0.0.1]" + port, "http://0.0.0.0" + port, "http://2130706433" + port} {
		_, _, err := open(t, address, false).Announce(t.Context(), notice())
		if err == nil {
			t.Errorf("%s was called", address)
		}
		if strings.Contains(address, "localhost") && !errors.Is(err, webhook.ErrPrivate) { // a name: only dialling tells
			t.Errorf("%s: %v", address, err)
		}
	}
	if called {
		t.Fatal("a private address was reached")
	}
}

func TestPublic(t *testing.T) {
	for address, public := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "127.0.0.1": false, "::1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false,
		"169.254.169.254": false, "fe80::1": false, "fd00:ec2::254": false, "100.64.0.1": false, "0.0.0.0": false, "::": false, "224.0.0.1": false,
		"::ffff:10.0.0.1": false, "64:ff9b::a00:1": false, "2002:a00:1::": false, "::127.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false,
	} {
		if got := webhook.Public(netip.MustParseAddr(address)); got != public {
			t.Errorf("%s: %v", address, got)
		}
	}
}

func TestAddressesAndSecretsAreChecked(t *testing.T) {
	for address, given := range map[string]string{"ftp://x/": secret, "https://u:p@x/": secret, "nonsense": secret, "https://x/": "short"} {
		if _, err := webhook.Open(domain.Connection{Settings: map[string]string{"url": address}}, "", domain.Secrets{"secret": given}, nil); err == nil {
			t.Errorf("%s was taken", address)
		}
	}
}
