package madeup

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/page"
)

// Document is an invented document and what it says.
type Document struct {
	Name  string
	Pages page.Document
	Truth map[domain.FieldName]string
}

// Make invents the document of a seed.
func Make(seed uint64) Document {
	r := rand.New(rand.NewPCG(seed, 0x6d616465757000))
	f := newFacts(r, locales[r.IntN(len(locales))])
	p := &printer{facts: f, r: r}
	if chance(r, 0.15) && !f.credit {
		p.slip()
	} else {
		p.invoice()
	}
	document := Document{
		Name:  fmt.Sprintf("%s-%s-%d", f.language, strings.ToLower(f.currency), seed),
		Pages: page.Document{Source: page.SourceText},
		Truth: map[domain.FieldName]string{
			domain.VendorName: f.seller.name, domain.TotalAmount: p.total(), domain.InvoiceDate: f.day.Format("2006-01-02"),
			domain.InvoiceNumber: f.number, domain.Currency: f.currency,
		},
	}
	if !p.currencyShown {
		delete(document.Truth, domain.Currency)
	}
	for i, c := range p.pages {
		document.Pages.Pages = append(document.Pages.Pages, c.page(i+1))
	}
	return document
}

// printer lays out one document.
type printer struct {
	facts
	r             *rand.Rand
	pages         []*canvas
	on            *canvas
	y             float64
	size          float64
	left, right   float64
	currencyShown bool
	nameShown     bool
}

func (p *printer) total() string {
	value := p.signed(p.gross)
	if p.whole() {
		return fmt.Sprint(value / 100)
	}
	minus := ""
	if value < 0 {
		minus, value = "-", -value
	}
	return fmt.Sprintf("%s%d.%02d", minus, value/100, value%100)
}

func (p *printer) newPage(width, height float64) {
	p.on = &canvas{width: width, height: height}
	p.pages = append(p.pages, p.on)
}

// cash prints an amount with the sign of the currency.
func (p *printer) cash(value int64) string {
	if p.sign != "%s" {
		p.currencyShown = true
	}
	return p.money(value)
}

func (p *printer) invoice() {
	p.newPage(pageWidth, pageHeight)
	p.size = 8 + float64(p.r.IntN(4))
	p.left, p.right = 40+float64(p.r.IntN(35)), pageWidth-40-float64(p.r.IntN(30))
	p.y = 45 + float64(p.r.IntN(25))
	p.letterhead()
	bottom := p.addressAndMeta()
	p.y = bottom + 14 + float64(p.r.IntN(20))
	p.salutation()
	p.table()
	p.totals()
	p.closing()
	p.footer()
}

func (p *printer) step() { p.y += p.size * 1.35 }

// letterhead prints the seller at the top, or a logo that has no words.
func (p *printer) letterhead() {
	big := p.size * []float64{1, 1.3, 1.7, 2.2}[p.r.IntN(4)]
	x, side := p.left, toLeft
	switch p.r.IntN(4) {
	case 0:
		x, side = p.right, toRight
	case 1:
		x, side = (p.left+p.right)/2, centred
	}
	style := p.r.IntN(8)
	switch style {
	case 0: // the logo is a picture: the name stands in the footer alone
		p.y += 30
		return
	case 1: // the brand alone; the footer has the name
		p.on.text(x, p.y, big, side, p.seller.brand)
		p.y += big * 1.4
		if chance(p.r, 0.3) {
			p.on.text(x, p.y, p.size, side, pick(p.r, p.trades))
			p.step()
		}
		return
	case 2:
		p.title(p.left, toLeft)
		p.y += p.size
	}
	p.nameShown = true
	name := p.seller.name
	if chance(p.r, 0.15) {
		name = strings.ToUpper(name)
	}
	if words := strings.Fields(name); len(words) > 2 && chance(p.r, 0.25) { // over two lines
		cut := 1 + p.r.IntN(len(words)-1)
		p.on.text(x, p.y, big, side, strings.Join(words[:cut], " "))
		p.y += big * 1.2
		p.on.text(x, p.y, big, side, strings.Join(words[cut:], " "))
	} else {
		p.on.text(x, p.y, big, side, name)
	}
	p.y += big * 1.3
	p.sellerLines(x, side)
}

