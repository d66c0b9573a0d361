// Package press handles hostile bytes: all PDF, image, MIME and OCR work. Every
// job runs in a child process of our own binary (which may start qpdf and
// tesseract) with bounded memory, processor time and wall clock, an empty
// environment and a private temporary directory. A child may die; the caller
// gets a domain.Failure and nothing else is harmed.
package press
