// Package madeup invents invoices and receipts as page models with known
// answers: in fifteen languages, with the formats of dates and money of
// many countries, and with layouts put together at random. They teach the weights
// of package extraction what a handful of real vendors cannot, and a part that is
// never learned from is a regression test.
//
// Everything is a function of a seed. No name is that of a known company.
package madeup
