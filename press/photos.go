package press

import (
	"bytes"
	"image"
	"image/jpeg"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/pdfcpu/pdfcpu/pkg/filter"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

const (
	// photoLength bounds the longer side of a photo in a PDF, in pixels, and
	// photoBreadth says from where on the shorter one is not made smaller: a long
	// receipt must stay legible.
	photoLength, photoBreadth = 2000, 800
	// maxPhotoObjects bounds what is on the page of a photo: its picture and the words recognised in it.
	maxPhotoObjects = 5000
)

// photographed says that every page is one picture, as scanners and telephones
// write them, with no other text than what was recognised in it and is not shown.
func (p *openedPDF) photographed() bool {
	for index := range p.pages {
		if !p.photo(index) {
			return false
		}
	}
	return true
}

func (p *openedPDF) photo(index int) bool {
	count, err := p.engine.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: p.page(index)})
	if err != nil || count.Count > maxPhotoObjects {
		return false
	}
	pictures := 0
	for i := range count.Count {
		object, err := p.engine.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: p.page(index), Index: i})
		if err != nil {
			return false
		}
		kind, err := p.engine.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: object.PageObject})
		if err != nil {
			return false
		}
		switch kind.Type {
		case enums.FPDF_PAGEOBJ_IMAGE:
			pictures++
		case enums.FPDF_PAGEOBJ_TEXT:
			mode, err := p.engine.FPDFTextObj_GetTextRenderMode(&requests.FPDFTextObj_GetTextRenderMode{PageObject: object.PageObject})
			if err != nil || mode.TextRenderMode != enums.FPDF_TEXTRENDERMODE_INVISIBLE {
				return false
			}
		default:
			return false
		}
	}
	return pictures == 1
}

// shrinkPhotos encodes the pictures of a document anew, if that takes a third
// off the document's size in octets.
func shrinkPhotos(document *model.Context, size int) {
	saved := 0
	smaller := map[int]types.StreamDict{}
	for number, entry := range document.Table {
		if entry == nil || entry.Free {
			continue
		}
		before, ok := entry.Object.(types.StreamDict)
		if !ok {
			continue
		}
		after, ok := shrunkPhoto(document, before)
		if !ok {
			continue
		}
		smaller[number] = after
		saved += len(before.Raw) - len(after.Raw)
	}
	if saved < size/3 {
		return
	}
	for number, after := range smaller {
		document.Table[number].Object = after
	}
}

// shrunkPhoto returns a smaller stream of a picture, and false when there is none.
func shrunkPhoto(document *model.Context, photo types.StreamDict) (types.StreamDict, bool) {
	picture := decodePhoto(document, photo)
	if picture == nil {
		return photo, false
	}
	size := picture.Bounds().Size()
	long, short := float64(max(size.X, size.Y)), float64(min(size.X, size.Y))
	scale := min(max(photoLength/long, photoBreadth/short), 1)
	picture = flat(picture, upright, max(int(float64(size.X)*scale), 1))
	var encoded bytes.Buffer
	if err := jpeg.Encode(&encoded, picture, &jpeg.Options{Quality: jpegQuality}); err != nil || encoded.Len() >= len(photo.Raw) {
		return photo, false
	}
	dictionary, ok := photo.Dict.Clone().(types.Dict)
	if !ok {
		return photo, false
	}
	size = picture.Bounds().Size()
	length := int64(encoded.Len())
	dictionary.Delete("DecodeParms")
	dictionary.Update("Filter", types.Name(filter.DCT))
	dictionary.Update("Width", types.Integer(size.X))
	dictionary.Update("Height", types.Integer(size.Y))
	dictionary.Update("Length", types.Integer(length))
	return types.StreamDict{Dict: dictionary, Raw: encoded.Bytes(), StreamLength: &length, FilterPipeline: []types.PDFFilter{{Name: filter.DCT}}}, true
}

// decodePhoto decodes a picture of a PDF (ISO 32000-1, 8.9.5) that has nothing
// to it but colours: nil when there is more, or when it is not a photo.
func decodePhoto(document *model.Context, photo types.StreamDict) image.Image {
	if kind := photo.NameEntry("Subtype"); kind == nil || *kind != "Image" || !plainColours(document, photo) {
		return nil
	}
	for _, more := range []string{"SMask", "Mask", "Decode", "ImageMask", "SMaskInData"} {
		if _, found := photo.Find(more); found {
			return nil
		}
	}
	width, height, bits := photo.IntEntry("Width"), photo.IntEntry("Height"), photo.IntEntry("BitsPerComponent")
	if width == nil || height == nil || bits == nil || *bits != 8 || *width <= 0 || *height <= 0 || *width > maxPixels / *height {
		return nil
	}
	if !photo.HasSoleFilterNamed(filter.DCT) {
		return decodePixels(photo, *width, *height)
	}
	config, err := jpeg.DecodeConfig(bytes.NewReader(photo.Raw))
	if err != nil || config.Width != *width || config.Height != *height {
		return nil
	}
	picture, err := jpeg.Decode(bytes.NewReader(photo.Raw))
	if _, inks := picture.(*image.CMYK); err != nil || inks {
		return nil
	}
	return picture
}

// decodePixels decodes a picture that was packed without loss.
func decodePixels(photo types.StreamDict, width, height int) image.Image {
	if !photo.HasSoleFilterNamed(filter.Flate) {
		return nil
	}
	if err := photo.DecodeWithLimit(int64(width) * int64(height) * 4); err != nil {
		return nil
	}
	switch len(photo.Content) {
	case width * height:
		return &image.Gray{Pix: photo.Content, Stride: width, Rect: image.Rect(0, 0, width, height)}
	case width * height * 3:
		picture := image.NewRGBA(image.Rect(0, 0, width, height))
		for i := range width * height {
			copy(picture.Pix[4*i:], photo.Content[3*i:3*i+3])
			picture.Pix[4*i+3] = 0xff
		}
		return picture
	}
	return nil
}

// plainColours says that a picture's samples are red, green and blue, or gray.
func plainColours(document *model.Context, photo types.StreamDict) bool {
	entry, found := photo.Find("ColorSpace")
	if !found {
		return false
	}
	space, err := document.Dereference(entry)
	if err != nil {
		return false
	}
	if family, ok := space.(types.Array); ok && len(family) > 0 {
		space = family[0]
	}
	switch space {
	case types.Name("DeviceRGB"), types.Name("DeviceGray"), types.Name("CalRGB"), types.Name("CalGray"), types.Name("ICCBased"):
		return true
	}
	return false
}
