// Package press handles hostile bytes: all PDF, image, MIME and OCR work. Jobs
// run in child processes of our own binary (which may start qpdf and
// tesseract) with bounded memory, processor time and wall clock, an empty
// environment and a private directory for each job. A child may die; the caller
// gets a domain.Failure and nothing else is harmed. One child does several jobs,
// but never for two workspaces.
package press
