package extraction

import (
	"slices"
	"strings"

	"github.com/docuflow/docuflow/domain"
)

// money is the arithmetic of one sheet: which amounts add up to which.
type money struct {
	amounts   []amount
	around    []surroundings
	counts    map[int64]int // how often a value is printed, by its hundredths
	rank      map[int64]int // 0 is the largest value
	sums      map[int64]bool
	taxSums   map[int64]bool
	changes   map[int64]bool // cash less change
	rounded   map[int64]bool // a total with its rounding
	unrounded map[int64]bool // the same without
	columns   map[int64]bool // sums of the amounts above in the same column
	rated     map[int64]bool // a printed base and its printed tax at a printed rate
	inclusive map[int64]bool // what holds a printed tax at a printed rate
	cents     bool           // most amounts of the document have two decimals
}

// hundredths is the value for arithmetic; amounts are far from its limits.
func hundredths(a domain.Amount) int64 {
	f := a.Float() * 100
	if f < 0 {
		return int64(f - 0.5)
	}
	return int64(f + 0.5)
}

// totals finds the candidates for the gross total.
func (d *document) totals(s *sheet) []candidate {
	m := s.reckon()
	var found []candidate
	for i, a := range m.amounts {
		if a.percent || hundredths(a.value) == 0 && !m.around[i].own.has(lTotal) && !m.around[i].left.has(lTotal) {
			continue
		}
		value := a.value
		found = append(found, candidate{
			value: value.String(), key: amountKey(value), page: a.cell.row.page, box: a.cell.boxOf(a.start, a.end),
			surety: a.cell.confidence(a.start, a.end), features: m.describe(s, i),
			cell: a.cell, start: a.start, end: a.end,
		})
	}
	return found
}

// amountKey is the same for 9, 9.0 and 9.00.
func amountKey(a domain.Amount) string {
	printed := a.String()
	if a.Decimals() == 0 {
		return printed
	}
	return strings.TrimSuffix(strings.TrimRight(printed, "0"), ".")
}

func (m *money) describe(s *sheet, i int) []string {
	a, around := m.amounts[i], m.around[i]
	var f features
	around.describe(&f)
	cents := hundredths(a.value.Abs())
	f.bucket("rank", m.rank[cents], 0, 1, 2, 4, 8)
	f.bucket("count", m.counts[cents], 1, 2, 3, 5)
	f.when(m.rank[cents] == 0 && m.counts[cents] > 1, "largest and repeated")
	f.when(m.sums[cents], "sum of net and tax")
	f.when(m.taxSums[cents], "sum of two, one is tax")
	f.when(m.changes[cents], "cash less change")
	f.when(m.rounded[cents], "total with rounding")
	f.when(m.unrounded[cents], "before rounding")
	f.when(m.columns[cents], "sum of a column")
	f.when(m.rank[cents] == 0 && (m.rated[cents] || m.inclusive[cents]), "largest, with the tax of a rate")
	f.when(a.cents, "cents")
	f.when(!a.cents && m.cents, "no cents, others have")
	f.when(!a.cents && a.currency.codes == nil, "no cents, no currency")
	f.when(a.currency.codes != nil, "currency")
	f.when(a.joined, "joined")
	f.when(a.repaired, "repaired")
	f.when(a.negative, "negative")
	f.when(a.end == len(a.cell.text) && a.cell.index == len(a.cell.row.cells)-1, "ends its row")
	f.when(hasDigitAfter(a), "digits behind it")
	f.bucket("amounts in row", m.inRow(a.cell.row), 1, 2, 3)
	f.share("height", float64(a.cell.row.index)/float64(max(len(s.rows), 1)), 10)
	f.share("across", a.cell.box.X1, 5)
	f.when(a.cell.row.page == s.pages, "last page")
	f.when(a.cell.row.page == 1 && s.pages > 1, "first page of several")
	size := a.cell.size / max(s.size, 1e-6)
	f.when(size > 1.15, "larger type")
	f.when(size > 1.5, "much larger type")
	row := around.own.with(around.left...)
	f.when(row.has(lTotal) && m.lastTotal(i), "last total")
	f.when(row.has(lTotal) && m.rank[cents] == 0, "total and largest")
	f.when(row.has(lTotal) && m.counts[cents] > 1, "total and repeated")
	f.when(row.has(lTotal) && m.rounded[cents], "total and rounded")
	f.when(row.has(lTotal) && m.unrounded[cents], "total before rounding")
	f.when(row.has(lTotal) && around.before.has(lRounding), "total below a rounding")
	f.when(row.has(lTotal) && (m.sums[cents] || m.taxSums[cents]), "total and a sum")
	return f.names
}

