package web

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/google/uuid"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

func stages() []domain.StageInfo {
	return []domain.StageInfo{
		{Name: "standardize", Doing: "Standardizing", Done: "Standardized"},
		{Name: "extract", Doing: "Reading", Done: "Read"},
		{Name: "categorize", Doing: "Categorizing", Done: "Categorized"},
		{Name: "deliver", Doing: "Filing", Done: "Filed"},
		{Name: "announce", Doing: "Announcing", Done: "Announced"},
	}
}

// line is one fixture: age, status, stage, vendor, number, sender, category,
// date, currency, total, remark.
type line struct {
	age                                                                              time.Duration
	status                                                                           domain.Status
	stage, file, vendor, number, sender, category, date, currency, total, note, kind string
}

// seed fills a workspace with the documents that the design's pictures show.
func seed(m *memory) {
	for i, l := range lines() {
		d := l.document()
		d.ID = domain.DocumentID(fmt.Sprintf("0d0c0000-0000-4000-8000-%012d", i))
		m.put(d)
	}
	m.putMail(domain.Mail{
		ID: domain.MailID(uuid.NewString()), Envelope: domain.Envelope{From: "receipts@lindqvist.example"}, Size: 281_000,
		Status: domain.MailAccepted, ReceivedAt: time.Now().Add(-2 * time.Second),
	})
}

func lines() []line {
	const m, h = time.Minute, time.Hour
	done, retry, failed, working := domain.Completed, domain.Retrying, domain.Failed, domain.Processing
	return []line{
		{10 * time.Second, working, "extract", "scan_0041.pdf", "", "", "receipts@lindqvist.example", "", "", "", "", "", ""},
		{11 * time.Second, working, "standardize", "Rechnung_2026-11.pdf", "", "", "m.aalto@lindqvist.example", "", "", "", "", "", ""},
		{1 * m, working, "deliver", "r.pdf", "Kranz & Söhne Bürobedarf GmbH", "RE-2026-10447", "rechnung@kranz-soehne.example", "Office supplies", "2026-11-20", "EUR", "1284.50", "", "einvoice"},
		{3 * m, retry, "announce", "faktura.pdf", "Nordlys Hosting AS", "NO-88213", "billing@nordlys.example", "Hosting", "2026-11-22", "NOK", "2490.00", "Discord asked us to wait.", ""},
		{6 * m, done, "announce", "paragon.jpg", "Taxi 24 Łódź Sp. z o.o.", "", "m.aalto@lindqvist.example", "Travel", "2026-11-21", "PLN", "86.40", "Total unclear: 86.40 or 100.00", "photo"},
		{11 * m, done, "announce", "b.pdf", "Gesellschaft für technische Überwachung und Qualitätssicherung mbH", "TUE-0093", "buero@gtue-sued.example", "Services", "2026-11-19", "EUR", "11840.00", "", ""},
		{14 * m, failed, "deliver", "c.pdf", "Brightwater Utilities plc", "1008-2231-77", "noreply@brightwater.example", "Utilities", "2026-11-18", "GBP", "312.08", "The folder is gone. Choose another one, then retry.", ""},
		{30 * m, done, "announce", "d.pdf", "Hôtel Belvédère & Spa Montreux", "F-20931", "folio@belvedere.example", "Travel", "2026-11-17", "CHF", "1046.35", "", ""},
		{34 * m, done, "announce", "e.pdf", "Imprimerie Delacroix et Fils", "FA-2026-0812", "compta@delacroix.example", "Marketing", "2026-11-20", "EUR", "640.00", "", ""},
		{45 * m, done, "announce", "f.pdf", "Cloudberry Compute Inc.", "INV-3350917", "invoices@cloudberry.example", "Hosting", "2026-11-22", "USD", "1310.40", "", ""},
		{52 * m, done, "announce", "g.pdf", "Tōkyō Bungu K.K.", "T-77-20419", "keiri@bungu.example", "Office supplies", "2026-11-14", "JPY", "48400", "", ""},
		{61 * m, done, "announce", "h.pdf", "Cloudberry Compute Inc.", "CN-3350118", "invoices@cloudberry.example", "Hosting", "2026-11-21", "USD", "-84.00", "", ""},
		{80 * m, done, "announce", "i.pdf", "Papelería Gómez e Hijos, S.L.", "A/26-1187", "ventas@pgomez.example", "Office supplies", "2026-11-19", "EUR", "219.17", "", "einvoice"},
		{97 * m, done, "announce", "j.pdf", "Ферма Здраве ООД", "0000104882", "office@zdrave.example", "Meals", "2026-11-18", "BGN", "164.90", "", ""},
		{111 * m, done, "announce", "kassenbon.jpg", "Café Zürisee AG", "", "j.lindqvist@lindqvist.example", "Meals", "", "CHF", "27.80", "Date missing", "photo"},
		{114 * m, done, "announce", "k.pdf", "Smith, Okonkwo & Partners LLP", "SOP/11/2026/0042", "accounts@sop-law.example", "Legal", "2026-11-15", "GBP", "3600.00", "", ""},
		{132 * m, failed, "standardize", "statement_locked.pdf", "", "", "service@postbank-nord.example", "", "", "", "", "The PDF needs a password. Remove it and send the file again.", ""},
		{148 * m, done, "announce", "l.pdf", "Vattenkraft Mälardalen AB", "OCR 7781 2044 15", "faktura@vattenkraft.example", "Utilities", "2026-11-20", "SEK", "4112.00", "", ""},
		{163 * m, done, "announce", "m.pdf", "Kuwait Date Traders", "KDT-9", "sales@kdt.example", "Meals", "2026-11-12", "KWD", "0.375", "", ""},
		{182 * m, done, "announce", "n.pdf", "Grönland Frakt ApS", "FV-5501", "frakt@gronland.example", "Shipping", "2026-11-13", "DKK", "1998.75", "", ""},
		{20 * h, done, "announce", "o.pdf", "Brouwerij De Oude Kaai BV", "20260871", "administratie@oudekaai.example", "Meals", "2026-11-20", "EUR", "412.60", "", ""},
		{22 * h, done, "announce", "p.pdf", "Stadtwerke Hohenfels", "SW-4-118830", "rechnung@sw-hohenfels.example", "Utilities", "2025-11-20", "EUR", "188.02", "", ""},
	}
}

