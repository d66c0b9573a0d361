package extraction

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
)

// longestPhrase is the number of tokens a label may be printed as.
const longestPhrase = 6

// labelTable finds labels by their letters alone, without spaces.
type labelTable struct {
	exact map[string][]phraseEntry
	// near maps a phrase with one letter left out to the phrase, so that a
	// single misread letter is forgiven.
	near map[string]string
}

// phraseEntry is one label of a phrase in one language.
type phraseEntry struct {
	name     label
	language string
}

// labelIndex is built once, from phrases.
var labelIndex = sync.OnceValue(func() labelTable {
	table := labelTable{exact: map[string][]phraseEntry{}, near: map[string]string{}}
	for name, languages := range phrases {
		for language, list := range languages {
			for _, phrase := range list {
				compact := strings.Join(tokens(fold(phrase)), "")
				table.exact[compact] = append(table.exact[compact], phraseEntry{name, language})
				if name == lGrand {
					table.exact[compact] = append(table.exact[compact], phraseEntry{lTotal, language})
				}
			}
		}
	}
	for _, entries := range table.exact {
		slices.SortFunc(entries, func(a, b phraseEntry) int {
			return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.language, b.language))
		})
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

// find returns the entries of a compact phrase.
func (t labelTable) find(compact string, fuzzy bool) []phraseEntry {
	if entries := t.exact[compact]; entries != nil || !fuzzy || len(compact) < 6 {
		return entries
	}
	if known, found := t.near[compact]; found {
		return t.exact[known]
	}
	for i := range len(compact) {
		short := compact[:i] + compact[i+1:]
		if entries := t.exact[short]; entries != nil && len(short) >= 6 {
			return entries
		}
		if known, found := t.near[short]; found {
			return t.exact[known]
		}
	}
	return nil
}

// languageSet are the languages of a document. Short words mean different
// things in different languages, so they count in these alone.
type languageSet []string

// tellingLength is how long a phrase must be to count in every language, and to
// tell the language of a document.
const tellingLength = 6

// languagesOf tells the languages of a document by the labels that are long
// enough to be of one. English is always among them.
func languagesOf(rows [][]string, fuzzy bool) languageSet {
	counts := map[string]int{}
	for _, words := range rows {
		for _, match := range findLabels(words, fuzzy, nil) {
			if len(strings.Join(words[match.start:match.end], "")) < tellingLength-1 {
				continue
			}
			for _, language := range match.languages {
				counts[language]++
			}
		}
	}
	most := 0
	for _, count := range counts {
		most = max(most, count)
	}
	languages := languageSet{"en"}
	for _, language := range slices.Sorted(maps.Keys(counts)) {
		if language != "en" && counts[language]*5 >= most*3 {
			languages = append(languages, language)
		}
	}
	return languages
}

// labelMatch is a label and the tokens it was found in.
type labelMatch struct {
	labels     labelSet
	languages  []string
	start, end int
}

// findLabels finds the labels of a text, the longest phrase at each place.
// Without languages all of them count.
func findLabels(words []string, fuzzy bool, languages languageSet) []labelMatch {
	table := labelIndex()
	var found []labelMatch
	for start := 0; start < len(words); {
		match := labelMatch{start: start, end: start}
		compact := ""
		for end := start; end < min(start+longestPhrase, len(words)); end++ {
			compact += words[end]
			if labels, spoken := pick(table.find(compact, fuzzy && len(compact) > 5), compact, languages); labels != nil {
				match.labels, match.languages, match.end = labels, spoken, end+1
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

// pick chooses the entries that count in the languages of the document.
func pick(entries []phraseEntry, compact string, languages languageSet) (labels labelSet, spoken []string) {
	for _, entry := range entries {
		if languages == nil || slices.Contains(languages, entry.language) {
			labels = labels.with(entry.name)
			spoken = append(spoken, entry.language)
		}
	}
	if labels != nil || len(compact) < tellingLength {
		return labels, spoken
	}
	for _, entry := range entries {
		labels = labels.with(entry.name)
	}
	return labels, nil
}

// labelSet is a small set of labels.
type labelSet []label

func (s labelSet) has(name label) bool { return slices.Contains(s, name) }

func (s labelSet) with(more ...label) labelSet {
	for _, name := range more {
		if !s.has(name) {
			s = append(s, name)
		}
	}
	return s
}
