package extraction_test

import (
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/extraction"
	"github.com/docuflow/docuflow/page"
)

// want is what a document says, in the order vendor, total, date, number, currency.
type want [5]string

var order = [5]domain.FieldName{domain.VendorName, domain.TotalAmount, domain.InvoiceDate, domain.InvoiceNumber, domain.Currency}

func extract(t *testing.T, in extraction.Input) extraction.Result {
	t.Helper()
	result, err := extraction.Extract(in)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func check(t *testing.T, result extraction.Result, expected want) {
	t.Helper()
	for i, name := range order {
		if got := result.Fields.Value(name); got != expected[i] {
			t.Errorf("%s is %q (%.2f), want %q; alternatives %v", name, got, result.Fields[name].Confidence, expected[i], result.Fields[name].Alternatives)
		}
	}
}

const german = `
Kranichhof Gartenbau GmbH
Feldweg 12, 04109 Leipzig

Kranichhof Gartenbau GmbH, Feldweg 12, 04109 Leipzig
Seeblick Hotel AG                                   Rechnungsnummer:   RE-2025-0815
Uferpromenade 3                                     Rechnungsdatum:    14.03.2025
18609 Binz                                          Kundennummer:      10442
                                                    Lieferdatum:       11.03.2025
Rechnung

Pos.   Bezeichnung                       Menge     Einzelpreis      Betrag
1      Rollrasen                         120       4,50             540,00
2      Hecke schneiden                   6         48,00            288,00

       Zwischensumme netto                                          828,00 €
       MwSt. 19 %                                                   157,32 €
       Gesamtbetrag                                                 985,32 €

Zahlbar bis 28.03.2025 ohne Abzug.
IBAN DE89 3704 0044 0532 0130 00    USt-IdNr. DE123456789    www.kranichhof-gartenbau.de
`

const british = `
Saltmarsh Pottery Ltd                                        INVOICE
4 Quay Lane                                                  Invoice number   SP-1093
Whitby YO21 3PU                                              Invoice date     7 February 2025
Tel 01947 555 210                                            Due date         9 March 2025
VAT No. GB 123 4567 82

Bill to
Larkrise Bookshop Limited
18 Church Street
York YO1 8BQ

Description                         Qty      Unit price      Amount
Stoneware mugs, set of six          10       54.00           540.00
Large serving bowl                  4        38.50           154.00

                                             Subtotal        £694.00
                                             VAT 20%         £138.80
                                             Total           £832.80
                                             Deposit paid    £200.00
                                             Amount due      £632.80
`

const french = `
Ateliers Valmy SARL                                         Facture n° FA-2025-117
27 rue des Tanneurs                                         Date de facture : 3 mars 2025
21000 Dijon                                                 Échéance : 2 avril 2025

Facturé à :
Librairie du Cygne SAS
8 place Grangier
21000 Dijon

Désignation                            Qté     Prix unitaire     Montant
Étagère en chêne                       3       410,00            1 230,00
Pose                                   1       260,00            260,00

                                       Total HT                  1 490,00 €
                                       TVA 20 %                  298,00 €
                                       Total TTC                 1 788,00 €

SIRET 732 829 320 00074    TVA intracommunautaire FR44732829320    RCS Dijon
`

const slip = `
        HARBOUR STREET BAKERY LTD
        12 Harbour Street, Whitby
        VAT No. GB 987 6543 21

        Receipt No: 004512
        14/03/2025   10:42

        Rye bread               9.40
        Apple cake             12.80

        TOTAL                 £22.20
        Cash                  £30.00
        Change                 £7.80

        Thank you for your visit
`

const american = `
Ironwood Sign Company LLC
880 Mill Road
Austin, TX 78701

INVOICE

Invoice #       60217
Invoice Date    03/09/2025
Due Date        04/08/2025

Bill To:
Redbud Coffee Inc.
14 Congress Ave
Austin, TX 78702

Description                            Amount
Shop sign, painted                     $1,850.00
Mounting                               $240.00

Subtotal                               $2,090.00
Sales Tax 8.25%                        $172.43
Total                                  $2,262.43
`

func TestExtract(t *testing.T) {
	cases := map[string]struct {
		text string
		want want
	}{
		"German":   {german, want{"Kranichhof Gartenbau GmbH", "985.32", "2025-03-14", "RE-2025-0815", "EUR"}},
		"British":  {british, want{"Saltmarsh Pottery Ltd", "832.80", "2025-02-07", "SP-1093", "GBP"}},
		"French":   {french, want{"Ateliers Valmy SARL", "1788.00", "2025-03-03", "FA-2025-117", "EUR"}},
		"slip":     {slip, want{"HARBOUR STREET BAKERY LTD", "22.20", "2025-03-14", "004512", "GBP"}},
		"American": {american, want{"Ironwood Sign Company LLC", "2262.43", "2025-03-09", "60217", "USD"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			result := extract(t, extraction.Input{Page: extraction.Typed(c.text)})
			check(t, result, c.want)
			if result.Source != page.SourceText {
				t.Errorf("the source is %q", result.Source)
			}
			for _, name := range order {
				field := result.Fields[name]
				if field.Confidence <= 0 || field.Confidence > 1 {
					t.Errorf("%s has confidence %v", name, field.Confidence)
				}
				if len(field.Alternatives) > 3 {
					t.Errorf("%s has %d alternatives", name, len(field.Alternatives))
				}
			}
		})
	}
}

func TestExtractShowsWhereAValueStands(t *testing.T) {
	result := extract(t, extraction.Input{Page: extraction.Typed(british)})
	total := result.Fields[domain.TotalAmount]
	if total.Page != 1 || total.Box == nil {
		t.Fatalf("the total has no place: %+v", total)
	}
	// "£832.80" is on the eighteenth line, in column 61.
	if total.Box.X0 < 0.58 || total.Box.X0 > 0.62 || total.Box.Y0 < 0.315 || total.Box.Y1 > 0.335 {
		t.Errorf("the total stands at %+v", *total.Box)
	}
}

func TestExtractNeverTakesTheWorkspaceForTheVendor(t *testing.T) {
	result := extract(t, extraction.Input{Page: extraction.Typed(german), Own: []string{"Kranichhof Gartenbau GmbH"}})
	if got := result.Fields.Value(domain.VendorName); strings.Contains(got, "Kranichhof") {
		t.Errorf("the workspace itself is the vendor: %q", got)
	}
}

func TestExtractOfNothing(t *testing.T) {
	documents := map[string]page.Document{
		"no page":  {},
		"no words": {Source: page.SourceOCR, Pages: []page.Page{{Number: 1, Width: 100, Height: 100}}},
	}
	for name, document := range documents {
		t.Run(name, func(t *testing.T) {
			result := extract(t, extraction.Input{Page: document})
			for _, name := range order {
				if value := result.Fields.Value(name); value != "" {
					t.Errorf("%s was made up: %q", name, value)
				}
			}
			if len(result.Review) != len(order) {
				t.Errorf("%d reasons for review, want one a field: %v", len(result.Review), result.Review)
			}
		})
	}
}

func TestExtractDoesNotGuess(t *testing.T) {
	letter := "Dear neighbours,\n\nthe gate of the common garden stays open on Sundays.\nPlease close it in the evening.\n\nKind regards\nMaria"
	result := extract(t, extraction.Input{Page: extraction.Typed(letter)})
	for _, name := range []domain.FieldName{domain.TotalAmount, domain.InvoiceDate, domain.InvoiceNumber, domain.Currency} {
		if value := result.Fields.Value(name); value != "" {
			t.Errorf("%s was made up: %q", name, value)
		}
	}
	reasons := 0
	for _, reason := range result.Review {
		if reason.Message == "" {
			t.Errorf("no words for %s", reason.Field)
		}
		reasons++
	}
	if reasons < 4 {
		t.Errorf("only %d reasons for review: %v", reasons, result.Review)
	}
}

func TestExtractSaysWhatElseFits(t *testing.T) {
	// Two totals without a word about which of them counts.
	text := "Willow Crafts\n\nTotal   120.00\n\nTotal   210.00\n"
	total := extract(t, extraction.Input{Page: extraction.Typed(text)}).Fields[domain.TotalAmount]
	values := total.Value
	for _, other := range total.Alternatives {
		values += " " + other.Value
	}
	if !strings.Contains(values, "120.00") || !strings.Contains(values, "210.00") {
		t.Errorf("both totals should be offered, got %q", values)
	}
}

func TestExtractPrefersADayBeforeTheMailArrived(t *testing.T) {
	text := "Willow Crafts Ltd\n\nInvoice no. 77120\nDate   03/04/2025\n\nTotal   £120.00\n"
	result := extract(t, extraction.Input{Page: extraction.Typed(text), Received: time.Date(2025, 4, 5, 8, 0, 0, 0, time.UTC)})
	if got := result.Fields.Value(domain.InvoiceDate); got != "2025-04-03" {
		t.Errorf("the date is %q, want the third of April", got)
	}
}

// TestReadingsSupportEachOther gives a picture whose first reading misread the total.
func TestReadingsSupportEachOther(t *testing.T) {
	clear := extraction.TypedPage(slip)
	misread := extraction.TypedPage(strings.Replace(slip, "£22.20", "£72.20", 1))
	for i := range misread.Words {
		misread.Words[i].Confidence = 0.5
	}
	misread.Readings = [][]page.Word{clear.Words, clear.Words}
	result := extract(t, extraction.Input{Page: page.Document{Source: page.SourceOCR, Pages: []page.Page{misread}}})
	if got := result.Fields.Value(domain.TotalAmount); got != "22.20" {
		t.Errorf("the total is %q, want what two of three readings say", got)
	}
	if result.Source != page.SourceOCR {
		t.Errorf("the source is %q", result.Source)
	}
}
