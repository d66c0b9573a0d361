package extraction

import (
	"strings"
	"unicode"
)

// surroundings are the labels around a value, by where they stand.
type surroundings struct {
	own    labelSet // before it in the same cell
	left   labelSet // in the nearest labelled cell to its left
	far    labelSet // anywhere to its left in the row
	above  labelSet // in the cell right above it
	column labelSet // in the header of its column
	before labelSet // in the whole row above, when its own row says nothing
	below  labelSet // in the cell right below it
	after  labelSet // behind it in the row
	ownGap int      // tokens between the label in its own cell and the value
	other  int      // words to its left that belong to no label
	share  bool     // a percent sign to its left
}

// surroundingsOf looks around a part of a cell's text.
func (s *sheet) surroundingsOf(c *cell, start, end int) surroundings {
	var around surroundings
	before := len(tokens(fold(c.text[:start])))
	for _, match := range c.labels {
		switch {
		case match.end <= before:
			around.own = around.own.with(match.labels...)
			around.ownGap = before - match.end
		case match.start >= before:
			if behind := len(tokens(fold(c.text[:end]))); match.start >= behind {
				around.after = around.after.with(match.labels...)
			}
		}
	}
	around.countOthers(c, before)
	for i := c.index - 1; i >= 0; i-- {
		labels := c.row.cells[i].labelSet()
		if len(around.left) == 0 {
			around.left = labels
		}
		around.far = around.far.with(labels...)
	}
	for _, cell := range c.row.cells[c.index+1:] {
		around.after = around.after.with(cell.labelSet()...)
	}
	around.above, around.column, around.before = s.labelsAbove(c)
	around.below = s.labelsBelow(c)
	return around
}

// countOthers looks at the words to the left that are no label.
func (around *surroundings) countOthers(c *cell, before int) {
	count := func(cell *cell, limit int) {
		covered := make([]bool, len(cell.tokens))
		for _, match := range cell.labels {
			for i := match.start; i < match.end; i++ {
				covered[i] = true
			}
		}
		for i, token := range cell.tokens[:min(limit, len(cell.tokens))] {
			if token == "%" {
				around.share = true
			}
			if !covered[i] && hasLetter(token) {
				around.other++
			}
		}
	}
	count(c, before)
	for _, left := range c.row.cells[:c.index] {
		count(left, len(left.tokens))
	}
}

// labelsAbove looks up from a cell: at the nearest cell in its column, at the
// nearest one there without digits, and at the whole row above.
func (s *sheet) labelsAbove(c *cell) (above, column, before labelSet) {
	for distance, r := range s.above(c.row, 40) {
		for _, candidate := range r.cells {
			if !overlaps(candidate.box, c.box, 0.005) {
				continue
			}
			labels := candidate.labelSet()
			if distance < 3 && above == nil && len(labels) > 0 && c.box.Y0-candidate.box.Y1 < 3.5*max(c.size, candidate.size) {
				above = labels
			}
			if column == nil && len(labels) > 0 && !hasDigit(candidate.text) {
				column = labels
			}
		}
		if distance == 0 {
			for _, candidate := range r.cells {
				before = before.with(candidate.labelSet()...)
			}
		}
		if column != nil && distance >= 3 {
			break
		}
	}
	return above, column, before
}

func (s *sheet) labelsBelow(c *cell) labelSet {
	if c.row.index+1 >= len(s.rows) {
		return nil
	}
	next := s.rows[c.row.index+1]
	if next.page != c.row.page {
		return nil
	}
	for _, candidate := range next.cells {
		if overlaps(candidate.box, c.box, 0) {
			return candidate.labelSet()
		}
	}
	return nil
}

// describe adds the surroundings as features.
func (around surroundings) describe(f *features) {
	f.labels("own", around.own)
	f.labels("left", around.left)
	f.labels("far", around.far)
	f.labels("above", around.above)
	f.labels("column", around.column)
	f.labels("before", around.before)
	f.labels("below", around.below)
	f.labels("after", around.after)
	row := around.own.with(around.left...).with(around.far...)
	f.labels("row", row)
	f.pairs("row", row)
	f.bucket("other words", around.other, 0, 1, 2, 4)
	f.when(around.share, "row: percent")
	f.when(around.share && row.has(lTotal), "row: percent of a total")
	f.when(around.other > 0 && row.has(lTotal), "row: total of something")
	if len(around.own) > 0 {
		f.bucket("own gap", around.ownGap, 0, 1, 2, 4)
	}
	if len(row) == 0 {
		f.add("row: none")
		f.labels("lonely, above", around.above)
		f.labels("lonely, before", around.before)
	}
}

func hasDigit(s string) bool { return strings.IndexFunc(s, unicode.IsDigit) >= 0 }

func hasLetter(s string) bool { return strings.IndexFunc(s, unicode.IsLetter) >= 0 }
