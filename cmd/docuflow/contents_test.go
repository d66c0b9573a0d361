package main

import (
	"archive/zip"
	"bytes"
	"testing"

	"github.com/docuflow/docuflow/mail"
)

const ublInvoice = `<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
  xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
  <cbc:ID>UBL-1</cbc:ID><cbc:IssueDate>2026-11-22</cbc:IssueDate><cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
  <cac:AccountingSupplierParty><cac:Party><cac:PartyLegalEntity><cbc:RegistrationName>Zółw i Żaba Sp. z o.o.</cbc:RegistrationName></cac:PartyLegalEntity></cac:Party></cac:AccountingSupplierParty>
  <cac:LegalMonetaryTotal><cbc:TaxInclusiveAmount currencyID="EUR">125.00</cbc:TaxInclusiveAmount></cac:LegalMonetaryTotal>
</Invoice>`

// What is in an archive, and an e-invoice without a page, are filed like an attached PDF.
func TestContentsOfAMail(t *testing.T) {
	var archive bytes.Buffer
	packed := zip.NewWriter(&archive)
	entry, err := packed.Create("2026/november.pdf")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write(invoicePDF("Z-1")); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	p := start(t, newDataDir(t))
	if err := p.send("contents", mail.File{Name: "all.zip", Content: archive.Bytes()}, mail.File{Name: "ubl.xml", Content: []byte(ublInvoice)}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct{ number, total, source string }{
		"november.pdf": {"Z-1", "125.00", "text"}, "ubl.xml": {"UBL-1", "125.00", "einvoice"},
	} {
		got := p.rest(name)
		if got.Status != "COMPLETED" || got.InvoiceNumber == nil || *got.InvoiceNumber != want.number || got.TotalAmount == nil || *got.TotalAmount != want.total || got.Source != want.source {
			t.Errorf("%s: %+v, number %v", name, got, got.InvoiceNumber)
		}
	}
	if filed := p.filed(); len(filed) != 2 {
		t.Errorf("filed: %v", filed)
	}
}
