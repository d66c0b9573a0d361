package extraction

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Bounds on an e-invoice. The largest real ones have a few thousand lines.
const (
	maxXMLSize     = 16 << 20
	maxXMLDepth    = 64
	maxXMLElements = 500_000
)

// ErrNotEInvoice is wrapped by the error for XML that is no invoice, or not
// one of a kind that is known here.
var ErrNotEInvoice = errors.New("not a known e-invoice")

// invoiceSyntax says where a kind of e-invoice keeps its fields. Paths are
// local names below the root; the first that has a value counts.
type invoiceSyntax struct {
	roots    []string
	vendor   []string
	total    []string
	parts    []string // net and tax, to be added when there is no total
	date     []string
	number   []string
	currency []string
}

var syntaxes = []invoiceSyntax{
	{ // UN/CEFACT Cross Industry Invoice: ZUGFeRD 2, Factur-X, XRechnung
		roots:    []string{"CrossIndustryInvoice"},
		vendor:   []string{ciiAgreement + "SellerTradeParty/Name", ciiAgreement + "SellerTradeParty/SpecifiedLegalOrganization/TradingBusinessName"},
		total:    []string{ciiSummation + "GrandTotalAmount"},
		parts:    []string{ciiSummation + "TaxBasisTotalAmount", ciiSummation + "TaxTotalAmount"},
		date:     []string{"ExchangedDocument/IssueDateTime/DateTimeString", "ExchangedDocument/IssueDateTime/DateTime"},
		number:   []string{"ExchangedDocument/ID"},
		currency: []string{ciiSettlement + "InvoiceCurrencyCode"},
	},
	{ // its predecessor: ZUGFeRD 1
		roots:    []string{"CrossIndustryDocument"},
		vendor:   []string{oldTrade + "ApplicableSupplyChainTradeAgreement/SellerTradeParty/Name"},
		total:    []string{oldSummation + "GrandTotalAmount"},
		parts:    []string{oldSummation + "TaxBasisTotalAmount", oldSummation + "TaxTotalAmount"},
		date:     []string{"HeaderExchangedDocument/IssueDateTime/DateTimeString", "HeaderExchangedDocument/IssueDateTime/DateTime"},
		number:   []string{"HeaderExchangedDocument/ID"},
		currency: []string{oldTrade + "ApplicableSupplyChainTradeSettlement/InvoiceCurrencyCode"},
	},
	{ // OASIS UBL 2: Peppol BIS, XRechnung. The trading name comes second because the registered one is what is on file.
		roots: []string{"Invoice", "CreditNote"},
		vendor: []string{ublSupplier + "PartyLegalEntity/RegistrationName", ublSupplier + "PartyName/Name",
			ublSupplier + "Person/FamilyName"},
		total:    []string{"LegalMonetaryTotal/TaxInclusiveAmount"},
		parts:    []string{"LegalMonetaryTotal/TaxExclusiveAmount", "TaxTotal/TaxAmount"},
		date:     []string{"IssueDate"},
		number:   []string{"ID"},
		currency: []string{"DocumentCurrencyCode", "LegalMonetaryTotal/TaxInclusiveAmount@currencyID"},
	},
	{ // FatturaPA, the Italian Sistema di Interscambio
		roots:    []string{"FatturaElettronica"},
		vendor:   []string{fatturaSeller + "Denominazione", fatturaSeller + "Nome+" + fatturaSeller + "Cognome"},
		total:    []string{fatturaHead + "ImportoTotaleDocumento"},
		parts:    []string{"FatturaElettronicaBody/DatiBeniServizi/DatiRiepilogo/ImponibileImporto", "FatturaElettronicaBody/DatiBeniServizi/DatiRiepilogo/Imposta"},
		date:     []string{fatturaHead + "Data"},
		number:   []string{fatturaHead + "Numero"},
		currency: []string{fatturaHead + "Divisa"},
	},
	{ // its short form for small amounts, which states gross amounts line by line
		roots:    []string{"FatturaElettronicaSemplificata"},
		vendor:   []string{shortSeller + "Denominazione", shortSeller + "Nome+" + shortSeller + "Cognome"},
		parts:    []string{"FatturaElettronicaBody/DatiBeniServizi/Importo"},
		date:     []string{fatturaHead + "Data"},
		number:   []string{fatturaHead + "Numero"},
		currency: []string{fatturaHead + "Divisa"},
	},
}

