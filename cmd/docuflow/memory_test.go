package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/mail"
)

// TestCorrectionIsRemembered corrects a vendor's first invoice through the
// API and sees the second one right, until the vendor is forgotten.
func TestCorrectionIsRemembered(t *testing.T) {
	const vendor = "Kormoran Reederei AG"
	p := start(t, newDataDir(t))
	sendAndRead := func(number string) string {
		t.Helper()
		name := number + ".pdf"
		if err := p.send("invoice", mail.File{Name: name, Content: invoicePDF(number)}); err != nil {
			t.Fatal(err)
		}
		if document := p.rest(name); document.Status != "COMPLETED" {
			t.Fatalf("%+v", document)
		}
		return p.documents()[name].ID
	}
	vendorOf := func(id string) string {
		t.Helper()
		var document struct {
			VendorName string `json:"vendor_name"`
		}
		p.get("/api/v1/documents/"+id, &document)
		return document.VendorName
	}
	first := sendAndRead("M-1")
	if read := vendorOf(first); read == "" || read == vendor {
		t.Fatalf("the vendor is %q: this invoice proves nothing", read)
	}
	p.change(http.MethodPatch, "/api/v1/documents/"+first, `{"vendor_name": "`+vendor+`", "currency": "EUR"}`, http.StatusOK)
	second := sendAndRead("M-2")
	if read := vendorOf(second); read != vendor {
		t.Errorf("after the correction the vendor is %q", read)
	}
	p.change(http.MethodDelete, "/api/v1/documents/"+second+"/memory", "", http.StatusNoContent)
	p.change(http.MethodDelete, "/api/v1/documents/"+second+"/memory", "", http.StatusNotFound)
	if read := vendorOf(sendAndRead("M-3")); read == vendor {
		t.Error("the vendor was forgotten and still helps")
	}
}

// change sends a request that changes something, and expects a status.
func (p *program) change(method, path, body string, status int) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, "http://"+p.HTTP+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.Token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != status {
		p.t.Fatalf("%s %s: %s", method, path, response.Status)
	}
}
