package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docuflow/docuflow/domain"
)

func TestMailLogTellsWhatBecameOfEachMail(t *testing.T) {
	s := newSite(t)
	seedMails(s.memory)
	page := s.get(t, "/mails")
	page.want(t, http.StatusOK, "Mail log", "Votre facture de séjour", "2 documents, 1 skipped", "1 held back", "possible duplicate",
		"SPF: failed for sender.example", "never arrived")
	page.wantNot(t, "What is inside")
	counts := regexp.MustCompile(`<span>(All|Accepted|Duplicate|Quarantined|Rejected|Nothing usable|Confirmation|Unpacking|Failed) (\d+)</span>`).FindAllStringSubmatch(page.body, -1)
	sum, all := 0, 0
	for _, c := range counts {
		n, _ := strconv.Atoi(c[2])
		if c[1] == "All" {
			all = n
		} else {
			sum += n
		}
	}
	if all != 11 || sum != all {
		t.Errorf("the outcomes add up to %d of %d: %q", sum, all, counts)
	}
	s.get(t, "/mails?outcome=quarantined").want(t, http.StatusOK, "URGENT")
	s.get(t, "/mails?outcome=quarantined").wantNot(t, "Brightwater")
	s.get(t, "/mails?q=BRIGHTWATER").want(t, http.StatusOK, "Your Brightwater bill")
	s.get(t, "/mails?q=nothing-like-it").want(t, http.StatusOK, "No mail matches.")
	s.get(t, "/mails?outcome=lost").want(t, http.StatusBadRequest)
	s.get(t, "/mails?q="+strings.Repeat("x", 201)).want(t, http.StatusBadRequest)
	newSite(t).get(t, "/mails").want(t, http.StatusOK, "No mail has arrived yet.", "Quarantined 0")
}

func TestMailUnfolds(t *testing.T) {
	s := newSite(t)
	seedMails(s.memory)
	for _, path := range []string{"/mails?open=" + string(heldMail), "/mails/" + string(heldMail)} {
		s.get(t, path).want(t, http.StatusOK, "Held back until a person decides", "asks to quarantine mail that fails", "Approve once", "Always allow this sender", "Block sender",
			"Invoice_NO-88213.pdf", "Not opened", "/mails/"+string(heldMail)+"/headers", "/raw", "Nordlys Hosting &lt;pay@nordlys-invoices.example&gt;", "An allow rule counts only")
	}
	s.get(t, "/mails/"+string(heldMail)).wantNot(t, "Votre facture")
	s.get(t, "/mails/"+string(copyMail)).want(t, http.StatusOK, "Same file as this one", "/documents/0d0c0000-0000-4000-8000-000000000008")
	s.get(t, "/mails/"+string(noticeMail)).want(t, http.StatusOK, "482915303", `href="https://mail-settings.google.com/mail/vf-x"`)
	s.get(t, "/mails/5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3b099").want(t, http.StatusNotFound)
	s.get(t, "/mails/nonsense").want(t, http.StatusNotFound)
	headers := s.get(t, "/mails/"+string(heldMail)+"/headers")
	headers.want(t, http.StatusOK, "From: Nordlys", "<script>")
	headers.wantNot(t, "body")
	if kind := headers.Header.Get("Content-Type"); kind != "text/plain; charset=utf-8" || headers.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers are sent as %s", kind)
	}
}

func TestForwardingConfirmationShowsBeforeTheFirstDocument(t *testing.T) {
	s := newSite(t)
	seedMails(s.memory)
	s.get(t, "/").want(t, http.StatusOK, "Gmail asks for a confirmation", "482915303", `href="https://mail-settings.google.com/mail/vf-x"`, "/mails/"+string(noticeMail))
	newSite(t).get(t, "/").wantNot(t, "asks for a confirmation")
}

func TestMailLogEscapesWhatStrangersWrote(t *testing.T) {
	s := newSite(t)
	const evil = `"><script>alert(1)</script>`
	for i, disposition := range []domain.Disposition{domain.DispositionQuarantined, domain.DispositionNotice, domain.DispositionDocuments} {
		id := domain.MailID("5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3c00" + strconv.Itoa(i))
		s.putMail(domain.Mail{ID: id, Status: domain.MailUnpacked, Disposition: disposition, Reason: evil, Author: evil, AuthorName: evil, Subject: evil, MessageID: evil,
			Recipient: evil, Envelope: domain.Envelope{From: evil, RemoteAddr: evil}, Verdict: domain.Verdict{SPF: domain.Check{Result: evil, Domain: evil, Detail: evil}},
			Notice: &domain.Confirmation{Service: evil, Code: evil, Link: "javascript:alert(1)"}, Parts: []domain.Part{{FileName: evil, Reason: evil, DuplicateOf: evil}}, ReceivedAt: time.Now()})
		page := s.get(t, "/mails?open="+string(id))
		page.want(t, http.StatusOK)
		page.wantNot(t, "<script>", `">alert`, "javascript:", "style=")
	}
}

