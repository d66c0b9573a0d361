package press

import (
	"errors"
	"fmt"
	"image"
	"slices"

	"github.com/klippa-app/go-pdfium"
	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
)

// openedPDF is a PDF that pdfium could open.
type openedPDF struct {
	engine   pdfium.Pdfium
	document references.FPDF_DOCUMENT
	pages    int
}

// openPDF opens a PDF whose first page at least can be loaded. Its errors are failures of the document.
func openPDF(engine pdfium.Pdfium, content []byte) (*openedPDF, error) {
	opened, err := engine.OpenDocument(&requests.OpenDocument{File: &content})
	if errors.Is(err, pdfiumerrors.ErrPassword) || errors.Is(err, pdfiumerrors.ErrSecurity) {
		return nil, locked(err)
	}
	if err != nil {
		return nil, damagedPDF(err)
	}
	file := &openedPDF{engine: engine, document: opened.Document}
	count, err := engine.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: opened.Document})
	if err != nil {
		file.close()
		return nil, damagedPDF(err)
	}
	if count.PageCount == 0 {
		file.close()
		return nil, damagedPDF(errors.New("no pages"))
	}
	file.pages = count.PageCount
	// A page tree that goes round in circles has a count and no pages.
	if _, err := engine.GetPageSize(&requests.GetPageSize{Page: file.page(0)}); err != nil {
		file.close()
		return nil, damagedPDF(fmt.Errorf("load page 1: %w", err))
	}
	return file, nil
}

func (p *openedPDF) page(index int) requests.Page {
	return requests.Page{ByIndex: &requests.PageByIndex{Document: p.document, Index: index}}
}

// close forgets the document. It cannot fail in a way that matters.
func (p *openedPDF) close() {
	_, _ = p.engine.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: p.document})
}

func (p *openedPDF) signed() bool {
	count, err := p.engine.FPDF_GetSignatureCount(&requests.FPDF_GetSignatureCount{Document: p.document})
	return err == nil && count.Count > 0
}

func (p *openedPDF) encrypted() bool {
	revision, err := p.engine.FPDF_GetSecurityHandlerRevision(&requests.FPDF_GetSecurityHandlerRevision{Document: p.document})
	return err == nil && revision.SecurityHandlerRevision >= 0
}

// invoiceXML returns the e-invoice among the attached files, nil when there is
// none. Of several versions it is the newest, see invoiceRoots.
func (p *openedPDF) invoiceXML() []byte {
	count, err := p.engine.FPDFDoc_GetAttachmentCount(&requests.FPDFDoc_GetAttachmentCount{Document: p.document})
	if err != nil {
		return nil
	}
	var invoice []byte
	best := len(invoiceRoots)
	for index := range min(count.AttachmentCount, maxAttachments) {
		attachment, err := p.engine.FPDFDoc_GetAttachment(&requests.FPDFDoc_GetAttachment{Document: p.document, Index: index})
		if err != nil {
			continue
		}
		file, err := p.engine.FPDFAttachment_GetFile(&requests.FPDFAttachment_GetFile{Attachment: attachment.Attachment})
		if err != nil {
			continue
		}
		if rank := slices.Index(invoiceRoots, rootOf(file.Contents)); rank >= 0 && rank < best {
			invoice, best = file.Contents, rank
		}
	}
	return invoice
}

// render draws a page, upright, at most this large, and hands it to use, after which it is gone.
func (p *openedPDF) render(index, width, height int, use func(image.Image) error) error {
	drawn, err := p.engine.RenderPageInPixels(&requests.RenderPageInPixels{
		Page:       p.page(index),
		Width:      width,
		Height:     height,
		RenderForm: true,
		Document:   &p.document,
	})
	if err != nil {
		return fmt.Errorf("draw page %d: %w", index+1, err)
	}
	defer drawn.Cleanup()
	return use(drawn.Result.RenderedImage)
}
