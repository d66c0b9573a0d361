package domain

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestCanonicalValue(t *testing.T) {
	for _, c := range []struct {
		name       FieldName
		text, want string
	}{
		{VendorName, "  Nordlys \n Hosting\tAS ", "Nordlys Hosting AS"},
		{TotalAmount, "\u221284.00", "-84.00"},
		{InvoiceDate, "2026-02-28", "2026-02-28"},
		{Currency, "nok", "NOK"},
		{InvoiceNumber, "", ""},
		{TotalAmount, " ", ""},
	} {
		if got, err := CanonicalValue(c.name, c.text); err != nil || got != c.want {
			t.Errorf("%s %q: %q %v", c.name, c.text, got, err)
		}
	}
	for _, c := range []struct {
		name FieldName
		text string
	}{
		{TotalAmount, "1,234.50"}, {TotalAmount, "12 EUR"}, {InvoiceDate, "2026-11-31"}, {InvoiceDate, "22.11.2026"},
		{Currency, "EURO"}, {Currency, "€"}, {"shoe_size", "42"}, {VendorName, strings.Repeat("x", 201)},
	} {
		if got, err := CanonicalValue(c.name, c.text); !errors.Is(err, ErrFieldValue) {
			t.Errorf("%s %q was taken as %q (%v)", c.name, c.text, got, err)
		}
	}
}

func TestEditLocksAndUnlockRestores(t *testing.T) {
	read := Fields{Currency: {Value: "SEK", Confidence: 0.6, Reason: "symbol"}}
	edited := read.Edit(Currency, "NOK", "me", time.Now()).Edit(Currency, "DKK", "me", time.Now())
	if got := edited[Currency]; got.Value != "DKK" || got.Previous != "SEK" || !got.Locked {
		t.Fatalf("%+v", got)
	}
	if got := edited.Merge(Fields{Currency: {Value: "EUR"}})[Currency].Value; got != "DKK" {
		t.Fatalf("a later run wrote %s over an edit", got)
	}
	if got := edited.Unlock(Currency)[Currency]; got.Value != "SEK" || got.Locked || got.Previous != "" || got.Confidence != 0.6 || got.Reason != "symbol" {
		t.Fatalf("%+v", got)
	}
	if read[Currency].Value != "SEK" {
		t.Fatal("editing changed the original")
	}
}

func TestFailures(t *testing.T) {
	cause := errors.New("cause")
	failure := AsFailure(errors.Join(errors.New("outer"), Permanent(KindPassword, "Locked.", cause)))
	if failure.Kind != KindPassword || !failure.Permanent || !errors.Is(failure, cause) {
		t.Fatalf("%+v", failure)
	}
	if failure := AsFailure(cause); failure.Permanent || failure.Kind != KindInternal || strings.Contains(failure.Message, "cause") {
		t.Fatalf("an unknown error: %+v", failure)
	}
}