// sellerLines prints where the seller is and how to reach them.
func (p *printer) sellerLines(x float64, side align) {
	lines := []string{p.seller.street, p.seller.place}
	if chance(p.r, 0.5) {
		lines = append(lines, p.label(p.r, "phone")+" "+p.seller.phone)
	}
	if chance(p.r, 0.4) {
		lines = append(lines, pick(p.r, "info@|mail@|office@")+p.seller.domain)
	}
	if chance(p.r, 0.4) {
		lines = append(lines, p.seller.taxID)
	}
	if chance(p.r, 0.3) {
		p.on.text(x, p.y, p.size*0.9, side, strings.Join(lines, pick(p.r, " · | - |, ")))
		p.step()
		return
	}
	for _, line := range lines {
		p.on.text(x, p.y, p.size, side, line)
		p.step()
	}
}

func (p *printer) title(x float64, side align) {
	key := "title"
	if p.credit {
		key = "credit"
	}
	p.on.text(x, p.y, p.size*[]float64{1.2, 1.6, 2.2}[p.r.IntN(3)], side, p.label(p.r, key))
	p.y += p.size * 2.2
}

type entry struct{ label, value string }

// meta lists the numbers and days of the document in some order, with others that only look like them.
func (p *printer) meta(sentence bool) []entry {
	var entries []entry
	if !sentence {
		entries = append(entries, entry{p.label(p.r, "number"), p.number}, entry{p.label(p.r, "date"), p.date(p.day)})
	}
	others := []entry{
		{p.label(p.r, "due"), p.date(p.due)}, {p.label(p.r, "delivery"), p.date(p.delivered)}, {p.label(p.r, "orderdate"), p.date(p.ordered)},
		{p.label(p.r, "order"), p.order}, {p.label(p.r, "customer"), p.customer}, {p.label(p.r, "contact"), pick(p.r, p.people)},
	}
	for _, other := range others {
		if chance(p.r, 0.45) {
			entries = append(entries, other)
		}
	}
	if chance(p.r, 0.6) {
		p.r.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
	}
	return entries
}

// addressAndMeta prints the buyer and what identifies the document, beside or below each other.
func (p *printer) addressAndMeta() float64 {
	p.y += 12 + float64(p.r.IntN(25))
	sentence := chance(p.r, 0.15)
	titled := chance(p.r, 0.5)
	if titled && !sentence {
		x, side := p.left, toLeft
		if chance(p.r, 0.4) {
			x, side = p.right, toRight
		}
		p.title(x, side)
	}
	top := p.y
	entries := p.meta(sentence)
	switch p.r.IntN(5) {
	case 0: // below each other
		p.buyerBlock(p.left)
		p.y += 10
		p.metaPairs(entries, p.left, p.left+95+float64(p.r.IntN(40)), toLeft)
	case 1: // a band of columns
		p.buyerBlock(p.left)
		p.y += 12
		p.metaColumns(entries)
	case 2: // numbers first
		p.metaPairs(entries, p.left, p.left+95+float64(p.r.IntN(40)), toLeft)
		p.y += 12
		p.buyerBlock(p.left)
	case 3: // the buyer at the right
		p.buyerBlock(330)
		bottom := p.y
		p.y = top
		p.metaPairs(entries, p.left, p.left+100, toLeft)
		p.y = max(p.y, bottom)
	default: // the buyer at the left, numbers at the right
		p.buyerBlock(p.left)
		bottom := p.y
		p.y = top
		if chance(p.r, 0.4) {
			p.metaPairs(entries, 340, p.right, toRight)
		} else {
			p.metaPairs(entries, 330, 425+float64(p.r.IntN(20)), toLeft)
		}
		p.y = max(p.y, bottom)
	}
	if sentence {
		p.titleSentence()
	}
	return p.y
}

// titleSentence is a title with number and date.
func (p *printer) titleSentence() {
	p.y += 14
	key := "title"
	if p.credit {
		key = "credit"
	}
	p.on.text(p.left, p.y, p.size*1.3, toLeft, p.label(p.r, key)+" "+pick(p.r, "|Nr. |# |No. ")+p.number+" "+p.label(p.r, "about")+" "+p.date(p.day))
	p.step()
}

