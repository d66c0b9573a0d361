package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docuflow/docuflow/integrations/discord/discordtest"
	"github.com/docuflow/docuflow/integrations/drive/drivetest"
	"github.com/docuflow/docuflow/integrations/hubspot/hubspottest"
	"github.com/docuflow/docuflow/integrations/webhook"
	"github.com/docuflow/docuflow/mail"
)

// outsideWorld has one of each service that a workspace can be connected with.
type outsideWorld struct {
	drive   *drivetest.Server
	discord *discordtest.Server
	hubspot *hubspottest.Server
	hooks   *receiver
}

// receiver is the program that a webhook calls. It drops repeats, as receivers should.
type receiver struct {
	*httptest.Server

	mu     sync.Mutex
	seen   map[string]bool // webhook-id
	events []string        // event and file name of each that is no repeat
	stored func()
}

const hookSecret = "secret-of-the-receiver"

func (h *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	id := r.Header.Get("webhook-id")
	if err != nil || r.Header.Get("webhook-signature") != webhook.Sign([]byte(hookSecret), id, r.Header.Get("webhook-timestamp"), body) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var event struct {
		Event    string
		Document struct {
			FileName string `json:"file_name"`
			Status   string
		}
	}
	if err := json.Unmarshal(body, &event); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	if !h.seen[id] {
		h.seen[id] = true
		h.events = append(h.events, event.Event+" "+event.Document.FileName+" "+event.Document.Status)
	}
	stored := h.stored
	h.mu.Unlock()
	if stored != nil {
		stored()
	}
}

func (h *receiver) onStored(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stored = f
}

func (h *receiver) list() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string{}, h.events...)
}

func newOutsideWorld(t *testing.T) *outsideWorld {
	w := &outsideWorld{drive: drivetest.Start(t), discord: discordtest.Start(t), hubspot: hubspottest.Start(t), hooks: &receiver{seen: map[string]bool{}}}
	w.hooks.Server = httptest.NewServer(w.hooks)
	t.Cleanup(w.hooks.Close)
	return w
}

func (w *outsideWorld) env() []string {
	return []string{
		"DOCUFLOW_DRIVE_CLIENT_ID=client", "DOCUFLOW_DRIVE_CLIENT_SECRET=client-secret", "DOCUFLOW_DRIVE_URL=" + w.drive.Endpoint(),
		"DOCUFLOW_DRIVE_AUTH_URL=" + w.drive.Auth().AuthURL, "DOCUFLOW_DRIVE_TOKEN_URL=" + w.drive.Auth().TokenURL,
		"DOCUFLOW_DISCORD_URL=" + w.discord.URL, "DOCUFLOW_HUBSPOT_URL=" + w.hubspot.URL, "DOCUFLOW_HUBSPOT_VERSION=" + hubspottest.Version,
		"DOCUFLOW_ALLOW_PRIVATE_TARGETS=true", "DOCUFLOW_LEASE_TTL=3s",
	}
}

// ask speaks with the API.
func (p *program) ask(method, path string, body any) (status int, answer []byte) {
	p.t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(p.t.Context(), method, "http://"+p.HTTP+path, bytes.NewReader(content))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.Token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, answer
}

// connect makes a connection through the API and returns its id.
func (p *program) connect(kind string, values map[string]string) string {
	p.t.Helper()
	status, answer := p.ask(http.MethodPost, "/api/v1/connections", map[string]any{"kind": kind, "values": values})
	var made struct{ ID string }
	if err := json.Unmarshal(answer, &made); err != nil || status != http.StatusCreated {
		p.t.Fatalf("connect %s: %d %s", kind, status, answer)
	}
	return made.ID
}

