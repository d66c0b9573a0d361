// Package page is the page model: words with their boxes, rows, cells and
// blocks. The press makes it from a text layer or by optical character
// recognition, extraction reads it, and neither knows the other. It imports
// the standard library alone.
package page