func (p *printer) buyerBlock(x float64) {
	if chance(p.r, 0.2) { // the seller on one line above the window of the envelope
		p.on.text(x, p.y, p.size*0.75, toLeft, p.seller.name+pick(p.r, " · |, | - | • ")+p.seller.street+pick(p.r, " · |, | - | • ")+p.seller.place)
		p.nameShown = true
		p.step()
	}
	if chance(p.r, 0.12) && !p.nameShown {
		p.on.text(x, p.y, p.size, toLeft, p.label(p.r, "from")+":")
		p.step()
		for _, line := range []string{p.seller.name, p.seller.street, p.seller.place} {
			p.on.text(x, p.y, p.size, toLeft, line)
			p.step()
		}
		p.nameShown = true
		p.y += 6
	}
	if chance(p.r, 0.6) {
		p.on.text(x, p.y, p.size, toLeft, p.label(p.r, "to")+pick(p.r, ":||:"))
		p.step()
	}
	lines := []string{p.buyer.name}
	if chance(p.r, 0.3) {
		lines = append(lines, pick(p.r, p.people))
	}
	lines = append(lines, p.buyer.street, p.buyer.place)
	if chance(p.r, 0.15) {
		lines = append(lines, p.buyer.taxID)
	}
	for _, line := range lines {
		p.on.text(x, p.y, p.size, toLeft, line)
		p.step()
	}
	if chance(p.r, 0.1) {
		p.y += 8
		p.on.text(x, p.y, p.size, toLeft, p.label(p.r, "ship")+":")
		p.step()
		for _, line := range []string{p.buyer.name, newCompany(p.r, p.locale).street, p.buyer.place} {
			p.on.text(x, p.y, p.size, toLeft, line)
			p.step()
		}
	}
}

func (p *printer) metaPairs(entries []entry, x, values float64, side align) {
	colon := pick(p.r, "|:|:| :")
	joined := chance(p.r, 0.25) && side == toLeft
	for _, e := range entries {
		switch {
		case joined:
			p.on.text(x, p.y, p.size, toLeft, e.label+colon+" "+e.value)
		default:
			p.on.text(x, p.y, p.size, toLeft, e.label+colon)
			p.on.text(values, p.y, p.size, side, e.value)
		}
		p.step()
	}
}

// metaColumns prints labels in one row and their values below.
func (p *printer) metaColumns(entries []entry) {
	if len(entries) > 5 {
		p.metaPairs(entries[5:], p.left, p.left+110, toLeft)
		p.y += 8
		entries = entries[:5]
	}
	wide := (p.right - p.left) / float64(max(len(entries), 1))
	side := []align{toLeft, centred}[p.r.IntN(2)]
	for i, e := range entries {
		x := p.left + wide*float64(i)
		if side == centred {
			x += wide / 2
		}
		p.on.text(x, p.y, p.size*0.9, side, e.label)
		p.on.text(x, p.y+p.size*1.5, p.size, side, e.value)
	}
	p.y += p.size * 3.2
}

func (p *printer) salutation() {
	if chance(p.r, 0.3) {
		p.on.text(p.left, p.y, p.size, toLeft, p.label(p.r, "dear"))
		p.step()
	}
	if chance(p.r, 0.3) {
		intro := p.label(p.r, "intro")
		p.on.text(p.left, p.y, p.size, toLeft, strings.ReplaceAll(intro, "%s", p.date(p.delivered)))
		p.step()
	}
	p.y += 8
}