// browser signs in with the printed link, which works once.
func (p *program) browser() *http.Client {
	p.t.Helper()
	if p.signedIn != nil {
		return p.signedIn
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Get(p.SignInURL)
	if err != nil {
		p.t.Fatal(err)
	}
	response.Body.Close()
	p.signedIn = client
	return client
}

// signInToDrive does what a person does: from the page to Google and back.
func (p *program) signInToDrive(w *outsideWorld, connection string) {
	p.t.Helper()
	browser := p.browser()
	response, err := browser.Get("http://" + p.HTTP + "/connections/" + connection + "/sign-in")
	if err != nil {
		p.t.Fatal(err)
	}
	response.Body.Close()
	code, state, err := w.drive.Allow(response.Header.Get("Location"))
	if err != nil {
		p.t.Fatalf("%s: %v", response.Status, err)
	}
	stranger, err := browser.Get("http://" + p.HTTP + "/connections/granted?code=" + code + "&state=another")
	if err != nil {
		p.t.Fatal(err)
	}
	stranger.Body.Close()
	if stranger.StatusCode != http.StatusBadRequest {
		p.t.Fatalf("a consent that this browser has not begun is answered %s", stranger.Status)
	}
	response, err = browser.Get("http://" + p.HTTP + "/connections/granted?code=" + code + "&state=" + state)
	if err != nil {
		p.t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusSeeOther {
		p.t.Fatalf("back from Google: %s", response.Status)
	}
}

func (p *program) connectEverything(w *outsideWorld) {
	p.t.Helper()
	p.signInToDrive(w, p.connect("drive", map[string]string{}))
	p.connect("discord", map[string]string{"webhook_url": w.discord.Webhook()})
	p.connect("hubspot", map[string]string{"token": hubspottest.Token})
	p.connect("webhook", map[string]string{"url": w.hooks.URL, "secret": hookSecret})
	for _, c := range p.connections() {
		status, answer := p.ask(http.MethodPost, "/api/v1/connections/"+c.ID+"/test", nil)
		if status != http.StatusOK || !strings.Contains(string(answer), `"works": true`) && !strings.Contains(string(answer), `"works":true`) {
			p.t.Fatalf("test %s: %d %s", c.Kind, status, answer)
		}
	}
	w.hooks.mu.Lock()
	w.hooks.events, w.hooks.seen = nil, map[string]bool{}
	w.hooks.mu.Unlock()
}

type connectionJSON struct {
	ID, Kind, State, Reason string
	Waiting                 int
	Today                   int
}

func (p *program) connections() []connectionJSON {
	p.t.Helper()
	var list struct{ Connections []connectionJSON }
	p.get("/api/v1/connections", &list)
	return list.Connections
}

const discordGreen = 5763719

// check wants every service to know of n documents once, and rightly.
func (w *outsideWorld) check(p *program, n int) {
	p.t.Helper()
	p.until("everything is told", func() bool { return len(w.hooks.list()) >= n })
	paths := w.drive.Paths()
	if len(paths) != n {
		p.t.Errorf("Drive has %q, want %d files", paths, n)
	}
	for _, f := range w.drive.Files() {
		if !strings.HasPrefix(f.Name, "2026-11-22 Nordwind Hosting GmbH 125.00 EUR") || !bytes.HasPrefix(f.Content, []byte("%PDF-")) {
			p.t.Errorf("Drive has %s with %.8q", f.Name, f.Content)
		}
	}
	messages := w.discord.Messages()
	if len(messages) != n {
		p.t.Errorf("Discord has %d messages, want %d", len(messages), n)
	}
	for _, m := range messages {
		if e := m.Embeds[0]; e.Color != discordGreen || m.Pings || !strings.HasPrefix(e.Title, "Nordwind Hosting GmbH") || !strings.HasPrefix(e.Fields[2].Value, w.drive.URL+"/view/") {
			p.t.Errorf("Discord shows %+v", m)
		}
	}
	notes, contacts := w.hubspot.Notes(), w.hubspot.Contacts()
	if len(notes) != n || len(contacts) != 1 || contacts["sender@example.test"] == "" {
		p.t.Errorf("HubSpot has %d notes on %v, want %d", len(notes), contacts, n)
	}
	if events := w.hooks.list(); len(events) != n {
		p.t.Errorf("the webhook got %q", events)
	}
}

// TestMailReachesEverybodyOutside sends a mail and wants each service to have
// one thing of it; then it revokes access and wants documents to wait and go on.
func TestMailReachesEverybodyOutside(t *testing.T) {
	w := newOutsideWorld(t)
	p := start(t, newDataDir(t), w.env()...)
	p.connectEverything(w)
	if err := p.send("one", mail.File{Name: "one.pdf", Content: invoicePDF("O-1")}); err != nil {
		t.Fatal(err)
	}
	if d := p.rest("one.pdf"); d.Status != "COMPLETED" || len(d.Deliveries) != 4 {
		t.Fatalf("%+v", d)
	}
	w.check(p, 1)
	for id := range w.drive.Files() {
		object := w.drive.Content(id[strings.LastIndex(id, "#")+1:])
		if !bytes.Equal(object, p.standardized("one.pdf")) {
			t.Error("the file in Drive is not the standardized PDF")
		}
	}
	for _, secret := range []string{"refresh-", "to-ken", hubspottest.Token, hookSecret, "client-secret"} {
		_, exported := p.ask(http.MethodGet, "/api/v1/settings", nil)
		_, listed := p.ask(http.MethodGet, "/api/v1/connections", nil)
		if strings.Contains(string(exported)+string(listed)+p.output.String(), secret) {
			t.Errorf("%q is printed", secret)
		}
	}

	// A correction renames the file.
	if status, answer := p.ask(http.MethodPatch, "/api/v1/documents/"+p.documents()["one.pdf"].ID, map[string]string{"vendor_name": "Nordwind Hosting GmbH", "total_amount": "126.00"}); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	p.until("the file is renamed", func() bool { return strings.HasSuffix(w.drive.Paths()[0], "126.00 EUR.pdf") })
	if len(w.drive.Files()) != 1 {
		t.Errorf("%q", w.drive.Paths())
	}

	// Google ends our access, and the person signs in again.
	w.drive.Revoke("refresh-2")
	w.drive.Trouble = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" && r.FormValue("grant_type") == "authorization_code" {
			w.drive.Trouble = nil
			return false
		}
		if r.URL.Path == "/token" {
			return false
		}
		drivetest.Refuse(rw, http.StatusUnauthorized, "authError") // its access tokens are worth nothing either
		return true
	}
	if err := p.send("two", mail.File{Name: "two.pdf", Content: invoicePDF("O-2")}); err != nil {
		t.Fatal(err)
	}
	var drive connectionJSON
	p.until("the connection needs a person", func() bool {
		drive = p.connections()[0]
		return drive.State == "needs_person" && drive.Waiting == 1
	})
	if d := p.documents()["two.pdf"]; d.Status == "FAILED" || d.Stage != "deliver" {
		t.Fatalf("%+v", d)
	}
	p.signInToDrive(w, drive.ID)
	if d := p.rest("two.pdf"); d.Status != "COMPLETED" {
		t.Fatalf("%+v", d)
	}
	if len(w.drive.Files()) != 2 {
		t.Errorf("%q", w.drive.Paths())
	}
	var timeline struct {
		Attempts []struct {
			Stage, Outcome string
			Number         int
		}
	}
	p.get("/api/v1/documents/"+p.documents()["two.pdf"].ID+"/timeline", &timeline)
	for _, a := range timeline.Attempts {
		if a.Number > 1 {
			t.Errorf("an attempt was burned: %+v", timeline.Attempts)
		}
	}
}