func (l line) document() domain.Document {
	created := time.Now().Add(-l.age)
	d := domain.Document{
		Sender: l.sender, FileName: l.file, MediaType: "application/pdf", Size: 212_000, Status: l.status, Stage: domain.StageName(l.stage),
		CreatedAt: created, Fields: domain.Fields{}, Mail: "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a777", Original: "w/none",
	}
	if l.kind == "photo" {
		d.MediaType, d.Mail = "image/jpeg", ""
	}
	if l.kind == "einvoice" {
		d.Source = "einvoice"
	}
	for name, value := range map[domain.FieldName]string{
		domain.VendorName: l.vendor, domain.InvoiceNumber: l.number, domain.CategoryName: l.category,
		domain.InvoiceDate: l.date, domain.Currency: l.currency, domain.TotalAmount: l.total,
	} {
		if l.vendor != "" {
			d.Fields[name] = domain.Field{Value: value, Confidence: 0.97}
		}
	}
	switch l.status {
	case domain.Completed:
		d.CompletedAt = created.Add(7 * time.Second)
		if l.note != "" {
			d.Review = []domain.ReviewReason{{Field: domain.TotalAmount, Message: l.note}}
		}
	case domain.Failed:
		d.Error = &domain.StageError{Stage: d.Stage, Kind: domain.KindRejected, Message: l.note}
	case domain.Retrying:
		d.NextAttemptAt, d.Attempt = time.Now().Add(41*time.Second), 2
		d.Error = &domain.StageError{Stage: d.Stage, Kind: "rate_limited", Message: l.note}
	}
	return d
}

const nordlys domain.DocumentID = "0d0c0000-0000-4000-8000-000000000003"

