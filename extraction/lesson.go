package extraction

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/docuflow/docuflow/domain"
)

const (
	maxNameKeys  = 16
	tellingNames = 0.004 // the probability of a name that may be the vendor's
)

// Keys returns everything by which the vendor of a document may be recognised.
// Storage is asked for the vendors with one of them, for Input.Known.
func Keys(in Input) ([]domain.VendorKey, error) {
	weights, err := learned()
	if err != nil {
		return nil, err
	}
	return weights.keysOf(newDocument(in)), nil
}

func (w Weights) keysOf(d *document) []domain.VendorKey {
	text := d.text()
	var keys []domain.VendorKey
	add := func(kind domain.KeyKind, value string) {
		if key := (domain.VendorKey{Kind: kind, Value: value}); value != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	for _, account := range accountsIn(text) {
		add(domain.KeyAccount, account)
	}
	for _, identifier := range identifiersIn(text) {
		add(domain.KeyIdentifier, identifier)
	}
	add(domain.KeySender, senderKey(d.input.Sender))
	add(domain.KeyLayout, d.sheets[0].layoutKey())
	for i, answer := range w.Fields[domain.VendorName].rank(d.candidatesOf(domain.VendorName, nil)) {
		if i >= maxNameKeys || answer.probability < tellingNames && i > 4 {
			break
		}
		add(domain.KeyName, nameKey(answer.value))
	}
	return keys
}

var mailAddress = regexp.MustCompile(`[a-z0-9._%+-]{1,64}@([a-z0-9-]{1,60}(?:\.[a-z0-9-]{2,20}){1,3})`)

// senderKey is the sender's domain, or the whole address where the domain is
// everybody's.
func senderKey(sender string) string {
	match := mailAddress.FindStringSubmatch(strings.ToLower(sender))
	if match == nil {
		return ""
	}
	if len(domainsOf(match[0])) == 0 { // freemail
		return match[0]
	}
	return match[1]
}

// layoutKey is the same for documents of one layout: which of the labels that
// every document has stand where across the page. "" when too few do.
func (s *sheet) layoutKey() string {
	var places []string
	for _, r := range s.rows {
		for _, c := range r.cells {
			if len(c.labels) == 0 {
				continue
			}
			switch first := c.labels[0]; {
			case first.labels.has(lInvoiceNumber), first.labels.has(lInvoiceDate), first.labels.has(lInvoice), first.labels.has(lGrand), first.labels.has(lBuyer), first.labels.has(lSeller):
				label := strings.Join(c.tokens[first.start:first.end], "")
				places = append(places, fmt.Sprintf("%s %d", label, int(c.box.X0*8+0.5)))
			}
		}
	}
	slices.Sort(places)
	places = slices.Compact(places)
	if len(places) < 3 {
		return ""
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(strings.Join(places, "|")))
	return fmt.Sprintf("%016x", hash.Sum64())
}

// Learn makes the lesson of a document whose fields a person has confirmed;
// false when there is nothing to learn, because its vendor is unknown.
func Learn(in Input, confirmed map[domain.FieldName]string, vendor string) (domain.Lesson, bool, error) {
	weights, err := learned()
	if err != nil || nameKey(vendor) == "" {
		return domain.Lesson{}, false, err
	}
	d := newDocument(in)
	lesson := domain.Lesson{Vendor: vendor, Key: nameKey(vendor), Anchors: map[domain.FieldName]domain.Anchor{}, Currency: confirmed[domain.Currency]}
	for _, key := range weights.keysOf(d) {
		if key.Kind != domain.KeyName { // of the names only the right one
			lesson.Keys = append(lesson.Keys, key)
		}
	}
	lesson.Keys = append(lesson.Keys, domain.VendorKey{Kind: domain.KeyName, Value: lesson.Key})
	names := weights.Fields[domain.VendorName].rank(d.candidatesOf(domain.VendorName, nil))
	printed := slices.ContainsFunc(names, func(a answer) bool { return alike(a.key, lesson.Key) })
	if !printed && len(names) > 0 {
		lesson.Instead = names[0].key
	}
	earlier := domain.Fields{}
	for name, value := range confirmed {
		earlier[name] = domain.Field{Value: value}
	}
	for name, value := range confirmed {
		if anchor, found := weights.anchorOf(d, name, value, earlier); found {
			lesson.Anchors[name] = anchor
		}
	}
	return lesson, true, nil
}

// anchorOf finds where a confirmed value stands: at the place that the model
// finds most probable.
func (w Weights) anchorOf(d *document, name domain.FieldName, value string, earlier domain.Fields) (domain.Anchor, bool) {
	model := w.Fields[name]
	var best *candidate
	highest := 0.0
	candidates := d.candidatesOf(name, earlier)
	for i, c := range candidates {
		if c.cell == nil || !sameValue(name, c.value, value) {
			continue
		}
		if score := model.score(c); best == nil || score > highest {
			best, highest = &candidates[i], score
		}
	}
	if best == nil {
		return domain.Anchor{}, false
	}
	return best.anchor(d.sheets[best.reading]), true
}

// anchor describes the place of a candidate.
func (c candidate) anchor(s *sheet) domain.Anchor {
	return domain.Anchor{Label: s.labelBefore(c.cell, c.start), Page: c.page, Box: *c.place(), Shape: shapeOf(c.cell.text[c.start:c.end]), Style: c.style}
}

// labelBefore is the text that introduces a place of a cell: in the cell, left
// of it, or above it.
func (s *sheet) labelBefore(c *cell, start int) string {
	if before := labelKey(c.text[:start]); before != "" {
		return before
	}
	if c.index > 0 {
		if left := labelKey(c.row.cells[c.index-1].text); left != "" {
			return left
		}
	}
	for _, r := range s.above(c.row, 2) {
		for _, above := range r.cells {
			if overlaps(above.box, c.box, 0) {
				return labelKey(above.text)
			}
		}
	}
	return ""
}

// labelKey is the words of a label without its numbers: they change.
func labelKey(text string) string {
	var words []string
	for _, word := range tokens(fold(text)) {
		if !hasDigit(word) && hasLetter(word) {
			words = append(words, word)
		}
	}
	return strings.Join(words[max(len(words)-4, 0):], " ")
}

// shapeOf prints letters as A and digits as 9, each run once.
func shapeOf(text string) string {
	var shape strings.Builder
	last := rune(0)
	for _, r := range text {
		switch {
		case unicode.IsDigit(r):
			r = '9'
		case unicode.IsLetter(r):
			r = 'A'
		}
		if r != last || r != '9' && r != 'A' {
			shape.WriteRune(r)
		}
		last = r
	}
	return shape.String()
}
