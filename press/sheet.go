package press

import (
	"fmt"
	"image"
	"image/png"
	"os"
	"slices"

	"golang.org/x/image/draw"

	"github.com/docuflow/docuflow/page"
)

const (
	usualWidth   = 1300 // pixels, for a picture with too few letters to measure
	maxSheetWide = 2600 // pixels; wider costs time and brings nothing
	maxSheetTall = 9000
)

// sheet is a picture as tesseract gets it, and where it was cut from.
type sheet struct {
	grey  *image.Gray
	full  image.Point // size of the whole upright picture
	crop  image.Point // upper left corner of the part that was kept
	scale float64     // pixels of grey per pixel of the picture
}

// box turns pixels of the sheet into shares of the whole picture.
func (s sheet) box(x0, y0, x1, y1 float64) page.Box {
	across := func(x float64) float64 {
		return min(max((x/s.scale+float64(s.crop.X))/float64(s.full.X), 0), 1)
	}
	down := func(y float64) float64 { return min(max((y/s.scale+float64(s.crop.Y))/float64(s.full.Y), 0), 1) }
	return page.Box{X0: across(x0), Y0: down(y0), X1: across(x1), Y1: down(y1)}
}

// turned is the sheet after clockwise quarter turns, without its picture.
func (s sheet) turned(quarters int) sheet {
	size := s.grey.Rect.Size()
	kept := image.Pt(int(float64(size.X)/s.scale+0.5), int(float64(size.Y)/s.scale+0.5))
	for range quarters {
		s.crop = image.Pt(s.full.Y-s.crop.Y-kept.Y, s.crop.X)
		s.full, kept = image.Pt(s.full.Y, s.full.X), image.Pt(kept.Y, kept.X)
	}
	return sheet{full: s.full, crop: s.crop, scale: s.scale}
}

// loadGrey decodes a PNG file and makes it grey on white.
func loadGrey(file string) (*image.Gray, error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	picture, err := png.Decode(opened)
	if err != nil {
		return nil, fmt.Errorf("decode the picture of a page: %w", err)
	}
	return greyOf(picture), nil
}

// turnGrey turns a picture clockwise by quarters.
func turnGrey(picture *image.Gray, quarters int) *image.Gray {
	for range quarters {
		width, height := picture.Rect.Dx(), picture.Rect.Dy()
		turned := image.NewGray(image.Rect(0, 0, height, width))
		for y := range height {
			row := picture.Pix[y*picture.Stride:]
			for x := range width {
				turned.Pix[x*turned.Stride+height-1-y] = row[x]
			}
		}
		picture = turned
	}
	return picture
}

// scan is a picture with what was measured on it.
type scan struct {
	picture *image.Gray
	area    image.Rectangle // the printed part
	letter  float64         // usual height of its letters in pixels, 0 when unknown
}

func scanOf(picture *image.Gray) scan {
	ink := inkOf(picture)
	return scan{picture: picture, area: ink.printed(), letter: ink.letterHeight()}
}

// sheet crops the picture to its printed part and scales it so that its
// letters get the height that the pass asks for.
func (s scan) sheet(p pass) sheet {
	width, height := float64(s.area.Dx()), float64(s.area.Dy())
	scale := usualWidth / width
	if s.letter > 0 {
		scale = p.letter / s.letter
	}
	scale = min(max(scale, 0.3), 4, maxSheetWide/width, maxSheetTall/height)
	scaled := image.NewGray(image.Rect(0, 0, max(int(width*scale), 1), max(int(height*scale), 1)))
	draw.CatmullRom.Scale(scaled, scaled.Rect, s.picture, s.area, draw.Src, nil)
	return sheet{grey: scaled, full: s.picture.Rect.Size(), crop: s.area.Min, scale: scale}
}

// inkMap marks the dark pixels of a picture.
type inkMap struct {
	width, height int
	dark          []bool
}