// standardized is the PDF of a document as we keep it.
func (p *program) standardized(fileName string) []byte {
	p.t.Helper()
	status, content := p.ask(http.MethodGet, "/api/v1/documents/"+p.documents()[fileName].ID+"/file?variant=standardized", nil)
	if status != http.StatusOK {
		p.t.Fatalf("%d %s", status, content)
	}
	return content
}

// refuseUntil keeps requests waiting until the program that sent them is
// dead, and does nothing of what they asked.
func refuseUntil(killed <-chan struct{}) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		<-killed
		discordtest.Refuse(w, http.StatusServiceUnavailable, 0, "nobody listens")
		return true
	}
}

// TestKilledInTheMiddleOfEveryDelivery kills the program when a service has
// done what it was asked for and has not answered yet. Afterwards
// everything is there once. Discord takes no key for a first post, so it gets none
// while HubSpot's moment is waited for, and its own is an edit.
func TestKilledInTheMiddleOfEveryDelivery(t *testing.T) {
	w := newOutsideWorld(t)
	dataDir := newDataDir(t)
	p := start(t, dataDir, w.env()...)
	p.connectEverything(w)
	moments := []struct {
		name string
		arm  func(func())
	}{
		{"drive", w.drive.OnStored},
		{"hubspot", w.hubspot.OnStored},
		{"webhook", w.hooks.onStored},
		{"discord", func(kill func()) {
			w.discord.OnStored(func() {
				messages := w.discord.Messages() // the fourth is this document's
				if len(messages) == 4 && messages[3].Edits == 1 && messages[3].Embeds[0].Color == discordGreen && kill != nil {
					kill()
				}
			})
		}},
	}
	for i, moment := range moments {
		killed := make(chan struct{})
		if moment.name == "hubspot" { // is told at the same time
			w.discord.Trouble(refuseUntil(killed))
		}
		var once sync.Once
		running := p
		arm := func() {
			moment.arm(func() {
				once.Do(func() {
					_ = running.cmd.Process.Kill() // the answer reaches nobody
					<-running.ended
					close(killed)
				})
			})
		}
		if moment.name != "webhook" { // which may still be told of the document before
			arm()
		}
		if err := p.send(moment.name, mail.File{Name: moment.name + ".pdf", Content: invoicePDF(fmt.Sprintf("K-2026-%d", i+1))}); err != nil {
			t.Fatal(err)
		}
		if moment.name == "webhook" {
			arm()
		}
		select {
		case <-killed:
		case <-time.After(time.Minute):
			t.Fatal("the moment never came: ", moment.name)
		}
		moment.arm(nil)
		w.discord.Trouble(nil)
		p = start(t, dataDir, w.env()...)
		if d := p.rest(moment.name + ".pdf"); d.Status != "COMPLETED" {
			t.Fatalf("%s: %+v", moment.name, d)
		}
	}
	w.check(p, len(moments))
}
