package domain

// Limit is a hard limit of an outside service, shared by all nodes: a token
// bucket.
type Limit struct {
	Name      string  // of the service and what is limited: "drive.files"
	Burst     int     // calls at once after a rest, at least 1
	PerSecond float64 // calls in the long run
}
