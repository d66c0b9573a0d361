//go:build unix && !linux

package press

func nobodyOrSelf() int { return 0 }
