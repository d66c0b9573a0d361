package templates

import (
	"fmt"
	"strconv"

	"github.com/docuflow/docuflow/domain"
)

// Picture is the picture of a page; the zero value says there is none.
type Picture struct {
	Width, Height int  // pixels
	Turns         bool // there are pictures of the other pages too
}

// legibleWidth is the least width in pixels at which a page can be read.
const legibleWidth = 600

// Legible says that the picture can stand for the page.
func (p Picture) Legible() bool { return p.Width >= legibleWidth }

// Ways to look at a document's pages.
const (
	ViewPage         = "page" // picture with the evidence marked on it
	ViewStandardized = "standardized"
	ViewOriginal     = "original"
)

// evidence is a place on a page where a value was found.
type evidence struct {
	Kind string // chosen, found, rival
	Box  domain.Box
	Note string
}

func evidenceOf(d domain.Document, active domain.FieldName, page int) []evidence {
	var marks []evidence
	for _, name := range domain.FieldNames {
		field := d.Fields[name]
		kind := "found"
		if name == active {
			kind = "chosen"
			marks = append(marks, rivals(field, page)...)
		}
		if field.Box != nil && on(field.Page, page) && !field.Locked {
			marks = append(marks, evidence{kind, *field.Box, label(name) + ": " + shown(name, field.Value)})
		}
	}
	return marks
}

func rivals(f domain.Field, page int) []evidence {
	var marks []evidence
	for _, c := range f.Alternatives[:min(maxCandidates-1, len(f.Alternatives))] {
		if c.Box != nil && on(c.Page, page) {
			marks = append(marks, evidence{"rival", *c.Box, "Also possible: " + c.Value})
		}
	}
	return marks
}

// on says that a value was found on a page. Without a number it is the first one.
func on(found, page int) bool { return max(1, found) == page }

// markPad keeps marks off the letters, as a part of the page.
const markPad = 0.003

// underline is a line below the box.
func (e evidence) underline() string {
	return "M" + unit(e.Box.X0) + " " + unit(e.Box.Y1+markPad/2) + "H" + unit(e.Box.X1)
}

func unit(f float64) string { return strconv.FormatFloat(min(1, max(0, f)), 'f', 4, 64) }

func length(from, to float64) string { return unit(max(0, min(1, to)-max(0, from))) }

// crop is the part of the picture around a box, for a narrow screen: as wide
// as the screen shows legibly, as a viewBox in pixels of the picture.
func (p Picture) crop(box domain.Box) string {
	width := min(float64(p.Width), max(0.5*float64(p.Width), 1.4*(box.X1-box.X0)*float64(p.Width)))
	height := width * 0.55
	x := clamp((box.X0+box.X1)/2*float64(p.Width)-width/2, float64(p.Width)-width)
	y := clamp((box.Y0+box.Y1)/2*float64(p.Height)-height/2, float64(p.Height)-height)
	return fmt.Sprintf("%.0f %.0f %.0f %.0f", x, y, width, height)
}

func clamp(x, most float64) float64 { return max(0, min(x, most)) }

// cropBox is where the active field was found, or the head of the page.
func cropBox(d domain.Document, active domain.FieldName, page int) domain.Box {
	if field := d.Fields[active]; field.Box != nil && on(field.Page, page) {
		return *field.Box
	}
	if field := d.Fields[domain.TotalAmount]; field.Box != nil && on(field.Page, page) {
		return *field.Box
	}
	return domain.Box{X1: 1, Y1: 0.2}
}