const (
	ciiAgreement  = "SupplyChainTradeTransaction/ApplicableHeaderTradeAgreement/"
	ciiSettlement = "SupplyChainTradeTransaction/ApplicableHeaderTradeSettlement/"
	ciiSummation  = ciiSettlement + "SpecifiedTradeSettlementHeaderMonetarySummation/"
	oldTrade      = "SpecifiedSupplyChainTradeTransaction/"
	oldSummation  = oldTrade + "ApplicableSupplyChainTradeSettlement/SpecifiedTradeSettlementMonetarySummation/"
	ublSupplier   = "AccountingSupplierParty/Party/"
	fatturaSeller = "FatturaElettronicaHeader/CedentePrestatore/DatiAnagrafici/Anagrafica/"
	shortSeller   = "FatturaElettronicaHeader/CedentePrestatore/"
	fatturaHead   = "FatturaElettronicaBody/DatiGenerali/DatiGeneraliDocumento/"
)

// readEInvoice returns the fields that an e-invoice states. A field that it
// does not state, or states in no readable form, is absent.
func readEInvoice(data []byte) (domain.Fields, error) {
	tree, err := parseXML(data)
	if err != nil {
		return nil, err
	}
	for _, syntax := range syntaxes {
		for _, root := range syntax.roots {
			if tree.root == root {
				return syntax.fields(tree)
			}
		}
	}
	return nil, fmt.Errorf("%w: the root element is %.60q", ErrNotEInvoice, tree.root)
}

func (s invoiceSyntax) fields(tree xmlTree) (domain.Fields, error) {
	fields := domain.Fields{}
	state := func(name domain.FieldName, value string) {
		if value != "" {
			fields[name] = domain.Field{Value: value, Confidence: 1}
		}
	}
	state(domain.VendorName, tree.first(s.vendor))
	state(domain.InvoiceNumber, tree.first(s.number))
	state(domain.InvoiceDate, xmlDate(tree.first(s.date)))
	state(domain.TotalAmount, s.totalOf(tree))
	if code := strings.ToUpper(tree.first(s.currency)); isCurrency(code) {
		state(domain.Currency, code)
	}
	if len(fields) == 0 {
		return nil, fmt.Errorf("%w: it states no field", ErrNotEInvoice)
	}
	return fields, nil
}

func (s invoiceSyntax) totalOf(tree xmlTree) string {
	if amount, err := domain.ParseAmount(xmlDecimal(tree.first(s.total))); err == nil {
		return amount.String()
	}
	var sum domain.Amount
	for _, part := range s.parts {
		values := tree.values[part]
		if len(values) == 0 {
			return ""
		}
		for _, value := range values {
			amount, err := domain.ParseAmount(xmlDecimal(value))
			if err != nil {
				return ""
			}
			sum = sum.Add(amount)
		}
	}
	return sum.String()
}

// xmlDecimal drops what xs:decimal allows and money does not have: a plus
// sign, more than two decimals when they are zeros, a single decimal.
func xmlDecimal(s string) string {
	s = strings.TrimPrefix(s, "+")
	if whole, decimals, found := strings.Cut(s, "."); found {
		for len(decimals) > 2 && strings.HasSuffix(decimals, "0") {
			decimals = decimals[:len(decimals)-1]
		}
		if whole == "" || whole == "-" {
			whole += "0"
		}
		switch len(decimals) {
		case 0:
			return whole
		case 1:
			decimals += "0"
		}
		return whole + "." + decimals
	}
	return s
}

