package press

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"slices"

	"golang.org/x/text/encoding/unicode"
)

// invoiceRoots are the root elements of e-invoices. Where a file carries one
// invoice in several versions, the first of this list is read.
var invoiceRoots = []string{
	"CrossIndustryInvoice",                              // CII 2.x: ZUGFeRD 2, Factur-X, XRechnung
	"Invoice", "CreditNote", "StandardBusinessDocument", // UBL, bare and as Peppol wraps it
	"CrossIndustryDocument",                                // CII 1.0: ZUGFeRD 1
	"FatturaElettronica", "FatturaElettronicaSemplificata", // FatturaPA
}

// isInvoiceXML recognises an e-invoice by its root element.
func isInvoiceXML(content []byte) bool { return slices.Contains(invoiceRoots, rootOf(content)) }

// rootOf returns the name of the root element, "" when there is none. Such names
// are ASCII, so one reading does for every encoding but UTF-16.
func rootOf(content []byte) string {
	if len(content) == 0 || len(content) > maxInvoiceXML {
		return ""
	}
	decoder := xml.NewDecoder(bytes.NewReader(utf8Text(content)))
	decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	for {
		token, err := decoder.RawToken()
		if err != nil {
			return ""
		}
		if root, ok := token.(xml.StartElement); ok {
			return root.Name.Local
		}
	}
}

// maxInvoiceXML bounds an e-invoice, in octets.
const maxInvoiceXML = 10 << 20

// utf8Text turns UTF-16, with and without a byte order mark, into UTF-8 and leaves the rest as it is.
func utf8Text(content []byte) []byte {
	order := unicode.LittleEndian
	switch {
	case bytes.HasPrefix(content, []byte("\xff\xfe")), bytes.HasPrefix(content, []byte("<\x00")):
	case bytes.HasPrefix(content, []byte("\xfe\xff")), bytes.HasPrefix(content, []byte("\x00<")):
		order = unicode.BigEndian
	default:
		return content
	}
	text, err := unicode.UTF16(order, unicode.UseBOM).NewDecoder().Bytes(content)
	if err != nil {
		return content
	}
	return text
}

// readHead returns the first octets of a file, for Sniff; a file without any is a failure.
func readHead(file string) ([]byte, error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	head := make([]byte, SniffLength)
	n, err := io.ReadFull(opened, head)
	if errors.Is(err, io.EOF) {
		return nil, empty()
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	return head[:n], nil
}
