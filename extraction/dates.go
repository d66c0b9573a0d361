package extraction

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// dateOrder is the order of day and month in a document's numeric dates.
type dateOrder int

// The orders. Most of the world writes the day first.
const (
	orderUnknown dateOrder = iota
	dayFirst
	monthFirst
)

// date is a printed day.
type date struct {
	day        time.Time
	cell       *cell
	start, end int
	order      dateOrder // of day and month, when the notation leaves it open
	open       bool      // the other order would be a day as well
	named      bool      // the month is a word
	short      bool      // the year has two digits
	compact    bool      // eight digits without separators
	iso        bool      // the year comes first
}

// style tells the orders of day and month apart where both are days.
func (d date) style() string {
	switch {
	case !d.open:
		return ""
	case d.order == monthFirst:
		return "month first"
	}
	return "day first"
}

var monthNames = map[int][]string{
	1:  {"january", "jan", "januar", "janner", "janvier", "janv", "enero", "ene", "gennaio", "gen", "januari", "janeiro", "stycznia", "styczen", "sty", "tammikuuta", "tammikuu", "ledna", "leden", "januara", "ianuarie", "ocak", "januarie", "januari"},
	2:  {"february", "feb", "februar", "feber", "fevrier", "fevr", "fev", "febrero", "febbraio", "februari", "fevereiro", "lutego", "luty", "lut", "helmikuuta", "helmikuu", "unora", "unor", "februarie", "subat", "febr"},
	3:  {"march", "mar", "marz", "mrz", "maerz", "mars", "marzo", "maart", "mrt", "marco", "marca", "marzec", "maaliskuuta", "maaliskuu", "brezna", "brezen", "marts", "martie", "mart", "marcius", "mac"},
	4:  {"april", "apr", "avril", "avr", "abril", "abr", "aprile", "kwietnia", "kwiecien", "kwi", "huhtikuuta", "huhtikuu", "dubna", "duben", "aprilie", "nisan", "aprilis"},
	5:  {"may", "mai", "mayo", "maggio", "mag", "mei", "maio", "maja", "maj", "toukokuuta", "toukokuu", "kvetna", "kveten", "mayis", "majus", "mei"},
	6:  {"june", "jun", "juni", "juin", "junio", "giugno", "giu", "junho", "czerwca", "czerwiec", "cze", "kesakuuta", "kesakuu", "cervna", "cerven", "iunie", "haziran", "junius"},
	7:  {"july", "jul", "juli", "juillet", "juil", "julio", "luglio", "lug", "julho", "lipca", "lipiec", "lip", "heinakuuta", "heinakuu", "cervence", "cervenec", "iulie", "temmuz", "julius", "julai"},
	8:  {"august", "aug", "aout", "agosto", "ago", "augustus", "sierpnia", "sierpien", "sie", "elokuuta", "elokuu", "srpna", "srpen", "agustos", "augusztus", "augusti", "ogos"},
	9:  {"september", "sep", "sept", "septembre", "septiembre", "settembre", "set", "setembro", "wrzesnia", "wrzesien", "wrz", "syyskuuta", "syyskuu", "zari", "septembrie", "eylul", "szeptember"},
	10: {"october", "oct", "oktober", "okt", "octobre", "octubre", "ottobre", "ott", "outubro", "out", "pazdziernika", "pazdziernik", "paz", "lokakuuta", "lokakuu", "rijna", "rijen", "octombrie", "ekim"},
	11: {"november", "nov", "novembre", "noviembre", "novembro", "listopada", "listopad", "lis", "marraskuuta", "marraskuu", "listopadu", "noiembrie", "kasim"},
	12: {"december", "dec", "dezember", "dez", "decembre", "diciembre", "dic", "dicembre", "dezembro", "grudnia", "grudzien", "gru", "joulukuuta", "joulukuu", "prosince", "prosinec", "decembrie", "aralik", "disember", "desember", "des"},
}

// monthNumbers is monthNames turned around.
var monthNumbers = func() map[string]int {
	numbers := map[string]int{}
	for number, names := range monthNames {
		for _, name := range names {
			numbers[name] = number
		}
	}
	return numbers
}()

