// Package extraction goes from a page to fields: vendor, total, date, number
// and currency of an invoice or a receipt.
//
// An e-invoice is read exactly. Everything else is read from the page model:
// each field has many candidates (found with high recall), each candidate is
// described by features of its surroundings, and a linear model that was
// learned from documents with known answers chooses one of them, or none.
// What the choice is worth is a calibrated confidence; a field that misses its
// threshold gets a reason in words.
//
// Everything here is a pure function of its input: no clock, no network, no files.
package extraction