// inkOf takes a pixel for ink when it is clearly darker than the mean of the
// square around it: shadows and coloured paper do not count.
func inkOf(picture *image.Gray) inkMap {
	const radius = 24
	width, height := picture.Rect.Dx(), picture.Rect.Dy()
	ink := inkMap{width: width, height: height, dark: make([]bool, width*height)}
	columns := make([]int, width) // sum of each column over the rows of the window
	addRow := func(y, sign int) {
		if y < 0 || y >= height {
			return
		}
		for x, value := range picture.Pix[y*picture.Stride : y*picture.Stride+width] {
			columns[x] += sign * int(value)
		}
	}
	for y := range radius {
		addRow(y, 1)
	}
	for y := range height {
		addRow(y+radius, 1)
		addRow(y-radius-1, -1)
		rows := min(y+radius, height-1) - max(y-radius, 0) + 1
		sum := 0
		for x := range min(radius, width) {
			sum += columns[x]
		}
		for x := range width {
			if x+radius < width {
				sum += columns[x+radius]
			}
			if x-radius-1 >= 0 {
				sum -= columns[x-radius-1]
			}
			count := rows * (min(x+radius, width-1) - max(x-radius, 0) + 1)
			ink.dark[y*width+x] = int(picture.Pix[y*picture.Stride+x])*count*100 < sum*72
		}
	}
	return ink
}

// printed is the part of the picture with ink, with a small margin. Specks
// and the dark edges of a scan are shorter than a word and do not count.
func (ink inkMap) printed() image.Rectangle {
	rows, columns := make([]int, ink.height), make([]int, ink.width)
	for y := range ink.height {
		for x := range ink.width {
			if ink.dark[y*ink.width+x] {
				rows[y]++
				columns[x]++
			}
		}
	}
	top, bottom := inked(rows, 3+ink.width/200)
	left, right := inked(columns, 3+ink.height/400)
	margin := 8 + ink.width/60
	area := image.Rect(left-margin, top-margin, right+margin, bottom+margin).Intersect(image.Rect(0, 0, ink.width, ink.height))
	if area.Dx() < 50 || area.Dy() < 50 {
		return image.Rect(0, 0, ink.width, ink.height)
	}
	return area
}

// inked returns the first and last place with at least that much ink.
func inked(counts []int, least int) (first, last int) {
	enough := func(count int) bool { return count >= least }
	first = slices.IndexFunc(counts, enough)
	if first < 0 {
		return 0, len(counts)
	}
	for last = len(counts) - 1; last > first && counts[last] < least; last-- {
	}
	return first, last
}

// letterHeight is the median height of the connected blobs of ink that have
// the shape of a small letter, in pixels; 0 when there are too few.
func (ink inkMap) letterHeight() float64 {
	seen := make([]bool, len(ink.dark))
	var heights []int
	var stack []int
	for start, dark := range ink.dark {
		if !dark || seen[start] {
			continue
		}
		seen[start] = true
		stack = append(stack[:0], start)
		blob := image.Rectangle{Min: image.Pt(ink.width, ink.height)}
		for len(stack) > 0 {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			x, y := at%ink.width, at/ink.width
			blob = image.Rect(min(blob.Min.X, x), min(blob.Min.Y, y), max(blob.Max.X, x+1), max(blob.Max.Y, y+1))
			for ny := max(y-1, 0); ny <= min(y+1, ink.height-1); ny++ {
				for nx := max(x-1, 0); nx <= min(x+1, ink.width-1); nx++ {
					if next := ny*ink.width + nx; ink.dark[next] && !seen[next] {
						seen[next] = true
						stack = append(stack, next)
					}
				}
			}
		}
		if width, height := blob.Dx(), blob.Dy(); height >= 6 && height <= 120 && width >= height/5 && width <= height*2 {
			heights = append(heights, height)
		}
	}
	if len(heights) < 10 {
		return 0
	}
	slices.Sort(heights)
	return float64(heights[len(heights)/2])
}