// The notations, on folded text: folding keeps months such as "février" plain.
var (
	yearFirst   = regexp.MustCompile(`(?:^|[^\d.,/-])((?:19|20)\d\d) ?[-/.年] ?(\d{1,2}) ?[-/.月] ?(\d{1,2})`)
	yearLast    = regexp.MustCompile(`(?:^|[^\d.,/-])(\d{1,2}) ?[-/.,|'’] ?(\d{1,2}) ?[-/.,|'’] ?((?:19|20)\d\d|\d\d\b)`)
	spacedDate  = regexp.MustCompile(`\b(\d{2}) (\d{2}) ((?:19|20)\d\d)\b`)
	dayMonth    = regexp.MustCompile(`(?:^|[^\d.,/-])(\d{1,2})(?:st|nd|rd|th|er|\.|o)? ?[-/.,]? ?(?:de |di |of )?([a-z]{3,12})\.? ?[-/.,']? ?(?:de |del )?((?:19|20)\d\d|\d\d\b)`)
	monthDay    = regexp.MustCompile(`\b([a-z]{3,12})\.? ?[-/.]? ?(\d{1,2})(?:st|nd|rd|th)? ?[,./-]? ?((?:19|20)\d\d)\b`)
	yearMonth   = regexp.MustCompile(`\b((?:19|20)\d\d)[-./ ]{1,2}([a-z]{3,12})[-./ ]{1,2}(\d{1,2})\b`)
	eightYear   = regexp.MustCompile(`\b(20\d\d)(\d\d)(\d\d)\b`)
	timePattern = regexp.MustCompile(`\b\d{1,2}:\d{2}\b`)
	eightDay    = regexp.MustCompile(`\b(\d\d)(\d\d)(20\d\d)\b`)
)

// dateOrderOf tells the order from the dates that leave no choice.
func dateOrderOf(s *sheet) dateOrder {
	days, months := 0, 0
	for _, r := range s.rows {
		for _, match := range yearLast.FindAllStringSubmatch(r.text, -1) {
			first, _ := strconv.Atoi(match[1])
			second, _ := strconv.Atoi(match[2])
			if first > 12 && first <= 31 && second <= 12 {
				days++
			}
			if second > 12 && second <= 31 && first <= 12 {
				months++
			}
		}
	}
	switch {
	case days > months:
		return dayFirst
	case months > days:
		return monthFirst
	}
	return orderUnknown
}

const maxDates = 400

// dates finds the printed days of a sheet. A numeric date that can be read in
// both orders is found twice.
func (s *sheet) dates() []date {
	var found []date
	for _, r := range s.rows {
		for _, c := range r.cells {
			if !hasDigit(c.text) {
				continue
			}
			found = append(found, datesIn(c, s.fuzzy)...)
		}
		if len(found) > maxDates {
			return found[:maxDates]
		}
	}
	return found
}

func datesIn(c *cell, fuzzy bool) []date {
	text := foldInPlace(c.text)
	found := scanDates(text, fuzzy)
	if fuzzy && len(found) == 0 {
		found = scanDates(foldInPlace(mendDateWords(c.text)), fuzzy)
	}
	for i := range found {
		found[i].cell = c
	}
	return found
}

// mendDateWords mends misread digits word by word, which keeps every offset.
func mendDateWords(text string) string {
	words := strings.Split(text, " ")
	for i, word := range words {
		if mended := mendDigits(word); len(mended) == len(word) {
			words[i] = mended
		}
	}
	return strings.Join(words, " ")
}

// foldInPlace folds letters that keep their length in bytes apart from plain
// ones, so that offsets in the result are offsets in the text.
func foldInPlace(text string) string {
	if isPlain(text) {
		return strings.ToLower(text)
	}
	var folded strings.Builder
	for _, r := range text {
		plain := fold(string(r))
		size := len(string(r))
		if len(plain) > size {
			plain = string(r)
		}
		folded.WriteString(plain)
		for range size - len(plain) {
			folded.WriteByte(0) // removed below together with what the patterns see
		}
	}
	return folded.String()
}

