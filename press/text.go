package press

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"github.com/docuflow/docuflow/page"
)

// readText returns the text layer of a PDF as words with places.
func readText(ctx context.Context, engine pdfium.Pdfium, file string) (page.Document, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return page.Document{}, err
	}
	opened, err := engine.OpenDocument(&requests.OpenDocument{File: &content})
	if err != nil {
		return page.Document{}, fmt.Errorf("open %s: %w", file, err)
	}
	defer engine.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: opened.Document})
	count, err := engine.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: opened.Document})
	if err != nil {
		return page.Document{}, fmt.Errorf("count the pages of %s: %w", file, err)
	}
	document := page.Document{Source: page.SourceText}
	for index := range count.PageCount {
		if err := ctx.Err(); err != nil {
			return page.Document{}, err
		}
		read, err := readTextPage(engine, opened.Document, index)
		if err != nil {
			return page.Document{}, fmt.Errorf("page %d of %s: %w", index+1, file, err)
		}
		document.Pages = append(document.Pages, read)
	}
	return document, nil
}

func readTextPage(engine pdfium.Pdfium, document references.FPDF_DOCUMENT, index int) (page.Page, error) {
	which := requests.Page{ByIndex: &requests.PageByIndex{Document: document, Index: index}}
	size, err := engine.GetPageSize(&requests.GetPageSize{Page: which})
	if err != nil {
		return page.Page{}, err
	}
	text, err := engine.GetPageTextStructured(&requests.GetPageTextStructured{Page: which, Mode: requests.GetPageTextStructuredModeRects})
	if err != nil {
		return page.Page{}, err
	}
	read := page.Page{Number: index + 1, Width: size.Width, Height: size.Height}
	for _, rect := range text.Rects {
		position := rect.PointPosition
		box := page.Box{X0: position.Left / size.Width, X1: position.Right / size.Width,
			Y0: 1 - position.Top/size.Height, Y1: 1 - position.Bottom/size.Height}
		read.Words = append(read.Words, splitWords(rect.Text, box)...)
	}
	return read, nil
}

// splitWords cuts a line at its spaces and gives each word its share of the line's width.
func splitWords(line string, box page.Box) []page.Word {
	runes := []rune(line)
	share := (box.X1 - box.X0) / float64(max(len(runes), 1))
	var words []page.Word
	at := 0
	for _, text := range strings.Split(line, " ") {
		length := len([]rune(text))
		if strings.TrimSpace(text) != "" {
			words = append(words, page.Word{Text: strings.TrimSpace(text), Confidence: 1, FontSize: box.Y1 - box.Y0,
				Box: page.Box{X0: box.X0 + share*float64(at), X1: box.X0 + share*float64(at+length), Y0: box.Y0, Y1: box.Y1}})
		}
		at += length + 1
	}
	return words
}
