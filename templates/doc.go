// Package templates draws the pages: templ components and the few decisions
// about wording and geometry that they need. It reads domain values, knows no
// request and no database, and makes only HTML that lives under a content
// security policy without inline scripts and styles: no component may use a
// style attribute. templ escapes everything that strangers wrote.
package templates
