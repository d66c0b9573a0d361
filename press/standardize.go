package press

import (
	"context"
	"errors"
	"image"
	"os"
	"slices"
	"strings"

	"github.com/klippa-app/go-pdfium/requests"
)

// What a job leaves in its directory.
const (
	standardName  = "standard.pdf"
	thumbnailName = "thumbnail.png"
)

// Thumbnails are as wide as this, or as high as a receipt four times as long, in pixels.
const (
	thumbnailWidth  = 240
	thumbnailHeight = 4 * thumbnailWidth
)

// standardize makes standardName and, if it can, thumbnailName of the input.
func (h *hand) standardize(ctx context.Context) (Standardized, error) {
	head, err := readHead(inputName)
	if err != nil {
		return Standardized{}, err
	}
	mediaType := Sniff(head)
	if whyUnusable(mediaType) != "" {
		return Standardized{}, unusable(mediaType)
	}
	var done Standardized
	if mediaType == typePDF {
		done, err = h.standardizePDF(ctx)
	} else {
		done, err = h.standardizeImage(ctx, mediaType)
	}
	if err != nil {
		return Standardized{}, err
	}
	info, err := os.Stat(done.File)
	if err != nil {
		return Standardized{}, err
	}
	done.Size, done.MediaType = info.Size(), mediaType
	return done, nil
}

// standardizePDF takes the first of these that can be opened again with all
// its pages and words and is not larger than the original: rewritten, then linearized;
// only linearized; the original.
func (h *hand) standardizePDF(ctx context.Context) (Standardized, error) {
	original, content, err := h.openOrRepair(ctx)
	if err != nil {
		return Standardized{}, err
	}
	defer original.close()
	done := Standardized{File: standardName, Pages: original.pages, Thumbnail: thumbnailName}
	if err := original.thumbnail(); err != nil {
		done.Thumbnail = "" // a document without a picture is still a document
	}
	if reason := original.untouchable(); reason != "" {
		done.Kept, done.Reason = true, reason
		return done, os.Rename(inputName, standardName)
	}
	if h.rewritten(ctx, original, len(content)) || h.linearized(ctx, inputName, original, len(content)) {
		return done, nil
	}
	done.Kept, done.Reason = true, "The original was kept: nothing made it smaller."
	return done, os.Rename(inputName, standardName)
}

// turnSize is what a turned scan may be larger than it was, in octets.
const turnSize = 4 << 10

// untouchable says why a PDF must be kept byte for byte, "" when it need not be.
func (p *openedPDF) untouchable() string {
	switch {
	case p.signed():
		return "The original was kept byte for byte: it is signed."
	case p.invoiceXML() != nil:
		return "The original was kept byte for byte: it is an e-invoice."
	}
	return ""
}

// openOrRepair opens the input; one that pdfium cannot open is replaced by what qpdf saves of it.
func (h *hand) openOrRepair(ctx context.Context) (*openedPDF, []byte, error) {
	engine, err := h.pdfium()
	if err != nil {
		return nil, nil, err
	}
	content, err := os.ReadFile(inputName)
	if err != nil {
		return nil, nil, err
	}
	opened, failure := openPDF(engine, content)
	if failure == nil || isLocked(failure) {
		return opened, content, failure
	}
	const repaired = "repaired.pdf"
	if err := qpdf(ctx, h.limits.Wall, inputName, repaired); err != nil {
		return nil, nil, errors.Join(failure, err)
	}
	if content, err = os.ReadFile(repaired); err != nil {
		return nil, nil, err
	}
	if opened, failure = openPDF(engine, content); failure != nil {
		return nil, nil, failure
	}
	return opened, content, os.Rename(repaired, inputName)
}

// rewritten leaves a smaller, linearized PDF without metadata in standardName, if it can.
func (h *hand) rewritten(ctx context.Context, original *openedPDF, size int) bool {
	const rewrite = "rewritten.pdf"
	if original.encrypted() { // its permissions are its author's, who also chose to show it to everybody
		return false
	}
	changes := changes{photos: original.photographed()}
	if changes.photos {
		changes.turns = original.turns(ctx)
	}
	if err := rewritePDF(inputName, rewrite, changes); err != nil {
		return false
	}
	if len(changes.turns) == 0 {
		return h.linearized(ctx, rewrite, original, size)
	}
	return h.linearized(ctx, rewrite, original, size+turnSize) && h.thumbnailAgain()
}

// linearized leaves the linearized source in standardName if that has the
// original's pages and words and is not larger than size.
func (h *hand) linearized(ctx context.Context, source string, original *openedPDF, size int) bool {
	if err := qpdf(ctx, h.limits.Wall, source, standardName); err != nil {
		return false
	}
	content, err := os.ReadFile(standardName)
	if err != nil || len(content) > size {
		return false
	}
	opened, err := openPDF(h.engine, content)
	if err != nil {
		return false
	}
	defer opened.close()
	return opened.pages == original.pages && slices.Equal(opened.words(), original.words())
}

// words are those of the text layer.
func (p *openedPDF) words() []string {
	var words []string
	for index := range min(p.pages, maxTextPages) {
		words = append(words, p.wordsOn(index)...)
	}
	return words
}

// wordsOn are those of one page, from 0; none when it cannot be read.
func (p *openedPDF) wordsOn(index int) []string {
	text, err := p.engine.GetPageText(&requests.GetPageText{Page: p.page(index)})
	if err != nil {
		return nil
	}
	return strings.Fields(text.Text)
}

// thumbnailAgain draws the first page of standardName.
func (h *hand) thumbnailAgain() bool {
	content, err := os.ReadFile(standardName)
	if err != nil {
		return false
	}
	turned, err := openPDF(h.engine, content)
	if err != nil {
		return false
	}
	defer turned.close()
	return turned.thumbnail() == nil
}

func (p *openedPDF) thumbnail() error {
	return p.render(0, thumbnailWidth, thumbnailHeight, writeThumbnail)
}

func writeThumbnail(picture image.Image) error { return writePNG(thumbnailName, picture) }

// shrunk returns a picture that fits into so many pixels, with the same proportions.
func shrunk(picture image.Image, width, height int) image.Image {
	size := picture.Bounds().Size()
	return flat(picture, upright, max(min(width, size.X*height/size.Y), 1))
}
