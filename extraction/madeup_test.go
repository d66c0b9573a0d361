package extraction_test

import (
	"testing"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/extraction"
	"github.com/docuflow/docuflow/extraction/madeup"
)

// TestInventedDocuments reads documents that were never learned from: the
// trainer takes seeds from 1 on. A value that is missing is bad, a wrong one is
// worse; what is accepted without a person must nearly always be right.
func TestInventedDocuments(t *testing.T) {
	const first, count = 1_000_000, 80
	right, known := map[domain.FieldName]int{}, map[domain.FieldName]int{}
	accepted, acceptedRight := 0, 0
	for seed := range uint64(count) {
		document := madeup.Make(first + seed)
		result := extract(t, extraction.Input{Page: document.Pages})
		doubted := map[domain.FieldName]bool{}
		for _, reason := range result.Review {
			doubted[reason.Field] = true
		}
		for name, value := range document.Truth {
			known[name]++
			good := extraction.Same(name, result.Fields.Value(name), value)
			if good {
				right[name]++
			}
			if !doubted[name] {
				accepted++
				if good {
					acceptedRight++
				} else {
					t.Logf("%s: %s is %q, want %q", document.Name, name, result.Fields.Value(name), value)
				}
			}
		}
	}
	for name, least := range map[domain.FieldName]float64{domain.TotalAmount: 0.98, domain.InvoiceDate: 0.96, domain.InvoiceNumber: 0.93, domain.VendorName: 0.94, domain.Currency: 0.96} {
		share := float64(right[name]) / float64(known[name])
		t.Logf("%s: %.1f %% of %d", name, 100*share, known[name])
		if share < least {
			t.Errorf("only %.1f %% of %s are right, want %.0f %%", 100*share, name, 100*least)
		}
	}
	t.Logf("accepted %d, right %d", accepted, acceptedRight)
	if float64(acceptedRight) < 0.985*float64(accepted) || accepted < 330 {
		t.Errorf("%d values were accepted, %d of them right", accepted, acceptedRight)
	}
}
