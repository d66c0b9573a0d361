package press

import (
	"context"
	"fmt"
	"image"
	"os"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/page"
)

const (
	// fewWords is a page that has, at most, a stamp or a page number as text:
	// what else it says is a picture.
	fewWords = 8
	// maxRecognised bounds the pages of a document that are recognised: an
	// invoice says what it is on its first pages.
	maxRecognised = 10
	// scanWidth and scanHeight are A4 at 250 dpi.
	scanWidth, scanHeight = 2067, 2923
)

// read returns what the input says.
func (h *hand) read(ctx context.Context, languages []string) (Reading, error) {
	head, err := readHead(inputName)
	if err != nil {
		return Reading{}, err
	}
	switch mediaType := Sniff(head); mediaType {
	case typePDF:
		return h.readPDF(ctx, languages)
	case typeXML:
		return readXML()
	case typeJPEG, typePNG, typeWebP, typeTIFF:
		document, err := recogniseImage(ctx, mediaType, languages, h.patience())
		return Reading{Document: document}, err
	default:
		return Reading{}, unusable(mediaType)
	}
}

// patience is when recognition begins no further page: what was read by then
// is worth more than a job that is killed.
func (h *hand) patience() time.Time { return time.Now().Add(h.limits.Wall / 2) }

func readXML() (Reading, error) {
	info, err := os.Stat(inputName)
	if err != nil {
		return Reading{}, err
	}
	if info.Size() > maxInvoiceXML {
		return Reading{}, domain.Permanent(domain.KindTooLarge, fmt.Sprintf("This XML file is larger than %d MB. Send the invoice as a PDF.", maxInvoiceXML>>20), nil)
	}
	content, err := os.ReadFile(inputName)
	if err != nil {
		return Reading{}, err
	}
	if !isInvoiceXML(content) {
		return Reading{}, domain.Permanent(domain.KindRejected, "This XML is not an e-invoice that we know. Send the invoice as a PDF.", nil)
	}
	return Reading{XML: content}, nil
}

func (h *hand) readPDF(ctx context.Context, languages []string) (Reading, error) {
	opened, _, err := h.openOrRepair(ctx)
	if err != nil {
		return Reading{}, err
	}
	defer opened.close()
	document, err := readText(ctx, h.engine, inputName)
	if err != nil {
		return Reading{}, damagedPDF(err)
	}
	reading := Reading{Document: document, XML: opened.invoiceXML()}
	return reading, opened.recognise(ctx, &reading.Document, languages, h.patience())
}

// recognise replaces pages of a document that have next to no text by what is
// recognised in their pictures.
func (p *openedPDF) recognise(ctx context.Context, document *page.Document, languages []string, until time.Time) error {
	recognised := 0
	for i := range document.Pages {
		if len(document.Pages[i].Words) > fewWords || recognised == maxRecognised || recognised > 0 && time.Now().After(until) {
			continue
		}
		var seen page.Page
		err := p.render(i, scanWidth, scanHeight, func(picture image.Image) (err error) {
			seen, err = recognisePicture(ctx, picture, languages)
			return err
		})
		if err != nil {
			return failed("recognise text", err)
		}
		recognised++
		if len(seen.Words) <= len(document.Pages[i].Words) {
			continue
		}
		seen.Number = document.Pages[i].Number
		document.Pages[i] = seen
		document.Source = page.SourceOCR
	}
	return nil
}

func recogniseImage(ctx context.Context, mediaType string, languages []string, until time.Time) (page.Document, error) {
	document := page.Document{Source: page.SourceOCR}
	err := eachPicture(inputName, mediaType, func(picture image.Image, turn orientation) error {
		if read := len(document.Pages); read == maxRecognised || read > 0 && time.Now().After(until) {
			return nil
		}
		seen, err := recognisePicture(ctx, flat(picture, turn, picture.Bounds().Dx()+picture.Bounds().Dy()), languages)
		if err != nil {
			return failed("recognise text", err)
		}
		seen.Number = len(document.Pages) + 1
		document.Pages = append(document.Pages, seen)
		return nil
	})
	return document, err
}

func recognisePicture(ctx context.Context, picture image.Image, languages []string) (page.Page, error) {
	const scan = "scan.png"
	if err := writePNG(scan, picture); err != nil {
		return page.Page{}, err
	}
	return readOCR(ctx, scan, ".", languages)
}
