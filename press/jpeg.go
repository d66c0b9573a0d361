package press

import (
	"bytes"
	"encoding/binary"
	"os"
)

// plainJPEG returns the input without what is not the picture (EXIF data with
// places, thumbnails, colour profiles, comments), nil when it is no JPEG or one
// whose colours depend on what is dropped.
func plainJPEG(mediaType string) []byte {
	if mediaType != typeJPEG {
		return nil
	}
	content, err := os.ReadFile(inputName)
	if err != nil {
		return nil
	}
	return withoutApplicationData(content)
}

// withoutApplicationData drops the segments APP1 to APP15 and comments before
// the scan (ITU-T T.81, B.2). A file with Adobe's segment is left alone: it says
// what the colours mean.
func withoutApplicationData(content []byte) []byte {
	const startOfScan, jfif, adobe, lastApplication, comment = 0xda, 0xe0, 0xee, 0xef, 0xfe
	if !bytes.HasPrefix(content, []byte("\xff\xd8")) {
		return nil
	}
	plain := []byte("\xff\xd8")
	for rest := content[2:]; len(rest) >= 4 && rest[0] == 0xff; {
		marker, length := rest[1], int(binary.BigEndian.Uint16(rest[2:]))
		if marker == startOfScan {
			return append(plain, rest...)
		}
		if marker == adobe || length < 2 || length+2 > len(rest) {
			return nil
		}
		if marker <= jfif || marker > lastApplication && marker != comment {
			plain = append(plain, rest[:length+2]...)
		}
		rest = rest[length+2:]
	}
	return nil
}
