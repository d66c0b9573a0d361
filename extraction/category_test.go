package extraction_test

import (
	"strings"
	"testing"

	"github.com/docuflow/docuflow/extraction"
)

func TestCategorize(t *testing.T) {
	cases := []struct{ vendor, text, want string }{
		{"GitHub, Inc.", "Team plan, 5 seats, subscription period 1 March to 31 March", "SaaS"},
		{"Nordlicht Software GmbH", "Softwarelizenz für 12 Benutzer, Abonnement März 2025", "SaaS"},
		{"Nuage SARL", "Hébergement web et nom de domaine, licence annuelle", "SaaS"},
		{"Stadtwerke Musterstadt GmbH", "Strom: Zählerstand 10443, Verbrauch 312 kWh, Grundpreis", "Utility"},
		{"Riverside Water Company", "Water supply and sewage, meter reading 2203", "Utility"},
		{"Télécom du Lac", "Abonnement internet et ligne mobile", "Utility"},
		{"Anna Berg", "Honorar: 14 Arbeitsstunden zum Stundensatz von 80 Euro", "Contractor"},
		{"Hart & Son Plumbing", "Repair of a pipe, labour 3 hours at the hourly rate", "Contractor"},
		{"Studio Bianchi", "Consulenza e manodopera, 6 ore di lavoro", "Contractor"},
		{"Corner Bakery", "Rye bread 9.40, apple cake 12.80", "Other"},
		{"", "", "Other"},
	}
	for _, c := range cases {
		name, reason, confidence := extraction.Categorize(c.vendor, c.text, extraction.DefaultCategories())
		if name != c.want {
			t.Errorf("%q with %q is %s (%s), want %s", c.vendor, c.text, name, reason, c.want)
		}
		if reason == "" || confidence <= 0 || confidence > 1 {
			t.Errorf("%q: reason %q, confidence %v", c.vendor, reason, confidence)
		}
	}
}

func TestCategorizeWithAnotherSet(t *testing.T) {
	set := []extraction.Category{{Name: "Travel", Vendors: []string{"rail*"}, Words: []string{"ticket", "hotel"}}}
	if name, reason, _ := extraction.Categorize("Coastal Railways", "One ticket to Whitby", set); name != "Travel" || !strings.Contains(reason, "ticket") {
		t.Errorf("got %q because %q", name, reason)
	}
	// A set without Other has no place for the rest.
	if name, _, confidence := extraction.Categorize("Corner Bakery", "Bread", set); name != "" || confidence != 0 {
		t.Errorf("bread went to %q with confidence %v", name, confidence)
	}
}
