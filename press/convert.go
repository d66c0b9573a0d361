package press

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Pictures that nothing in Go decodes are converted by programs, if these are installed.

// eachOfHEIC hands the pictures of an HEIC file to use, upright: the decoder turns them.
func eachOfHEIC(ctx context.Context, file string, use func(image.Image, orientation) error) error {
	if err := convert(ctx, "heif-convert", "-q", "92", file, "heic.jpg"); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return undecodableHEIC(err)
		}
		return damagedImage(err)
	}
	pictures, err := filepath.Glob("heic*.jpg") // heic.jpg, or heic-1.jpg and so on when there are several
	if err != nil || len(pictures) == 0 {
		return damagedImage(errors.Join(errors.New("heif-convert wrote nothing"), err))
	}
	for _, picture := range pictures[:min(len(pictures), maxTIFFPages)] {
		content, err := os.ReadFile(picture)
		if err != nil {
			return err
		}
		if err := decodeOne(bytes.NewReader(content), codecOf(typeJPEG), upright, use); err != nil {
			return err
		}
	}
	return nil
}

// plainTIFF writes a copy of a TIFF file with the same pages in a form that
// every decoder knows: red, green and blue, packed simply. The pages are not turned.
func plainTIFF(ctx context.Context, file string, pages []tiffDirectory) (string, error) {
	const stored, plain = "stored.tif", "plain.tif"
	if err := copyFile(stored, file); err != nil {
		return "", err
	}
	if err := forgetTurns(stored, pages); err != nil {
		return "", err
	}
	return plain, convert(ctx, "tiff2rgba", "-n", stored, plain)
}

// forgetTurns makes the pages upright by their tags: the converter would turn
// some of them, and half of those wrongly.
func forgetTurns(file string, pages []tiffDirectory) (err error) {
	opened, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	for _, page := range pages {
		if page.turnAt == 0 {
			continue
		}
		if _, err := opened.WriteAt(page.order.AppendUint16(nil, uint16(upright)), page.turnAt); err != nil {
			return err
		}
	}
	return nil
}

// decodeConverted decodes a page of a TIFF file, from 0, that has been made plain.
func decodeConverted(plain string, index int, turn orientation, use func(image.Image, orientation) error) error {
	opened, err := os.Open(plain)
	if err != nil {
		return err
	}
	defer opened.Close()
	info, err := opened.Stat()
	if err != nil {
		return err
	}
	pages, err := tiffDirectories(opened, info.Size())
	if err != nil || index >= len(pages) {
		return damagedImage(errors.Join(fmt.Errorf("page %d was not converted", index+1), err))
	}
	return decodeOne(io.NewSectionReader(tiffPage{opened, pages[index].header}, 0, info.Size()), codecOf(typeTIFF), turn, use)
}

func convert(ctx context.Context, program string, arguments ...string) error {
	command := exec.CommandContext(ctx, program, arguments...)
	command.SysProcAttr = tool()
	var complaint bytes.Buffer
	command.Stderr = &complaint
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w: %.300s", program, err, complaint.Bytes())
	}
	return nil
}
