package domain

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// FieldName names what is read from a document. The names are also those of
// the JSON API and the command line.
type FieldName string

// The fields of a document.
const (
	VendorName    FieldName = "vendor_name"
	TotalAmount   FieldName = "total_amount"
	InvoiceDate   FieldName = "invoice_date"
	InvoiceNumber FieldName = "invoice_number"
	Currency      FieldName = "currency"
	CategoryName  FieldName = "category"
)

// FieldNames lists the fields in the order in which people read them.
var FieldNames = []FieldName{VendorName, TotalAmount, InvoiceDate, InvoiceNumber, Currency, CategoryName}

// Box is a place on a page. The origin is the upper left corner and the
// unit is the page's width (X) or height (Y): all values are between 0 and 1.
type Box struct {
	X0 float64 `json:"x0"`
	Y0 float64 `json:"y0"`
	X1 float64 `json:"x1"`
	Y1 float64 `json:"y1"`
}

// Candidate is one value that was considered for a field, and where it stands.
type Candidate struct {
	Value      string  `json:"value"`
	Confidence float64 `json:"confidence"`
	Page       int     `json:"page,omitempty"` // 1 is the first page, 0 is unknown
	Box        *Box    `json:"box,omitempty"`
}

// Field is one value of a document with what is known about it.
type Field struct {
	// Value is in canonical form, "" when nothing was found: a plain decimal
	// for amounts (sign as printed), an ISO 8601 date (2026-11-22), an ISO 4217
	// currency code, otherwise one line of text.
	Value        string      `json:"value"`
	Confidence   float64     `json:"confidence"` // 0 to 1, of what was read: an edited field is as sure as its editor
	Reason       string      `json:"reason,omitempty"`
	Page         int         `json:"page,omitempty"` // 1 is the first page, 0 is unknown
	Box          *Box        `json:"box,omitempty"`
	Alternatives []Candidate `json:"alternatives,omitempty"` // best first, without Value itself
	// Locked says that a person set the value: no later run overwrites it.
	Locked   bool      `json:"locked,omitempty"`
	Previous string    `json:"previous,omitempty"` // what was read before a person edited it
	EditedBy string    `json:"edited_by,omitempty"`
	EditedAt time.Time `json:"edited_at,omitzero"`
}

// Fields holds the fields of one document. A missing key is a field that was
// not looked for yet; an empty Value one that was looked for and not found.
type Fields map[FieldName]Field

// Value returns the canonical value of a field, "" when there is none.
func (f Fields) Value(name FieldName) string { return f[name].Value }

// Total returns the gross total, false when none was read.
func (f Fields) Total() (Amount, bool) {
	amount, err := ParseAmount(f.Value(TotalAmount))
	return amount, err == nil
}

// Merge returns f overlaid with what a later run read. Locked fields stay.
func (f Fields) Merge(read Fields) Fields {
	merged := make(Fields, len(f)+len(read))
	for name, field := range f {
		merged[name] = field
	}
	for name, field := range read {
		if !merged[name].Locked {
			merged[name] = field
		}
	}
	return merged
}

// Edit returns the fields with one value set by a person and locked.
// The value must be canonical (see CanonicalValue); "" says "there is none".
func (f Fields) Edit(name FieldName, value, by string, at time.Time) Fields {
	edited := f.Merge(nil)
	field := edited[name]
	if !field.Locked {
		field.Previous = field.Value
	}
	field.Value = value // Confidence and Reason stay those of what was read
	field.Locked, field.EditedBy, field.EditedAt = true, by, at
	edited[name] = field
	return edited
}

// Unlock takes a person's edit back: the field has again what was read before.
func (f Fields) Unlock(name FieldName) Fields {
	unlocked := f.Merge(nil)
	field := unlocked[name]
	if !field.Locked {
		return unlocked
	}
	field.Value, field.Previous = field.Previous, ""
	field.Locked, field.EditedBy, field.EditedAt = false, "", time.Time{}
	unlocked[name] = field
	return unlocked
}

// ErrFieldValue is wrapped by every error of CanonicalValue. The text behind
// it is a sentence for the person who typed the value.
var ErrFieldValue = errors.New("invalid value")

const maxFieldLength = 200

// CanonicalValue checks what a person entered for a field and returns it in
// canonical form. An empty text is fine for every field: "there is none".
func CanonicalValue(name FieldName, text string) (string, error) {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if text == "" {
		return "", nil
	}
	if len([]rune(text)) > maxFieldLength {
		return "", fmt.Errorf("%w: longer than %d characters", ErrFieldValue, maxFieldLength)
	}
	switch name {
	case TotalAmount:
		amount, err := ParseAmount(strings.ReplaceAll(text, "\u2212", "-"))
		if err != nil {
			return "", fmt.Errorf("%w: write the total with a point and without separators, like 1234.50", ErrFieldValue)
		}
		return amount.String(), nil
	case InvoiceDate:
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return "", fmt.Errorf("%w: write an existing day as year-month-day, like 2026-11-22", ErrFieldValue)
		}
	case Currency:
		text = strings.ToUpper(text)
		if !isCurrencyCode(text) {
			return "", fmt.Errorf("%w: write the three letters of the currency, like EUR", ErrFieldValue)
		}
	case VendorName, InvoiceNumber, CategoryName:
	default:
		return "", fmt.Errorf("%w: there is no field %q", ErrFieldValue, name)
	}
	return text, nil
}

func isCurrencyCode(s string) bool {
	if len(s) != 3 {
		return false
	}
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
