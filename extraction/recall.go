package extraction

import (
	"math"
	"slices"
	"strings"

	"github.com/docuflow/docuflow/domain"
)

// What a key counts, in halves. A vendor is recognised from enough on: by its
// bank account or its name, or by two of the weaker ones. The tax number alone is
// not enough, because invoices print the buyer's as well; nor is the sender, because
// people forward mail.
var keyCounts = map[domain.KeyKind]int{domain.KeyAccount: 4, domain.KeyName: 4, domain.KeyLayout: 3, domain.KeyIdentifier: 2, domain.KeySender: 1}

const enoughKeys = 4

// What memory adds to a candidate's score at most. The scorer's own weights
// are of the same size; a memory that was often wrong adds little.
const (
	bonusName     = 9.0
	bonusAnchor   = 7.0
	bonusCurrency = 6.0
	missingName   = 3.0 // of the remembered name where the page does not print it
)

// memory is the recognised vendor of a document.
type memory struct {
	vendor domain.KnownVendor
	trust  float64 // 0 to 1
	sure   bool    // recognised by more than a name on the page
}

// recognise chooses the known vendor whose keys say most.
func (w Weights) recognise(d *document) *memory {
	if len(d.input.Known) == 0 {
		return nil
	}
	names := w.Fields[domain.VendorName].rank(d.candidatesOf(domain.VendorName, nil))
	var best *memory
	most := enoughKeys - 1
	for _, vendor := range d.input.Known {
		if !namesAgree(vendor, names) {
			continue
		}
		count, names := 0, 0
		for _, key := range vendor.Matched {
			count += keyCounts[key.Kind]
			if key.Kind == domain.KeyName {
				names = keyCounts[key.Kind]
			}
		}
		if count > most {
			most = count
			best = &memory{vendor: vendor, trust: trustIn(vendor), sure: count-names >= enoughKeys}
		}
	}
	return best
}

// namesAgree says that a page names its vendor as the vendor's earlier pages
// did. Companies share layouts, because they share programs, and the person who forwards their mail.
func namesAgree(vendor domain.KnownVendor, names []answer) bool {
	for _, lesson := range vendor.Lessons {
		if lesson.Instead != "" && (len(names) == 0 || alike(names[0].key, lesson.Instead)) {
			return true
		}
		if slices.ContainsFunc(names, func(a answer) bool { return alike(a.key, lesson.Key) }) {
			return true
		}
	}
	return false
}

// trustIn is the share of documents that a memory helped to read right, with
// two imagined right ones and one wrong.
func trustIn(vendor domain.KnownVendor) float64 {
	return float64(vendor.Right+2) / float64(vendor.Right+vendor.Wrong+3)
}

// apply raises the candidates that are like those of earlier documents, and
// adds the remembered name where the page does not print it.
func (m *memory) apply(d *document, name domain.FieldName, candidates []candidate) []candidate {
	if m == nil {
		return candidates
	}
	strength := max(0, 2*m.trust-0.5)
	switch name {
	case domain.VendorName:
		return m.applyName(candidates, strength)
	case domain.Currency:
		return m.applyCurrency(candidates, strength)
	}
	for i, c := range candidates {
		likeness := 0.0
		for _, lesson := range m.vendor.Lessons {
			if anchor, known := lesson.Anchors[name]; known && c.cell != nil {
				likeness = max(likeness, alikeness(anchor, c.anchor(d.sheets[c.reading])))
			}
		}
		candidates[i].bonus = bonusAnchor * strength * likeness
	}
	return candidates
}

func (m *memory) applyName(candidates []candidate, strength float64) []candidate {
	key := nameKey(m.vendor.Name)
	printed := false
	for i, c := range candidates {
		if alike(c.key, key) {
			candidates[i].bonus, printed = bonusName*strength, true
			candidates[i].value, candidates[i].key = m.vendor.Name, key
		}
	}
	if printed || !m.sure {
		return candidates
	}
	return append(candidates, candidate{value: m.vendor.Name, key: key, surety: 1, bonus: (bonusName + missingName) * strength})
}

// applyCurrency prefers the currency of earlier documents, also where this one
// does not print it.
func (m *memory) applyCurrency(candidates []candidate, strength float64) []candidate {
	printed := map[string]bool{}
	for i, c := range candidates {
		printed[c.value] = true
		if slices.ContainsFunc(m.vendor.Lessons, func(l domain.Lesson) bool { return l.Currency == c.value }) {
			candidates[i].bonus = bonusCurrency * strength
		}
	}
	if len(m.vendor.Lessons) == 0 {
		return candidates
	}
	if latest := m.vendor.Lessons[0].Currency; m.sure && latest != "" && !printed[latest] {
		candidates = append(candidates, candidate{value: latest, key: latest, surety: 1, bonus: bonusCurrency * strength})
	}
	return candidates
}

// alikeness compares two places: what introduces the value counts most, then
// where it stands, then what it looks like. 0 to 1.
func alikeness(a, b domain.Anchor) float64 {
	if a.Style != "" && b.Style != "" && a.Style != b.Style {
		return 0 // the other order of day and month
	}
	likeness := 0.05
	if a.Label != "" && a.Label == b.Label {
		likeness += 0.55
	} else if a.Label != b.Label {
		likeness -= 0.2
	}
	across := math.Min(math.Abs(a.Box.X0-b.Box.X0), math.Abs(a.Box.X1-b.Box.X1))
	if across < 0.03 {
		likeness += 0.15
	}
	if a.Page == b.Page && math.Abs(a.Box.Y0-b.Box.Y0) < 0.04 {
		likeness += 0.15
	}
	if a.Shape == b.Shape {
		likeness += 0.1
	}
	return max(likeness, 0)
}

// text is everything that the document's own words say, row by row.
func (d *document) text() string {
	var text strings.Builder
	for _, r := range d.sheets[0].rows {
		text.WriteString(r.text)
		text.WriteByte('\n')
	}
	return text.String()
}