// table prints the lines, over as many pages as they need.
func (p *printer) table() {
	columns := []float64{p.left, p.left + 45, p.right - 170, p.right - 80, p.right}
	withCode := chance(p.r, 0.4)
	withCount := chance(p.r, 0.85)
	head := func() {
		if withCode {
			p.on.text(columns[0], p.y, p.size, toLeft, pick(p.r, "Pos.|#|No|Code"))
			p.on.text(columns[1], p.y, p.size, toLeft, p.label(p.r, "desc"))
		} else {
			p.on.text(columns[0], p.y, p.size, toLeft, p.label(p.r, "desc"))
		}
		if withCount {
			p.on.text(columns[2], p.y, p.size, toRight, p.label(p.r, "qty"))
			p.on.text(columns[3], p.y, p.size, toRight, p.label(p.r, "price"))
		}
		p.on.text(columns[4], p.y, p.size, toRight, p.label(p.r, "amount"))
		p.y += p.size * 1.7
	}
	head()
	code := p.r.IntN(2)
	var sum int64
	for i, l := range p.lines {
		if p.y > pageHeight-150 {
			p.on.text(columns[3], p.y, p.size, toRight, p.label(p.r, "carry"))
			p.on.text(columns[4], p.y, p.size, toRight, p.decimal(p.signed(sum)))
			p.footer()
			p.newPage(pageWidth, pageHeight)
			p.y = 60
			head()
			p.on.text(columns[3], p.y, p.size, toRight, p.label(p.r, "carry"))
			p.on.text(columns[4], p.y, p.size, toRight, p.decimal(p.signed(sum)))
			p.step()
		}
		x := columns[0]
		if withCode {
			p.on.text(x, p.y, p.size, toLeft, []string{fmt.Sprint(i + 1), l.code}[code])
			x = columns[1]
		}
		p.on.text(x, p.y, p.size, toLeft, l.item)
		if withCount {
			p.on.text(columns[2], p.y, p.size, toRight, fmt.Sprint(l.count))
			p.on.text(columns[3], p.y, p.size, toRight, p.decimal(l.price))
		}
		p.on.text(columns[4], p.y, p.size, toRight, p.decimal(p.signed(l.sum)))
		sum += l.sum
		p.y += p.size * 1.5
	}
	p.y += 8
	if p.y > pageHeight-210 {
		p.footer()
		p.newPage(pageWidth, pageHeight)
		p.y = 70
	}
}

// totals prints how the lines become the total.
func (p *printer) totals() {
	rows := p.partialSums()
	if len(p.taxes) == 1 && chance(p.r, 0.15) && p.paid == 0 {
		p.totalsAcross()
		return
	}
	rows = append(rows, p.finalSums()...)
	x := []float64{330, p.left, 380}[p.r.IntN(3)]
	side := toLeft
	if x == 380 {
		x, side = p.right-90, toRight
	}
	colon := pick(p.r, "||:")
	for _, row := range rows {
		size := p.size
		if row.big && chance(p.r, 0.4) {
			size *= 1.3
		}
		p.on.text(x, p.y, size, side, row.label+colon)
		p.on.text(p.right, p.y, size, toRight, p.cash(row.value))
		p.y += size * 1.6
	}
	if len(p.taxes) > 0 && chance(p.r, 0.3) {
		p.taxTable()
	}
}

// row is a line of the totals.
type row struct {
	label string
	value int64
	big   bool
}

// partialSums are what comes before the total.
func (p *printer) partialSums() []row {
	var rows []row
	if p.freight > 0 {
		rows = append(rows, row{p.label(p.r, "ship$"), p.signed(p.freight), false})
	}
	if p.less > 0 {
		rows = append(rows, row{p.label(p.r, "less"), -p.signed(p.less), false})
	}
	if len(p.taxes) > 0 {
		rows = append(rows, row{p.label(p.r, "net"), p.signed(p.net), false})
	}
	label := p.label(p.r, "tax")
	for _, t := range p.taxes {
		text := label + " " + t.rate + pick(p.r, "%| %")
		if len(p.taxes) > 1 && chance(p.r, 0.5) {
			text += pick(p.r, " / | (| : ") + p.decimal(p.signed(t.base))
		}
		rows = append(rows, row{text, p.signed(t.sum), false})
	}
	return rows
}

// finalSums are the total and what was and is to be paid.
func (p *printer) finalSums() []row {
	total := p.label(p.r, "total")
	suffix := ""
	if chance(p.r, 0.2) || p.sign == "%s" && chance(p.r, 0.6) {
		suffix = " " + pick(p.r, "%s|(%s)|in %s")
		suffix = strings.ReplaceAll(suffix, "%s", p.currency)
		p.currencyShown = true
	}
	rows := []row{{total + suffix, p.signed(p.gross), true}}
	if p.old > 0 {
		rows = append(rows, row{p.label(p.r, "old"), p.old, false})
	}
	if p.paid > 0 {
		rows = append(rows, row{p.label(p.r, "paid"), p.signedPaid(), false})
	}
	if p.paid > 0 || p.old > 0 {
		rows = append(rows, row{p.label(p.r, "rest"), p.signed(p.gross) + p.old - p.paid, false})
	}
	return rows
}

