// Package pipeline says what happens to a mail and to a document: accept
// (raw mail made durable), unpack (mail to documents), then one file per stage
// of a document. It knows no actor and no database: who runs a stage, when,
// and what is written down about it is for package actors.
//
// Stages run at least once. A stage that is cut off runs again from its start,
// so everything it does must be harmless to repeat.
package pipeline
