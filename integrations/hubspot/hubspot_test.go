package hubspot_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/integrations/hubspot"
	"github.com/docuflow/docuflow/integrations/hubspot/hubspottest"
)

func open(t *testing.T, s *hubspottest.Server, token string) *hubspot.HubSpot {
	t.Helper()
	h, err := hubspot.Config{Endpoint: s.URL, Version: hubspottest.Version, HTTP: s.Client()}.Open(domain.Connection{}, "HubSpot", domain.Secrets{"token": token})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func notice(sender string) domain.Notice {
	return domain.Notice{Event: domain.EventFiled, Link: "http://docuflow.example/documents/1", Document: domain.Document{
		ID: "0d0c0000-0000-4000-8000-000000000001", Sender: sender, Fields: domain.Fields{domain.VendorName: {Value: "<b>Nordwind</b>"}, domain.TotalAmount: {Value: "125.00"}},
		Deliveries: []domain.Delivery{{Destination: "Google Drive", Link: "http://drive.example/view/1"}},
	}}
}

func TestOneContactAndOneNote(t *testing.T) {
	s := hubspottest.Start(t)
	h := open(t, s, hubspottest.Token)
	n := notice("Billing@Nordwind.example")
	first, _, err := h.Announce(t.Context(), n)
	if err != nil || first == "" {
		t.Fatalf("%q %v", first, err)
	}
	if again, _, err := h.Announce(t.Context(), n); err != nil || again != first { // its id was not kept
		t.Fatalf("%q then %q %v", first, again, err)
	}
	notes, contacts := s.Notes(), s.Contacts()
	if len(notes) != 1 || len(contacts) != 1 || notes[0].Contact != contacts["billing@nordwind.example"] {
		t.Fatalf("%+v %v", notes, contacts)
	}
	for _, part := range []string{"&lt;b&gt;Nordwind", "125.00", "http://drive.example/view/1", string(n.Document.ID)} {
		if !strings.Contains(notes[0].Body, part) {
			t.Errorf("the note lacks %q: %s", part, notes[0].Body)
		}
	}
	n.Event, n.Reference = domain.EventCorrected, first
	n.Document.Fields[domain.TotalAmount] = domain.Field{Value: "126.00"}
	if _, _, err := h.Announce(t.Context(), n); err != nil || len(s.Notes()) != 1 || !strings.Contains(s.Notes()[0].Body, "126.00") {
		t.Fatalf("%v %+v", err, s.Notes())
	}
}

func TestLostAnswerIsNoSecondNote(t *testing.T) {
	s := hubspottest.Start(t)
	h := open(t, s, hubspottest.Token)
	s.LoseNextAnswer()
	if _, _, err := h.Announce(t.Context(), notice("a@nordwind.example")); err == nil || domain.AsFailure(err).Permanent {
		t.Fatalf("%v", err)
	}
	if reference, _, err := h.Announce(t.Context(), notice("a@nordwind.example")); err != nil || reference == "" || len(s.Notes()) != 1 {
		t.Fatalf("%q %v, %d notes", reference, err, len(s.Notes()))
	}
}

func TestSendersThatAreNobodysContactAreSkipped(t *testing.T) {
	s := hubspottest.Start(t)
	h := open(t, s, hubspottest.Token)
	for _, sender := range []string{"somebody@gmail.com", "no-reply@nordwind.example", "noreply+7@nordwind.example", "Do.Not.Reply@nordwind.example", "dev", "", "MAILER-DAEMON@mx.example", "x@localhost"} {
		if reference, _, err := h.Announce(t.Context(), notice(sender)); err != nil || reference != "" {
			t.Errorf("%s: %q %v", sender, reference, err)
		}
	}
	if len(s.Contacts())+len(s.Notes()) != 0 {
		t.Fatalf("%v %v", s.Contacts(), s.Notes())
	}
}

func TestRefusedItemOfAMultiStatusIsSeen(t *testing.T) {
	s := hubspottest.Start(t)
	_, _, err := open(t, s, hubspottest.Token).Announce(t.Context(), notice("a@nordwind.invalid"))
	if failure := domain.AsFailure(err); err == nil || !failure.Permanent || len(s.Notes()) != 0 {
		t.Fatalf("%+v", err)
	}
}

func TestEachKindOfFailure(t *testing.T) {
	for _, c := range []struct {
		status        int
		header        string
		person, final bool
		wait          time.Duration
	}{
		{http.StatusTooManyRequests, "Retry-After", false, false, 10 * time.Second},
		{http.StatusTooManyRequests, "X-HubSpot-RateLimit-Interval-Milliseconds", false, false, 10 * time.Millisecond},
		{http.StatusBadGateway, "", false, false, 0}, {http.StatusForbidden, "", true, false, 0}, {http.StatusBadRequest, "", false, true, 0},
	} {
		s := hubspottest.Start(t)
		h := open(t, s, hubspottest.Token)
		s.Trouble(func(w http.ResponseWriter, _ *http.Request) bool {
			if c.header != "" {
				w.Header().Set(c.header, "10")
			}
			hubspottest.Refuse(w, c.status, "X")
			return true
		})
		_, _, err := h.Announce(t.Context(), notice("a@nordwind.example"))
		failure := domain.AsFailure(err)
		if err == nil || failure.Person != c.person || failure.Permanent != c.final || failure.RetryAfter != c.wait {
			t.Errorf("%d: %+v", c.status, failure)
		}
		s.Trouble(nil)
		if _, _, err := h.Announce(t.Context(), notice("a@nordwind.example")); err != nil || len(s.Notes()) != 1 {
			t.Errorf("%d, afterwards: %v, %d notes", c.status, err, len(s.Notes()))
		}
	}
}

func TestRevokedTokenNeedsAPerson(t *testing.T) {
	s := hubspottest.Start(t)
	h := open(t, s, "revoked-token")
	_, _, err := h.Announce(t.Context(), notice("a@nordwind.example"))
	if failure := domain.AsFailure(err); !failure.Person || failure.Connection != "HubSpot" || strings.Contains(failure.Error(), "revoked-token") {
		t.Fatalf("%+v", err)
	}
	if test := h.Test(t.Context()); test.Error == "" || !strings.Contains(test.Answered, "INVALID_AUTHENTICATION") {
		t.Fatalf("%+v", test)
	}
	if test := open(t, s, hubspottest.Token).Test(t.Context()); test.Error != "" || test.Answered != "200 portal 4471882" {
		t.Fatalf("%+v", test)
	}
}
