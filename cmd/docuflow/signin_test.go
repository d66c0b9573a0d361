package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestBrowserSignsInWithTheDevelopmentProvider goes the whole way of OpenID
// Connect in a real browser: a newcomer gets a workspace with an address, is
// invited into the first one, switches, and signs out.
func TestBrowserSignsInWithTheDevelopmentProvider(t *testing.T) {
	p := start(t, newDataDir(t))
	b := openBrowser(t)
	site := "http://" + p.HTTP
	b.run(chromedp.EmulateViewport(390, 844), chromedp.Navigate(site+"/"), chromedp.WaitVisible(`a[href="/sign-in/provider"]`))
	b.look("signin-390")
	b.run(chromedp.Click(`a[href="/sign-in/provider"]`))
	b.asInProvider("grace@example.test")
	b.see("grace@example.test")
	b.run(chromedp.Navigate(site+"/account"), chromedp.WaitVisible("main h1", chromedp.ByQuery))
	b.see("Books of Grace")
	b.see("this one")
	var cookies string
	b.run(chromedp.Evaluate("document.cookie", &cookies))
	if strings.Contains(cookies, "docuflow") {
		t.Errorf("scripts see the session: %s", cookies)
	}
	b.run(chromedp.Navigate(site+"/"), chromedp.WaitVisible("[data-copy]"))
	var address string
	b.run(chromedp.Evaluate(`document.querySelector("[data-copy]").dataset.copy`, &address))
	if address == p.Address || !strings.Contains(address, "@") {
		t.Errorf("the newcomer's address is %q", address)
	}

	// The owner of the first workspace invites her; the letter is printed.
	b.signOut(site)
	b.run(chromedp.Click(`a[href="/sign-in/provider"]`))
	b.asInProvider("you@docuflow.localhost")
	b.run(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(site+"/members"), chromedp.WaitVisible("#invite-email"),
		chromedp.SendKeys("#invite-email", "grace@example.test"), chromedp.Click(".invite .button.primary"), chromedp.WaitVisible(`//*[contains(text(), "invited")]`, chromedp.BySearch))
	b.look("members-1280")
	b.signOut(site)
	b.run(chromedp.Navigate(printedLink(t, p, "join")), chromedp.WaitVisible(`//button[text()="Join"]`, chromedp.BySearch))
	b.look("join-1280")
	b.run(chromedp.Click(`//button[text()="Join"]`, chromedp.BySearch), chromedp.WaitVisible(".tenant", chromedp.ByQuery))
	b.see("My books")
	b.run(chromedp.Navigate(site+"/account"), chromedp.WaitVisible("main h1", chromedp.ByQuery))
	b.look("account-1280")
	b.run(chromedp.Click(`//button[text()="Open"]`, chromedp.BySearch), chromedp.WaitNotPresent(`form[action="/account/enter"]`, chromedp.ByQuery), chromedp.WaitVisible(".tenant", chromedp.ByQuery))
	b.see("Books of Grace")

	// And by a mailed link.
	b.signOut(site)
	b.run(chromedp.SendKeys("#email", "grace@example.test"), chromedp.Click(".sign-in-form .button"), chromedp.WaitVisible(`//*[contains(text(), "Look into your mail")]`, chromedp.BySearch))
	b.run(chromedp.Navigate(printedLink(t, p, "sign-in")), chromedp.WaitVisible(".tenant", chromedp.ByQuery))
}

// asInProvider says who one is, on the provider's page.
func (b browser) asInProvider(email string) {
	b.t.Helper()
	b.run(chromedp.WaitVisible(`input[name="email"]`), chromedp.SetValue(`input[name="email"]`, email), chromedp.SetValue(`input[name="name"]`, "Grace"),
		chromedp.Click("button"), chromedp.WaitVisible(".account summary", chromedp.ByQuery))
}

func (b browser) signOut(site string) {
	b.t.Helper()
	b.run(chromedp.Navigate(site+"/account"), chromedp.Click(".account summary"), chromedp.Click(`form[action="/sign-out"] button`), chromedp.WaitVisible(`a[href="/sign-in/provider"]`))
}

// printedLink waits for a letter with a link, which docuflow dev prints.
func printedLink(t *testing.T, p *program, path string) (link string) {
	t.Helper()
	pattern := regexp.MustCompile(`http://[0-9.:]+/` + path + `/[a-z0-9]+`)
	p.until("the letter is printed", func() bool {
		_, letters, found := strings.Cut(p.output.String(), `msg="a letter"`)
		links := pattern.FindAllString(letters, -1)
		if found && len(links) > 0 {
			link = links[len(links)-1]
		}
		return link != ""
	})
	return link
}

// TestDevelopmentProviderIsOutOfReach: whoever reaches it may be anybody, so
// it must not answer at any other address of the machine.
func TestDevelopmentProviderIsOutOfReach(t *testing.T) {
	settings, stop, err := startDevProvider(settings{PublicURL: "http://127.0.0.1:1"}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	issuer, err := url.Parse(settings.OIDCIssuer)
	if err != nil || issuer.Hostname() != "127.0.0.1" {
		t.Fatalf("the provider is at %s", settings.OIDCIssuer)
	}
	response, err := http.Get(settings.OIDCIssuer + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var about struct{ Issuer string }
	if err := json.NewDecoder(response.Body).Decode(&about); err != nil || about.Issuer != settings.OIDCIssuer {
		t.Errorf("it calls itself %q, %v", about.Issuer, err)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		ip, _, err := net.ParseCIDR(address.String())
		if err != nil || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
			continue
		}
		if conn, err := net.Dial("tcp", net.JoinHostPort(ip.String(), issuer.Port())); err == nil {
			conn.Close()
			t.Errorf("it answers at %s", ip)
		}
	}
}

func TestRealProviderTakesThePlaceOfTheDevelopmentOne(t *testing.T) {
	given := settings{PublicURL: "https://books.example", entrance: entrance{OIDCIssuer: "https://accounts.google.com", OIDCClientID: "id"}}
	after, stop, err := startDevProvider(given, "")
	if err != nil || after.devProvider || after.OIDCIssuer != given.OIDCIssuer {
		t.Errorf("%+v, %v", after.entrance, err)
	}
	stop()
	if title := after.provider().Title(); title != "Google" {
		t.Errorf("it is called %q", title)
	}
}
