package templates

import (
	"fmt"
	"strings"
	"time"
)

// clock is the time of the day: 14:32.
func (v View) clock(t time.Time) string { return t.In(v.Zone).Format("15:04") }

// seconds is the time of the day with seconds: 14:32:07.
func (v View) seconds(t time.Time) string { return t.In(v.Zone).Format("15:04:05") }

// exact is what a relative or short time carries as its title.
func (v View) exact(t time.Time) string {
	return t.In(v.Zone).Format("Monday 2 January 2006, 15:04:05 MST")
}

// moment is the time of the day, with its date when that is not today.
func (v View) moment(t time.Time) string {
	if v.dayKey(t) == v.dayKey(v.Now) {
		return v.clock(t)
	}
	return t.In(v.Zone).Format("2 Jan 15:04")
}

// day is a date without the time: 22 Nov 2026.
func (v View) day(t time.Time) string { return t.In(v.Zone).Format("2 Jan 2006") }

// dayKey names a day so that text order is time order.
func (v View) dayKey(t time.Time) string { return t.In(v.Zone).Format(time.DateOnly) }

// dayName is the heading of a day: Today, Sunday 22 November.
func (v View) dayName(day time.Time) string {
	day, now := day.In(v.Zone), v.Now.In(v.Zone)
	name := day.Format("Monday 2 January")
	switch {
	case day.Format(time.DateOnly) == now.Format(time.DateOnly):
		return "Today, " + name
	case day.Format(time.DateOnly) == now.AddDate(0, 0, -1).Format(time.DateOnly):
		return "Yesterday, " + name
	case day.Year() != now.Year():
		return day.Format("Monday 2 January 2006")
	}
	return name
}

func (v View) shortDay(day time.Time) string {
	name, _, _ := strings.Cut(v.dayName(day), ",")
	return name
}

// dated shows the date on a document in a list: 20 Nov, or Nov 2025.
func (v View) dated(iso string) string {
	day, err := time.Parse(time.DateOnly, iso)
	if err != nil {
		return "–"
	}
	if day.Year() != v.Now.In(v.Zone).Year() {
		return day.Format("Jan 2006")
	}
	return day.Format("2 Jan")
}

// fullDate shows the date on a document: 22 Nov 2026.
func fullDate(iso string) string {
	day, err := time.Parse(time.DateOnly, iso)
	if err != nil {
		return iso
	}
	return day.Format("2 Jan 2006")
}

// span says how long something took: 30 ms, 0.4 s, 7 s, 1 min 31 s, 2 h 45 min, 3 days.
func span(d time.Duration) string {
	switch {
	case d <= 0:
		return "0 s"
	case d < 95*time.Millisecond:
		return fmt.Sprintf("%d ms", max(1, d.Milliseconds()))
	case d < 9950*time.Millisecond:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return pair(int(d/time.Minute), "min", int(d%time.Minute/time.Second), "s")
	case d < 48*time.Hour:
		return pair(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "min")
	}
	return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
}

func pair(large int, unit string, small int, smallUnit string) string {
	if small == 0 {
		return fmt.Sprintf("%d %s", large, unit)
	}
	return fmt.Sprintf("%d %s %d %s", large, unit, small, smallUnit)
}

// countdown is the time left as a clock: 0:41, 12:05, 1:02:03.
func countdown(d time.Duration) string {
	s := max(0, int(d.Round(time.Second)/time.Second))
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// size is a number of octets for people.
func size(octets int64) string {
	switch {
	case octets < 1000:
		return fmt.Sprintf("%d bytes", octets)
	case octets < 1_000_000:
		return fmt.Sprintf("%d KB", (octets+500)/1000)
	}
	return strings.Replace(fmt.Sprintf("%.1f MB", float64(octets)/1e6), ".0 MB", " MB", 1)
}

// mebibytes is a limit for people; limits are set in powers of two.
func mebibytes(octets int64) string { return fmt.Sprintf("%d MB", octets>>20) }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
