package press

import (
	"fmt"
	"image"
	"os"

	"github.com/docuflow/docuflow/domain"
)

const (
	drawnName = "page.png"
	// longestDrawing bounds the height of a drawing, in widths: receipts are long.
	longestDrawing = 6
)

// draw leaves a picture of a page, from 1, in drawnName.
func (h *hand) draw(number, width int) (string, error) {
	engine, err := h.pdfium()
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(inputName)
	if err != nil {
		return "", err
	}
	opened, err := openPDF(engine, content)
	if err != nil {
		return "", err
	}
	defer opened.close()
	if number < 1 || number > opened.pages {
		return "", domain.Permanent(domain.KindRejected, fmt.Sprintf("The document has no page %d.", number), nil)
	}
	return drawnName, opened.render(number-1, width, longestDrawing*width, func(picture image.Image) error {
		return writePNG(drawnName, picture)
	})
}
