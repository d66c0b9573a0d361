package page

// Document is the text of a whole document, as words with places.
type Document struct {
	Source string `json:"source"` // SourceText or SourceOCR
	Pages  []Page `json:"pages"`
}

// Where the words come from.
const (
	SourceText = "text" // a PDF's own text layer
	SourceOCR  = "ocr"
)

// Page is one page, upright.
type Page struct {
	Number int     `json:"number"` // 1 is the first page
	Width  float64 `json:"width"`  // points for PDF, pixels for OCR; only the ratio to Height matters
	Height float64 `json:"height"`
	Words  []Word  `json:"words"`
	// Readings are other passes over the same page, kept as alternatives.
	Readings [][]Word `json:"readings,omitempty"`
}

// Word is a piece of text without white space.
type Word struct {
	Text       string  `json:"text"`
	Box        Box     `json:"box"`
	Confidence float64 `json:"confidence"` // 0 to 1; 1 for a text layer
	FontSize   float64 `json:"font_size"`  // height of the type as a share of the page's height; 0 is unknown
}

// Box is a place on a page. The origin is the upper left corner; X is in
// page widths and Y in page heights, so all values are between 0 and 1.
type Box struct {
	X0 float64 `json:"x0"`
	Y0 float64 `json:"y0"`
	X1 float64 `json:"x1"`
	Y1 float64 `json:"y1"`
}