func hasDigitAfter(a amount) bool { return hasDigit(a.cell.text[a.end:]) }

func (m *money) inRow(r *row) int {
	count := 0
	for _, a := range m.amounts {
		if a.cell.row == r && !a.joined && !a.repaired {
			count++
		}
	}
	return count
}

// lastTotal says that no later row has a total beside an amount.
func (m *money) lastTotal(i int) bool {
	for j := len(m.amounts) - 1; j > i; j-- {
		around := m.around[j]
		row := around.own.with(around.left...)
		if m.amounts[j].cell.row.index > m.amounts[i].cell.row.index && row.has(lTotal) && !row.has(lTax) && !row.has(lNet) && !row.has(lQuantity) {
			return false
		}
	}
	return true
}

// reckon finds the amounts of a sheet and what they add up to.
func (s *sheet) reckon() *money {
	m := &money{amounts: s.amounts(), counts: map[int64]int{}, rank: map[int64]int{}}
	withCents := 0
	places := map[*cell]map[int]bool{}
	for _, a := range m.amounts {
		m.around = append(m.around, s.surroundingsOf(a.cell, a.start, a.end))
		if a.cents {
			withCents++
		}
		if places[a.cell] == nil {
			places[a.cell] = map[int]bool{}
		}
		if !a.percent && !places[a.cell][a.start] {
			places[a.cell][a.start] = true
			m.counts[hundredths(a.value.Abs())]++
		}
	}
	m.cents = withCents >= 3 && withCents*3 > len(m.amounts)
	m.rankValues()
	m.addUp(s.says(lRounding))
	return m
}

// rankValues orders the values that look like money, the largest first.
func (m *money) rankValues() {
	var values []int64
	seen := map[int64]bool{}
	for i, a := range m.amounts {
		cents := hundredths(a.value.Abs())
		looks := a.cents || a.currency.codes != nil || !m.cents
		if seen[cents] || a.percent || !looks || m.around[i].hasAny(lIdentifier, lContact, lCapital, lBalance) {
			continue
		}
		seen[cents] = true
		values = append(values, cents)
	}
	slices.Sort(values)
	slices.Reverse(values)
	for place, value := range values {
		m.rank[value] = place
	}
	for _, a := range m.amounts {
		if cents := hundredths(a.value.Abs()); !seen[cents] {
			m.rank[cents] = len(values) + 1
		}
	}
}

func (around surroundings) hasAny(names ...label) bool {
	for _, name := range names {
		if around.own.has(name) || around.left.has(name) || around.far.has(name) {
			return true
		}
	}
	return false
}

