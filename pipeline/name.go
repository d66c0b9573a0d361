package pipeline

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/docuflow/docuflow/domain"
)

// FolderPattern names documents in the folder of the installation by what a
// bookkeeper looks for.
const FolderPattern = "{workspace}/{year}/{date} {vendor} {total} {currency}"

// maxName is the longest file or folder name in octets. Every file system in
// use allows 255; the rest is left for a number, an extension and backup programs.
const maxName = 200

// CheckPattern refuses placeholders that do not exist, and patterns that
// would leave their folder.
func CheckPattern(pattern string) error {
	rest := pattern
	for {
		_, after, found := strings.Cut(rest, "{")
		if !found {
			break
		}
		name, behind, closed := strings.Cut(after, "}")
		if _, known := values(domain.Workspace{}, domain.Document{})[name]; !closed || !known {
			return fmt.Errorf("file name pattern %q: there is no placeholder {%s}", pattern, name)
		}
		rest = behind
	}
	if strings.Trim(pattern, "/ ") == "" || strings.Contains(pattern, "..") {
		return fmt.Errorf("file name pattern %q names no file inside the folder", pattern)
	}
	return nil
}

// FileName fills a pattern in: folders and a file name with ".pdf". Every value
// is made safe before it is put in, so none of them can add a folder.
func FileName(pattern string, workspace domain.Workspace, document domain.Document) string {
	filled := pattern
	for name, value := range values(workspace, document) {
		filled = strings.ReplaceAll(filled, "{"+name+"}", safe(value))
	}
	var parts []string
	for part := range strings.SplitSeq(filled, "/") {
		if part = trimmed(strings.Join(strings.Fields(part), " ")); part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		parts = []string{string(document.ID)}
	}
	return path.Join(parts...) + ".pdf"
}

func values(workspace domain.Workspace, document domain.Document) map[string]string {
	date := document.Fields.Value(domain.InvoiceDate)
	if date == "" {
		date = document.CreatedAt.UTC().Format("2006-01-02")
	}
	vendor := document.Fields.Value(domain.VendorName)
	if vendor == "" {
		vendor = strings.TrimSuffix(document.FileName, path.Ext(document.FileName))
	}
	category := document.Fields.Value(domain.CategoryName)
	if category == "" {
		category = "Other"
	}
	return map[string]string{
		"workspace": workspace.Slug,
		"year":      date[:4],
		"month":     date[5:7],
		"date":      date,
		"vendor":    vendor,
		"number":    document.Fields.Value(domain.InvoiceNumber),
		"total":     document.Fields.Value(domain.TotalAmount),
		"currency":  document.Fields.Value(domain.Currency),
		"category":  category,
	}
}

// safe keeps what Linux, macOS, Windows and SMB shares allow in a name, and
// drops what would deceive the eye (controls, marks that turn the writing around).
func safe(value string) string {
	value = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"/\|?*`, r) {
			return '-'
		}
		if unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, norm.NFC.String(value))
	return cut(strings.ReplaceAll(value, "..", "."), maxName/2)
}

// trimmed makes a whole name acceptable: Windows takes no dot or space at its
// end and reserves some names, and a dot at its beginning hides it.
func trimmed(name string) string {
	name = strings.Trim(cut(name, maxName), ". ")
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch stem {
	case "CON", "PRN", "AUX", "NUL":
		return name + "_"
	}
	if len(stem) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")) {
		return name + "_"
	}
	return name
}

// cut shortens to at most limit octets, at a character's border.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
