package press

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"

	"golang.org/x/image/draw"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

const (
	// maxPixels bounds an image before it is decoded: 50 megapixels.
	maxPixels = 50_000_000
	// maxTIFFPages bounds a fax or scan; more is an attack or a book.
	maxTIFFPages = 100
)

// codec reads one picture of one media type.
type codec struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

func codecOf(mediaType string) codec {
	switch mediaType {
	case typeJPEG:
		return codec{jpeg.DecodeConfig, jpeg.Decode}
	case typePNG:
		return codec{png.DecodeConfig, png.Decode}
	case typeWebP:
		return codec{webp.DecodeConfig, webp.Decode}
	}
	return codec{tiff.DecodeConfig, tiff.Decode}
}

// eachPicture decodes the pictures of an image file one after the other and
// hands them to use with their orientation. Its errors are failures of the
// document.
func eachPicture(ctx context.Context, file, mediaType string, use func(picture image.Image, turn orientation) error) error {
	if mediaType == typeHEIC {
		return eachOfHEIC(ctx, file, use)
	}
	opened, err := os.Open(file)
	if err != nil {
		return err
	}
	defer opened.Close()
	info, err := opened.Stat()
	if err != nil {
		return err
	}
	if mediaType != typeTIFF {
		turn := readOrientation(opened, info.Size(), mediaType)
		return decodeOne(io.NewSectionReader(opened, 0, info.Size()), codecOf(mediaType), turn, use)
	}
	return eachPage(ctx, opened, info.Size(), use)
}

// eachPage decodes the pages of a TIFF file. The first that Go's decoder does
// not know is the reason to convert the file.
func eachPage(ctx context.Context, file *os.File, size int64, use func(image.Image, orientation) error) error {
	directories, err := tiffDirectories(file, size)
	if err != nil {
		return damagedImage(err)
	}
	plain := ""
	for index, directory := range directories {
		err := decodeOne(io.NewSectionReader(tiffPage{file, directory.header}, 0, size), codecOf(typeTIFF), directory.turn, use)
		if _, unknown := errors.AsType[tiff.UnsupportedError](err); unknown {
			if plain == "" {
				var failure error
				if plain, failure = plainTIFF(ctx, file.Name(), directories); failure != nil {
					return unsupportedImage(errors.Join(err, failure))
				}
			}
			err = decodeConverted(plain, index, directory.turn, use)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func decodeOne(file io.ReadSeeker, reader codec, turn orientation, use func(image.Image, orientation) error) error {
	config, err := reader.config(file)
	if err != nil {
		return undecodable(err)
	}
	if config.Width <= 0 || config.Height <= 0 {
		return damagedImage(errors.New("no pixels"))
	}
	if config.Width > maxPixels/config.Height {
		return tooManyPixels(config.Width, config.Height)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	picture, err := reader.decode(file)
	if err != nil {
		return undecodable(err)
	}
	return use(picture, turn)
}

func undecodable(err error) error {
	if _, ok := errors.AsType[tiff.UnsupportedError](err); ok {
		return unsupportedImage(err)
	}
	if _, ok := errors.AsType[jpeg.UnsupportedError](err); ok {
		return unsupportedImage(err)
	}
	return damagedImage(err)
}

// flat returns a picture of at most this upright width, upright and on white.
// A picture without anything to change is returned as it is.
func flat(picture image.Image, turn orientation, width int) image.Image {
	size := picture.Bounds().Size()
	across := size.X
	if turn.swaps() {
		across = size.Y
	}
	if across <= width && turn <= upright && plain(picture) {
		return picture
	}
	scale := min(float64(width)/float64(across), 1)
	target := image.Rect(0, 0, max(int(float64(size.X)*scale+0.5), 1), max(int(float64(size.Y)*scale+0.5), 1))
	switch picture := picture.(type) {
	case *image.YCbCr:
		return shrink(picture, turn, target.Dx(), target.Dy())
	case *image.Gray:
		gray := plane{picture.Pix, picture.Stride, size.X, size.Y}.resized(target.Dx(), target.Dy()).turned(turn)
		return &image.Gray{Pix: gray.pix, Stride: gray.stride, Rect: image.Rect(0, 0, gray.width, gray.height)}
	}
	white := image.NewRGBA(target)
	draw.Draw(white, target, image.White, image.Point{}, draw.Src)
	if scale == 1 {
		draw.Draw(white, target, picture, picture.Bounds().Min, draw.Over)
	} else {
		draw.BiLinear.Scale(white, target, picture, picture.Bounds(), draw.Over, nil)
	}
	return turn.apply(white)
}

// plain says that a picture can become a JPEG as it is: without transparency,
// eight bits, and nothing that the JPEG encoder takes the slow way.
func plain(picture image.Image) bool {
	switch picture.(type) {
	case *image.YCbCr, *image.Gray:
		return true
	}
	return false
}

// isGray says that a picture has no colours, so that a page without them can be written.
func isGray(picture image.Image) bool { return picture.ColorModel() == color.GrayModel }

// writePNG keeps every pixel, for text recognition.
func writePNG(name string, picture image.Image) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(file, picture); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