// taxTable sums up by rate: amounts with their tax that are not the total.
func (p *printer) taxTable() {
	p.y += 8
	columns := []float64{p.left + 60, p.left + 140, p.left + 220, p.left + 300}
	for i, label := range []string{"%", p.label(p.r, "net"), p.label(p.r, "tax"), p.label(p.r, "amount")} {
		p.on.text(columns[i], p.y, p.size*0.9, toRight, label)
	}
	p.step()
	for _, t := range p.taxes {
		for i, value := range []string{t.rate + pick(p.r, "%| %|"), p.decimal(p.signed(t.base)), p.decimal(p.signed(t.sum)), p.decimal(p.signed(t.base + t.sum))} {
			p.on.text(columns[i], p.y, p.size*0.9, toRight, value)
		}
		p.step()
	}
}

// signedPaid prints a deposit with or without its minus.
func (p *printer) signedPaid() int64 {
	if chance(p.r, 0.4) {
		return -p.paid
	}
	return p.paid
}

// totalsAcross prints labels in one row and the amounts below them.
func (p *printer) totalsAcross() {
	labels := []string{p.label(p.r, "net"), p.tax + " %", p.label(p.r, "tax"), p.label(p.r, "total")}
	values := []string{p.decimal(p.signed(p.net)), p.taxes[0].rate, p.decimal(p.signed(p.taxes[0].sum)), p.cash(p.signed(p.gross))}
	for i := range labels {
		x := p.left + (p.right-p.left)/4*float64(i+1)
		p.on.text(x, p.y, p.size, toRight, labels[i])
		p.on.text(x, p.y+p.size*1.6, p.size, toRight, values[i])
	}
	p.y += p.size * 4
}

func (p *printer) closing() {
	p.y += 16
	if chance(p.r, 0.6) {
		p.on.text(p.left, p.y, p.size, toLeft, p.label(p.r, "terms"))
		p.step()
	}
	if chance(p.r, 0.15) {
		p.on.text(p.left, p.y, p.size, toLeft, p.label(p.r, "due")+": "+p.date(p.due))
		p.step()
	}
	if chance(p.r, 0.4) {
		p.on.text(p.left, p.y, p.size, toLeft, p.label(p.r, "thanks"))
		p.step()
	}
	if chance(p.r, 0.2) {
		p.y += 10
		p.on.text(p.left, p.y, p.size, toLeft, p.seller.name)
		p.nameShown = true
	}
}

// footer prints the legal lines. Once at least the seller is named.
func (p *printer) footer() {
	size := p.size * 0.8
	y := pageHeight - 50
	bank := pick(p.r, "Sparkasse|Handelsbank|Banco Norte|Crédit Ouest|First Union Bank|Volksbank") + " " + p.seller.account
	must := !p.nameShown
	p.nameShown = true
	switch p.r.IntN(4) {
	case 0:
		if must {
			p.on.text((p.left+p.right)/2, y, size, centred, p.seller.name+", "+p.seller.street+", "+p.seller.place+". "+p.seller.taxID)
		}
	case 1:
		p.on.text(p.left, y, size, toLeft, strings.Join([]string{p.seller.name, p.seller.street, p.seller.place, p.seller.taxID}, pick(p.r, " · | | | - |, ")))
		p.on.text(p.left, y+size*1.4, size, toLeft, bank)
	case 2:
		columns := [][]string{{p.seller.name, p.seller.street, p.seller.place}, {p.label(p.r, "phone") + " " + p.seller.phone, "www." + p.seller.domain}, {bank, p.seller.taxID}}
		for i, lines := range columns {
			for j, line := range lines {
				p.on.text(p.left+float64(i)*170, y+float64(j)*size*1.4, size, toLeft, line)
			}
		}
	default:
		if must {
			p.on.text(p.left, y, size, toLeft, p.seller.name)
		}
		p.on.text(p.right, y+size*1.5, size, toRight, "www."+p.seller.domain+" "+p.seller.taxID)
	}
	if chance(p.r, 0.3) {
		p.on.text(p.right, pageHeight-20, size, toRight, fmt.Sprintf("%s %d", p.label(p.r, "page"), len(p.pages)))
	}
	if chance(p.r, 0.05) {
		p.on.text((p.left+p.right)/2, pageHeight-12, size*0.9, centred, pick(p.r, "Created with BillEasy Software|Printed by Formular Cloud GmbH|Powered by Ledgerly Inc."))
	}
}

