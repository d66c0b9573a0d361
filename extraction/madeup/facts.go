package madeup

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// company is somebody who sells or buys.
type company struct {
	brand, name    string // the name has the legal form
	street, place  string
	phone, domain  string
	taxID, account string
}

// facts are what one document says, before it is laid out.
type facts struct {
	locale
	labels        map[string][]string
	seller, buyer company
	number        string
	day, due      time.Time
	delivered     time.Time
	ordered       time.Time
	order         string
	customer      string
	lines         []line
	less, freight int64 // hundredths
	taxes         []tax
	net, gross    int64
	paid, old     int64
	credit        bool
	minus         bool // a credit note with its amounts below zero
	layout        string
	sign          string // of the currency, with %s
	group         string
}

type line struct {
	code, item string
	count      int64
	price, sum int64
	rate       string
}

type tax struct {
	rate      string
	base, sum int64
}

func pick(r *rand.Rand, choice string) string {
	parts := strings.Split(choice, "|")
	return parts[r.IntN(len(parts))]
}

func chance(r *rand.Rand, share float64) bool { return r.Float64() < share }

// digits replaces each # by a digit.
func digits(r *rand.Rand, shape string) string {
	return strings.Map(func(c rune) rune {
		if c == '#' {
			return '0' + rune(r.IntN(10))
		}
		return c
	}, shape)
}

// parts of invented names.
const (
	heads = "Lum|Var|Kest|Brin|Oral|Tavo|Melk|Sund|Pell|Quor|Zeph|Hald|Nor|Rive|Alb|Cald|Fenn|Gryt|Isol|Jarn|Wend|Thal|Ostr|Lind|Marn"
	tails = "ora|ex|wick|ano|ria|holm|ette|ius|land|berg|ona|ley|aro|isk|via|mark|tal|ino|ero|stad"
	names = "Hartwell|Pemberley|Lindqvist|Okafor|Bauman|Delacroix|Ferrante|Kowal|Novotny|Aalto|Silveira|Brandt|Moreau|Castell|Whitlock|Ziegler|Iversen|Tanaka|Mehra|Osborne"
)

func newCompany(r *rand.Rand, l locale) company {
	invented := pick(r, heads) + pick(r, tails)
	trade := pick(r, l.trades)
	c := company{brand: invented}
	switch r.IntN(6) {
	case 0:
		c.brand = pick(r, names) + " & " + pick(r, names)
	case 1:
		c.brand = pick(r, names)
	case 2:
		c.brand = trade + " " + pick(r, names)
	case 3:
		c.brand = strings.ToUpper(invented)
	}
	c.name = c.brand
	if !strings.Contains(c.name, trade) && chance(r, 0.7) {
		c.name += " " + trade
	}
	c.name = strings.TrimSpace(c.name + " " + pick(r, l.forms))
	c.street = fmt.Sprintf(pick(r, l.streets), 1+r.IntN(180))
	c.place = pick(r, l.places)
	c.phone = digits(r, pick(r, "+4# ## ### ####|0## ### ## ##|(0##) ###-####|0#### ######"))
	c.domain = strings.ToLower(strings.Join(strings.Fields(strings.NewReplacer("&", "", "'", "").Replace(plain(c.brand))), "-")) + pick(r, ".com|.net|.shop|.biz|.eu|.info")
	c.taxID = digits(r, pick(r, l.taxID))
	c.account = digits(r, pick(r, "DE## #### #### #### #### ##|GB## ABCD #### #### ########|Account ######## Sort code ##-##-##|CH## #### #### #### #### #|######-####"))
	return c
}

var plainLetters = strings.NewReplacer("á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u", "ä", "a", "ö", "o", "ü", "u", "ç", "c", "ã", "a", "è", "e", "Ä", "A", "É", "E", "ł", "l", "ż", "z", "ą", "a")

func plain(text string) string { return plainLetters.Replace(text) }

func newFacts(r *rand.Rand, l locale) facts {
	f := facts{locale: l, labels: l.labels(), seller: newCompany(r, l), buyer: newCompany(r, l)}
	f.sign, f.group = pick(r, l.signs), pick(r, l.groups)
	f.day = time.Date(2019+r.IntN(8), time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC)
	f.due = f.day.AddDate(0, 0, 7+r.IntN(45))
	f.delivered = f.day.AddDate(0, 0, -r.IntN(20))
	f.ordered = f.delivered.AddDate(0, 0, -1-r.IntN(30))
	f.layout = pick(r, l.dates)
	f.number = newNumber(r, f.day)
	f.order = digits(r, pick(r, "PO-#####|########|B-###/##|45########|A.###.##|O-2###-####"))
	f.customer = digits(r, pick(r, "#####|K-####|C######|10####|D ####"))
	f.credit = chance(r, 0.1)
	f.minus = f.credit && chance(r, 0.5)
	f.addLines(r)
	return f
}

