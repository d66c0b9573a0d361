// Command docuflow-ocr is the accurate reader of text in pictures:
//
//	docuflow-ocr DIR PICTURE.pgm
//
// DIR holds ONNX Runtime's shared library and the models of PP-OCR. It prints
// one JSON value, a ppocr.Page. The press runs it in its sandbox as it runs
// tesseract. It is a program of its own because loading a C library makes a Go
// program depend on the system's C library, and docuflow itself must not.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/docuflow/docuflow/press/onnx"
	"github.com/docuflow/docuflow/press/ppocr"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "docuflow-ocr:", err)
		os.Exit(1)
	}
}

func run(arguments []string, out io.Writer) error {
	if len(arguments) != 2 {
		return fmt.Errorf("usage: docuflow-ocr DIR PICTURE.pgm")
	}
	picture, err := readPGM(arguments[1])
	if err != nil {
		return err
	}
	networks, err := load(arguments[0])
	if err != nil {
		return err
	}
	page, err := networks.Read(picture)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(page)
}

func load(dir string) (*ppocr.Networks, error) {
	library, err := onnx.Open(filepath.Join(dir, ppocr.LibraryFile))
	if err != nil {
		return nil, err
	}
	alphabet, err := os.ReadFile(filepath.Join(dir, ppocr.AlphabetFile))
	if err != nil {
		return nil, err
	}
	known := append(strings.Split(strings.TrimRight(string(alphabet), "\n"), "\n"), " ")
	networks := &ppocr.Networks{Alphabet: ppocr.WesternAlphabet(known)}
	for file, model := range map[string]*ppocr.Model{
		ppocr.DetectFile: &networks.Detector, ppocr.ClassifyFile: &networks.Classifier, ppocr.ReadFile: &networks.Reader,
	} {
		if *model, err = library.Load(filepath.Join(dir, file)); err != nil {
			return nil, err
		}
	}
	return networks, nil
}

// readPGM reads a grey picture in the form that the press writes.
func readPGM(file string) (*image.Gray, error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	in := bufio.NewReader(opened)
	var width, height int
	if _, err := fmt.Fscanf(in, "P5 %d %d 255\n", &width, &height); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	const most = 100_000_000
	if width <= 0 || height <= 0 || width > most/height {
		return nil, fmt.Errorf("read %s: %d × %d pixels", file, width, height)
	}
	picture := image.NewGray(image.Rect(0, 0, width, height))
	if _, err := io.ReadFull(in, picture.Pix); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return picture, nil
}
