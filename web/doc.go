// Package web is what people and programs see over HTTP: the dashboard, its
// live streams, and the JSON API.
//
// It guarantees: no page holds an inline script or style, and the content
// security policy forbids both; no request that changes something is accepted
// from another origin; whatever strangers wrote is escaped, and their files are
// served so that a browser does not run them; no internal error text leaves the
// server, only a reference to the log; opening a link never signs in or changes
// anything; and a slow browser slows nobody down, because a stream that lags is
// dropped to a re-read of the present state.
package web
