// Package domain holds the words of the business: workspace, mail, document,
// field, stage, attempt, event, and the kinds of errors. It knows no database, no
// actor and no web page, and imports the standard library alone.
package domain