// addUp notes the values that are sums of others: net and tax, cash less
// change, a total and its rounding, a column of lines.
func (m *money) addUp(rounding bool) {
	m.sums, m.taxSums, m.changes, m.rounded, m.unrounded, m.columns = map[int64]bool{}, map[int64]bool{}, map[int64]bool{}, map[int64]bool{}, map[int64]bool{}, map[int64]bool{}
	var nets, taxes, paid, change, all []int64
	for i, a := range m.amounts {
		cents := hundredths(a.value.Abs())
		if a.percent || cents == 0 {
			continue
		}
		around := m.around[i]
		near := around.own.with(around.left...)
		if len(near) == 0 {
			near = around.above.with(around.column...)
		}
		if near.has(lNet) {
			nets = append(nets, cents)
		}
		if near.has(lTax) {
			taxes = append(taxes, cents)
		}
		if near.has(lPaid) {
			paid = append(paid, cents)
		}
		if near.has(lChange) {
			change = append(change, cents)
		}
		if (a.cents || !m.cents) && len(all) < 150 {
			all = append(all, cents)
		}
	}
	for _, tax := range taxes {
		for _, net := range nets {
			m.sums[net+tax] = true
		}
		for _, other := range all {
			if other > tax {
				m.taxSums[other+tax] = true
			}
		}
	}
	for _, c := range change {
		for _, p := range paid {
			m.changes[p-c] = true
		}
	}
	if rounding {
		m.addRounding(all)
	}
	m.addTaxes(nets, taxes)
	m.addRates(all)
	m.addColumns()
}

// addTaxes sums a net amount and all its taxes, where there are several rates.
func (m *money) addTaxes(nets, taxes []int64) {
	distinct := slices.Compact(slices.Sorted(slices.Values(taxes)))
	if len(distinct) < 2 || len(distinct) > 6 {
		return
	}
	for subset := 3; subset < 1<<len(distinct); subset++ {
		sum := int64(0)
		for i, tax := range distinct {
			if subset>>i&1 == 1 {
				sum += tax
			}
		}
		for _, net := range nets {
			m.sums[net+sum] = true
		}
	}
}

// addRates looks for the arithmetic of a tax whatever the labels say: a
// base, its share at a rate that is printed, and both together.
func (m *money) addRates(values []int64) {
	m.rated, m.inclusive = map[int64]bool{}, map[int64]bool{}
	rates := map[float64]bool{}
	for _, a := range m.amounts {
		if rate := a.value.Float(); a.percent && rate > 0 && rate <= 40 && len(rates) < 8 {
			rates[rate] = true
		}
	}
	printed := func(tax int64) (int64, bool) {
		for _, near := range []int64{tax, tax - 1, tax + 1} {
			if near > 4 && m.counts[near] > 0 {
				return near, true
			}
		}
		return 0, false
	}
	for rate := range rates {
		for _, value := range values {
			if tax, found := printed(int64(float64(value)*rate/100 + 0.5)); found {
				m.rated[value+tax] = true
			}
			if _, found := printed(int64(float64(value)*rate/(100+rate) + 0.5)); found {
				m.inclusive[value] = true
			}
		}
	}
}

// addRounding finds totals that were rounded to five cents, in a document that
// speaks of rounding. The adjustment itself is often printed a line off.
func (m *money) addRounding(values []int64) {
	for _, exact := range values {
		if exact%5 == 0 {
			continue
		}
		for _, rounded := range []int64{exact - exact%5, exact - exact%5 + 5} {
			if rounded > 0 && m.counts[rounded] > 0 {
				m.rounded[rounded], m.unrounded[exact] = true, true
			}
		}
	}
}

// says tells whether a label occurs anywhere.
func (s *sheet) says(name label) bool {
	for _, r := range s.rows {
		for _, c := range r.cells {
			if c.labelSet().has(name) {
				return true
			}
		}
	}
	return false
}

// addColumns sums the amounts above each amount that stand in its column.
func (m *money) addColumns() {
	for i, a := range m.amounts {
		sum, count := int64(0), 0
		lastRow := a.cell.row.index
		for j := i - 1; j >= 0; j-- {
			b := m.amounts[j]
			if b.cell.row.page != a.cell.row.page || b.cell.row.index == lastRow || b.percent || !b.cents {
				continue
			}
			right := a.cell.box.X1 - b.cell.box.X1
			if right > 0.02 || right < -0.02 {
				continue
			}
			lastRow = b.cell.row.index
			sum += hundredths(b.value)
			if count++; count >= 2 && sum > 0 {
				m.columns[sum] = true
			}
			if count > 40 {
				break
			}
		}
	}
}