func TestQuarantineIsDecided(t *testing.T) {
	s := newSite(t)
	seedMails(s.memory)
	path := "/mails/" + string(heldMail)
	back := s.post(t, path+"/approve?outcome=quarantined", url.Values{"always": {"1"}})
	back.want(t, http.StatusSeeOther)
	if location := back.Header.Get("Location"); location != "/mails?open="+string(heldMail)+"&outcome=quarantined" {
		t.Errorf("leads to %s", location)
	}
	if mail := s.mails[heldMail]; mail.ApprovedBy != s.user.Email || mail.Status != domain.MailAccepted || len(s.rules) != 1 || s.rules[0].Sender != mail.Author || s.rules[0].Verb != domain.RuleAllow {
		t.Fatalf("%+v %+v", mail, s.rules)
	}
	s.post(t, path+"/approve", nil).want(t, http.StatusConflict, "cannot be done")
	s.post(t, path+"/invent", nil).want(t, http.StatusNotFound)
	s.post(t, path+"/import", url.Values{"part": {"-1"}}).want(t, http.StatusBadRequest)
	s.post(t, "/mails/"+string(copyMail)+"/import?one=1", url.Values{"part": {"1"}}).want(t, http.StatusSeeOther)
	if wanted := s.mails[copyMail].Wanted; len(wanted) != 1 || wanted[0] != 1 {
		t.Errorf("wanted %v", wanted)
	}
	s.post(t, "/mails/"+string(noticeMail)+"/reprocess", nil, "Sec-Fetch-Site", "cross-site").want(t, http.StatusForbidden)
	s.do(t, http.MethodPost, "/mails/"+string(noticeMail)+"/reprocess", nil).want(t, http.StatusUnauthorized)
	s.post(t, "/mails/"+string(noticeMail)+"/reprocess", nil).want(t, http.StatusSeeOther)
}

func TestAPIMails(t *testing.T) {
	s := newSite(t)
	seedMails(s.memory)
	var page struct {
		Mails []struct {
			ID, Outcome string
			Verdict     domain.Verdict
		}
		Counts map[string]int
		Next   *string `json:"next_cursor"`
	}
	answer := s.api(t, "GET", "/mails?limit=4", "")
	answer.want(t, http.StatusOK, `"authenticated": true`, `"message_id": "m0@sender.example"`, `"importable": true`)
	if err := json.Unmarshal([]byte(answer.body), &page); err != nil || len(page.Mails) != 4 || page.Next == nil || page.Counts["accepted"] != 6 || page.Counts["failed"] != 0 {
		t.Fatalf("%+v %v", page, err)
	}
	s.api(t, "GET", "/mails?limit=4&cursor="+*page.Next, "").want(t, http.StatusOK, `"duplicate_of": "0d0c0000-0000-4000-8000-000000000008"`)
	path := "/mails/" + string(heldMail)
	s.api(t, "GET", path, "").want(t, http.StatusOK, `"outcome": "quarantined"`, `"result": "fail"`)
	s.api(t, "POST", path+"/import", `{"part": 99999}`).want(t, http.StatusBadRequest)
	s.api(t, "POST", path+"/approve", `{"alwys": true}`).want(t, http.StatusBadRequest)
	s.api(t, "POST", path+"/block", "").want(t, http.StatusAccepted, `"outcome": "rejected"`)
	s.api(t, "POST", path+"/block", "").want(t, http.StatusConflict)
	raw := s.mails[heldMail]
	raw.Size = int64(len(s.files["w/mail"]))
	s.putMail(raw)
	s.api(t, "GET", path+"/raw", "").want(t, http.StatusOK, "body")
	s.api(t, "GET", "/mails/5f0c6d3e-5a5b-4c1e-9d50-0a8a35d3b099", "").want(t, http.StatusNotFound)
}

func TestMailLogIsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		held := domain.Mail{ID: heldMail, Status: domain.MailUnpacked, Disposition: domain.DispositionQuarantined, Author: "a@b.example", Subject: "Look here", ReceivedAt: time.Now()}
		tp, _, _ := b.open("/mails/events?outcome=quarantined&open=" + string(heldMail))
		tp.cut()
		b.putMail(held)
		settle()
		if text := tp.cut(); !strings.Contains(text, "Look here") || !strings.Contains(text, "data-match") || !strings.Contains(text, "Approve once") || !strings.Contains(text, "Quarantined 1") || !strings.Contains(text, `id="held-count"`) {
			t.Errorf("a held mail came as\n%s", text)
		}
		if _, err := b.DeleteMail(t.Context(), b.workspace.ID, heldMail, "me"); err != nil {
			t.Error(err)
		}
		settle()
		if text := tp.cut(); !strings.Contains(text, "Rejected 1") || strings.Contains(text, "data-match") || strings.Contains(text, "Approve once") {
			t.Errorf("a deleted mail came as\n%s", text)
		}
		b.stop()
	})
}
