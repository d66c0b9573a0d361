package templates

import (
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
)

func view() View {
	return View{
		Stages: []domain.StageInfo{{Name: "press", Doing: "Pressing", Done: "Pressed"}, {Name: "read", Doing: "Reading", Done: "Read"}, {Name: "file", Doing: "Filing", Done: "Filed"}},
		Reads:  "read", Zone: time.UTC, Now: time.Date(2026, 11, 22, 14, 30, 0, 0, time.UTC),
	}
}

func amount(t *testing.T, s string) domain.Amount {
	t.Helper()
	a, err := domain.ParseAmount(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestFigures(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "0.375": "0.375", "-84.00": "−84.00", "1284.50": "1,284.50", "48400": "48,400", "-1234567.8": "−1,234,567.8", "999": "999", "1000": "1,000",
	} {
		f := figureOf(amount(t, in))
		if f.String() != want || f.Minus != strings.HasPrefix(in, "-") || strings.Contains(f.Whole, ".") {
			t.Errorf("%s reads %s (%+v)", in, f, f)
		}
	}
}

func TestSpans(t *testing.T) {
	for in, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0 s", 100 * time.Microsecond: "1 ms", 30 * time.Millisecond: "30 ms", 400 * time.Millisecond: "0.4 s", 7 * time.Second: "7 s",
		9949 * time.Millisecond: "9.9 s", 13300 * time.Millisecond: "13 s", 91 * time.Second: "1 min 31 s", 2 * time.Minute: "2 min", 165 * time.Minute: "2 h 45 min", 49 * time.Hour: "2 days",
	} {
		if got := span(in); got != want {
			t.Errorf("%v reads %q, want %q", in, got, want)
		}
	}
	for in, want := range map[time.Duration]string{-5 * time.Second: "0:00", 41 * time.Second: "0:41", 725 * time.Second: "12:05", 3723 * time.Second: "1:02:03"} {
		if got := countdown(in); got != want {
			t.Errorf("countdown of %v is %q, want %q", in, got, want)
		}
	}
}

func TestDaysAreNamed(t *testing.T) {
	v := view()
	for days, want := range map[int]string{0: "Today, Sunday 22 November", -1: "Yesterday, Saturday 21 November", -2: "Friday 20 November", -400: "Saturday 18 October 2025"} {
		if got := v.dayName(v.Now.AddDate(0, 0, days)); got != want {
			t.Errorf("%d days off: %q, want %q", days, got, want)
		}
	}
	v.Zone = time.FixedZone("east", 10*60*60) // there it is Monday, half past midnight
	if got := v.dayName(v.Now); got != "Today, Monday 23 November" {
		t.Errorf("in the east it is %q", got)
	}
	if v.dated("2026-11-20") != "20 Nov" || v.dated("2025-11-20") != "Nov 2025" || v.dated("soon") != "–" {
		t.Error("dates in a list read otherwise")
	}
}

func states(marks []mark) string {
	var all []string
	for _, m := range marks {
		all = append(all, m.State)
	}
	return strings.Join(all, " ")
}

func TestMarksFollowTheStages(t *testing.T) {
	v := view()
	review := []domain.ReviewReason{{Message: "unclear"}}
	for want, d := range map[string]domain.Document{
		"done queued queued queued":  {Status: domain.Queued, Stage: "press"},
		"done done running queued":   {Status: domain.Processing, Stage: "read"},
		"done done done retrying":    {Status: domain.Retrying, Stage: "file"},
		"done done failed queued":    {Status: domain.Failed, Stage: "read"},
		"quiet quiet quiet quiet":    {Status: domain.Completed, Stage: "file"},
		"quiet quiet look quiet":     {Status: domain.Completed, Stage: "file", Review: review},
		"done done look retrying":    {Status: domain.Retrying, Stage: "file", Review: review},
		"done running queued queued": {Status: domain.Processing, Stage: "unheard-of"},
	} {
		if got := states(v.marks(d)); got != want {
			t.Errorf("%s at %s: %s, want %s", d.Status, d.Stage, got, want)
		}
	}
	p := Document{Shell: Shell{View: v}, Document: domain.Document{Status: domain.Completed, Stage: "file"}, Attempts: []domain.Attempt{{Stage: "file", Outcome: domain.AttemptSkipped}}}
	if got := states(p.marks()); got != "quiet quiet quiet skipped" {
		t.Errorf("with a skipped stage: %s", got)
	}
}

func TestTrustNeverContradictsAReview(t *testing.T) {
	for _, c := range []struct {
		field   domain.Field
		flagged bool
		want    string
	}{
		{domain.Field{Value: "x", Confidence: .95}, false, "sure"},
		{domain.Field{Value: "x", Confidence: .95}, true, "check"},
		{domain.Field{Value: "x", Confidence: .6}, false, "check"},
		{domain.Field{Value: "x", Confidence: .2}, false, "guess"},
		{domain.Field{Confidence: .9}, false, "none"},
		{domain.Field{Value: "x", Locked: true}, true, "edited"},
	} {
		if got := trustOf(c.field, c.flagged).Kind; got != c.want {
			t.Errorf("%+v, flagged %v: %s, want %s", c.field, c.flagged, got, c.want)
		}
	}
}

