package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/docuflow/docuflow/domain"
)

// table prints what is right of each set in percent, and how much of it can
// be accepted unseen with so many in a hundred right. seen is validated by document,
// so that other documents of the vendor were learned from, unseen by vendor.
func table(w io.Writer, examples []example, unseen, seen []map[domain.FieldName]prediction) {
	fmt.Fprintf(w, "%-15s %-15s %6s  %8s %8s  %s\n", "set", "field", "known", "unseen", "seen", "unseen vendors accepted at 98 % | 99 % precision")
	for _, set := range setsOf(examples) {
		if set == inventedSet {
			continue
		}
		rows := append(slices.Clone(learnedFields), "")
		for _, name := range rows {
			outcomes, known := outcomesOf(examples, unseen, set, name), outcomesOf(examples, seen, set, name)
			if len(outcomes) == 0 {
				continue
			}
			label := string(name)
			if name == "" {
				label = "all fields"
			}
			fmt.Fprintf(w, "%-15s %-15s %6d  %8.1f %8.1f  %5.1f | %5.1f\n", set, label, len(outcomes), share(outcomes), share(known),
				coverage(outcomes, 0.98), coverage(outcomes, 0.99))
		}
	}
}

// outcome is one answer that was scored.
type outcome struct {
	confidence float64
	right      bool
	given      bool
}

// outcomesOf gathers one field of a set, or with an empty name all fields of
// each document: right together, and as sure as the least sure of them.
func outcomesOf(examples []example, answers []map[domain.FieldName]prediction, set string, name domain.FieldName) []outcome {
	var outcomes []outcome
	for i, e := range examples {
		if e.set != set {
			continue
		}
		all, scored := outcome{confidence: 1, right: true, given: true}, false
		for _, field := range learnedFields {
			p := answers[i][field]
			if name != "" && field != name || !p.scored {
				continue
			}
			scored = true
			all.right = all.right && p.right
			all.given = all.given && p.value != ""
			all.confidence = min(all.confidence, p.confidence)
		}
		if scored {
			outcomes = append(outcomes, all)
		}
	}
	return outcomes
}

func share(outcomes []outcome) float64 {
	right := 0
	for _, o := range outcomes {
		if o.right {
			right++
		}
	}
	return percent(right, max(len(outcomes), 1))
}

// coverage is the largest share, in percent, that can be accepted from the
// surest on with the precision. Equal confidences stay together.
func coverage(outcomes []outcome, precision float64) float64 {
	given := slices.DeleteFunc(slices.Clone(outcomes), func(o outcome) bool { return !o.given })
	slices.SortFunc(given, func(a, b outcome) int { return cmp.Compare(b.confidence, a.confidence) })
	right, accepted := 0, 0
	for i, o := range given {
		if o.right {
			right++
		}
		last := i+1 == len(given) || given[i+1].confidence != o.confidence
		if last && float64(right) >= precision*float64(i+1) {
			accepted = i + 1
		}
	}
	return percent(accepted, max(len(outcomes), 1))
}