// seedDocument gives one document a whole history, a mail, files and doubts.
func seedDocument(t testing.TB, m *memory) {
	t.Helper()
	d := m.documents[nordlys]
	start := time.Now().Add(-91 * time.Second)
	d.CreatedAt = start.Add(400 * time.Millisecond)
	d.Mail = "5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3a009"
	d.Pages, d.StandardSize = 2, 148_000
	d.Thumbnail, d.Standardized, d.Original = "w/thumb", "w/standard", "w/original"
	m.files[d.Thumbnail], m.files[d.Standardized], m.files[d.Original] = drawnPage(t), drawnPDF(), drawnPDF()
	d.StandardSize, d.Size = int64(len(drawnPDF())), int64(len(drawnPDF()))
	d.Review = []domain.ReviewReason{{Field: domain.TotalAmount, Message: "Two amounts fit: 2 490,00 (p. 1, “Å betale”) and 1 992,00 (net). Sums agree with the first."}}
	d.Fields[domain.TotalAmount] = domain.Field{
		Value: "2490.00", Confidence: 0.7, Page: 1, Box: &domain.Box{X0: .85, Y0: .645, X1: .94, Y1: .67},
		Alternatives: []domain.Candidate{{Value: "1992.00", Confidence: .2, Page: 1, Box: &domain.Box{X0: .85, Y0: .575, X1: .94, Y1: .597}}, {Value: "498.00", Confidence: .05}},
	}
	d.Fields[domain.VendorName] = domain.Field{Value: "Nordlys Hosting AS", Confidence: .99, Reason: "Org. number matches · 12 earlier documents", Page: 1, Box: &domain.Box{X0: .06, Y0: .05, X1: .31, Y1: .08}}
	d.Fields[domain.Currency] = domain.Field{Value: "NOK", Locked: true, Previous: "SEK", EditedBy: m.user.Email, EditedAt: time.Now().Add(-time.Minute)}
	d.Deliveries = []domain.Delivery{{Destination: "Folder", Reference: "2026/2026-11-22 Nordlys Hosting AS 2490.00 NOK.pdf", At: start.Add(49 * time.Second)}}
	m.put(d)
	const raw = "From: billing@nordlys.example\r\n\r\nhello"
	m.files["w/raw"] = []byte(raw)
	m.mails[d.Mail] = domain.Mail{
		ID: d.Mail, Envelope: domain.Envelope{From: "billing@nordlys.example", RemoteAddr: "203.0.113.9", TLS: true}, Recipient: "lindqvist-7f3k@in.docuflow.example",
		Status: domain.MailUnpacked, Disposition: domain.DispositionDocuments, Subject: "Faktura NO-88213 for november", Author: "billing@nordlys.example",
		Raw: "w/raw", Size: int64(len(raw)), ReceivedAt: start, Parts: []domain.Part{
			{FileName: "faktura.pdf", Used: true, Document: nordlys, Size: 212_000},
			{FileName: "logo.png", Reason: "signature picture", Size: 4_000},
		},
	}
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	run := func(stage string, number int, queued, started, finished float64, outcome domain.AttemptOutcome, note, problem string) domain.Attempt {
		a := domain.Attempt{Stage: domain.StageName(stage), Number: number, Node: "app-2", QueuedAt: at(queued), StartedAt: at(started), FinishedAt: at(finished), Outcome: outcome, Note: note, Error: problem}
		if problem != "" {
			a.ErrorKind = "rate_limited"
		}
		return a
	}
	m.attempts[nordlys] = []domain.Attempt{
		run("standardize", 1, .4, 1.1, 4.8, domain.AttemptDone, "2 pages · 212 → 148 KB", ""),
		run("extract", 1, 4.8, 5, 13.2, domain.AttemptDone, "text layer, 5 of 5 fields", ""),
		run("categorize", 1, 13.2, 13.3, 13.4, domain.AttemptDone, "Hosting · learned from 12", ""),
		run("deliver", 1, 13.5, 14, 24, domain.AttemptRetry, "", "The folder did not answer."),
		run("deliver", 2, 24, 46, 49.3, domain.AttemptDone, "on attempt 2", ""),
		run("announce", 1, 49.3, 49.4, 50.5, domain.AttemptRetry, "", "Discord did not answer. Nothing was posted."),
		run("announce", 2, 50.5, 72, 73, domain.AttemptRetry, "", "Discord asked us to wait 60 s. Nothing was posted twice."),
	}
	m.paint = drawnPage(t)
	m.events[nordlys] = []domain.Event{
		{Seq: 4, Actor: m.user.Email, Text: "set currency to NOK, was SEK", At: at(60), Document: nordlys},
		{Seq: 3, Text: "Filed to the folder", At: at(49), Document: nordlys},
		{Seq: 2, Text: "Read 5 of 5 fields, one uncertain", At: at(13), Document: nordlys},
		{Seq: 1, Text: "Arrived by email", At: start, Document: nordlys},
	}
}

// drawnPage is a picture of a page with something to see on it.
func drawnPage(t testing.TB) []byte {
	t.Helper()
	page := image.NewRGBA(image.Rect(0, 0, 1000, 1110))
	draw.Draw(page, page.Bounds(), image.NewUniform(color.RGBA{255, 254, 251, 255}), image.Point{}, draw.Src)
	for at, text := range map[image.Point]string{
		{65, 75}: "Nordlys Hosting AS", {65, 110}: "Havnegata 14 - 7010 Trondheim", {65, 380}: "Faktura", {650, 650}: "Sum eks. MVA", {860, 650}: "1 992,00",
		{650, 690}: "MVA 25 %", {860, 690}: "498,00", {650, 730}: "A betale NOK", {860, 730}: "2 490,00",
	} {
		(&font.Drawer{Dst: page, Src: image.Black, Face: basicfont.Face7x13, Dot: fixed.P(at.X, at.Y)}).DrawString(text)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, page); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// drawnPDF is a small whole PDF.
func drawnPDF() []byte {
	content := "BT /F1 24 Tf 60 760 Td (Nordlys Hosting AS) Tj ET"
	objects := []string{
		"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
		fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(content), content),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
	}
	var b strings.Builder
	b.WriteString("%PDF-1.4\n")
	offsets := make([]int, len(objects))
	for i, object := range objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table)
	return []byte(b.String())
}
