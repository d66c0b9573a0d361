package ppocr

import (
	"cmp"
	"image"
	"math"
	"slices"
)

// point is a place in a picture, in pixels.
type point struct{ x, y float64 }

func (p point) to(q point, share float64) point {
	return point{p.x + (q.x-p.x)*share, p.y + (q.y-p.y)*share}
}

func (p point) distance(q point) float64 { return math.Hypot(q.x-p.x, q.y-p.y) }

// quad is a rectangle that may lie at any angle: the corners of a line of text
// where its reading begins above, ends above, ends below and begins below.
type quad [4]point

// size is the length of the writing's direction and the height across it, the longer first.
func (q quad) size() (long, short float64) {
	across, down := q[0].distance(q[1]), q[0].distance(q[3])
	return max(across, down), min(across, down)
}

// steep says that the longer side runs from top to bottom.
func (q quad) steep() bool {
	a, b := q[1], q[3]
	if q[0].distance(q[1]) >= q[0].distance(q[3]) {
		return math.Abs(a.y-q[0].y) > math.Abs(a.x-q[0].x)
	}
	return math.Abs(b.y-q[0].y) > math.Abs(b.x-q[0].x)
}

// turnedOver is the same place in a picture of this size after half a turn.
func (q quad) turnedOver(width, height float64) quad {
	var over quad
	for i, corner := range q {
		over[(i+2)%4] = point{width - corner.x, height - corner.y}
	}
	return over
}

// grown moves all sides outwards.
func (q quad) grown(by float64) quad {
	across, down := q[0].distance(q[1]), q[0].distance(q[3])
	if across == 0 || down == 0 {
		return q
	}
	ux, uy := (q[1].x-q[0].x)/across*by, (q[1].y-q[0].y)/across*by
	vx, vy := (q[3].x-q[0].x)/down*by, (q[3].y-q[0].y)/down*by
	return quad{
		{q[0].x - ux - vx, q[0].y - uy - vy}, {q[1].x + ux - vx, q[1].y + uy - vy},
		{q[2].x + ux + vx, q[2].y + uy + vy}, {q[3].x - ux + vx, q[3].y - uy + vy},
	}
}

// ordered starts the corners at the upper left one and goes clockwise.
func (q quad) ordered() quad {
	corners := q[:]
	slices.SortFunc(corners, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	left, right := corners[:2], corners[2:]
	byHeight := func(a, b point) int { return cmp.Compare(a.y, b.y) }
	slices.SortFunc(left, byHeight)
	slices.SortFunc(right, byHeight)
	return quad{left[0], right[0], right[1], left[1]}
}

// strip cuts the line out of the picture and lays it flat, so high and at most
// so wide.
func (q quad) strip(picture *image.Gray, height, widest int) *image.Gray {
	across, down := q[0].distance(q[1]), max(q[0].distance(q[3]), 1)
	width := min(max(int(math.Ceil(across*float64(height)/down)), 1), widest)
	strip := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		share := (float64(y) + 0.5) / float64(height)
		left, right := q[0].to(q[3], share), q[1].to(q[2], share)
		for x := range width {
			at := left.to(right, (float64(x)+0.5)/float64(width))
			strip.Pix[y*strip.Stride+x] = sample(picture, at.x-0.5, at.y-0.5)
		}
	}
	return strip
}

// sample is the picture's shade between four pixels.
func sample(picture *image.Gray, x, y float64) byte {
	right, bottom := picture.Rect.Dx()-1, picture.Rect.Dy()-1
	x, y = min(max(x, 0), float64(right)), min(max(y, 0), float64(bottom))
	left, top := int(x), int(y)
	dx, dy := x-float64(left), y-float64(top)
	above, below := picture.Pix[top*picture.Stride:], picture.Pix[min(top+1, bottom)*picture.Stride:]
	next := min(left+1, right)
	upper := float64(above[left])*(1-dx) + float64(above[next])*dx
	lower := float64(below[left])*(1-dx) + float64(below[next])*dx
	return byte(upper*(1-dy) + lower*dy + 0.5)
}

// around is the smallest rectangle around points, at any angle.
func around(points []point) quad {
	hull := hullOf(points)
	if len(hull) < 3 {
		return quad{}
	}
	best, smallest := quad{}, math.Inf(1)
	for i, from := range hull {
		to := hull[(i+1)%len(hull)]
		length := from.distance(to)
		if length == 0 {
			continue
		}
		ux, uy := (to.x-from.x)/length, (to.y-from.y)/length
		low, high, near, far := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
		for _, p := range hull {
			along, across := p.x*ux+p.y*uy, p.y*ux-p.x*uy
			low, high, near, far = min(low, along), max(high, along), min(near, across), max(far, across)
		}
		if area := (high - low) * (far - near); area < smallest {
			corner := func(along, across float64) point { return point{along*ux - across*uy, along*uy + across*ux} }
			smallest, best = area, quad{corner(low, near), corner(high, near), corner(high, far), corner(low, far)}
		}
	}
	return best.ordered()
}

// hullOf is the convex hull, by Andrew's monotone chain.
func hullOf(points []point) []point {
	sorted := slices.SortedFunc(slices.Values(points), func(a, b point) int {
		return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.y, b.y))
	})
	chain := func(points []point) []point {
		var hull []point
		for _, p := range points {
			for len(hull) > 1 && turn(hull[len(hull)-2], hull[len(hull)-1], p) <= 0 {
				hull = hull[:len(hull)-1]
			}
			hull = append(hull, p)
		}
		return hull
	}
	lower := chain(sorted)
	slices.Reverse(sorted)
	upper := chain(sorted)
	if len(lower) < 2 {
		return lower
	}
	return append(lower[:len(lower)-1], upper[:len(upper)-1]...)
}

func turn(a, b, c point) float64 { return (b.x-a.x)*(c.y-a.y) - (b.y-a.y)*(c.x-a.x) }
