package extraction

import (
	"strings"
	"sync"
)

// longestPhrase is the number of tokens a label may be printed as.
const longestPhrase = 6

// labelTable finds labels by their letters alone, without spaces.
type labelTable struct {
	exact map[string][]label
	// near maps a phrase with one letter left out to the phrase, so that a
	// single misread letter is forgiven.
	near map[string]string
}

// labelIndex is built once, from phrases.
var labelIndex = sync.OnceValue(func() labelTable {
	table := labelTable{exact: map[string][]label{}, near: map[string]string{}}
	for name, languages := range phrases {
		for _, list := range languages {
			for _, phrase := range list {
				compact := strings.Join(tokens(fold(phrase)), "")
				if !hasLabel(table.exact[compact], name) {
					table.exact[compact] = append(table.exact[compact], name)
				}
			}
		}
	}
	for compact := range table.exact {
		if len(compact) < 6 || !isPlain(compact) {
			continue
		}
		for i := range len(compact) {
			short := compact[:i] + compact[i+1:]
			if known, taken := table.near[short]; !taken || compact < known {
				table.near[short] = compact
			}
		}
	}
	return table
})

func hasLabel(labels []label, name label) bool {
	for _, known := range labels {
		if known == name {
			return true
		}
	}
	return false
}

// find returns the labels of a compact phrase.
func (t labelTable) find(compact string, fuzzy bool) []label {
	if labels := t.exact[compact]; labels != nil || !fuzzy || len(compact) < 6 {
		return labels
	}
	if known, found := t.near[compact]; found {
		return t.exact[known]
	}
	for i := range len(compact) {
		short := compact[:i] + compact[i+1:]
		if labels := t.exact[short]; labels != nil && len(short) >= 6 {
			return labels
		}
		if known, found := t.near[short]; found {
			return t.exact[known]
		}
	}
	return nil
}

// labelMatch is a label and the tokens it was found in.
type labelMatch struct {
	labels     []label
	start, end int
}

// findLabels finds the labels of a text, the longest phrase at each place.
func findLabels(words []string, fuzzy bool) []labelMatch {
	table := labelIndex()
	var found []labelMatch
	for start := 0; start < len(words); {
		match := labelMatch{start: start, end: start}
		compact := ""
		for end := start; end < min(start+longestPhrase, len(words)); end++ {
			compact += words[end]
			if labels := table.find(compact, fuzzy && len(compact) > 5); labels != nil {
				match.labels, match.end = labels, end+1
			}
		}
		if match.labels == nil {
			start++
			continue
		}
		found = append(found, match)
		start = match.end
	}
	return found
}

// labelSet is a small set of labels.
type labelSet []label

func (s labelSet) has(name label) bool { return hasLabel(s, name) }

func (s labelSet) with(more ...label) labelSet {
	for _, name := range more {
		if !s.has(name) {
			s = append(s, name)
		}
	}
	return s
}
