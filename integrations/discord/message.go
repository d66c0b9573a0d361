package discord

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docuflow/docuflow/domain"
)

// Colours of messages, as Discord counts them.
const (
	green  = 5763719
	red    = 15548997
	yellow = 16705372
	blue   = 5793266
)

// Discord's limits, in characters.
const (
	mostTitle       = 256
	mostDescription = 4096
	mostFieldName   = 256
	mostFieldValue  = 1024
	mostFooter      = 2048
	mostInAll       = 6000
)

type embedded struct {
	Title       string  `json:"title"`
	URL         string  `json:"url,omitempty"`
	Description string  `json:"description,omitempty"`
	Color       int     `json:"color"`
	Fields      []field `json:"fields,omitempty"`
	Footer      footer  `json:"footer"`
	Timestamp   string  `json:"timestamp"`
}

type field struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline"`
}

type footer struct {
	Text string `json:"text"`
}

// message pings nobody, whatever strangers have written into vendor and subject.
func message(e embedded) any {
	return map[string]any{"embeds": []embedded{e}, "allowed_mentions": map[string][]string{"parse": {}}}
}

// embed shows the document as it is now.
func embed(n domain.Notice) embedded {
	d, value := n.Document, n.Document.Fields.Value
	e := embedded{
		Title: cut(plain(heading(d)), mostTitle), URL: n.Link, Color: blue, Description: "Received, being worked on.",
		Footer: footer{cut("DocuFlow · "+plain(n.Workspace.Name), mostFooter)}, Timestamp: d.CreatedAt.UTC().Format(time.RFC3339),
	}
	switch {
	case d.Status == domain.Failed:
		e.Color, e.Description = red, "Failed."
		if d.Error != nil {
			e.Description = "Failed: " + plain(d.Error.Message)
		}
	case isFiled(n) && d.NeedsReview():
		e.Color, e.Description = yellow, "Filed. Needs your eyes: "+plain(d.Review[0].Message)
	case isFiled(n):
		e.Color, e.Description = green, "Filed."
	}
	e.Description = cut(e.Description, mostDescription)
	if vendor := value(domain.VendorName); vendor != "" {
		e.Fields = append(e.Fields, field{"Vendor", cut(plain(vendor), mostFieldValue), true})
	}
	if total := value(domain.TotalAmount); total != "" {
		e.Fields = append(e.Fields, field{"Total", cut(plain(strings.TrimSpace(total+" "+value(domain.Currency))), mostFieldValue), true})
	}
	for _, delivery := range d.Deliveries {
		if delivery.Link != "" {
			e.Fields = append(e.Fields, field{cut(delivery.Destination, mostFieldName), cut(delivery.Link, mostFieldValue), false})
		}
	}
	return e.within(mostInAll)
}

// isFiled says that the document is where it belongs. A notice that comes late
// tells it as well: what is delivered elsewhere was filed before.
func isFiled(n domain.Notice) bool {
	elsewhere := func(delivery domain.Delivery) bool { return delivery.Reference != n.Reference }
	return n.Event == domain.EventFiled || n.Document.Status == domain.Completed ||
		n.Document.Status == domain.Processing && slices.ContainsFunc(n.Document.Deliveries, elsewhere)
}

// within shortens the description until everything together is short enough.
func (e embedded) within(most int) embedded {
	length := utf8.RuneCountInString(e.Title) + utf8.RuneCountInString(e.Description) + utf8.RuneCountInString(e.Footer.Text)
	for i, f := range e.Fields {
		length += utf8.RuneCountInString(f.Name) + utf8.RuneCountInString(f.Value)
		const mostFields = 25
		if length > most || i >= mostFields {
			e.Fields = e.Fields[:i]
			break
		}
	}
	return e
}

func heading(d domain.Document) string {
	if vendor := d.Fields.Value(domain.VendorName); vendor != "" {
		return strings.TrimSpace(vendor + " " + d.Fields.Value(domain.InvoiceNumber))
	}
	return d.FileName
}

// plain takes the meaning from the signs that Discord would format: strangers wrote this.
func plain(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "`", "\\`", "|", `\|`, ">", `\>`, "[", `\[`, "]", `\]`, "<", `\<`, "\n", " ", "\r", " ").Replace(s)
}

func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

// gathering is a message that several documents share.
type gathering struct {
	notices []domain.Notice
	sent    chan struct{} // closed when err is set
	err     error
}

// gatherFor is how long documents wait for others to share a message with.
const gatherFor = 2 * time.Second

// together posts the document in one message with others that come within a
// moment. All of them are told once that was posted.
func (d *Discord) together(ctx context.Context, notice domain.Notice) error {
	d.mu.Lock()
	g := d.gather
	if g == nil {
		g = &gathering{sent: make(chan struct{})}
		d.gather = g
		time.AfterFunc(gatherFor, func() { d.send(context.WithoutCancel(ctx), g) })
	}
	g.notices = append(g.notices, notice)
	d.mu.Unlock()
	select {
	case <-g.sent:
		return g.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *Discord) send(ctx context.Context, g *gathering) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	d.mu.Lock()
	d.gather = nil // who comes now begins another one
	notices := g.notices
	d.mu.Unlock()
	g.err = d.call(ctx, "POST", "?wait=true", message(gathered(notices)), nil)
	close(g.sent)
}

func gathered(notices []domain.Notice) embedded {
	var lines strings.Builder
	eyes := 0
	for _, n := range notices {
		if n.Document.NeedsReview() {
			eyes++
		}
		line := fmt.Sprintf("[%s](%s) %s %s\n", plain(heading(n.Document)), n.Link, plain(n.Document.Fields.Value(domain.TotalAmount)), plain(n.Document.Fields.Value(domain.Currency)))
		if utf8.RuneCountInString(lines.String()+line) < mostDescription {
			lines.WriteString(line)
		}
	}
	e := embedded{
		Title: fmt.Sprintf("%d documents filed", len(notices)), Color: green, Description: lines.String(),
		Footer: footer{"DocuFlow"}, Timestamp: time.Now().UTC().Format(time.RFC3339),
	}
	if eyes > 0 {
		e.Color, e.Title = yellow, fmt.Sprintf("%s, %d need your eyes", e.Title, eyes)
	}
	return e
}
