package press

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSafeName(t *testing.T) {
	for _, test := range []struct{ name, mediaType, want string }{
		{"invoice.pdf", typePDF, "invoice.pdf"},
		{"Rechnung Nr. 5 – März.pdf", typePDF, "Rechnung Nr. 5 – März.pdf"},
		{"../../etc/passwd", typeOther, "passwd"},
		{`C:\Users\me\scan.pdf`, typePDF, "scan.pdf"},
		{"a\r\nb\x00\x1b[31m.pdf", typePDF, "a b[31m.pdf"},
		{"invoice\u202efdp.exe", typeOther, "invoicefdp.exe"},
		{"a\u200b\ufeffb.pdf", typePDF, "ab.pdf"},
		{"\xff\xfe.pdf", typePDF, "_.pdf"},
		{"", typePDF, "attachment.pdf"},
		{"..", typeJPEG, "attachment.jpg"},
		{" . ", typePNG, "attachment.png"},
		{"???", typeOther, "attachment.bin"},
		{"a<b>c|d.pdf", typePDF, "a_b_c_d.pdf"},
		{"con.pdf", typePDF, "_con.pdf"},
		{"trailing dot.", typePDF, "trailing dot"},
		{strings.Repeat("a", 4096) + ".pdf", typePDF, strings.Repeat("a", 116) + ".pdf"},
		{strings.Repeat("発", 200) + ".pdf", typePDF, strings.Repeat("発", 78) + ".pdf"},
		{"." + strings.Repeat("x", 300), typePDF, strings.Repeat("x", 120)},
	} {
		if got := SafeName(test.name, test.mediaType); got != test.want {
			t.Errorf("SafeName(%.40q) = %q, want %q", test.name, got, test.want)
		}
	}
}

func FuzzSafeName(f *testing.F) {
	f.Add("../a\x00.pdf")
	f.Add("\u202e" + strings.Repeat("é", 500) + ".tar.gz")
	f.Fuzz(func(t *testing.T, name string) {
		got := SafeName(name, typePDF)
		if got == "" || got == "." || got == ".." || !utf8.ValidString(got) || len(got) > maxNameOctets ||
			utf8.RuneCountInString(got) > maxNameLength || strings.ContainsAny(got, "/\\\x00\r\n") {
			t.Errorf("SafeName(%q) = %q", name, got)
		}
		if again := SafeName(got, typePDF); again != got {
			t.Errorf("not stable: %q, then %q", got, again)
		}
	})
}
