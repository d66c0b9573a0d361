package press

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
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
func (h *hand) read(ctx context.Context, languages []string) (reading Reading, err error) {
	reader := &ocrReader{dir: ".", languages: languages, accurate: h.accurate, until: h.patience()}
	defer func() { reading.Trouble = reader.complaint() }()
	head, err := readHead(inputName)
	if err != nil {
		return Reading{}, err
	}
	switch mediaType := Sniff(head); mediaType {
	case typePDF:
		return h.readPDF(ctx, reader)
	case typeXML:
		return readXML()
	case typeJPEG, typePNG, typeWebP, typeTIFF, typeHEIC:
		document, err := recogniseImage(ctx, mediaType, reader)
		return Reading{Document: document}, err
	default:
		return Reading{}, unusable(mediaType)
	}
}

// patience is when recognition begins no further page and stops further passes:
// what was read by then is worth more than a job that is killed.
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

func (h *hand) readPDF(ctx context.Context, reader *ocrReader) (Reading, error) {
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
	return reading, opened.recognise(ctx, &reading.Document, reader)
}

// recognise replaces pages of a document that have next to no text by what is
// recognised in their pictures.
func (p *openedPDF) recognise(ctx context.Context, document *page.Document, reader *ocrReader) error {
	recognised := 0
	for i := range document.Pages {
		if len(document.Pages[i].Words) > fewWords || recognised == maxRecognised || recognised > 0 && time.Now().After(reader.until) {
			continue
		}
		var seen page.Page
		var failure error
		undrawn := p.render(i, scanWidth, scanHeight, func(picture image.Image) error {
			seen, failure = reader.recognise(ctx, picture)
			return nil
		})
		if failure != nil {
			return failed("recognise text", failure)
		}
		if undrawn != nil {
			continue // the other pages are worth reading
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

func recogniseImage(ctx context.Context, mediaType string, reader *ocrReader) (page.Document, error) {
	document := page.Document{Source: page.SourceOCR}
	err := eachPicture(ctx, inputName, mediaType, func(picture image.Image, turn orientation) error {
		if read := len(document.Pages); read == maxRecognised || read > 0 && time.Now().After(reader.until) {
			return nil
		}
		seen, err := reader.recognise(ctx, flat(picture, turn, picture.Bounds().Dx()+picture.Bounds().Dy()))
		if err != nil {
			return failed("recognise text", err)
		}
		seen.Number = len(document.Pages) + 1
		document.Pages = append(document.Pages, seen)
		return nil
	})
	return document, err
}

func (o *ocrReader) recognise(ctx context.Context, picture image.Image) (page.Page, error) {
	scan := filepath.Join(o.dir, "scan.png")
	if err := writePNG(scan, picture); err != nil {
		return page.Page{}, err
	}
	return o.readPage(ctx, scan)
}
