package extraction_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/extraction"
)

const cii = `<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100" xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100" xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">
<rsm:ExchangedDocument><ram:ID>RE-7 / 2025</ram:ID><ram:TypeCode>380</ram:TypeCode><ram:IssueDateTime><udt:DateTimeString format="102">20250314</udt:DateTimeString></ram:IssueDateTime></rsm:ExchangedDocument>
<rsm:SupplyChainTradeTransaction>
<ram:IncludedSupplyChainTradeLineItem><ram:SpecifiedTradeProduct><ram:Name>Rollrasen</ram:Name></ram:SpecifiedTradeProduct></ram:IncludedSupplyChainTradeLineItem>
<ram:ApplicableHeaderTradeAgreement><ram:SellerTradeParty><ram:Name>Gärtnerei Kranich &amp; Söhne GmbH</ram:Name></ram:SellerTradeParty><ram:BuyerTradeParty><ram:Name>Seeblick AG</ram:Name></ram:BuyerTradeParty></ram:ApplicableHeaderTradeAgreement>
<ram:ApplicableHeaderTradeSettlement><ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode><ram:SpecifiedTradeSettlementHeaderMonetarySummation><ram:LineTotalAmount>828.00</ram:LineTotalAmount><ram:TaxBasisTotalAmount>828.00</ram:TaxBasisTotalAmount><ram:TaxTotalAmount currencyID="EUR">157.32</ram:TaxTotalAmount><ram:GrandTotalAmount>985.32</ram:GrandTotalAmount><ram:TotalPrepaidAmount>100.00</ram:TotalPrepaidAmount><ram:DuePayableAmount>885.32</ram:DuePayableAmount></ram:SpecifiedTradeSettlementHeaderMonetarySummation></ram:ApplicableHeaderTradeSettlement>
</rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>`

const oldCII = `<rsm:CrossIndustryDocument xmlns:rsm="urn:ferd:CrossIndustryDocument:invoice:1p0" xmlns:ram="a" xmlns:udt="b">
<rsm:HeaderExchangedDocument><ram:ID>471</ram:ID><ram:IssueDateTime><udt:DateTimeString format="102">20130305</udt:DateTimeString></ram:IssueDateTime></rsm:HeaderExchangedDocument>
<rsm:SpecifiedSupplyChainTradeTransaction><ram:ApplicableSupplyChainTradeAgreement><ram:SellerTradeParty><ram:Name>Alpha GmbH</ram:Name></ram:SellerTradeParty></ram:ApplicableSupplyChainTradeAgreement>
<ram:ApplicableSupplyChainTradeSettlement><ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode><ram:SpecifiedTradeSettlementMonetarySummation><ram:GrandTotalAmount currencyID="EUR">-8.79</ram:GrandTotalAmount></ram:SpecifiedTradeSettlementMonetarySummation></ram:ApplicableSupplyChainTradeSettlement></rsm:SpecifiedSupplyChainTradeTransaction></rsm:CrossIndustryDocument>`

const ubl = `<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" xmlns:cac="c" xmlns:cbc="b">
<cbc:ID>INV 12</cbc:ID><cbc:IssueDate>2025-01-31</cbc:IssueDate><cbc:DocumentCurrencyCode>SEK</cbc:DocumentCurrencyCode>
<cac:AccountingSupplierParty><cac:Party><cac:PartyName><cbc:Name>Trade name</cbc:Name></cac:PartyName><cac:PartyLegalEntity><cbc:RegistrationName>Registered AB</cbc:RegistrationName></cac:PartyLegalEntity></cac:Party></cac:AccountingSupplierParty>
<cac:AccountingCustomerParty><cac:Party><cac:PartyLegalEntity><cbc:RegistrationName>Buyer AB</cbc:RegistrationName></cac:PartyLegalEntity></cac:Party></cac:AccountingCustomerParty>
<cac:LegalMonetaryTotal><cbc:TaxExclusiveAmount currencyID="SEK">100</cbc:TaxExclusiveAmount><cbc:TaxInclusiveAmount currencyID="SEK">125.5</cbc:TaxInclusiveAmount><cbc:PayableAmount currencyID="SEK">25.5</cbc:PayableAmount></cac:LegalMonetaryTotal></Invoice>`

