package web

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
	"github.com/docuflow/docuflow/templates"
)

// qrCode lets a phone write to an address. It is empty without one.
func qrCode(address string) (templates.QR, error) {
	if address == "" {
		return templates.QR{}, nil
	}
	code, err := qr.Encode("mailto:"+address, qr.M, qr.Auto)
	if err != nil {
		return templates.QR{}, fmt.Errorf("draw QR code: %w", err)
	}
	size := code.Bounds().Dx()
	var path strings.Builder
	for y := range size {
		for x := range size {
			if color.GrayModel.Convert(code.At(x, y)) == (color.Gray{}) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x, y)
			}
		}
	}
	return templates.QR{Size: size, Path: path.String()}, nil
}
