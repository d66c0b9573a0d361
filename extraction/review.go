package extraction

import (
	"fmt"
	"strings"

	"github.com/docuflow/docuflow/domain"
)

// fieldWords are the fields as people call them.
var fieldWords = map[domain.FieldName]string{
	domain.VendorName: "vendor", domain.TotalAmount: "total", domain.InvoiceDate: "invoice date", domain.InvoiceNumber: "invoice number", domain.Currency: "currency",
}

// manyWords are the kinds of value as people call several of them.
var manyWords = map[domain.FieldName]string{
	domain.VendorName: "names", domain.TotalAmount: "amounts", domain.InvoiceDate: "dates", domain.InvoiceNumber: "numbers", domain.Currency: "currencies",
}

// reviewReason says in words why a person should look at a field.
func reviewReason(name domain.FieldName, field domain.Field, answers []answer, words bool) string {
	switch {
	case !words:
		return fmt.Sprintf("No text could be read, so the %s is missing.", fieldWords[name])
	case field.Value == "" && len(field.Alternatives) == 0:
		return fmt.Sprintf("No %s was found.", fieldWords[name])
	case field.Value == "":
		return fmt.Sprintf("No %s was found for certain. It may be %s.", fieldWords[name], listed(field.Alternatives))
	case len(answers) > 1 && answers[1].probability > 0.15*answers[0].probability:
		return fmt.Sprintf("Two %s fit: %s and %s.", manyWords[name], field.Value, answers[1].value)
	case answers[0].surety < 0.6:
		return fmt.Sprintf("The %s is hard to read: %s.", fieldWords[name], field.Value)
	}
	return fmt.Sprintf("The %s is probably %s, but nothing beside it says so clearly.", fieldWords[name], field.Value)
}

func listed(candidates []domain.Candidate) string {
	values := make([]string, len(candidates))
	for i, c := range candidates {
		values[i] = c.Value
	}
	if len(values) < 2 {
		return strings.Join(values, "")
	}
	return strings.Join(values[:len(values)-1], ", ") + " or " + values[len(values)-1]
}

// contradiction says that a page shows clearly another value than the
// e-invoice inside it: a reason to look, whoever is right.
func contradiction(name domain.FieldName, stated, seen domain.Field) string {
	const sure = 0.9
	if seen.Value == "" || seen.Confidence < sure || sameValue(name, stated.Value, seen.Value) {
		return ""
	}
	for _, other := range seen.Alternatives {
		if sameValue(name, stated.Value, other.Value) {
			return ""
		}
	}
	return fmt.Sprintf("The e-invoice says %s, the page shows %s.", stated.Value, seen.Value)
}

func sameValue(name domain.FieldName, a, b string) bool {
	switch name {
	case domain.TotalAmount:
		x, errX := domain.ParseAmount(a)
		y, errY := domain.ParseAmount(b)
		return errX == nil && errY == nil && x.Cmp(y) == 0
	case domain.VendorName:
		x, y := nameKey(a), nameKey(b)
		return strings.Contains(x, y) || strings.Contains(y, x)
	case domain.InvoiceNumber:
		return numberKey(a) == numberKey(b)
	}
	return a == b
}

func reasonFor(reasons []domain.ReviewReason, name domain.FieldName) string {
	for _, reason := range reasons {
		if reason.Field == name {
			return reason.Message
		}
	}
	return ""
}
