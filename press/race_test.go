//go:build race

package press

// raced says that the race detector is on, which needs terabytes of address space.
const raced = true
