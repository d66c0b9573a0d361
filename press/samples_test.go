package press

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The files that the tests work on are made here.

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// samplePDF joins objects 1 … to a PDF whose catalogue is object 1.
func samplePDF(objects ...string) []byte {
	var out bytes.Buffer
	out.WriteString("%PDF-1.4\n")
	var offsets []int
	for i, object := range objects {
		offsets = append(offsets, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	table := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, len(objects), table)
	return out.Bytes()
}

const secretTitle = "A title nobody should see"

// invoiceObjects are a page with some lines of text; more entries go into the catalogue.
func invoiceObjects(catalog string) []string {
	var text strings.Builder
	text.WriteString("BT /F 12 Tf 72 760 Td 16 TL\n")
	for line := range 40 {
		fmt.Fprintf(&text, "(Line %d of the invoice of Example Limited, total 100.00 EUR) Tj T*\n", line)
	}
	text.WriteString("ET")
	return []string{
		"<< /Type /Catalog /Pages 2 0 R " + catalog + " >>",
		"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", text.Len(), text.String()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
}

func info() string { return "<< /Title (" + secretTitle + ") /Author (Somebody) >>" }

func invoicePDF() []byte { return samplePDF(append(invoiceObjects(""), info())...) }

const sampleXML = `<?xml version="1.0" encoding="UTF-8"?><rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"/>`

const olderXML = `<rsm:CrossIndustryDocument xmlns:rsm="urn:ferd:CrossIndustryDocument:invoice:1p0"/>`

// einvoicePDF has an e-invoice attached in two versions, the older one first.
func einvoicePDF() []byte {
	objects := invoiceObjects("/Names << /EmbeddedFiles << /Names [(ZUGFeRD-invoice.xml) 8 0 R (factur-x.xml) 6 0 R] >> >> /AF [6 0 R 8 0 R]")
	return samplePDF(append(objects,
		"<< /Type /Filespec /F (factur-x.xml) /UF (factur-x.xml) /AFRelationship /Alternative /EF << /F 7 0 R >> >>",
		fmt.Sprintf("<< /Type /EmbeddedFile /Subtype /text#2Fxml /Length %d >>\nstream\n%s\nendstream", len(sampleXML), sampleXML),
		"<< /Type /Filespec /F (ZUGFeRD-invoice.xml) /UF (ZUGFeRD-invoice.xml) /AFRelationship /Alternative /EF << /F 9 0 R >> >>",
		fmt.Sprintf("<< /Type /EmbeddedFile /Subtype /text#2Fxml /Length %d >>\nstream\n%s\nendstream", len(olderXML), olderXML),
		info())...)
}

// signedPDF has a signature field with a value.
func signedPDF() []byte {
	objects := invoiceObjects("/AcroForm << /SigFlags 3 /Fields [6 0 R] >>")
	return samplePDF(append(objects,
		"<< /Type /Annot /Subtype /Widget /FT /Sig /T (Signature) /Rect [0 0 0 0] /P 3 0 R /V 7 0 R >>",
		"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /ByteRange [0 10 20 10] /Contents <00> >>",
		info())...)
}

// deflated compresses content so many times over.
func deflated(t testing.TB, content io.Reader, times int) []byte {
	t.Helper()
	for range times {
		var packed bytes.Buffer
		writer := zlib.NewWriter(&packed)
		if _, err := io.Copy(writer, content); err != nil {
			t.Fatal(err)
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		content = &packed
	}
	packed, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// corners is a white picture whose quarter at the upper left is red and at the
// upper right is blue.
func corners(width, height int) *image.RGBA {
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.RGBA{255, 255, 255, 255}
			if y < height/2 && x < width/2 {
				c = color.RGBA{255, 0, 0, 255}
			} else if y < height/2 {
				c = color.RGBA{0, 0, 255, 255}
			}
			picture.SetRGBA(x, y, c)
		}
	}
	return picture
}

func encodedJPEG(t testing.TB, picture image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func encodedPNG(t testing.TB, picture image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// withEXIF adds an orientation to a JPEG.
func withEXIF(encoded []byte, turn orientation) []byte {
	exif := append([]byte("Exif\x00\x00MM\x00*"), 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, byte(turn), 0, 0, 0, 0, 0, 0)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2))
	return bytes.Join([][]byte{encoded[:2], segment, exif, encoded[2:]}, nil)
}

// claimingPNG is a PNG header that claims a size, and nothing behind it.
func claimingPNG(width, height uint32) []byte {
	chunk := []byte("IHDR")
	chunk = binary.BigEndian.AppendUint32(chunk, width)
	chunk = binary.BigEndian.AppendUint32(chunk, height)
	chunk = append(chunk, 8, 2, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	out = append(out, chunk...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
}

// grayTIFF is a TIFF of uncompressed gray pages, one for each shade.
func grayTIFF(width, height int, shades ...byte) []byte {
	order := binary.LittleEndian
	out := append([]byte("II*\x00"), 0, 0, 0, 0)
	pointer := 4 // where the offset of the next directory belongs
	for _, shade := range shades {
		pixels := len(out)
		out = append(out, bytes.Repeat([]byte{shade}, width*height)...)
		if len(out)%2 == 1 {
			out = append(out, 0)
		}
		order.PutUint32(out[pointer:], uint32(len(out)))
		tags := [][2]uint32{{256, uint32(width)}, {257, uint32(height)}, {258, 8}, {259, 1}, {262, 1}, {273, uint32(pixels)}, {277, 1}, {278, uint32(height)}, {279, uint32(width * height)}}
		out = order.AppendUint16(out, uint16(len(tags)))
		for _, tag := range tags {
			out = order.AppendUint16(out, uint16(tag[0]))
			out = order.AppendUint16(out, 4)
			out = order.AppendUint32(out, 1)
			out = order.AppendUint32(out, tag[1])
		}
		pointer = len(out)
		out = append(out, 0, 0, 0, 0)
	}
	return out
}
