package ppocr

import (
	"cmp"
	"fmt"
	"image"
	"math"
	"slices"

	"golang.org/x/image/draw"
)

const (
	// detectorStep is what the detector wants its picture's sides to be multiples of.
	detectorStep = 32
	// maxDetected bounds the picture in which lines are looked for, in pixels:
	// time and memory grow with it.
	maxDetected = 1_600_000
	// inkLikely is how likely a pixel is text that counts as text, and lineLikely
	// the mean of a line that counts as one.
	inkLikely, lineLikely = 0.3, 0.5
	// growth undoes that the detector was taught to find the cores of lines.
	growth = 1.7
	// maxLines bounds a page.
	maxLines = 1000
)

// The pictures' scales: (shade/255 - mean) / deviation, for each of three colours.
type scale struct{ mean, deviation [3]float32 }

var (
	photoScale = scale{[3]float32{0.485, 0.456, 0.406}, [3]float32{0.229, 0.224, 0.225}}
	plainScale = scale{[3]float32{0.5, 0.5, 0.5}, [3]float32{0.5, 0.5, 0.5}}
)

// tensor lays a picture out as three colours, padded to a width.
func tensor(picture *image.Gray, width int, by scale) []float32 {
	height := picture.Rect.Dy()
	values := make([]float32, 3*width*height)
	for colour := range 3 {
		plane := values[colour*width*height:]
		for y := range height {
			for x, shade := range picture.Pix[y*picture.Stride : y*picture.Stride+picture.Rect.Dx()] {
				plane[y*width+x] = (float32(shade)/255 - by.mean[colour]) / by.deviation[colour]
			}
		}
	}
	return values
}

// detect finds the lines of text, from top to bottom.
func (n *Networks) detect(picture *image.Gray) ([]quad, error) {
	size := picture.Rect.Size()
	scaled := fitted(picture)
	width, height := scaled.Rect.Dx(), scaled.Rect.Dy()
	likely, shape, err := n.Detector.Run(tensor(scaled, width, photoScale), 1, 3, int64(height), int64(width))
	if err != nil {
		return nil, fmt.Errorf("look for text: %w", err)
	}
	if len(likely) != width*height {
		return nil, fmt.Errorf("look for text: the model gave %v for %d × %d", shape, width, height)
	}
	across, down := float64(size.X)/float64(width), float64(size.Y)/float64(height)
	var lines []quad
	for _, blob := range blobs(likely, width, height) {
		line, ok := blob.line()
		if !ok {
			continue
		}
		for i := range line {
			line[i] = point{line[i].x * across, line[i].y * down}
		}
		lines = append(lines, line)
	}
	slices.SortFunc(lines, func(a, b quad) int { return cmp.Compare(a[0].y, b[0].y) })
	return lines[:min(len(lines), maxLines)], nil
}

// fitted scales a picture for the detector.
func fitted(picture *image.Gray) *image.Gray {
	width, height := picture.Rect.Dx(), picture.Rect.Dy()
	shrink := min(1, math.Sqrt(float64(maxDetected)/float64(width*height)))
	multiple := func(length int) int {
		return max(int(float64(length)*shrink/detectorStep+0.5), 1) * detectorStep
	}
	scaled := image.NewGray(image.Rect(0, 0, multiple(width), multiple(height)))
	draw.BiLinear.Scale(scaled, scaled.Rect, picture, picture.Rect, draw.Src, nil)
	return scaled
}

// blob is a connected area of likely text.
type blob struct {
	edge   []point // the pixels at the ends of its rows
	pixels int
	likely float64 // sum
}

// line is the place of the writing, if the blob is one.
func (b blob) line() (quad, bool) {
	if b.pixels < 8 || b.likely/float64(b.pixels) < lineLikely {
		return quad{}, false
	}
	core := around(b.edge)
	across, down := core[0].distance(core[1]), core[0].distance(core[3])
	if min(across, down) < 2 {
		return quad{}, false
	}
	grown := core.grown(across * down * growth / (2 * (across + down)))
	_, short := grown.size()
	return grown, short >= 5
}

// blobs joins neighbouring pixels.
func blobs(likely []float32, width, height int) []blob {
	seen := make([]bool, len(likely))
	var found []blob
	var stack []int
	for start, value := range likely {
		if value <= inkLikely || seen[start] {
			continue
		}
		var b blob
		seen[start] = true
		stack = append(stack[:0], start)
		for len(stack) > 0 {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			x, y := at%width, at/width
			b.pixels++
			b.likely += float64(likely[at])
			inside := func(x int) bool { return x >= 0 && x < width && likely[y*width+x] > inkLikely }
			if !inside(x - 1) {
				b.edge = append(b.edge, point{float64(x), float64(y)}, point{float64(x), float64(y + 1)})
			}
			if !inside(x + 1) {
				b.edge = append(b.edge, point{float64(x + 1), float64(y)}, point{float64(x + 1), float64(y + 1)})
			}
			for ny := max(y-1, 0); ny <= min(y+1, height-1); ny++ {
				for nx := max(x-1, 0); nx <= min(x+1, width-1); nx++ {
					if next := ny*width + nx; likely[next] > inkLikely && !seen[next] {
						seen[next] = true
						stack = append(stack, next)
					}
				}
			}
		}
		found = append(found, b)
	}
	return found
}
