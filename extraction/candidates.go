package extraction

import (
	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/page"
)

// candidate is one value that a field may have, at one place of the document.
type candidate struct {
	value    string // canonical, as it goes into domain.Field
	key      string // what makes two candidates the same answer
	page     int    // 1 is the first page
	box      page.Box
	reading  int     // 0 is the page's own words
	surety   float64 // of the reader in the words, 0 to 1
	features []string
}

// document is everything that is known about one document while it is read.
type document struct {
	input  Input
	sheets []*sheet
	facts  facts
}

// facts are what the whole document says about its origin.
type facts struct {
	country   string // ISO 3166 alpha-2, "" when unknown
	domains   []string
	languages map[string]int
}

// candidatesOf finds the candidates of a field in every reading. What several
// readings agree on says so in its features.
func (d *document) candidatesOf(name domain.FieldName, earlier domain.Fields) []candidate {
	var all []candidate
	for reading, s := range d.sheets {
		found := d.find(name, s, earlier)
		for i := range found {
			found[i].reading = reading
		}
		all = append(all, found...)
	}
	if len(d.sheets) > 1 {
		markAgreement(all, len(d.sheets))
	}
	return all
}

func (d *document) find(name domain.FieldName, s *sheet, earlier domain.Fields) []candidate {
	switch name {
	case domain.TotalAmount:
		return d.totals(s)
	case domain.InvoiceDate:
		return d.invoiceDates(s)
	case domain.InvoiceNumber:
		return d.invoiceNumbers(s)
	case domain.VendorName:
		return d.vendors(s)
	case domain.Currency:
		return d.currencies(s, earlier)
	}
	return nil
}

// markAgreement notes how many readings have the same value.
func markAgreement(all []candidate, readings int) {
	seen := map[string]map[int]bool{}
	for _, c := range all {
		if seen[c.key] == nil {
			seen[c.key] = map[int]bool{}
		}
		seen[c.key][c.reading] = true
	}
	for i, c := range all {
		var f features
		f.bucket("readings that agree", len(seen[c.key]), 1, 2, 3)
		f.when(c.reading > 0, "other reading")
		f.when(len(seen[c.key]) == readings, "all readings agree")
		all[i].features = append(c.features, f.names...)
	}
}
