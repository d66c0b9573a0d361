package discord_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/integrations/discord"
	"github.com/docuflow/docuflow/integrations/discord/discordtest"
)

const (
	green  = 5763719
	red    = 15548997
	yellow = 16705372
)

// limiter allows a number of calls.
type limiter struct {
	mu   sync.Mutex
	left int
}

func (l *limiter) Take(context.Context, domain.Limit) (time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left--
	if l.left < 0 {
		return time.Second, nil
	}
	return 0, nil
}

func open(t *testing.T, s *discordtest.Server, messages int) *discord.Discord {
	t.Helper()
	d, err := discord.Config{Endpoint: s.URL, HTTP: s.Client(), Limiter: &limiter{left: messages}}.
		Open(domain.Connection{Settings: map[string]string{"digest_above": "30"}}, "Discord", domain.Secrets{"webhook_url": s.Webhook()})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func notice(event string, status domain.Status) domain.Notice {
	return domain.Notice{Event: event, Link: "http://docuflow.example/documents/1", Workspace: domain.Workspace{Name: "Lindqvist & Co"}, Document: domain.Document{
		ID: "1", Status: status, FileName: "scan.pdf", Fields: domain.Fields{domain.VendorName: {Value: "Nordwind"}, domain.TotalAmount: {Value: "125.00"}, domain.Currency: {Value: "EUR"}},
		Deliveries: []domain.Delivery{{Destination: "Google Drive", Link: "http://drive.example/view/1"}},
	}}
}

func TestOneMessageIsEditedAsTheDocumentGoes(t *testing.T) {
	s := discordtest.Start(t)
	d := open(t, s, 100)
	reference, _, err := d.Announce(t.Context(), notice(domain.EventReceived, domain.Queued))
	if err != nil || reference == "" {
		t.Fatalf("%q %v", reference, err)
	}
	colours := []int{s.Messages()[0].Embeds[0].Color}
	for _, n := range []domain.Notice{notice(domain.EventFailed, domain.Failed), notice(domain.EventFiled, domain.Processing), notice(domain.EventFiled, domain.Processing)} {
		n.Reference = reference
		if again, _, err := d.Announce(t.Context(), n); err != nil || again != reference {
			t.Fatalf("%q %v", again, err)
		}
		colours = append(colours, s.Messages()[0].Embeds[0].Color)
	}
	m := s.Messages()
	if len(m) != 1 || m[0].Edits != 3 || m[0].Pings || fmt.Sprint(colours[1:]) != fmt.Sprint([]int{red, green, green}) || colours[0] == green {
		t.Fatalf("%+v, colours %v", m, colours)
	}
	if e := m[0].Embeds[0]; e.Title != "Nordwind" || len(e.Fields) != 3 || e.Fields[1].Value != "125.00 EUR" || e.Fields[2].Value != "http://drive.example/view/1" || e.Footer.Text == "" || e.Timestamp == "" {
		t.Fatalf("%+v", e)
	}
}

func TestStrangersWordsAreCutAndPingNobody(t *testing.T) {
	s := discordtest.Start(t)
	n := notice(domain.EventFiled, domain.Processing)
	n.Document.Fields[domain.VendorName] = domain.Field{Value: "@everyone [click](http://evil) " + strings.Repeat("ä", 5000)}
	n.Document.Review = []domain.ReviewReason{{Message: strings.Repeat("x", 5000)}}
	if _, _, err := open(t, s, 100).Announce(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	m := s.Messages()[0]
	if m.Pings || strings.Contains(m.Embeds[0].Title, "[click](") || m.Embeds[0].Color != yellow {
		t.Fatalf("%+v", m)
	}
}

func TestWaitsAreHonoured(t *testing.T) {
	s := discordtest.Start(t)
	d := open(t, s, 100)
	calls := 0
	s.Trouble(func(w http.ResponseWriter, _ *http.Request) bool {
		calls++
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"message":"You are being rate limited.","retry_after":1.5,"global":false}`)
		return true
	})
	for range 2 { // the second time it does not even ask
		_, _, err := d.Announce(t.Context(), notice(domain.EventReceived, domain.Queued))
		if failure := domain.AsFailure(err); err == nil || failure.Permanent || failure.Person || failure.RetryAfter < time.Second || failure.RetryAfter > 2*time.Second {
			t.Fatalf("%+v", err)
		}
	}
	if calls != 1 {
		t.Fatalf("%d calls while Discord wants none", calls)
	}
	s.Trouble(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset-After", "30.5")
		return false
	})
	d = open(t, s, 100)
	if _, _, err := d.Announce(t.Context(), notice(domain.EventReceived, domain.Queued)); err != nil {
		t.Fatal(err)
	}
	_, _, err := d.Announce(t.Context(), notice(domain.EventReceived, domain.Queued))
	if failure := domain.AsFailure(err); failure.RetryAfter < 25*time.Second || len(s.Messages()) != 1 {
		t.Fatalf("past the limit of the headers: %+v, %d messages", err, len(s.Messages()))
	}
}

func TestEachKindOfFailure(t *testing.T) {
	for _, c := range []struct {
		status, code  int
		person, final bool
	}{
		{http.StatusNotFound, 10015, true, false}, {http.StatusUnauthorized, 50027, true, false}, {http.StatusForbidden, 50013, true, false},
		{http.StatusBadGateway, 0, false, false}, {http.StatusBadRequest, 50035, false, true},
	} {
		s := discordtest.Start(t)
		d := open(t, s, 100)
		s.Trouble(func(w http.ResponseWriter, _ *http.Request) bool {
			discordtest.Refuse(w, c.status, c.code, "no")
			return true
		})
		_, _, err := d.Announce(t.Context(), notice(domain.EventFiled, domain.Processing))
		failure := domain.AsFailure(err)
		if err == nil || failure.Person != c.person || failure.Permanent != c.final || strings.Contains(failure.Error(), "to-ken") {
			t.Errorf("%d: %+v", c.status, failure)
		}
		if test := d.Test(t.Context()); test.Error == "" || strings.Contains(test.Sent+test.Answered, "to-ken") {
			t.Errorf("%d: %+v", c.status, test)
		}
		s.Trouble(nil)
		if test := d.Test(t.Context()); test.Error != "" || !strings.Contains(test.Answered, "Books") {
			t.Errorf("%d: %+v", c.status, test)
		}
	}
}

func TestRemovedMessageStaysRemoved(t *testing.T) {
	s := discordtest.Start(t)
	n := notice(domain.EventFiled, domain.Processing)
	n.Reference = "1"
	if reference, _, err := open(t, s, 100).Announce(t.Context(), n); err != nil || reference != "1" || len(s.Messages()) != 0 {
		t.Fatalf("%q %v", reference, err)
	}
}

func TestUnreachableDoesNotPrintTheSecretAddress(t *testing.T) {
	s := discordtest.Start(t)
	d := open(t, s, 100)
	s.LoseNextAnswer()
	_, _, err := d.Announce(t.Context(), notice(domain.EventFiled, domain.Processing))
	if err == nil || domain.AsFailure(err).Permanent || strings.Contains(err.Error(), "to-ken") {
		t.Fatalf("%v", err)
	}
}

func TestManyDocumentsShareMessages(t *testing.T) {
	s := discordtest.Start(t)
	d := open(t, s, 0)
	if reference, _, err := d.Announce(t.Context(), notice(domain.EventReceived, domain.Queued)); err != nil || reference != "" {
		t.Fatalf("%q %v", reference, err)
	}
	var telling sync.WaitGroup
	for range 40 {
		telling.Go(func() {
			if _, _, err := d.Announce(t.Context(), notice(domain.EventFiled, domain.Processing)); err != nil {
				t.Error(err)
			}
		})
	}
	telling.Wait()
	if m := s.Messages(); len(m) != 1 || m[0].Embeds[0].Title != "40 documents filed" || m[0].Pings {
		t.Fatalf("%+v", m)
	}
	if reference, _, err := d.Announce(t.Context(), notice(domain.EventFailed, domain.Failed)); err != nil || reference == "" {
		t.Fatalf("a failure has no message of its own: %q %v", reference, err)
	}
}

func TestAddressesAreChecked(t *testing.T) {
	s := discordtest.Start(t)
	for _, address := range []string{"", "https://discord.com.evil.example/api/webhooks/1/x", s.URL + "/api/webhooks/1", s.URL + "/api/webhooks/1/x?y=z"} {
		_, err := discord.Config{Endpoint: s.URL}.Open(domain.Connection{}, "", domain.Secrets{"webhook_url": address})
		if err == nil {
			t.Errorf("%q was taken", address)
		}
	}
}
