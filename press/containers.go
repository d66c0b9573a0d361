package press

import "bytes"

// isTNEF knows Outlook's container by its signature ([MS-OXTNEF], section 2.1.3.1). No maintained
// library for it is to be had, and it is rare today.
func isTNEF(content []byte) bool { return bytes.HasPrefix(content, []byte("\x78\x9f\x3e\x22")) }

// isPKCS7 knows CMS signed or enveloped data in DER (RFC 5652, sections 5 and
// 6): .p7m, the opaque form of S/MIME and of signed FatturaPA invoices.
func isPKCS7(content []byte) bool {
	const sequence = 0x30
	if len(content) < 2 || content[0] != sequence {
		return false
	}
	// 1.2.840.113549.1.7.2 and .3
	oid := []byte("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07")
	at := bytes.Index(content[:min(len(content), 32)], oid)
	return at > 0 && at+len(oid) < len(content) && (content[at+len(oid)] == 2 || content[at+len(oid)] == 3)
}
