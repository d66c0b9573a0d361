package ppocr

// The files that the reader needs in its directory: its program, ONNX
// Runtime's library, the three models and the alphabet.
const (
	ProgramFile  = "docuflow-ocr"
	LibraryFile  = "libonnxruntime"
	DetectFile   = "detect.onnx"
	ClassifyFile = "classify.onnx"
	ReadFile     = "read.onnx"
	AlphabetFile = "alphabet.txt"
)

// Files lists all of them.
func Files() []string {
	return []string{ProgramFile, LibraryFile, DetectFile, ClassifyFile, ReadFile, AlphabetFile}
}
