package mail_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/font"

	"github.com/docuflow/docuflow/mail"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// The sample invoice is drawn here. Change the drawing, then: go test ./mail -run Sample -update
func TestSampleInvoice(t *testing.T) {
	drawn := drawInvoice()
	if *update {
		if err := os.WriteFile("sample.pdf", drawn, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got := mail.SampleInvoice(); !bytes.Equal(got.Content, drawn) {
		t.Error("sample.pdf is not what is drawn; run with -update")
	}
}

func TestSampleInvoiceCanBeRead(t *testing.T) {
	if _, err := exec.LookPath("pdftotext"); err != nil || *update {
		t.Skip("SKIPPED: pdftotext is not installed, or the sample is being drawn")
	}
	read := exec.Command("pdftotext", "-layout", "-", "-")
	read.Stdin = bytes.NewReader(mail.SampleInvoice().Content)
	text, err := read.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Nordlys Hosting AS", "Tromsø", "2026-10418", "2 November 2026", "NOK 3,223.75", "644.75", "2,579.00"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

// sheet is a page's content, in points from the lower left corner of an A4 page.
type sheet struct{ strings.Builder }

const (
	regular, bold = "Helvetica", "Helvetica-Bold"
	left, right   = 56.0, 539.0
)

var fonts = map[string]string{regular: "F1", bold: "F2"}

// Colours of text and lines, as PDF wants them.
const (
	ink   = "0.07 0.11 0.17"
	muted = "0.40 0.45 0.52"
	rule  = "0.87 0.89 0.92"
	tint  = "0.95 0.97 0.98"
	teal  = "0.04 0.52 0.49"
)

func (s *sheet) text(x, y, size float64, face, colour, text string) {
	fmt.Fprintf(s, "BT /%s %g Tf %s rg %.2f %.2f Td (%s) Tj ET\n", fonts[face], size, colour, x, y, winAnsi(text))
}

func (s *sheet) textRight(x, y, size float64, face, colour, text string) {
	width, err := font.TextWidthFloat(text, face, size)
	if err != nil {
		panic(err)
	}
	s.text(x-width, y, size, face, colour, text)
}

func (s *sheet) box(x, y, width, height float64, colour string) {
	fmt.Fprintf(s, "%s rg %g %g %g %g re f\n", colour, x, y, width, height)
}

// winAnsi writes a text in the encoding of the fonts, whose code points here
// are those of Latin-1.
func winAnsi(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case strings.ContainsRune(`()\`, r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x80:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\%03o`, r)
		}
	}
	return b.String()
}

func drawInvoice() []byte {
	s := &sheet{}
	s.letterhead()
	s.parties()
	s.items(598)
	s.totals(424)
	s.payment(322)
	return pdf(s.String())
}

// letterhead has northern lights above and in the mark.
func (s *sheet) letterhead() {
	s.WriteString("q 0 834 595 8 re W n /Lights sh Q\n")
	for i, height := range []float64{22, 32, 26} {
		x := left + 4 + float64(i)*10
		fmt.Fprintf(s, "q 4.5 w 1 J %s RG %g 770 m %g %g %g %g %g %g c S Q\n", teal,
			x, x-3, 770+height*0.4, x+3, 770+height*0.6, x-0.5, 766+height)
	}
	s.text(left+38, 783, 17, bold, ink, "Nordlys Hosting AS")
	s.text(left+38, 769, 8.5, regular, muted, "Servers under the northern lights")
	s.textRight(right, 779, 25, regular, ink, "Invoice")
}

func (s *sheet) parties() {
	s.text(left, 726, 8, bold, muted, "FROM")
	s.lines(left, 711, "Nordlys Hosting AS", "Strandgata 14", "9008 Tromsø, Norway", "Org. no. NO 912 345 670 MVA")
	s.text(224, 726, 8, bold, muted, "BILL TO")
	s.lines(224, 711, "Fjord & Fjell Design AS", "Skippergata 7", "0152 Oslo, Norway")
	for i, row := range [][2]string{{"Invoice number", "2026-10418"}, {"Invoice date", "2 November 2026"}, {"Due date", "16 November 2026"}, {"Customer number", "20771"}} {
		y := 726 - float64(i)*16
		s.text(388, y, 9, regular, muted, row[0])
		s.textRight(right, y, 9, bold, ink, row[1])
	}
}

func (s *sheet) lines(x, y float64, lines ...string) {
	for i, line := range lines {
		s.text(x, y-float64(i)*13.5, 9.5, regular, ink, line)
	}
}

// The columns' right ends.
const quantityAt, priceAt = 372.0, 454.0

func (s *sheet) items(top float64) {
	s.box(left-8, top-8, right-left+16, 24, tint)
	s.text(left, top, 8.5, bold, muted, "Description")
	s.textRight(quantityAt, top, 8.5, bold, muted, "Quantity")
	s.textRight(priceAt, top, 8.5, bold, muted, "Unit price")
	s.textRight(right, top, 8.5, bold, muted, "Amount")
	for i, item := range [][5]string{
		{"Managed server, 8 vCPU, 32 GB memory", "November 2026", "1", "1,890.00", "1,890.00"},
		{"Block storage, 500 GB", "November 2026", "1", "350.00", "350.00"},
		{"Daily backups, kept for 30 days", "November 2026", "2", "95.00", "190.00"},
		{"Domain fjordogfjell.example", "Renewal for one year", "1", "149.00", "149.00"},
	} {
		y := top - 30 - float64(i)*34
		s.text(left, y, 9.5, regular, ink, item[0])
		s.text(left, y-12, 8, regular, muted, item[1])
		s.textRight(quantityAt, y, 9.5, regular, ink, item[2])
		s.textRight(priceAt, y, 9.5, regular, ink, item[3])
		s.textRight(right, y, 9.5, regular, ink, item[4])
		s.box(left-8, y-20, right-left+16, 0.6, rule)
	}
}

func (s *sheet) totals(top float64) {
	for i, row := range [][2]string{{"Net total", "2,579.00"}, {"VAT 25 %", "644.75"}} {
		y := top - float64(i)*18
		s.text(348, y, 9.5, regular, muted, row[0])
		s.textRight(right, y, 9.5, regular, ink, row[1])
	}
	s.box(336, top-60, right-336+8, 30, teal)
	s.text(348, top-49, 11, bold, "1 1 1", "Total to pay")
	s.textRight(right-2, top-49, 13, bold, "1 1 1", "NOK 3,223.75")
}

func (s *sheet) payment(top float64) {
	s.text(left, top, 8, bold, muted, "PAYMENT")
	for i, row := range [][2]string{{"IBAN", "NO93 8601 1117 947"}, {"Reference", "2026-10418"}, {"Terms", "14 days net"}} {
		y := top - 16 - float64(i)*14
		s.text(left, y, 9.5, regular, muted, row[0])
		s.text(left+62, y, 9.5, regular, ink, row[1])
	}
	s.box(left-8, 70, right-left+16, 0.6, rule)
	s.text(left, 54, 8, regular, muted, "Nordlys Hosting AS does not exist. This is a sample invoice to try DocuFlow with.")
	s.textRight(right, 54, 8, regular, muted, "Page 1 of 1")
}

// pdf puts the content on one A4 page. The same content gives the same octets.
func pdf(content string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	var offsets []int
	for i, object := range []string{
		"<</Type/Catalog/Pages 2 0 R/Lang(en)>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R/F2 6 0 R>>/Shading<</Lights 7 0 R>>>>>>",
		fmt.Sprintf("<</Length %d>>stream\n%sendstream", len(content), content),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold/Encoding/WinAnsiEncoding>>",
		"<</ShadingType 2/ColorSpace/DeviceRGB/Coords[0 0 595 0]/Function 8 0 R>>",
		"<</FunctionType 3/Domain[0 1]/Bounds[0.55]/Encode[0 1 0 1]/Functions[" +
			"<</FunctionType 2/Domain[0 1]/N 1/C0[0.10 0.75 0.56]/C1[0.06 0.53 0.60]>>" +
			"<</FunctionType 2/Domain[0 1]/N 1/C0[0.06 0.53 0.60]/C1[0.42 0.30 0.72]>>]>>",
		"<</Title(Invoice 2026-10418)/Author(Nordlys Hosting AS)>>",
	} {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer<</Size %d/Root 1 0 R/Info 9 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return b.Bytes()
}
