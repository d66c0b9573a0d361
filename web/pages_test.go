package web

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/docuflow/docuflow/domain"
)

func TestInboxShowsTheWorkspace(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	page := s.get(t, "/")
	page.want(t, http.StatusOK,
		"lindqvist-7f3k@in.docuflow.example", "Kranz &amp; Söhne Bürobedarf GmbH", "RE-2026-10447",
		"arrived, not unpacked yet", "Retrying", "To review", "not read", "−84", `<span class="dec">.50</span>`,
		"<b>22</b><span>Received</span>", "Received done, Standardized done, Read runs now", "since=",
	)
	page.wantNot(t, "Your first document")
}

func TestBalanceAddsUp(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	figures := regexp.MustCompile(`<b>([\d,]+)</b>`).FindAllStringSubmatch(s.get(t, "/").body, -1)
	var numbers []string
	for _, f := range figures[:8] {
		numbers = append(numbers, f[1])
	}
	// The first are the counts of the tabs, then the equation.
	if got := strings.Join(numbers, " "); got != "2 2 22 14 2 3 1 2" {
		t.Errorf("review count and balance are %s", got)
	}
}

func TestInboxFiltersOnTheServer(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	for path, want := range map[string][2]string{
		"/?status=FAILED":                {"Brightwater", "Kranz"},
		"/?review=1":                     {"Taxi 24", "Brightwater"},
		"/?q=BELV%C3%89D%C3%88RE":        {"Belvédère", "Kranz"},
		"/?q=rechnung%40kranz":           {"Kranz", "Stadtwerke"},
		"/?status=COMPLETED&q=INV-33509": {"Cloudberry", "CN-3350118"},
	} {
		page := s.get(t, path)
		page.want(t, http.StatusOK, want[0])
		page.wantNot(t, want[1], "arrived, not unpacked yet</span>\n")
	}
	s.get(t, "/?q=nothing-like-this").want(t, http.StatusOK, "Nothing matches “nothing-like-this”")
	s.get(t, "/?status=SLEEPING").want(t, http.StatusBadRequest, "There is no such status")
}

func TestInboxPagesByCursorAndSumsWholeDays(t *testing.T) {
	s := newSite(t)
	for range inboxRows + 10 {
		s.put(lines()[5].document())
	}
	first := s.get(t, "/")
	// 60 documents of 11,840.00 on one day, of which the page shows 50.
	first.want(t, http.StatusOK, "710,400.00", "Show older documents")
	if n := strings.Count(first.body, `class="row row-done"`); n != inboxRows {
		t.Errorf("%d rows on the first page", n)
	}
	link := regexp.MustCompile(`hx-get="([^"]+)"`).FindStringSubmatch(first.body)
	if link == nil {
		t.Fatal("no link to more rows")
	}
	more := strings.ReplaceAll(link[1], "&amp;", "&")
	rest := s.get(t, more, "HX-Request", "true")
	rest.wantNot(t, `class="band"`, "Show older documents")
	if n := strings.Count(rest.body, `class="row row-done"`); n != 10 {
		t.Errorf("%d rows on the second page", n)
	}
	s.get(t, more).want(t, http.StatusOK, `class="band"`, "710,400.00") // without a script it is a page of its own
}

func TestEmptyInboxInvites(t *testing.T) {
	s := newSite(t)
	page := s.get(t, "/")
	page.want(t, http.StatusOK, "Your workspace address", "Send a sample invoice", "Your first document appears on this line", `aria-label="QR code of the address"`, "mailto:lindqvist-7f3k@in.docuflow.example")
	s.post(t, "/sample", nil).want(t, http.StatusSeeOther)
	if len(s.samples) != 1 || s.samples[0] != "lindqvist-7f3k@in.docuflow.example" {
		t.Errorf("samples were sent to %v", s.samples)
	}
}

