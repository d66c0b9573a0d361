package extraction_test

import (
	"strings"
	"testing"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/extraction"
)

// workspaceMemory keeps lessons as storage does: a key that several vendors
// share says nothing.
type workspaceMemory struct {
	lessons []domain.Lesson
}

func (m *workspaceMemory) known(keys []domain.VendorKey) []domain.KnownVendor {
	owners := map[domain.VendorKey]map[string]bool{}
	for _, lesson := range m.lessons {
		for _, key := range lesson.Keys {
			if owners[key] == nil {
				owners[key] = map[string]bool{}
			}
			owners[key][lesson.Key] = true
		}
	}
	byKey := map[string]*domain.KnownVendor{}
	for _, key := range keys {
		for owner := range owners[key] {
			if len(owners[key]) > 1 {
				continue
			}
			if byKey[owner] == nil {
				byKey[owner] = &domain.KnownVendor{ID: domain.VendorID(owner)}
			}
			byKey[owner].Matched = append(byKey[owner].Matched, key)
		}
	}
	var vendors []domain.KnownVendor
	for owner, vendor := range byKey {
		for _, lesson := range m.lessons {
			if lesson.Key == owner {
				vendor.Name = lesson.Vendor
				vendor.Lessons = append(vendor.Lessons, lesson)
				vendor.Documents++
			}
		}
		vendors = append(vendors, *vendor)
	}
	return vendors
}

func (m *workspaceMemory) read(t *testing.T, in extraction.Input) extraction.Result {
	t.Helper()
	keys, err := extraction.Keys(in)
	if err != nil {
		t.Fatal(err)
	}
	in.Known = m.known(keys)
	return extract(t, in)
}

func (m *workspaceMemory) correct(t *testing.T, in extraction.Input, right want) {
	t.Helper()
	confirmed := map[domain.FieldName]string{}
	for i, name := range order {
		confirmed[name] = right[i]
	}
	lesson, learned, err := extraction.Learn(in, confirmed, right[0])
	if err != nil || !learned {
		t.Fatalf("nothing was learned: %v", err)
	}
	m.lessons = append(m.lessons, lesson)
}

// The layouts below mislead on purpose: a brand that is not the company, words
// that are no labels of any language, and a day and month in the rarer order.
const brandFirst = `
   BLUE HERON                                       STATEMENT OF SERVICES
   a house of Marchetti                             Docket       HX-2041
                                                    Ordered      02/03/2025
   Prepared for                                     Raised       05/03/2025
   Larkrise Bookshop Limited                        Ship date    09/03/2025
   18 Church Street
   York YO1 8BQ

   Work                                             Hours        Amount
   Window display                                   6            240.00
   Signs                                            2             80.00

   Merchandise                                                   320.00
   Handover                                                      352.00
   Yearly volume                                               9,940.00

   IBAN GB82 WEST 1234 5698 7654 32
`

const brandFirstNext = `
   BLUE HERON                                       STATEMENT OF SERVICES
   a house of Marchetti                             Docket       HX-2077
                                                    Ordered      11/04/2025
   Prepared for                                     Raised       15/04/2025
   Larkrise Bookshop Limited                        Ship date    22/04/2025
   18 Church Street
   York YO1 8BQ

   Work                                             Hours        Amount
   Window display                                   9            360.00

   Merchandise                                                   360.00
   Handover                                                      396.00
   Yearly volume                                              10,336.00

   IBAN GB82 WEST 1234 5698 7654 32
`

const swapped = `
 Larkrise Bookshop Limited
 18 Church Street, York YO1 8BQ

 Pell & Daughters Coal Merchants                    File no.     77120
 The Wharf, Selby                                   Ledger       5532-A
 VAT GB 980 7806 84                                 Round        03/04/2025

 Sack, 25 kg                        12              180.00
 Carriage                                            12.00
 Ledger sum                                         192.00
 Credit line                                      1,000.00
 IBAN GB33 BUKB 2020 1555 5555 55
`

const swappedNext = `
 Larkrise Bookshop Limited
 18 Church Street, York YO1 8BQ

 Pell & Daughters Coal Merchants                    File no.     77120
 The Wharf, Selby                                   Ledger       5610-A
 VAT GB 980 7806 84                                 Round        05/06/2025

 Sack, 25 kg                        20              300.00
 Carriage                                            12.00
 Ledger sum                                         312.00
 Credit line                                      1,000.00
 IBAN GB33 BUKB 2020 1555 5555 55
`

const picture = `
                                                    Serial     2025 118
                                                    Given      07.03.2025
 Seeblick Hotel AG                                  Until      07.04.2025
 Uferpromenade 3                                    Journey    01.03.2025
 18609 Binz

 Rundfahrt                                          410,00
 Proviant                                            90,00

 Kaution hinterlegt                                 900,00
 Fahrpreis alles inbegriffen                        500,00

 IBAN DE89 3704 0044 0532 0130 00
`

const pictureNext = `
                                                    Serial     2025 164
                                                    Given      19.05.2025
 Seeblick Hotel AG                                  Until      19.06.2025
 Uferpromenade 3                                    Journey    12.05.2025
 18609 Binz

 Rundfahrt                                          730,00
 Proviant                                           110,00

 Kaution hinterlegt                                 900,00
 Fahrpreis alles inbegriffen                        840,00

 IBAN DE89 3704 0044 0532 0130 00
`

