package extraction

// Same lets tests compare values as the reader compares page and e-invoice.
var Same = sameValue