// slip prints the receipt of a till.
func (p *printer) slip() {
	p.newPage(226, 600)
	p.size = 8
	p.left, p.right, p.y = 10, 216, 24
	middle := 113.0
	p.paid, p.old = 0, 0
	for i, line := range []string{p.seller.name, p.seller.street, p.seller.place, p.label(p.r, "phone") + " " + p.seller.phone, p.seller.taxID} {
		size := p.size
		if i == 0 {
			size *= []float64{1, 1.3}[p.r.IntN(2)]
		}
		p.on.text(middle, p.y, size, centred, line)
		p.step()
	}
	p.y += 6
	above := chance(p.r, 0.5)
	if above {
		p.slipMeta()
		p.y += 6
	}
	p.slipLines()
	p.slipTotals()
	if !above {
		p.y += 6
		p.slipMeta()
	}
	p.y += 6
	p.on.text(middle, p.y, p.size, centred, p.label(p.r, "thanks"))
}

// slipMeta prints the number and the day.
func (p *printer) slipMeta() {
	p.on.text(p.left, p.y, p.size, toLeft, p.label(p.r, "number")+pick(p.r, ":| |")+" "+p.number)
	p.step()
	p.on.text(p.left, p.y, p.size, toLeft, pick(p.r, p.label(p.r, "date")+": |")+p.date(p.day)+pick(p.r, " 10:42| 18:07:33|"))
	if chance(p.r, 0.4) {
		p.on.text(p.right, p.y, p.size, toRight, pick(p.r, "#08|#3|1|04|T2"))
	}
	p.step()
}

// slipLines prints what was bought.
func (p *printer) slipLines() {
	for _, l := range p.lines {
		p.on.text(p.left, p.y, p.size, toLeft, fmt.Sprintf("%d x %s", l.count, l.item))
		p.on.text(p.right, p.y, p.size, toRight, p.decimal(l.sum))
		p.step()
	}
	if p.freight > 0 {
		p.on.text(p.left, p.y, p.size, toLeft, p.label(p.r, "ship$"))
		p.on.text(p.right, p.y, p.size, toRight, p.decimal(p.freight))
		p.step()
	}
	if p.less > 0 {
		p.on.text(p.left, p.y, p.size, toLeft, p.label(p.r, "less"))
		p.on.text(p.right, p.y, p.size, toRight, p.decimal(-p.less))
		p.step()
	}
}

// slipTotals prints the taxes, the total and how it was paid.
func (p *printer) slipTotals() {
	for _, t := range p.taxes {
		p.on.text(p.left, p.y, p.size, toLeft, p.locale.tax+" "+t.rate+"%")
		p.on.text(p.right, p.y, p.size, toRight, p.decimal(t.sum))
		p.step()
	}
	if len(p.taxes) > 1 { // totals of a rate before the total
		for _, t := range p.taxes {
			p.on.text(p.left, p.y, p.size, toLeft, p.label(p.r, "amount")+" "+t.rate+"%")
			p.on.text(p.right, p.y, p.size, toRight, p.decimal(t.base+t.sum))
			p.step()
		}
	}
	p.y += 4
	p.on.text(p.left, p.y, p.size*1.2, toLeft, p.label(p.r, "total"))
	p.on.text(p.right, p.y, p.size*1.2, toRight, p.cash(p.gross))
	p.y += 14
	given := p.gross + 700
	if chance(p.r, 0.5) {
		given = p.gross
	}
	p.on.text(p.left, p.y, p.size, toLeft, p.label(p.r, "cash"))
	p.on.text(p.right, p.y, p.size, toRight, p.decimal(given))
	p.step()
	if given > p.gross {
		p.on.text(p.left, p.y, p.size, toLeft, p.label(p.r, "change"))
		p.on.text(p.right, p.y, p.size, toRight, p.decimal(given-p.gross))
		p.step()
	}
}