const fattura = `<p:FatturaElettronica versione="FPR12" xmlns:p="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2">
<FatturaElettronicaHeader><CedentePrestatore><DatiAnagrafici><Anagrafica><Nome>Maria</Nome><Cognome>Rossi</Cognome></Anagrafica></DatiAnagrafici></CedentePrestatore><CessionarioCommittente><DatiAnagrafici><Anagrafica><Denominazione>Cliente S.p.A.</Denominazione></Anagrafica></DatiAnagrafici></CessionarioCommittente></FatturaElettronicaHeader>
<FatturaElettronicaBody><DatiGenerali><DatiGeneraliDocumento><TipoDocumento>TD01</TipoDocumento><Divisa>EUR</Divisa><Data>2025-02-10</Data><Numero>15/A</Numero></DatiGeneraliDocumento></DatiGenerali>
<DatiBeniServizi><DatiRiepilogo><ImponibileImporto>100.00</ImponibileImporto><Imposta>22.00</Imposta></DatiRiepilogo><DatiRiepilogo><ImponibileImporto>50.00</ImponibileImporto><Imposta>5.00</Imposta></DatiRiepilogo></DatiBeniServizi></FatturaElettronicaBody></p:FatturaElettronica>`

const shortFattura = `<n1:FatturaElettronicaSemplificata versione="FSM10" xmlns:n1="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.0">
<FatturaElettronicaHeader><CedentePrestatore><Denominazione>Bar Sport di Verdi</Denominazione></CedentePrestatore><CessionarioCommittente><AltriDatiIdentificativi><Denominazione>Cliente S.p.A.</Denominazione></AltriDatiIdentificativi></CessionarioCommittente></FatturaElettronicaHeader>
<FatturaElettronicaBody><DatiGenerali><DatiGeneraliDocumento><TipoDocumento>TD07</TipoDocumento><Divisa>EUR</Divisa><Data>2025-05-02</Data><Numero>88</Numero></DatiGeneraliDocumento></DatiGenerali>
<DatiBeniServizi><Descrizione>Pranzo</Descrizione><Importo>10.00</Importo></DatiBeniServizi><DatiBeniServizi><Importo>2.40</Importo></DatiBeniServizi></FatturaElettronicaBody></n1:FatturaElettronicaSemplificata>`

func TestExtractEInvoice(t *testing.T) {
	cases := map[string]struct {
		xml  string
		want want
	}{
		"CII 2":           {cii, want{"Gärtnerei Kranich & Söhne GmbH", "985.32", "2025-03-14", "RE-7 / 2025", "EUR"}},
		"CII 1":           {oldCII, want{"Alpha GmbH", "-8.79", "2013-03-05", "471", "EUR"}},
		"UBL":             {ubl, want{"Registered AB", "125.50", "2025-01-31", "INV 12", "SEK"}},
		"credit note":     {strings.ReplaceAll(ubl, "Invoice", "CreditNote"), want{"Registered AB", "125.50", "2025-01-31", "INV 12", "SEK"}},
		"short FatturaPA": {shortFattura, want{"Bar Sport di Verdi", "12.40", "2025-05-02", "88", "EUR"}},
		"FatturaPA":       {fattura, want{"Maria Rossi", "177.00", "2025-02-10", "15/A", "EUR"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			result := extract(t, extraction.Input{XML: []byte(c.xml)})
			check(t, result, c.want)
			if result.Source != extraction.SourceEInvoice || len(result.Review) != 0 {
				t.Errorf("source %q, review %v", result.Source, result.Review)
			}
			for name, field := range result.Fields {
				if field.Confidence != 1 {
					t.Errorf("%s has confidence %v", name, field.Confidence)
				}
			}
		})
	}
}