func TestCorrectingTheFirstInvoiceMakesTheSecondRight(t *testing.T) {
	cases := map[string]struct {
		first, second         string
		correction, secondOne want
	}{
		"a brand that is not the company": {brandFirst, brandFirstNext,
			want{"Marchetti Retail Design Ltd", "352.00", "2025-03-05", "HX-2041", "GBP"}, want{"Marchetti Retail Design Ltd", "396.00", "2025-04-15", "HX-2077", "GBP"}},
		"the buyer on top, month first": {swapped, swappedNext,
			want{"Pell & Daughters Coal Merchants", "192.00", "2025-03-04", "5532-A", "GBP"}, want{"Pell & Daughters Coal Merchants", "312.00", "2025-05-06", "5610-A", "GBP"}},
		"a name that is a picture": {picture, pictureNext,
			want{"Reederei Kormoran", "500.00", "2025-03-07", "2025 118", "EUR"}, want{"Reederei Kormoran", "840.00", "2025-05-19", "2025 164", "EUR"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var memory workspaceMemory
			first, second := extraction.Input{Page: extraction.Typed(c.first)}, extraction.Input{Page: extraction.Typed(c.second)}
			wrong := 0
			without := memory.read(t, second)
			for i, name := range order {
				if without.Fields.Value(name) != c.secondOne[i] {
					wrong++
				}
			}
			if wrong < 2 || without.Vendor != "" {
				t.Fatalf("the scorer has only %d fields wrong: this layout proves nothing", wrong)
			}
			memory.correct(t, first, c.correction)
			result := memory.read(t, second)
			check(t, result, c.secondOne)
			if result.Vendor == "" {
				t.Error("the vendor was not recognised")
			}
			// Another company with the same program: all but the names is alike.
			program := strings.NewReplacer("Pell & Daughters Coal Merchants", "Harrow Kiln & Brick Company", "Marchetti", "Okonedo", "BLUE HERON", "GREY MARTEN",
				"IBAN GB82 WEST 1234 5698 7654 32", "", "IBAN GB33 BUKB 2020 1555 5555 55", "").Replace(c.second)
			if stranger := memory.read(t, extraction.Input{Page: extraction.Typed(program)}); program != c.second && len(c.second)-len(program) > 20 && stranger.Vendor != "" {
				t.Errorf("another company with the same layout is taken for %s", stranger.Vendor)
			}
			if other := memory.read(t, extraction.Input{Page: extraction.Typed(british)}); other.Vendor != "" || other.Fields.Value(domain.VendorName) != "Saltmarsh Pottery Ltd" {
				t.Errorf("another vendor's invoice is taken for one of %s", other.Vendor)
			}
		})
	}
}

func TestAMemoryThatIsWrongIsTrustedLess(t *testing.T) {
	var memory workspaceMemory
	in := extraction.Input{Page: extraction.Typed(british)}
	memory.correct(t, in, want{"Wrong Name Ltd", "540.00", "2025-03-09", "10", "GBP"})
	keys, err := extraction.Keys(in)
	if err != nil {
		t.Fatal(err)
	}
	in.Known = memory.known(keys)
	if len(in.Known) != 1 {
		t.Fatalf("%d vendors are known", len(in.Known))
	}
	in.Known[0].Wrong = 20
	if result := extract(t, in); result.Fields.Value(domain.TotalAmount) != "832.80" || result.Fields.Value(domain.VendorName) != "Saltmarsh Pottery Ltd" {
		t.Errorf("a memory that was wrong twenty times decides: %v", result.Fields)
	}
}

func TestKeysHaveValidCheckDigits(t *testing.T) {
	keys, err := extraction.Keys(extraction.Input{Sender: "Anna <anna@gmail.com>", Page: extraction.Typed(`
Rechnung  RE-7    USt-IdNr. DE136695976   Steuer DE136695977
IBAN DE89 3704 0044 0532 0130 00  BIC COBADEFF   IBAN DE89 3704 0044 0532 0130 01
SIRET 732 829 320 00074   ABN 51 824 753 556   P.IVA IT07643520567  GSTIN 27AAPFU0939F1ZV
`)})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]domain.KeyKind{}
	for _, key := range keys {
		got[key.Value] = key.Kind
	}
	for value, kind := range map[string]domain.KeyKind{
		"DE89370400440532013000": domain.KeyAccount, "DE136695976": domain.KeyIdentifier, "73282932000074": domain.KeyIdentifier,
		"51824753556": domain.KeyIdentifier, "IT07643520567": domain.KeyIdentifier, "27AAPFU0939F1ZV": domain.KeyIdentifier, "anna@gmail.com": domain.KeySender,
	} {
		if got[value] != kind {
			t.Errorf("%s is %q, want %s", value, got[value], kind)
		}
	}
	for _, value := range []string{"DE136695977", "DE89370400440532013001", "gmail.com"} {
		if got[value] != "" {
			t.Errorf("%s is a key", value)
		}
	}
}