func newNumber(r *rand.Rand, day time.Time) string {
	shape := pick(r, "INV-#####|RE-YYYY-####|YYYY-####|YYYY/###|######|#######|R####|FA YYYY ####|F-###/YYYY|##########|#### ######|YY####|A##-####|SI0#####|###-M|IN.#####|VF YY/####|#####|F####YY|K#/YYYY/##|RG YYYY-MM-###|FT A/###|##.###|FV/###/MM/YYYY|#")
	shape = strings.NewReplacer("YYYY", day.Format("2006"), "YY", day.Format("06"), "MM", day.Format("01")).Replace(shape)
	if shape == "#" {
		return fmt.Sprint(1 + r.IntN(400))
	}
	number := digits(r, shape)
	if strings.HasPrefix(number, "0") {
		number = "7" + number[1:]
	}
	return number
}

// addLines sells things and adds up what they cost.
func (f *facts) addLines(r *rand.Rand) {
	count := 1 + r.IntN(7)
	if chance(r, 0.08) {
		count = 24 + r.IntN(20)
	}
	rates := strings.Split(f.rates, "|")
	if chance(r, 0.75) {
		rates = rates[:1]
	}
	unit := int64(1)
	if f.whole() {
		unit = 100
	}
	bases := map[string]int64{}
	for range count {
		l := line{item: pick(r, f.items), code: digits(r, pick(r, "A-####|#####|##-###")), count: 1 + r.Int64N(12), rate: rates[r.IntN(len(rates))]}
		l.price = (unit * (50 + r.Int64N(pickScale(r)))) / unit * unit
		l.sum = l.count * l.price
		bases[l.rate] += l.sum
		f.net += l.sum
		f.lines = append(f.lines, l)
	}
	if len(bases) == 1 && chance(r, 0.25) {
		f.freight = unit * (4 + r.Int64N(30)) * 5
		f.net += f.freight
		bases[f.lines[0].rate] += f.freight
	}
	if len(bases) == 1 && chance(r, 0.2) {
		f.less = f.net / 20 / unit * unit
		f.net -= f.less
		bases[f.lines[0].rate] -= f.less
	}
	f.gross = f.net
	if !chance(r, 0.08) { // some are free of tax
		for _, rate := range rates {
			if base := bases[rate]; base > 0 {
				sum := share(base, rate) / unit * unit
				f.taxes = append(f.taxes, tax{rate: rate, base: base, sum: sum})
				f.gross += sum
			}
		}
	}
	if !f.credit && chance(r, 0.15) {
		f.paid = f.gross / 3 / unit * unit
	}
	if chance(r, 0.06) {
		f.old = f.gross/2/unit*unit + 17*unit
	}
}

func pickScale(r *rand.Rand) int64 {
	return []int64{2_000, 20_000, 200_000, 900_000}[r.IntN(4)]
}

func share(base int64, rate string) int64 {
	whole, part, _ := strings.Cut(strings.ReplaceAll(rate, ",", "."), ".")
	for len(part) < 2 {
		part += "0"
	}
	percent, err := strconv.ParseInt(whole+part, 10, 64)
	if err != nil {
		panic("the rate of a locale is no number: " + rate)
	}
	return (base*percent + 5_000) / 10_000
}

// whole says that the currency has no smaller coin.
func (f *facts) whole() bool { return f.currency == "JPY" }

// label prints one of the words for something.
func (f *facts) label(r *rand.Rand, key string) string {
	choice := f.labels[key]
	text := choice[r.IntN(len(choice))]
	if strings.Contains(text, "%s") && key != "intro" {
		text = strings.ReplaceAll(text, "%s", f.locale.tax)
	}
	return text
}

func (f *facts) date(day time.Time) string {
	text := day.Format(strings.ReplaceAll(f.layout, "MMMM", "@@"))
	months := strings.Split(f.months, "|")
	return strings.ReplaceAll(text, "@@", months[day.Month()-1])
}

// decimal prints hundredths without a sign of the currency.
func (f *facts) decimal(value int64) string {
	minus := value < 0
	if minus {
		value = -value
	}
	whole := fmt.Sprint(value / 100)
	text := f.grouped(whole)
	if !f.whole() {
		text += f.point + fmt.Sprintf("%02d", value%100)
	}
	if minus {
		return "-" + text
	}
	return text
}

func (f *facts) grouped(whole string) string {
	group, step := f.group, 3
	if group == "in" {
		group, step = ",", 2
	}
	if group == "" || len(whole) <= 3 {
		return whole
	}
	text := whole[len(whole)-3:]
	for rest := whole[:len(whole)-3]; rest != ""; {
		cut := max(len(rest)-step, 0)
		text = rest[cut:] + group + text
		rest = rest[:cut]
	}
	return text
}

// money prints an amount as the document's total column does.
func (f *facts) money(value int64) string {
	text := f.decimal(value)
	if minus, found := strings.CutPrefix(text, "-"); found && strings.HasPrefix(f.sign, "$") {
		return "-" + strings.ReplaceAll(f.sign, "%s", minus)
	}
	return strings.ReplaceAll(f.sign, "%s", text)
}

// signed turns an amount of a credit note.
func (f *facts) signed(value int64) int64 {
	if f.minus {
		return -value
	}
	return value
}
