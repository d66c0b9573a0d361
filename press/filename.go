package press

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxNameLength      = 120 // runes, and
	maxNameOctets      = 240 // what file systems take
	maxExtensionLength = 10
	nameless           = "attachment"
)

// SafeName makes a stranger's file name safe to store, to show and to send
// on: valid UTF-8 on one line, without folders, control and direction
// characters or what file systems refuse, at most 120 characters with its
// extension. A name of which nothing is left becomes "attachment" with the
// extension of the media type.
func SafeName(name, mediaType string) string {
	name = strings.ReplaceAll(strings.ToValidUTF8(name, "_"), `\`, "/")
	name = path.Base(strings.TrimRight(name, "/ ."))
	name = strings.Map(safeRune, name)
	name = strings.Trim(strings.Join(strings.Fields(name), " "), " .")
	if name == "" || strings.Trim(name, "_- ") == "" {
		return nameless + extensionOf(mediaType)
	}
	if stem, _, _ := strings.Cut(strings.ToUpper(name), "."); isDeviceName(stem) {
		name = "_" + name
	}
	return shorten(name)
}

func safeRune(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs), unicode.In(r, unicode.Variation_Selector):
		return -1 // invisible ones and those that turn the direction of reading
	case strings.ContainsRune(`<>:"|?*/`, r):
		return '_'
	}
	return r
}

// isDeviceName knows the names that Windows takes for devices.
func isDeviceName(stem string) bool {
	switch stem {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(stem) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")) && stem[3] >= '0' && stem[3] <= '9'
}

// shorten cuts a name's stem, not its extension.
func shorten(name string) string {
	extension := path.Ext(name)
	if utf8.RuneCountInString(extension) > maxExtensionLength {
		extension = ""
	}
	stem := []rune(strings.TrimSuffix(name, extension))
	stem = stem[:min(len(stem), maxNameLength-utf8.RuneCountInString(extension))]
	for len(string(stem))+len(extension) > maxNameOctets {
		stem = stem[:len(stem)-1]
	}
	return strings.TrimRight(string(stem), " .") + extension
}

func extensionOf(mediaType string) string {
	switch mediaType {
	case typeJPEG:
		return ".jpg"
	case typePNG:
		return ".png"
	case typeWebP:
		return ".webp"
	case typeTIFF:
		return ".tiff"
	case typePDF:
		return ".pdf"
	case typeXML:
		return ".xml"
	case typeHTML:
		return ".html"
	case typeZIP:
		return ".zip"
	}
	return ".bin"
}

// shown makes a stranger's text safe to show on one line, at most so many characters.
func shown(text string, length int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	runes := []rune(strings.Join(strings.Fields(text), " "))
	return string(runes[:min(len(runes), length)])
}
