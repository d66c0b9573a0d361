package mail

import _ "embed" // for the sample invoice

//go:embed sample.pdf
var samplePDF string

// SampleInvoice is an invoice of a vendor that does not exist, for people who
// want to see what happens to one.
func SampleInvoice() File {
	return File{Name: "nordlys-hosting-2026-10418.pdf", MediaType: "application/pdf", Content: []byte(samplePDF)}
}