// xmlDate reads the date notations of all syntaxes: 20180305, 2018-03-05,
// 2018-03-05T00:00:00 and 2018-03-05+01:00.
func xmlDate(s string) string {
	for _, layout := range []string{"20060102", time.DateOnly, "2006-01-02T15:04:05"} {
		if len(s) < len(layout) {
			continue
		}
		if date, err := time.Parse(layout, s[:len(layout)]); err == nil {
			return date.Format(time.DateOnly)
		}
	}
	return ""
}

// xmlTree holds the text of the elements below the root, by path.
type xmlTree struct {
	root   string
	values map[string][]string
}

// first returns the first value of the first path that has one. A path with
// a plus sign joins two values.
func (t xmlTree) first(paths []string) string {
	for _, path := range paths {
		var found []string
		for _, part := range strings.Split(path, "+") {
			if values := t.values[part]; len(values) > 0 {
				found = append(found, values[0])
			}
		}
		if value := strings.Join(found, " "); value != "" {
			return value
		}
	}
	return ""
}

// envelope is the root of the UN/CEFACT Standard Business Document, in which
// the Peppol network carries an invoice behind a header.
const envelope = "StandardBusinessDocument"

// parseXML reads the leaves of an XML document in any encoding that decodeXML
// knows. A document type declaration is refused, and with it every entity.
func parseXML(data []byte) (xmlTree, error) {
	if len(data) > maxXMLSize {
		return xmlTree{}, fmt.Errorf("%w: larger than %d MiB", ErrNotEInvoice, maxXMLSize>>20)
	}
	text, err := decodeXML(data)
	if err != nil {
		return xmlTree{}, fmt.Errorf("%w: %w", ErrNotEInvoice, err)
	}
	decoder := xml.NewDecoder(bytes.NewReader(text))
	decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	tree := xmlTree{values: map[string][]string{}}
	var path []string
	var leaf strings.Builder
	// What follows the first root is not looked at: some programs leave rubbish there.
	for elements := 0; tree.root == ""; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return xmlTree{}, fmt.Errorf("%w: it has no element", ErrNotEInvoice)
		}
		if err != nil {
			return xmlTree{}, fmt.Errorf("%w: %w", ErrNotEInvoice, err)
		}
		switch token := token.(type) {
		case xml.Directive:
			return xmlTree{}, fmt.Errorf("%w: it has a document type declaration", ErrNotEInvoice)
		case xml.StartElement:
			if elements++; elements > maxXMLElements || len(path) >= maxXMLDepth {
				return xmlTree{}, fmt.Errorf("%w: too large or too deep", ErrNotEInvoice)
			}
			if len(path) == 0 && strings.HasPrefix(token.Name.Local, envelope) {
				if err := enterEnvelope(decoder, token.Name.Local); err != nil {
					return xmlTree{}, err
				}
				continue
			}
			path = append(path, token.Name.Local)
			leaf.Reset()
			tree.attributes(path, token.Attr)
		case xml.CharData:
			leaf.Write(token)
		case xml.EndElement:
			if len(path) == 0 {
				continue // of an envelope with nothing in it
			}
			tree.add(path, leaf.String())
			path = path[:len(path)-1]
			leaf.Reset()
		}
	}
	return tree, nil
}

// enterEnvelope passes over the header of an envelope; what follows is as if
// it stood alone.
func enterEnvelope(decoder *xml.Decoder, element string) error {
	if element == envelope {
		return nil
	}
	if err := decoder.Skip(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotEInvoice, err)
	}
	return nil
}

func (t *xmlTree) add(path []string, text string) {
	if len(path) == 1 {
		t.root = path[0]
		return
	}
	// Invoice lines make most of a document and hold nothing that is asked for.
	if text = strings.Join(strings.Fields(text), " "); text != "" && len(path) <= 8 {
		key := strings.Join(path[1:], "/")
		t.values[key] = append(t.values[key], text)
	}
}

func (t *xmlTree) attributes(path []string, attributes []xml.Attr) {
	for _, attribute := range attributes {
		if attribute.Name.Local == "currencyID" && len(path) > 1 {
			key := strings.Join(path[1:], "/") + "@currencyID"
			t.values[key] = append(t.values[key], strings.TrimSpace(attribute.Value))
		}
	}
}
