package press

import (
	"fmt"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// The words for a document's owner: what happened, and what can be done.

// failed is the temporary failure of a job that we, not the file, are to blame for.
func failed(doing string, err error) error {
	return domain.Temporary(domain.KindInternal, "The file could not be processed just now. We try again by ourselves.", fmt.Errorf("%s: %w", doing, err))
}

func closing() error {
	return domain.Temporary(domain.KindInternal, "The service is being restarted. We try again by ourselves.", nil)
}

func tookTooLong(limit time.Duration, cause error) error {
	return domain.Temporary(domain.KindTimeout, fmt.Sprintf(
		"Reading this file took longer than %s, so we stopped. Print it to a new PDF with fewer pages, or send a photo or scan of it instead.", limit), cause)
}

func neededTooMuch(octets int64, cause error) error {
	return domain.Temporary(domain.KindKilled, fmt.Sprintf(
		"Opening this file needs more than %d MB of memory, so we stopped. Print it to a new PDF, or send a photo or scan of it instead.", octets>>20), cause)
}

func crashed(cause error) error {
	return domain.Temporary(domain.KindPanic, "This file crashed our reader. Print it to a new PDF, or send a photo or scan of it instead.", cause)
}

func empty() error {
	return domain.Permanent(domain.KindDamaged, "The file is empty. Send it again.", nil)
}

func locked(cause error) error {
	return domain.Permanent(domain.KindPassword, "This PDF needs a password. Open it, save or print it as a PDF without one, and send that.", cause)
}

func damagedPDF(cause error) error {
	return domain.Permanent(domain.KindDamaged, "This PDF is damaged and could not be repaired. Ask its sender for it again, or print it to a new PDF.", cause)
}

func damagedImage(cause error) error {
	return domain.Permanent(domain.KindDamaged, "This image is damaged or incomplete. Send it again, or take a new photo.", cause)
}

func tooManyPixels(width, height int) error {
	return domain.Permanent(domain.KindTooLarge, fmt.Sprintf(
		"This image has %d × %d pixels, which is more than %d megapixels. Send a smaller one.", width, height, maxPixels/1_000_000), nil)
}

// unusable refuses a media type that no document can be made of.
func unusable(mediaType string) error {
	return domain.Permanent(domain.KindRejected, whyUnusable(mediaType), nil)
}

// Usable says whether a document can be made of a media type that Sniff has
// found: nil, or the permanent domain.Failure that says why not.
func Usable(mediaType string) error {
	if whyUnusable(mediaType) == "" {
		return nil
	}
	return unusable(mediaType)
}

// whyUnusable says in words why a file of this type makes no document, "" when it does.
func whyUnusable(mediaType string) string {
	switch mediaType {
	case typePDF, typeJPEG, typePNG, typeWebP, typeTIFF, typeHEIC:
		return ""
	case typeHTML:
		return "This is a web page, not a PDF or an image. Print it to a PDF and send that."
	case typeXML:
		return "This is XML without pages. Send the invoice as a PDF."
	case typeGIF:
		return "GIF images are not taken as documents. Send a PDF, JPEG or PNG."
	case typeZIP:
		return "This is an archive or an office document. Send the PDF itself."
	case typeText:
		return "This is plain text, not a PDF or an image."
	}
	return "This is neither a PDF nor an image that we know (JPEG, PNG, WebP, TIFF, HEIC)."
}

func unsupportedImage(cause error) error {
	return domain.Permanent(domain.KindRejected, "This kind of image cannot be read. Send it as a PDF, JPEG or PNG.", cause)
}

func undecodableHEIC(cause error) error {
	return domain.Permanent(domain.KindRejected, "HEIC photos cannot be read here: the program for them (libheif) is not installed. Send the photo as JPEG.", cause)
}

func unreadableMail(cause error) error {
	return domain.Permanent(domain.KindDamaged, "This mail could not be read. Ask its sender to send it again.", cause)
}
