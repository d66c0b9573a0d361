package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/docuflow/docuflow/mail"
)

// serveDNS answers TXT questions on loopback. Other names do not exist.
func serveDNS(t *testing.T, records map[string]string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		packet := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			if answer, ok := answerDNS(packet[:n], records); ok {
				_, _ = conn.WriteTo(answer, from) // who does not hear it asks again
			}
		}
	}()
	return conn.LocalAddr().String()
}

func answerDNS(packet []byte, records map[string]string) ([]byte, bool) {
	var message dnsmessage.Message
	if err := message.Unpack(packet); err != nil || len(message.Questions) != 1 {
		return nil, false
	}
	question := message.Questions[0]
	answer := dnsmessage.Message{Header: dnsmessage.Header{ID: message.ID, Response: true, RCode: dnsmessage.RCodeNameError}, Questions: message.Questions}
	text, known := records[strings.ToLower(strings.TrimSuffix(question.Name.String(), "."))]
	if known {
		answer.RCode = dnsmessage.RCodeSuccess
	}
	if known && question.Type == dnsmessage.TypeTXT {
		answer.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET, TTL: 1},
			Body:   &dnsmessage.TXTResource{TXT: []string{text}},
		}}
	}
	packed, err := answer.Pack()
	return packed, err == nil
}

// mailJSON is a mail as the API gives it.
type mailJSON struct {
	ID, Outcome, Disposition, Reason, Subject string
	Authenticated                             bool
	Verdict                                   struct {
		SPF, DKIM, DMARC struct{ Result string }
	}
	DuplicateOf *string `json:"duplicate_of"`
	Notice      *struct{ Code, Link, Account string }
	Parts       []struct {
		FileName    string  `json:"file_name"`
		Used        bool    `json:"used"`
		DocumentID  *string `json:"document_id"`
		DuplicateOf *string `json:"duplicate_of"`
	}
}

// unpacked waits until a mail is neither due nor in work.
func (p *program) unpacked(subject string) (found mailJSON) {
	p.t.Helper()
	p.until("mail "+subject+" is unpacked", func() bool {
		var page struct{ Mails []mailJSON }
		p.get("/api/v1/mails", &page)
		for _, m := range page.Mails {
			if m.Subject == subject && m.Outcome != "working" {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// act posts to the API and wants a status.
func (p *program) act(path, body string, want int) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, "http://"+p.HTTP+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != want {
		content, _ := io.ReadAll(response.Body)
		p.t.Fatalf("POST %s: %s %s", path, response.Status, content)
	}
}

// from mails one file under an address of one's choice.
func (p *program) from(sender, subject, text, fileName, number string) {
	p.t.Helper()
	message := mail.Message{From: sender, To: p.Address, Subject: subject, Text: text}
	if fileName != "" {
		message.Files = []mail.File{{Name: fileName, MediaType: "application/pdf", Content: invoicePDF(number)}}
	}
	if err := mail.Send(p.t.Context(), p.SMTP, message); err != nil {
		p.t.Fatal(err)
	}
}

// TestMailIsJudgedByItsSender sends real mails and lets the server ask a real
// DNS server, on loopback, about their senders.
func TestMailIsJudgedByItsSender(t *testing.T) {
	dns := serveDNS(t, map[string]string{
		"honest.example": "v=spf1 ip4:127.0.0.1 -all", "_dmarc.honest.example": "v=DMARC1; p=reject",
		"forged.example": "v=spf1 -all", "_dmarc.forged.example": "v=DMARC1; p=reject",
		"google.com": "v=spf1 ip4:127.0.0.1 -all", "_dmarc.google.com": "v=DMARC1; p=reject",
	})
	p := start(t, newDataDir(t), "DOCUFLOW_DNS="+dns)

	p.from("billing@honest.example", "honest", "Hello", "honest.pdf", "H-1")
	honest := p.unpacked("honest")
	if !honest.Authenticated || honest.Outcome != "accepted" || honest.Verdict.SPF.Result != "pass" || honest.Verdict.DMARC.Result != "pass" {
		t.Errorf("honest: %+v", honest)
	}
	p.rest("honest.pdf")

	p.from("billing@forged.example", "forged", "Hello", "forged.pdf", "F-1")
	forged := p.unpacked("forged")
	if forged.Authenticated || forged.Outcome != "quarantined" || forged.Verdict.SPF.Result != "fail" || !strings.Contains(forged.Reason, "asks to reject") || forged.Parts[0].DocumentID != nil {
		t.Fatalf("forged: %+v", forged)
	}
	if _, made := p.documents()["forged.pdf"]; made {
		t.Fatal("a document was made of a mail in quarantine")
	}
	p.act("/mails/"+forged.ID+"/approve", "", http.StatusAccepted)
	p.rest("forged.pdf")
	if approved := p.unpacked("forged"); approved.Outcome != "accepted" {
		t.Errorf("approved: %+v", approved)
	}
	p.act("/mails/"+forged.ID+"/approve", "", http.StatusConflict)

	const link = "https://mail-settings.google.com/mail/vf-%5BANGjdJ8%5D-x"
	p.from("forwarding-noreply@google.com", "(#482915303) Gmail Forwarding Confirmation - Receive Mail from me@gmail.com",
		"me@gmail.com has requested to automatically forward mail. Confirmation code: 482915303\n\nClick the link below:\n\n"+link+"\n", "", "")
	notice := p.unpacked("(#482915303) Gmail Forwarding Confirmation - Receive Mail from me@gmail.com")
	if notice.Outcome != "notice" || notice.Notice == nil || notice.Notice.Code != "482915303" || notice.Notice.Link != link || notice.Notice.Account != "me@gmail.com" {
		t.Errorf("notice: %+v %+v", notice, notice.Notice)
	}

	// The same file in another mail is worked on like any other, and marked.
	p.from("billing@honest.example", "reminder", "Hello again", "reminder.pdf", "H-1")
	reminder := p.unpacked("reminder")
	if reminder.Outcome != "accepted" || reminder.Parts[0].DuplicateOf == nil || *reminder.Parts[0].DuplicateOf != p.documents()["honest.pdf"].ID {
		t.Errorf("reminder: %+v", reminder)
	}
	if done := p.rest("reminder.pdf"); done.Status != "COMPLETED" {
		t.Errorf("a possible duplicate ended as %+v", done)
	}
	p.act("/mails/"+reminder.ID+"/reprocess", "", http.StatusAccepted)
	p.until("it is unpacked again", func() bool { return p.unpacked("reminder").Outcome == "accepted" })
	if n := len(p.documents()); n != 3 {
		t.Errorf("%d documents", n)
	}
	if page := p.text("/api/v1/mails/" + honest.ID + "/raw"); !strings.Contains(page, "Subject: honest") {
		t.Errorf("the raw mail is %q", page)
	}
}

// text reads what the API answers, as it is.
func (p *program) text(path string) string {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, fmt.Sprintf("http://%s%s", p.HTTP, path), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(content)
}
