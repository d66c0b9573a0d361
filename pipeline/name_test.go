package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/pipeline"
)

var acme = domain.Workspace{Slug: "acme"}

func document(fields map[domain.FieldName]string) domain.Document {
	d := domain.Document{ID: "id", FileName: "scan 1.pdf", Fields: domain.Fields{}, CreatedAt: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)}
	for name, value := range fields {
		d.Fields[name] = domain.Field{Value: value}
	}
	return d
}

func TestNames(t *testing.T) {
	for want, fields := range map[string]map[domain.FieldName]string{
		"acme/2026/2026-03-04 scan 1.pdf": nil,
		"acme/2025/2025-11-22 Nordlys Hosting AS 2490.00 NOK.pdf": {
			domain.VendorName: "Nordlys Hosting AS", domain.InvoiceDate: "2025-11-22", domain.TotalAmount: "2490.00", domain.Currency: "NOK",
		},
		"acme/2026/2026-03-04 -.-etc-passwd.pdf":                   {domain.VendorName: "/../etc/passwd"},
		"acme/2026/2026-03-04 A-B-.pdf":                            {domain.VendorName: "A:B?\x00\u202e"},
		"acme/2026/2026-03-04 Ünïcode.pdf":                         {domain.VendorName: "U\u0308nïcode. "},
		"acme/2026/2026-03-04 " + strings.Repeat("é", 50) + ".pdf": {domain.VendorName: strings.Repeat("é", 4000)},
	} {
		if got := pipeline.FileName(pipeline.FolderPattern, acme, document(fields)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPatternsAreChecked(t *testing.T) {
	for _, pattern := range []string{"", "/", "{vendr}", "{vendor", "../{vendor}"} {
		if err := pipeline.CheckPattern(pattern); err == nil {
			t.Errorf("pattern %q was taken", pattern)
		}
	}
}