func scanDates(text string, fuzzy bool) []date {
	clean, offsets := withoutFill(text)
	var found []date
	add := func(place []int, d date, ok bool) {
		if !ok {
			return
		}
		d.start, d.end = offsets[place[2]], offsets[place[7]-1]+1
		found = append(found, d)
	}
	each := func(pattern *regexp.Regexp, read func(a, b, c string) (date, bool)) {
		for _, place := range pattern.FindAllStringSubmatchIndex(clean, -1) {
			if end := place[7]; end < len(clean) && unicode.IsDigit(rune(clean[end])) {
				continue // a part of a longer number
			}
			d, ok := read(clean[place[2]:place[3]], clean[place[4]:place[5]], clean[place[6]:place[7]])
			add(place, d, ok)
		}
	}
	each(yearFirst, func(y, m, d string) (date, bool) { return numericDate(y, m, d, date{iso: true}) })
	each(yearMonth, func(y, m, d string) (date, bool) { return namedDate(y, m, d, fuzzy) })
	each(dayMonth, func(d, m, y string) (date, bool) { return namedDate(y, m, d, fuzzy) })
	each(monthDay, func(m, d, y string) (date, bool) { return namedDate(y, m, d, fuzzy) })
	for _, pattern := range []*regexp.Regexp{yearLast, spacedDate, eightDay} {
		compact := pattern == eightDay
		each(pattern, func(d, m, y string) (date, bool) {
			return numericDate(y, m, d, date{order: dayFirst, compact: compact})
		})
		each(pattern, func(m, d, y string) (date, bool) {
			return numericDate(y, m, d, date{order: monthFirst, compact: compact})
		})
	}
	each(eightYear, func(y, m, d string) (date, bool) { return numericDate(y, m, d, date{iso: true, compact: true}) })
	return markOpen(found)
}

// withoutFill removes the fill bytes of foldInPlace and keeps the offsets.
func withoutFill(text string) (string, []int) {
	var clean strings.Builder
	offsets := make([]int, 0, len(text))
	for i := range len(text) {
		if text[i] != 0 {
			clean.WriteByte(text[i])
			offsets = append(offsets, i)
		}
	}
	return clean.String(), offsets
}

// markOpen marks the dates that stand at one place in both orders, and gives
// up the second reading when it is the same day.
func markOpen(found []date) []date {
	var kept []date
	for _, d := range found {
		same := false
		for i := range kept {
			if kept[i].start != d.start || kept[i].order == d.order {
				continue
			}
			if kept[i].day.Equal(d.day) {
				same = true
				continue
			}
			if d.order != orderUnknown && kept[i].order != orderUnknown {
				kept[i].open, d.open = true, true
			}
		}
		if !same {
			kept = append(kept, d)
		}
	}
	return kept
}

func namedDate(year, month, day string, fuzzy bool) (date, bool) {
	number, known := monthNumbers[month]
	if !known && fuzzy {
		number = misreadMonth(month)
		known = number > 0
	}
	if !known {
		return date{}, false
	}
	return numericDate(year, strconv.Itoa(number), day, date{named: true})
}

// misreadMonth finds the only month whose short English name differs in one
// letter, 0 when there is none or a choice.
func misreadMonth(word string) int {
	if len(word) != 3 {
		return 0
	}
	match := 0
	for number, names := range monthNames {
		short := names[0][:3]
		differs := 0
		for i := range 3 {
			if short[i] != word[i] {
				differs++
			}
		}
		if differs == 1 {
			if match != 0 {
				return 0
			}
			match = number
		}
	}
	return match
}

// numericDate checks that the day exists. Years with two digits are of this century.
func numericDate(year, month, day string, d date) (date, bool) {
	y, _ := strconv.Atoi(year)
	m, _ := strconv.Atoi(month)
	n, _ := strconv.Atoi(day)
	if len(year) == 2 {
		y += 2000
		d.short = true
	}
	d.day = time.Date(y, time.Month(m), n, 0, 0, 0, 0, time.UTC)
	if m < 1 || m > 12 || d.day.Day() != n || y < 1990 || y > 2049 {
		return date{}, false
	}
	return d, true
}
