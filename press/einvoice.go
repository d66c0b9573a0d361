package press

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"

	"golang.org/x/net/html/charset"
)

// isInvoiceXML recognises an e-invoice by its root element: CII 1.0 and 2.x
// (ZUGFeRD, Factur-X, XRechnung), UBL invoices and credit notes, FatturaPA.
func isInvoiceXML(content []byte) bool {
	if len(content) == 0 || len(content) > maxInvoiceXML {
		return false
	}
	decoder := xml.NewDecoder(bytes.NewReader(utf8Text(content)))
	decoder.CharsetReader = charset.NewReaderLabel
	for {
		token, err := decoder.RawToken()
		if err != nil {
			return false
		}
		root, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch root.Name.Local {
		case "CrossIndustryInvoice", "CrossIndustryDocument", "FatturaElettronica", "Invoice", "CreditNote":
			return true
		}
		return false
	}
}

// maxInvoiceXML bounds an e-invoice, in octets.
const maxInvoiceXML = 10 << 20

// utf8Text turns UTF-16 with a byte order mark into UTF-8 and leaves the rest as it is.
func utf8Text(content []byte) []byte {
	if !bytes.HasPrefix(content, []byte("\xff\xfe")) && !bytes.HasPrefix(content, []byte("\xfe\xff")) {
		return content
	}
	reader, err := charset.NewReaderLabel("utf-16", bytes.NewReader(content))
	if err != nil {
		return content
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		return content
	}
	// The declaration still says UTF-16, which is not true any more.
	if _, after, found := bytes.Cut(text, []byte("?>")); found {
		return after
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
