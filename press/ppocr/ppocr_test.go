package ppocr

import (
	"image"
	"math"
	"strings"
	"testing"
)

// ink answers like a detector that takes dark pixels for text.
type ink struct{}

func (ink) Run(input []float32, shape ...int64) ([]float32, []int64, error) {
	likely := make([]float32, shape[2]*shape[3])
	for i := range likely {
		if input[i] < 0 {
			likely[i] = 1
		}
	}
	return likely, shape, nil
}

func TestDetect(t *testing.T) {
	for _, degrees := range []float64{0, 10, -25} {
		picture := image.NewGray(image.Rect(0, 0, 640, 480))
		for i := range picture.Pix {
			x, y := float64(i%640)-320, float64(i/640)-240
			sin, cos := math.Sincos(degrees * math.Pi / 180)
			along, across := x*cos+y*sin, y*cos-x*sin
			if picture.Pix[i] = 255; math.Abs(along) < 150 && math.Abs(across) < 12 {
				picture.Pix[i] = 0
			}
		}
		networks := Networks{Detector: ink{}}
		lines, err := networks.detect(picture)
		if err != nil || len(lines) != 1 {
			t.Fatalf("%v°: %v %v", degrees, lines, err)
		}
		line := lines[0]
		long, short := line.size()
		angle := math.Atan2(line[1].y-line[0].y, line[1].x-line[0].x) * 180 / math.Pi
		if math.Abs(angle-degrees) > 1 || long < 300 || long > 350 || short < 24 || short > 74 {
			t.Errorf("%v°: the line is %.0f × %.0f at %.1f°", degrees, long, short, angle)
		}
		strip := line.strip(picture, lineHeight, widestLine)
		if middle := strip.Pix[lineHeight/2*strip.Stride+strip.Rect.Dx()/2]; middle != 0 {
			t.Errorf("%v°: the middle of the strip has shade %d", degrees, middle)
		}
	}
}

func TestDecodeAndWords(t *testing.T) {
	networks := Networks{Alphabet: strings.Split("AB1 ", "")}
	classes := []int{0, 1, 1, 0, 1, 2, 0, 0, 4, 0, 3, 3, 0, 0, 0, 0, 0, 3, 0, 3} // AAB 1, then a gap, 11
	output := make([]float32, len(classes)*5)
	for step, class := range classes {
		output[step*5+class] = 0.9
	}
	line := quad{{100, 50}, {260, 50}, {260, 98}, {100, 98}}
	characters := networks.decode(output, len(classes), 1)
	characters[len(characters)-2].gap = 0.2
	words := line.words(characters, 160.0/48)
	var texts []string
	for _, word := range words {
		texts = append(texts, word.Text)
		if word.X0 < 100 || word.X1 > 260 || word.X1 <= word.X0 || word.Height != 48 || math.Abs(word.Confidence-0.9) > 0.001 {
			t.Errorf("got %+v", word)
		}
	}
	if got := strings.Join(texts, "|"); got != "AAB|1|11" {
		t.Errorf("got %q", got)
	}
}

func TestWesternAlphabet(t *testing.T) {
	got := strings.Join(WesternAlphabet([]string{"A", "（", "中", "é", "。", "7", " "}), "|")
	if got != "A|(||é||7| " {
		t.Errorf("got %q", got)
	}
}

func TestStretchedTypeIsOneWord(t *testing.T) {
	line := quad{{0, 0}, {480, 0}, {480, 48}, {0, 48}}
	var characters []character
	for i, letter := range strings.Split("INVOICE", "") {
		characters = append(characters, character{letter, 0.05 + 0.12*float64(i), 0.06, 1})
	}
	if words := line.words(characters, 10); len(words) != 1 || words[0].Text != "INVOICE" {
		t.Errorf("got %+v", words)
	}
}

// Words are parted where the paper is white, whatever the widths of letters.
func TestMeasureGaps(t *testing.T) {
	strip := image.NewGray(image.Rect(0, 0, 200, lineHeight))
	for i := range strip.Pix {
		if strip.Pix[i] = 230; i%200 > 10 && i%200 < 90 || i%200 > 120 && i%200 < 190 {
			strip.Pix[i] = 40
		}
	}
	characters := []character{{at: 0.2}, {at: 0.4}, {at: 0.8}}
	measureGaps(characters, blankColumns(strip))
	if characters[1].gap != 0 || math.Abs(characters[2].gap-31.0/200) > 0.001 {
		t.Errorf("got %+v", characters)
	}
}

// side answers that the picture stands on its head when its dark half is above.
type side struct{}

func (side) Run(input []float32, shape ...int64) ([]float32, []int64, error) {
	half := len(input) / 6
	var above, below float32
	for i := range half {
		above, below = above+input[i], below+input[half+i]
	}
	if above < below {
		return []float32{0, 1}, []int64{1, 2}, nil
	}
	return []float32{1, 0}, []int64{1, 2}, nil
}

// nothing reads nothing.
type nothing struct{ classes int }

func (n nothing) Run([]float32, ...int64) ([]float32, []int64, error) {
	return make([]float32, n.classes), []int64{1, 1, int64(n.classes)}, nil
}

func TestReadTurnsThePage(t *testing.T) {
	networks := Networks{Detector: ink{}, Classifier: side{}, Reader: nothing{3}, Alphabet: []string{"A", " "}}
	upright := image.NewGray(image.Rect(0, 0, 640, 640))
	for i := range upright.Pix {
		upright.Pix[i] = 255
		// Three bars, each darker below than above.
		if x, y := i%640, i/640; x > 80 && x < 500 && y%200 > 80 && y%200 < 110 && y < 600 {
			upright.Pix[i] = uint8(100 - y%200%80*2)
		}
	}
	picture := upright
	for quarters := range 4 {
		page, err := networks.Read(picture)
		if err != nil {
			t.Fatal(err)
		}
		if (page.Quarters+quarters)%4 != 0 {
			t.Errorf("turned by %d, turned back by %d", quarters, page.Quarters)
		}
		picture = turned(picture)
	}
}