func TestWeakFieldsComeInReadingOrder(t *testing.T) {
	d := domain.Document{
		Fields: domain.Fields{domain.VendorName: {Value: "x"}, domain.TotalAmount: {Value: "1", Locked: true}},
		Review: []domain.ReviewReason{{Message: "whole"}, {Field: domain.InvoiceDate, Message: "a"}, {Field: domain.TotalAmount, Message: "b"}, {Field: domain.VendorName, Message: "c"}},
	}
	if got := WeakField(d); got != domain.VendorName {
		t.Errorf("first is %s", got)
	}
	d.Review = d.Review[:3]
	if got := WeakField(d); got != domain.InvoiceDate {
		t.Errorf("an edited field is still weak: %s", got)
	}
	if got := WeakField(domain.Document{}); got != "" {
		t.Errorf("nothing is weak, and yet %s", got)
	}
}

func TestTimelineStaysOnItsAxis(t *testing.T) {
	v := view()
	start := v.Now.Add(-100 * time.Second)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	d := domain.Document{Status: domain.Retrying, Stage: "file", CreatedAt: at(1), NextAttemptAt: v.Now.Add(60 * time.Second)}
	line := v.timeline(d, []domain.Attempt{
		{Stage: "press", Number: 1, QueuedAt: at(1), StartedAt: at(3), FinishedAt: at(10), Outcome: domain.AttemptDone, Note: "smaller"},
		{Stage: "read", Number: 1, QueuedAt: at(10), StartedAt: at(10), FinishedAt: at(20), Outcome: domain.AttemptDone},
		{Stage: "file", Number: 1, QueuedAt: at(20), StartedAt: at(21), FinishedAt: at(30), Outcome: domain.AttemptRetry, Error: "no answer"},
		{Stage: "file", Number: 2, QueuedAt: at(30), StartedAt: at(60), FinishedAt: at(62), Outcome: domain.AttemptRetry, Error: "no answer"},
	}, start)
	if len(line.Lanes) != 4 || line.Took != 100*time.Second || line.Now == "" || len(line.Ticks) > maxTicks {
		t.Errorf("timeline is %+v", line)
	}
	press, file := line.Lanes[1], line.Lanes[3]
	if press.Waited != 2*time.Second || press.Ran != 7*time.Second || press.Outcome.Word != "Done" || press.Outcome.Reason != "smaller" {
		t.Errorf("first lane is %+v", press)
	}
	if file.Waited != 31*time.Second || file.Ran != 11*time.Second || file.Outcome.Kind != "retrying" || !file.telling() {
		t.Errorf("last lane is %+v", file)
	}
	var kinds []string
	for _, b := range file.Bars {
		kinds = append(kinds, b.Kind)
	}
	if got := strings.Join(kinds, " "); got != "wait failed wait failed wait next" {
		t.Errorf("bars of the last lane: %s", got)
	}
}

func TestTimelineOfOddTimes(t *testing.T) {
	v := view()
	now := v.Now
	for name, d := range map[string]domain.Document{
		"new":      {Status: domain.Queued, CreatedAt: now},
		"future":   {Status: domain.Retrying, Stage: "file", CreatedAt: now.Add(time.Hour), NextAttemptAt: now.Add(-time.Hour)},
		"very old": {Status: domain.Failed, CreatedAt: now.AddDate(-20, 0, 0)},
	} {
		line := v.timeline(d, []domain.Attempt{{Stage: "file", QueuedAt: now.Add(time.Hour), StartedAt: now, Outcome: domain.AttemptRunning}}, d.CreatedAt)
		if len(line.Ticks) > maxTicks+1 || line.Total <= 0 {
			t.Errorf("%s: %d ticks over %v", name, len(line.Ticks), line.Total)
		}
		for _, l := range line.Lanes {
			for _, b := range l.Bars {
				if strings.HasPrefix(b.Width, "-") || strings.HasPrefix(b.From, "-") {
					t.Errorf("%s: a bar from %s, %s wide", name, b.From, b.Width)
				}
			}
		}
	}
}

func TestListKeepsItsSelection(t *testing.T) {
	l := List{Status: domain.Failed, Text: "a&b=c", Review: true}
	if got := l.Link("id/../x"); got != "/documents/id%2F..%2Fx?q=a%26b%3Dc&review=1&status=FAILED" {
		t.Errorf("link is %s", got)
	}
	if got := l.withStatus(""); got != "/?q=a%26b%3Dc&review=1" {
		t.Errorf("without status: %s", got)
	}
	if got := (List{}).more("c/1"); got != "/?cursor=c%2F1" {
		t.Errorf("more: %s", got)
	}
}
