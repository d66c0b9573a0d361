package main

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/page"
)

// shops are made-up slips whose total stands beside its label, not always the largest amount.
func shops() []example {
	var examples []example
	for i := range 40 {
		total := fmt.Sprintf("%d.50", 10+i)
		lines := [][2]string{{"Subtotal", fmt.Sprintf("%d.00", 9+i)}, {"Total", total}, {"Cash", "100.00"}, {"Change", fmt.Sprintf("%d.50", 89-i)}}
		var p page.Page
		p.Number, p.Width, p.Height = 1, 400, 600
		for y, line := range lines {
			at := 0.2 + float64(y)*0.05
			p.Words = append(p.Words,
				page.Word{Text: line[0], Confidence: 1, FontSize: 0.02, Box: page.Box{X0: 0.1, Y0: at, X1: 0.3, Y1: at + 0.015}},
				page.Word{Text: line[1], Confidence: 1, FontSize: 0.02, Box: page.Box{X0: 0.7, Y0: at, X1: 0.9, Y1: at + 0.015}})
		}
		examples = append(examples, example{set: "shops", file: fmt.Sprint(i), group: fmt.Sprint(i), truth: map[domain.FieldName][]string{domain.TotalAmount: {total}},
			pages: page.Document{Source: page.SourceText, Pages: []page.Page{p}}})
	}
	return examples
}

func TestLearnField(t *testing.T) {
	weights, predictions := learnField(shops(), domain.TotalAmount, example.vendor)
	for i, p := range predictions {
		if !p.scored || !p.right {
			t.Errorf("slip %d: %q is not right", i, p.value)
		}
		if p.confidence < 0.5 || p.confidence > 1 {
			t.Errorf("slip %d: confidence %v", i, p.confidence)
		}
	}
	if curve := weights.Confidence[page.SourceText]; len(curve.Weights) == 0 || curve.Threshold < 0.5 {
		t.Errorf("the confidence is not calibrated: %+v", curve)
	}
	again, _ := learnField(shops(), domain.TotalAmount, example.vendor)
	if !reflect.DeepEqual(weights, again) {
		t.Error("two runs learned different weights")
	}
}

func TestSameVendor(t *testing.T) {
	cases := []struct {
		value, answer string
		want          bool
	}{
		{"Müller GmbH", "MUELLER", true}, {"Müller GmbH", "Muller", true}, {"SDN BHD", "ABC HO TRADING SDN BHD", false}, {"AG", "Rohstoff AG Salzgitter", false},
		{"UNIHAKKA INTERNATIONAL SDN BHD (867388-U)", "Unihakka International Sdn Bhd", true}, {"Amazon Web Services, Inc.", "Amazon Web Services", true},
		{"Amazon", "Amazon Web Services", false}, {"Groß AG", "GROSS", true}, {"", "x", false},
	}
	for _, c := range cases {
		if got := sameVendor(c.value, c.answer); got != c.want {
			t.Errorf("%q for %q: %v", c.value, c.answer, got)
		}
	}
}

func TestRight(t *testing.T) {
	cases := []struct {
		name     domain.FieldName
		value    string
		accepted []string
		want     bool
	}{
		{domain.TotalAmount, "9", []string{"9.00"}, true}, {domain.TotalAmount, "-9.00", []string{"9.00"}, false}, {domain.TotalAmount, "", []string{"9.00"}, false},
		{domain.InvoiceNumber, "RE-1 / 2", []string{"re-1/2"}, true}, {domain.InvoiceNumber, "7", []string{"07"}, false},
		{domain.InvoiceDate, "2025-03-14", []string{"2025-03-14"}, true}, {domain.Currency, "EUR", []string{"USD", "EUR"}, true},
		{domain.Currency, "", []string{""}, true}, {domain.Currency, "EUR", []string{""}, false},
	}
	for _, c := range cases {
		if got := right(c.name, c.value, c.accepted); got != c.want {
			t.Errorf("%s %q for %v: %v", c.name, c.value, c.accepted, got)
		}
	}
}

func TestCoverage(t *testing.T) {
	outcomes := []outcome{{0.9, true, true}, {0.8, true, true}, {0.8, false, true}, {0.7, true, true}, {0.1, false, false}}
	for precision, want := range map[float64]float64{0.99: 20, 0.74: 80} {
		if got := coverage(outcomes, precision); got != want {
			t.Errorf("at %v: %v, want %v", precision, got, want)
		}
	}
	if got := coverage(nil, 0.99); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