func TestDocumentPage(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	seedDocument(t, s.memory)
	s.get(t, "/documents/"+string(nordlys)).want(t, http.StatusOK,
		"2,490.00", "Two amounts fit", "Was <s>SEK</s>", "Undo", "Approve and next", "Retry now", "Discord asked us to wait.",
		"Faktura NO-88213 for november", "left out: signature picture", "Attempt 2", "4 of 22", "2026/2026-11-22 Nordlys Hosting AS",
		`class="evidence-chosen"`, `class="evidence-rival"`, "Standardized PDF", `value="1992.00"`,
	)
	s.get(t, "/documents/"+string(nordlys)+"?view=standardized").want(t, http.StatusOK, "/file/standardized#view=FitH")
	s.get(t, "/documents/"+string(nordlys)+"?edit=vendor_name").want(t, http.StatusOK, `aria-label="Vendor"`)
	s.get(t, "/documents/00000000-0000-4000-8000-000000000000").want(t, http.StatusNotFound, "This is not in your workspace")
	s.get(t, "/documents/../../etc/passwd").want(t, http.StatusNotFound)
}

func TestReviewShowsQueueEvidenceAndKeys(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	first := s.get(t, "/review")
	first.want(t, http.StatusSeeOther)
	where := first.Header.Get("Location")
	page := s.get(t, where)
	page.want(t, http.StatusOK, `id="queue"`, `aria-label="Place in the queue"`, "<b>1</b> of 2", "Approve and next", "next weak field", `data-key-press="j"`, "Total unclear: 86.40 or 100.00")
	page.wantNot(t, `id="timeline"`, `id="history"`)
	s.get(t, strings.TrimSuffix(where, "?review=1")).wantNot(t, `id="queue"`)
	for range 2 {
		document, _, _ := strings.Cut(where, "?")
		where = s.post(t, document+"/approve", nil).Header.Get("Location")
	}
	s.get(t, "/review").want(t, http.StatusSeeOther)
	s.get(t, where).want(t, http.StatusOK, "Nothing to review")
}

func TestWhatWasLearnedIsShownAndForgotten(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	path := "/documents/" + string(nordlys)
	s.get(t, path).wantNot(t, "Learned from")
	s.memory.vendors = map[domain.DocumentID]domain.KnownVendor{nordlys: {Name: "Nordlys <b>AS", Documents: 3}}
	s.get(t, path).want(t, http.StatusOK, "Learned from 3 documents of Nordlys &lt;b&gt;AS", "Forget")
	s.post(t, path+"/forget", nil).want(t, http.StatusSeeOther)
	s.get(t, path).wantNot(t, "Learned from")
	s.post(t, path+"/forget", nil).want(t, http.StatusSeeOther) // pressed twice
}

func TestEditIsCanonicalLockedAndUndone(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	path := "/documents/" + string(nordlys)
	edit := func(field, value string) answer {
		return s.post(t, path+"/fields", url.Values{"field": {field}, "value": {value}})
	}
	edit("currency", " sek ").want(t, http.StatusSeeOther)
	if f := s.documents[nordlys].Fields[domain.Currency]; f.Value != "SEK" || !f.Locked || f.Previous != "NOK" || f.EditedBy != s.user.Email {
		t.Errorf("edited field is %+v", f)
	}
	edit("total_amount", "12,50").want(t, http.StatusUnprocessableEntity, "Write the total with a point", "Not saved", `value="12,50"`, "field-problem")
	edit("invoice_date", "2026-11-31").want(t, http.StatusUnprocessableEntity, "existing day")
	edit("shoe_size", "").want(t, http.StatusUnprocessableEntity)
	if f := s.documents[nordlys].Fields[domain.TotalAmount]; f.Value != "2490.00" {
		t.Errorf("a refused edit changed the total to %q", f.Value)
	}
	s.post(t, path+"/fields", url.Values{"field": {"currency"}, "undo": {"1"}}).want(t, http.StatusSeeOther)
	if f := s.documents[nordlys].Fields[domain.Currency]; f.Value != "NOK" || f.Locked {
		t.Errorf("after undo the field is %+v", f)
	}
}

