package domain

// VendorID is the UUID of a vendor that a workspace has learned about.
type VendorID string

// KeyKind says what kind of thing recognises a vendor. It is an open set.
type KeyKind string

// The kinds of keys.
const (
	KeyAccount    KeyKind = "account"    // a bank account with valid check digits
	KeyIdentifier KeyKind = "identifier" // a tax or company number with valid check digits
	KeySender     KeyKind = "sender"     // address of the mail's author, or its domain where it is their own
	KeyLayout     KeyKind = "layout"     // where the document prints which of its labels
	KeyName       KeyKind = "name"       // a name in the plain letters that it is compared by
)

// VendorKey is something by which a vendor's next document is recognised.
type VendorKey struct {
	Kind  KeyKind `json:"kind"`
	Value string  `json:"value"`
}

// Anchor is where a confirmed value stood: the next document of the same
// vendor has it beside the same label.
type Anchor struct {
	Label string `json:"label,omitempty"` // what is printed before or above it, in plain letters
	Page  int    `json:"page"`
	Box   Box    `json:"box"`
	Shape string `json:"shape"` // its letters as A, its digits as 9
	Style string `json:"style,omitempty"`
}

// Lesson is what one confirmed or corrected document teaches about its vendor.
type Lesson struct {
	Vendor string      `json:"vendor"` // as people want it written
	Key    string      `json:"key"`    // Vendor as it is compared
	Keys   []VendorKey `json:"-"`
	// Instead is the name that the page shows first where it does not print
	// the vendor's, as with a logo that is a picture; compared like Key.
	Instead  string               `json:"instead,omitempty"`
	Anchors  map[FieldName]Anchor `json:"anchors"`
	Currency string               `json:"currency,omitempty"`
}

// KnownVendor is what a workspace remembers of a vendor.
type KnownVendor struct {
	ID        VendorID
	Name      string
	Matched   []VendorKey // the keys by which it was found, without those of several vendors
	Lessons   []Lesson    // newest first, at most a few
	Documents int         // how many documents were learned from
	// Right and Wrong count documents that were read with this memory and then
	// approved as they were, or corrected.
	Right, Wrong int
}
