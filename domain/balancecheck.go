package domain

import (
	"maps"
	"slices"
	"time"
)

// BalanceCheck is one count of everything that was ever accepted: each mail and
// each document is in exactly one state, and nothing breaks a rule.
type BalanceCheck struct {
	At        time.Time      // zero: nobody has counted yet
	Took      time.Duration  // of the count
	Mails     map[string]int // by state: accepted, unpacking, failed, or what became of it
	Documents map[string]int // by status in lower case, and discarded
	Problems  map[string]int // by rule: how many break it. No entry: none
}

// Unbalanced is how many mails and documents break a rule.
func (c BalanceCheck) Unbalanced() int { return sum(c.Problems) }

// Counted is how many mails and documents were counted.
func (c BalanceCheck) Counted() int { return sum(c.Mails) + sum(c.Documents) }

// Broken lists the rules that are broken, by name.
func (c BalanceCheck) Broken() []string { return slices.Sorted(maps.Keys(c.Problems)) }

func sum(counts map[string]int) (total int) {
	for _, n := range counts {
		total += n
	}
	return total
}
