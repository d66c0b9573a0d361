//go:build !race

package press

const raced = false
