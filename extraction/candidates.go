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
	// Where it stands, nil when nowhere: what a vendor's next document is compared with.
	cell       *cell
	start, end int
	style      string  // of the notation: the order of day and month
	bonus      float64 // what memory adds to its score
}

// document is everything that is known about one document while it is read.
type document struct {
	input  Input
	sheets []*sheet
	facts  facts
	memory *memory // nil when no known vendor was recognised
}

// facts are what the whole document says about its origin.
type facts struct {
	country string // ISO 3166 alpha-2, "" when unknown
	domains []string
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
	if d.source() == page.SourceOCR {
		if name == domain.VendorName {
			joinSpellings(all)
		}
		markReading(all, len(d.sheets))
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

// joinSpellings gives names that differ by a few misread letters one key, so
// that the readings support each other; the spelling of the surest one wins.
func joinSpellings(all []candidate) {
	const most = 400 // comparisons grow with the square
	var keys []string
	for i, c := range all[:min(len(all), most)] {
		for _, key := range keys {
			if alike(c.key, key) {
				all[i].key = key
				break
			}
		}
		if all[i].key == c.key {
			keys = append(keys, c.key)
		}
	}
}

// alike says that two keys are one name but for single letters.
func alike(a, b string) bool {
	if len(a) < 6 || len(b) < 6 || 10*abs(len(a)-len(b)) > 2*max(len(a), len(b)) {
		return a == b
	}
	return 5*distance(a, b) <= max(len(a), len(b))
}

// distance is the number of letters to change, insert or drop.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func abs(n int) int { return max(n, -n) }

// markReading notes how many readings have the same value, and how sure the
// reader was.
func markReading(all []candidate, readings int) {
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
		f.share("surety", c.surety, 5)
		all[i].features = append(c.features, f.names...)
	}
}