func TestApproveLeadsToTheNextReview(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	const taxi, cafe = "0d0c0000-0000-4000-8000-000000000004", "0d0c0000-0000-4000-8000-000000000014"
	next := s.post(t, "/documents/"+taxi+"/approve", nil)
	next.want(t, http.StatusSeeOther)
	location := next.Header.Get("Location")
	if location != "/documents/"+cafe+"?review=1&approved="+taxi {
		t.Errorf("next is %s", location)
	}
	if s.documents[taxi].NeedsReview() {
		t.Error("still to review")
	}
	s.get(t, location).want(t, http.StatusOK, `action="/documents/`+taxi+`/take-back"`, `data-key-press="z"`)
	back := s.post(t, "/documents/"+taxi+"/take-back", nil)
	back.want(t, http.StatusSeeOther)
	if got := back.Header.Get("Location"); got != "/documents/"+taxi+"?review=1" || !s.documents[taxi].NeedsReview() {
		t.Errorf("taken back leads to %s, to review: %v", got, s.documents[taxi].NeedsReview())
	}
	s.post(t, "/documents/"+taxi+"/approve", nil).want(t, http.StatusSeeOther)
	if got := s.post(t, "/documents/"+cafe+"/approve", nil).Header.Get("Location"); got != "/?review=1&approved="+cafe {
		t.Errorf("after the last one: %s", got)
	}
}

func TestRetryAndDiscard(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	const failed, done = "/documents/0d0c0000-0000-4000-8000-000000000006", "/documents/0d0c0000-0000-4000-8000-000000000008"
	s.post(t, failed+"/retry", nil).want(t, http.StatusSeeOther)
	s.post(t, done+"/retry", nil).want(t, http.StatusConflict, "There is nothing to retry")
	s.post(t, done+"/discard", nil).want(t, http.StatusSeeOther)
	s.get(t, done).want(t, http.StatusNotFound)
}

