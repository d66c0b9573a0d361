package extraction

import (
	"strings"
	"time"
)

// invoiceDates finds the candidates for the date of issue.
func (d *document) invoiceDates(s *sheet) []candidate {
	dates := s.dates()
	counts := map[string]int{}
	var earliest, latest time.Time
	for _, found := range dates {
		counts[found.day.Format(time.DateOnly)]++
		if earliest.IsZero() || found.day.Before(earliest) {
			earliest = found.day
		}
		if found.day.After(latest) {
			latest = found.day
		}
	}
	var candidates []candidate
	for i, found := range dates {
		var f features
		around := s.surroundingsOf(found.cell, found.start, found.end)
		around.describe(&f)
		value := found.day.Format(time.DateOnly)
		f.bucket("count", counts[value], 1, 2, 3)
		f.bucket("dates", len(counts), 1, 2, 4)
		f.bucket("dates before it", i, 0, 1, 3)
		f.when(found.day.Equal(earliest), "earliest")
		f.when(found.day.Equal(latest), "latest")
		f.when(found.day.Equal(earliest) && !earliest.Equal(latest), "earlier than others")
		d.describeDay(&f, s, found)
		f.share("height", float64(found.cell.row.index)/float64(max(len(s.rows), 1)), 5)
		f.when(found.cell.row.page > 1, "later page")
		f.when(hasTime(found), "time beside it")
		f.when(strings.Contains(found.cell.text[found.end:], "-") && len(found.cell.text)-found.end > 6 && hasDigit(found.cell.text[found.end:]), "begins a span")
		f.when(hasDigit(found.cell.text[:found.start]), "digits before it in its cell")
		f.when(found.start == 0 && found.end == len(found.cell.text), "fills its cell")
		f.bucket("words before it", len(tokens(found.cell.text[:found.start])), 0, 1, 3, 6)
		candidates = append(candidates, candidate{value: value, key: value, page: found.cell.row.page, box: found.cell.boxOf(found.start, found.end),
			surety: found.cell.confidence(found.start, found.end), features: f.names,
			cell: found.cell, start: found.start, end: found.end, style: found.style()})
	}
	return candidates
}

// describeDay says how the day is printed, and whether it can be meant.
func (d *document) describeDay(f *features, s *sheet, found date) {
	f.when(found.named, "named month")
	f.when(found.iso, "year first")
	f.when(found.short, "short year")
	f.when(found.compact, "compact")
	f.when(found.day.Year() < 2000, "last century")
	if received := d.input.Received; !received.IsZero() {
		f.when(found.day.After(received.AddDate(0, 0, 2)), "after it was received")
		f.when(found.day.Before(received.AddDate(-2, 0, 0)), "years before it was received")
	}
	if !found.open {
		f.when(found.order == dayFirst, "day first, no choice")
		f.when(found.order == monthFirst, "month first, no choice")
		return
	}
	if found.order == d.usualOrder(s) {
		f.add("in the order of the document")
		return
	}
	f.add("against the order of the document")
	f.when(s.order == orderUnknown, "against the usual order")
}

// usualOrder is the order of day and month in a document: that of its dates
// which leave no choice, or that of its country.
func (d *document) usualOrder(s *sheet) dateOrder {
	switch {
	case s.order != orderUnknown:
		return s.order
	case d.facts.country == "US":
		return monthFirst
	}
	return dayFirst
}

// hasTime says that a time of day stands in the same row, as on a till slip.
func hasTime(found date) bool { return timePattern.MatchString(found.cell.row.text) }
