package web

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzSessionCookie: only what the server signed is a session, whatever comes.
func FuzzSessionCookie(f *testing.F) {
	s := &Server{cfg: Config{CookieKey: []byte(strings.Repeat("k", 32))}}
	for _, seed := range []string{"", ".", "a.", ".a", "a.b", s.sign(sessionPurpose, "session-1"), s.sign(sessionPurpose, ""), s.sign(sessionPurpose, "a.b.c"), "session-1." + strings.Repeat("A", 43)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		token, ok := s.verify(sessionPurpose, value)
		if ok && s.sign(sessionPurpose, token) != value {
			t.Errorf("%q passes as the session %q", value, token)
		}
		if again, ok := s.verify(sessionPurpose, s.sign(sessionPurpose, value)); value != "" && (!ok || again != value) {
			t.Errorf("the signed %q is read as %q, %v", value, again, ok)
		}
	})
}

// FuzzPatch: what is let through is canonical, or takes an edit back.
func FuzzPatch(f *testing.F) {
	for _, seed := range []string{``, `{}`, `null`, `[]`, `{"total_amount":"1.50"}`, `{"currency":null}`, `{"currency":"eur","vendor_name":"<b>"}`, `{"invoice_date":"2026-02-30"}`, `{"x":1}`, `{"total_amount":"1","total_amount":null}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		values, err := patchOf(strings.NewReader(body))
		if err != nil {
			return
		}
		for name, value := range values {
			if value == nil {
				continue
			}
			again, err := editedValue(name, *value, false)
			if err != nil || *again != *value {
				t.Errorf("%s was let through as %q, which is %v, %v", name, *value, again, err)
			}
		}
	})
}

// FuzzList: a selection survives its own links.
func FuzzList(f *testing.F) {
	for _, seed := range []string{"", "q=a", "status=FAILED&review=1&q=%22%3E", "status=x", "q=" + strings.Repeat("x", 201), "review=2&cursor=c", "q=%ff", "q=+a+"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		list, err := listOf(values)
		if err != nil {
			return
		}
		if !utf8.ValidString(list.Text) {
			t.Errorf("the search %q is no text", list.Text)
		}
		values, err = url.ParseQuery(strings.TrimPrefix(list.Query(), "?"))
		if err != nil {
			t.Fatal(err)
		}
		again, err := listOf(values)
		list.Cursor = ""
		if err != nil || again != list {
			t.Errorf("%+v leads to %+v, %v", list, again, err)
		}
	})
}