func form(t *testing.T, files ...[2]string) (body *bytes.Buffer, contentType string) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for _, file := range files {
		part, err := w.CreateFormFile("file", file[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(file[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body, w.FormDataContentType()
}

func (s *site) upload(t *testing.T, accept string, files ...[2]string) answer {
	t.Helper()
	body, contentType := form(t, files...)
	return s.do(t, http.MethodPost, "/upload", body, "Content-Type", contentType, "Accept", accept, "Cookie", s.cookie())
}

func TestUpload(t *testing.T) {
	s := newSite(t, func(c *Config) { c.MaxUpload = 100 })
	s.upload(t, "text/html", [2]string{"a.pdf", "one"}, [2]string{"b.pdf", "two"}).want(t, http.StatusSeeOther)
	s.upload(t, "application/json", [2]string{"c.pdf", strings.Repeat("x", 100)}).want(t, http.StatusCreated, `"file_name": "c.pdf"`)
	if len(s.documents) != 3 {
		t.Fatalf("%d documents", len(s.documents))
	}
	s.upload(t, "application/json", [2]string{"d.pdf", strings.Repeat("x", 101)}).want(t, http.StatusRequestEntityTooLarge, "d.pdf")
	mixed := s.upload(t, "text/html", [2]string{"empty.pdf", ""}, [2]string{"e.pdf", "five"})
	mixed.want(t, http.StatusUnprocessableEntity, "1 of 2 files were not taken", "empty.pdf: The file is empty.")
	if len(s.documents) != 4 {
		t.Errorf("the good file beside a bad one was not taken: %d documents", len(s.documents))
	}
	s.upload(t, "text/html").want(t, http.StatusBadRequest, "No file was chosen")
	broken := s.upload(t, "application/json", [2]string{"broken.pdf", "x"})
	broken.want(t, http.StatusInternalServerError, "reference")
	broken.wantNot(t, "/var/lib/secret")
}

func TestUploadAtTheLimitOfFiles(t *testing.T) {
	s := newSite(t)
	files := make([][2]string, maxFiles+1)
	for i := range files {
		files[i] = [2]string{"a.pdf", "x"}
	}
	s.upload(t, "application/json", files...).want(t, http.StatusRequestEntityTooLarge, "More than 50 files")
	if len(s.documents) != maxFiles {
		t.Errorf("%d documents", len(s.documents))
	}
}

func TestInternalErrorsStayInside(t *testing.T) {
	s := newSite(t)
	s.setBroken(errors.New("dial tcp 10.0.0.7:5432: secret refused"))
	page := s.get(t, "/")
	page.want(t, http.StatusInternalServerError, "This did not work", "ref ")
	page.wantNot(t, "10.0.0.7", "secret")
	ref := regexp.MustCompile(`ref ([0-9A-Z]{4}-[0-9A-Z]{4})`).FindStringSubmatch(page.body)
	if ref == nil || !strings.Contains(s.log.String(), "ref="+ref[1]) || !strings.Contains(s.log.String(), "10.0.0.7") {
		t.Errorf("the log does not hold reference %v and the cause:\n%s", ref, s.log)
	}
}

func TestPanicIsAnError(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	s.server.cfg.Documents = nil
	s.get(t, "/").want(t, http.StatusInternalServerError, "This did not work")
	if !strings.Contains(s.log.String(), "panic") {
		t.Error("the panic was not logged")
	}
}

func TestNewSaysEverythingThatIsWrong(t *testing.T) {
	_, err := New(Config{})
	if err == nil {
		t.Fatal("an empty configuration was accepted")
	}
	for _, part := range []string{"Documents", "Overview", "Log", "Stages", "CookieKey", "MaxUpload"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not name %s: %v", part, err)
		}
	}
}

func TestPagesAreDrawnWhenSomebodyLooks(t *testing.T) {
	var painter *memory
	s := newSite(t, func(c *Config) { painter = c.Documents.(*memory); c.Painter = painter })
	seed(s.memory)
	seedDocument(t, s.memory)
	path := "/documents/" + string(nordlys)
	s.get(t, path).want(t, http.StatusOK, `src="`+path+`/file/picture?page=1"`, `width="1200"`, "Page 1 of 2", `class="evidence-chosen"`)
	second := s.get(t, path+"?page=2")
	second.want(t, http.StatusOK, "/file/picture?page=2", "Page 2 of 2")
	second.wantNot(t, "evidence-chosen") // what was found stands on page 1
	if len(painter.painted) != 0 {
		t.Errorf("drawn before anybody looked: %v", painter.painted)
	}
	picture := s.get(t, path+"/file/picture?page=2")
	picture.want(t, http.StatusOK)
	if picture.Header.Get("Content-Type") != "image/png" || picture.body != string(s.paint) || len(painter.painted) != 1 || !strings.HasSuffix(painter.painted[0], "page 2") {
		t.Errorf("%s, %d octets, drawn %v", picture.Header.Get("Content-Type"), len(picture.body), painter.painted)
	}
	s.get(t, path+"/file/picture?page=2", "If-None-Match", picture.Header.Get("ETag")).want(t, http.StatusNotModified)
	for _, page := range []string{"0", "3", "-1", "x", ""} {
		s.get(t, path+"/file/picture?page="+page).want(t, http.StatusNotFound)
	}
	if len(painter.painted) != 1 {
		t.Errorf("drawn in vain: %v", painter.painted)
	}
}

func TestSmallPictureIsNoPage(t *testing.T) {
	s := newSite(t)
	seed(s.memory)
	seedDocument(t, s.memory)
	var small bytes.Buffer
	if err := png.Encode(&small, image.NewGray(image.Rect(0, 0, 240, 340))); err != nil {
		t.Fatal(err)
	}
	s.files["w/thumb"] = small.Bytes()
	page := s.get(t, "/documents/"+string(nordlys))
	page.want(t, http.StatusOK, "/file/standardized#view=FitH")
	page.wantNot(t, "Marked page")
}
