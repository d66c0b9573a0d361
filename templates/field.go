package templates

import (
	"strings"

	"github.com/docuflow/docuflow/domain"
)

// fieldView is a field as its row shows it.
type fieldView struct {
	Name       domain.FieldName
	Label      string
	Field      domain.Field
	Trust      trust
	Why        string
	Flagged    bool // a person should look
	Active     bool // shown as a form
	Draft      string
	Problem    string // why the draft was not saved
	Candidates []domain.Candidate
	Looked     bool // some run has looked for it
	Over       bool // no run will look any more
}

const maxCandidates = 3

// Draft is what a person entered for a field and what is wrong with it.
type Draft struct {
	Field   domain.FieldName
	Value   string
	Problem string
}

func fieldViews(d domain.Document, editing domain.FieldName, draft Draft) []fieldView {
	views := make([]fieldView, 0, len(domain.FieldNames))
	for _, name := range domain.FieldNames {
		field, looked := d.Fields[name]
		why := reviewOf(d, name)
		view := fieldView{
			Name: name, Label: label(name), Field: field, Looked: looked, Over: d.Status.Rests(),
			Flagged: why != "" && !field.Locked, Draft: field.Value,
			Trust: trustOf(field, why != ""), Why: sentences(why, field.Reason),
			Active: name == editing, Candidates: candidates(field),
		}
		if draft.Field == name {
			view.Draft, view.Problem = draft.Value, draft.Problem
		}
		views = append(views, view)
	}
	return views
}

// candidates are the values to choose from, the present one first.
func candidates(f domain.Field) []domain.Candidate {
	if len(f.Alternatives) == 0 {
		return nil
	}
	choice := f.Alternatives
	if f.Value != "" {
		choice = append([]domain.Candidate{{Value: f.Value, Page: f.Page, Box: f.Box}}, choice...)
	}
	return choice[:min(maxCandidates, len(choice))]
}

func reviewOf(d domain.Document, name domain.FieldName) string {
	for _, reason := range d.Review {
		if reason.Field == name {
			return reason.Message
		}
	}
	return ""
}

func wholeReview(d domain.Document) []string {
	var messages []string
	for _, reason := range d.Review {
		if reason.Field == "" {
			messages = append(messages, reason.Message)
		}
	}
	return messages
}

// sentences joins two remarks, and says the same thing only once.
func sentences(first, second string) string {
	if first == "" || strings.Contains(second, first) {
		return second
	}
	if second == "" || strings.Contains(first, second) {
		return first
	}
	return strings.TrimSuffix(first, ".") + ". " + second
}

// WeakField is the first field that a person should look at. It is empty when
// every field is sure or settled.
func WeakField(d domain.Document) domain.FieldName {
	for _, name := range domain.FieldNames {
		if reviewOf(d, name) != "" && !d.Fields[name].Locked {
			return name
		}
	}
	return ""
}

func label(name domain.FieldName) string {
	switch name {
	case domain.VendorName:
		return "Vendor"
	case domain.TotalAmount:
		return "Total"
	case domain.InvoiceDate:
		return "Dated"
	case domain.InvoiceNumber:
		return "Number"
	case domain.Currency:
		return "Currency"
	case domain.CategoryName:
		return "Category"
	}
	return string(name)
}

// shown is a value as people read it; what they edit is the canonical form.
func shown(name domain.FieldName, value string) string {
	switch name {
	case domain.TotalAmount:
		if amount, err := domain.ParseAmount(value); err == nil {
			return figureOf(amount).String()
		}
	case domain.InvoiceDate:
		return fullDate(value)
	}
	return value
}

func inputMode(name domain.FieldName) string {
	if name == domain.TotalAmount {
		return "decimal"
	}
	return "text"
}

func hint(name domain.FieldName) string {
	switch name {
	case domain.TotalAmount:
		return "1234.50"
	case domain.InvoiceDate:
		return "2026-11-22"
	case domain.Currency:
		return "EUR"
	}
	return ""
}

// by says who edited a field, as the reader sees it.
func by(reader domain.User, email string) string {
	if email == reader.Email {
		return "you"
	}
	return email
}