func TestExtractEInvoiceInEveryEncoding(t *testing.T) {
	little := binary.LittleEndian.AppendUint16
	big := binary.BigEndian.AppendUint16
	wide := func(text string, mark bool, add func([]byte, uint16) []byte) []byte {
		var encoded []byte
		if mark {
			encoded = add(nil, 0xfeff)
		}
		for _, unit := range utf16.Encode([]rune(text)) {
			encoded = add(encoded, unit)
		}
		return encoded
	}
	sixteen := strings.Replace(cii, "UTF-8", "UTF-16", 1)
	latin := []byte(strings.Replace(cii, "UTF-8", "ISO-8859-1", 1))
	toLatin := strings.NewReplacer("ä", "\xe4", "ö", "\xf6")
	latin = []byte(toLatin.Replace(string(latin)))
	_, undeclared, _ := strings.Cut(cii, "?>")
	cases := map[string][]byte{
		"byte order mark":                       append([]byte("\xef\xbb\xbf"), cii...),
		"UTF-16, little":                        wide(sixteen, true, little),
		"UTF-16, big":                           wide(sixteen, true, big),
		"UTF-16 without a mark":                 wide(sixteen, false, little),
		"Latin-1":                               latin,
		"no declaration":                        []byte(undeclared),
		"white space before it begins":          []byte("\n  " + cii),
		"zeros behind its end":                  []byte(cii + "\n\x00\x00\x00"),
		"rubbish behind its end":                []byte(cii + "<trailer>&"),
		"UTF-16 with a UTF-8 declaration":       wide(cii, true, big),
		"UTF-8 declared as UTF-16":              []byte(sixteen),
		"UTF-8 declared as Latin-1":             []byte(strings.Replace(cii, "UTF-8", "ISO-8859-1", 1)),
		"Latin-1 declared as UTF-8":             []byte(toLatin.Replace(cii)),
		"Latin-1 without a declaration":         []byte(toLatin.Replace(undeclared)),
		"an encoding that nobody knows":         []byte(strings.Replace(cii, "UTF-8", "X-HAUS", 1)),
		"Windows-1252 by an unusual name":       []byte(toLatin.Replace(strings.Replace(cii, `"UTF-8"`, `'cp1252'`, 1))),
		"byte order mark and Latin-1 declared":  append([]byte("\xef\xbb\xbf"), strings.Replace(cii, "UTF-8", "latin1", 1)...),
		"in the envelope of the Peppol network": []byte("<StandardBusinessDocument xmlns='s'><StandardBusinessDocumentHeader><HeaderVersion>1.0</HeaderVersion></StandardBusinessDocumentHeader>" + strings.TrimSpace(undeclared) + "</StandardBusinessDocument>"),
	}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			check(t, extract(t, extraction.Input{XML: data}), want{"Gärtnerei Kranich & Söhne GmbH", "985.32", "2025-03-14", "RE-7 / 2025", "EUR"})
		})
	}
}

func TestExtractReadsThePageWhenTheXMLIsNoInvoice(t *testing.T) {
	cases := map[string]string{
		"something else": `<html><body>hello</body></html>`,
		"cut off":        cii[:len(cii)/2],
		"empty":          " ",
		"entities":       `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Invoice><ID>&b;</ID></Invoice>`,
		"deep":           strings.Repeat("<a>", 5000) + strings.Repeat("</a>", 5000),
		"no fields":      `<Invoice></Invoice>`,
	}
	for name, xml := range cases {
		t.Run(name, func(t *testing.T) {
			result := extract(t, extraction.Input{XML: []byte(xml), Page: extraction.Typed(slip)})
			if result.Source == extraction.SourceEInvoice {
				t.Fatal("it was taken for an e-invoice")
			}
			if got := result.Fields.Value(domain.TotalAmount); got != "22.20" {
				t.Errorf("the page's total is %q", got)
			}
			if last := result.Review[len(result.Review)-1]; !strings.Contains(last.Message, "XML") {
				t.Errorf("nothing is said about the XML: %v", result.Review)
			}
		})
	}
}

func TestExtractComparesTheEInvoiceWithThePage(t *testing.T) {
	same := strings.NewReplacer("Gärtnerei Kranich &amp; Söhne GmbH", "Kranichhof Gartenbau GmbH", "RE-7 / 2025", "RE-2025-0815").Replace(cii)
	if result := extract(t, extraction.Input{XML: []byte(same), Page: extraction.Typed(german)}); len(result.Review) != 0 {
		t.Errorf("page and XML agree, but: %v", result.Review)
	} else if result.Fields[domain.TotalAmount].Box == nil {
		t.Error("the total of the XML is not found on the page")
	}
	forged := strings.Replace(same, ">985.32<", ">9985.32<", 1)
	result := extract(t, extraction.Input{XML: []byte(forged), Page: extraction.Typed(german)})
	if len(result.Review) != 1 || result.Review[0].Field != domain.TotalAmount || !strings.Contains(result.Review[0].Message, "9985.32") || !strings.Contains(result.Review[0].Message, "985.32") {
		t.Errorf("the other total on the page is not said: %v", result.Review)
	}
}

func FuzzEInvoice(f *testing.F) {
	for _, seed := range []string{cii, oldCII, ubl, fattura, shortFattura, "<?xml version='1.0' encoding='utf-16'?><Invoice/>", "<Invoice/>", "\xff\xfe<\x00", "<!DOCTYPE a>"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		result, err := extraction.Extract(extraction.Input{XML: data})
		if err != nil {
			t.Fatal(err)
		}
		if amount := result.Fields.Value(domain.TotalAmount); amount != "" {
			if _, err := domain.ParseAmount(amount); err != nil {
				t.Errorf("the total is no amount: %v", err)
			}
		}
	})
}
