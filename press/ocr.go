package press

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/docuflow/docuflow/page"
)

// readOCR recognises the text of one upright picture. Temporary files go to dir.
func readOCR(ctx context.Context, image, dir string, languages []string) (page.Page, error) {
	command := exec.CommandContext(ctx, "tesseract", image, "stdout", "-l", strings.Join(languages, "+"), "--psm", "6", "tsv")
	command.Dir = dir
	output, err := command.Output()
	if err != nil {
		return page.Page{}, fmt.Errorf("recognise %s: %w", image, err)
	}
	read := page.Page{Number: 1}
	for _, line := range strings.Split(string(output), "\n") {
		column := strings.Split(line, "\t")
		if len(column) != 12 || column[0] == "level" {
			continue
		}
		var number [10]float64
		for i, text := range column[:10] {
			number[i], _ = strconv.ParseFloat(text, 64)
		}
		if column[0] == "1" {
			read.Width, read.Height = number[8], number[9]
		}
		if column[0] != "5" || strings.TrimSpace(column[11]) == "" {
			continue
		}
		confidence, _ := strconv.ParseFloat(column[10], 64)
		x, y := number[6]/read.Width, number[7]/read.Height
		read.Words = append(read.Words, page.Word{Text: strings.TrimSpace(column[11]), Confidence: confidence / 100,
			FontSize: number[9] / read.Height, Box: page.Box{X0: x, Y0: y, X1: x + number[8]/read.Width, Y1: y + number[9]/read.Height}})
	}
	return read, nil
}
