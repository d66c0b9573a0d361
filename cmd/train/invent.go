package main

import (
	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/extraction/madeup"
)

// inventedSet is the set of the documents that are invented here. They teach
// the weights, but no threshold is measured on them: they are easier than real ones.
const inventedSet = "invented"

// invent makes examples of the seeds 1 to count, each with a layout of its own.
func invent(count int) []example {
	examples := make([]example, 0, count)
	for seed := 1; seed <= count; seed++ {
		document := madeup.Make(uint64(seed))
		truth := map[domain.FieldName][]string{}
		for name, value := range document.Truth {
			truth[name] = []string{value}
		}
		examples = append(examples, example{set: inventedSet, file: document.Name, group: document.Name, truth: truth, pages: document.Pages})
	}
	return examples
}
