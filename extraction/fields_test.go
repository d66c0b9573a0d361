package extraction_test

import (
	"strings"
	"testing"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/extraction"
)

// with replaces parts of a text and reads one field.
func with(t *testing.T, text string, field domain.FieldName, replacements ...string) string {
	t.Helper()
	changed := strings.NewReplacer(replacements...).Replace(text)
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(text, replacements[i]) {
			t.Fatalf("the text does not have %q", replacements[i])
		}
	}
	return extract(t, extraction.Input{Page: extraction.Typed(changed)}).Fields.Value(field)
}

func TestCurrency(t *testing.T) {
	cases := map[string]struct {
		got, want string
	}{
		"code beside the total": {with(t, american, domain.Currency, "Total                                  $2,262.43", "Total                                  CAD 2,262.43", "$", ""), "CAD"},
		"dollars in Australia":  {with(t, american, domain.Currency, "Austin, TX 78701", "ABN 51 824 753 556   Sydney NSW 2000   Australia", "Austin, TX 78702", "Perth WA 6000", "Sales Tax 8.25%", "GST 10%"), "AUD"},
		"kronor of Sweden":      {with(t, british, domain.Currency, "£", "kr ", "VAT No. GB 123 4567 82", "Bankgiro 123-4567   Sverige", "YO21 3PU", "", "YO1 8BQ", ""), "SEK"},
	}
	for name, c := range cases {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
}

func TestInvoiceNumber(t *testing.T) {
	cases := map[string]struct {
		got, want string
	}{
		"with a slash":             {with(t, german, domain.InvoiceNumber, "RE-2025-0815", "2025/0815"), "2025/0815"},
		"digits alone":             {with(t, british, domain.InvoiceNumber, "SP-1093", "1093"), "1093"},
		"long":                     {with(t, french, domain.InvoiceNumber, "FA-2025-117", "F2025-03-000117"), "F2025-03-000117"},
		"label and number touch":   {with(t, slip, domain.InvoiceNumber, "Receipt No: 004512", "Receipt No:004512"), "004512"},
		"label above the number":   {with(t, american, domain.InvoiceNumber, "Invoice #       60217", "Invoice number\n60217"), "60217"},
		"label with a hash before": {with(t, american, domain.InvoiceNumber, "Invoice #       60217", "Invoice: #60217"), "60217"},
	}
	for name, c := range cases {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
}

func TestTotal(t *testing.T) {
	cases := map[string]struct {
		got, want string
	}{
		"Swiss thousands":   {with(t, german, domain.TotalAmount, "985,32 €", "CHF 1'985.32", "828,00 €", "CHF 1'828.00", "157,32 €", "CHF 157.32"), "1985.32"},
		"negative":          {with(t, german, domain.TotalAmount, "985,32 €", "-985,32 €", "828,00 €", "-828,00 €", "157,32 €", "-157,32 €"), "-985.32"},
		"dots as thousands": {with(t, german, domain.TotalAmount, "985,32 €", "10.985,32 €", "828,00 €", "9.231,36 €", "157,32 €", "1.753,96 €"), "10985.32"},
		"not what was paid": {with(t, slip, domain.TotalAmount, "£30.00", "£50.00", "£7.80", "£27.80"), "22.20"},
	}
	for name, c := range cases {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
}
