package press

import "image"

// plane is one channel of a photo. Photos are shrunk and turned channel by
// channel: that takes a third of the time and a tenth of the memory of going
// through red, green and blue.
type plane struct {
	pix           []byte
	stride        int
	width, height int
}

// shrink returns a photo of this stored size and upright, with colours at half the resolution.
func shrink(photo *image.YCbCr, turn orientation, width, height int) *image.YCbCr {
	size := photo.Rect.Size()
	columns, rows := size.X, size.Y // of the colour channels
	switch photo.SubsampleRatio {
	case image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420:
		columns = (columns + 1) / 2
	case image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410:
		columns = (columns + 3) / 4
	}
	switch photo.SubsampleRatio {
	case image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio410:
		rows = (rows + 1) / 2
	}
	light := plane{photo.Y, photo.YStride, size.X, size.Y}.resized(width, height).turned(turn)
	blue := plane{photo.Cb, photo.CStride, columns, rows}.resized((width+1)/2, (height+1)/2).turned(turn)
	red := plane{photo.Cr, photo.CStride, columns, rows}.resized((width+1)/2, (height+1)/2).turned(turn)
	return &image.YCbCr{Y: light.pix, Cb: blue.pix, Cr: red.pix, YStride: light.stride, CStride: blue.stride,
		SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, light.width, light.height)}
}

// resized averages the area that each new pixel covers.
func (p plane) resized(width, height int) plane {
	if width == p.width && height == p.height {
		return p
	}
	small := plane{make([]byte, width*height), width, width, height}
	sums := make([]float32, p.width) // of the rows under a new row
	for y := range height {
		clear(sums)
		from, to := span(y, height, p.height)
		for row := int(from); row < p.height && float32(row) < to; row++ {
			weight := min(to, float32(row+1)) - max(from, float32(row))
			for x, value := range p.pix[row*p.stride:][:p.width] {
				sums[x] += weight * float32(value)
			}
		}
		small.averageRow(y, sums, to-from)
	}
	return small
}

func (p plane) averageRow(y int, sums []float32, rows float32) {
	for x := range p.width {
		from, to := span(x, p.width, len(sums))
		var sum float32
		for column := int(from); column < len(sums) && float32(column) < to; column++ {
			sum += (min(to, float32(column+1)) - max(from, float32(column))) * sums[column]
		}
		p.pix[y*p.stride+x] = byte(min(sum/(rows*(to-from))+0.5, 255))
	}
}

// span is the stretch of old pixels that the new pixel i of n covers.
func span(i, n, old int) (from, to float32) {
	return float32(i) * float32(old) / float32(n), float32(i+1) * float32(old) / float32(n)
}

// turned returns the plane upright.
func (p plane) turned(turn orientation) plane {
	if turn <= upright || turn > 8 {
		return p
	}
	width, height := p.width, p.height
	if turn.swaps() {
		width, height = height, width
	}
	upright := plane{make([]byte, width*height), width, width, height}
	for y := range p.height {
		for x := range p.width {
			tx, ty := turn.place(x, y, p.width, p.height)
			upright.pix[ty*width+tx] = p.pix[y*p.stride+x]
		}
	}
	return upright
}
