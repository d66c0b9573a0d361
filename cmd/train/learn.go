package main

import (
	"hash/fnv"
	"math"
	"slices"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/extraction"
	"github.com/docuflow/docuflow/page"
)

const (
	folds      = 5
	rounds     = 120  // steps of the optimizer
	rate       = 0.08 // its step
	decay      = 1.5  // weight of the squares of the weights
	fewestDocs = 3    // a feature must occur in so many documents
	// inventedWeight is what an invented document counts: a real vendor's only one counts 2.
	inventedWeight = 0.5
)

// prediction is a cross-validated answer.
type prediction struct {
	value      string
	confidence float64
	scored     bool // the truth of this field is known
	right      bool
	found      bool // a candidate is right
}

// task is one field of one example, ready for learning.
type task struct {
	problem  extraction.Problem
	right    []bool // of each candidate
	known    bool   // the truth is known
	invented bool
	fold     int
	weight   float64
	source   string
	inputs   [][]int // feature numbers of each candidate
}

// learnField learns one field from all examples, and predicts each example by
// what was learned without its group.
func learnField(examples []example, name domain.FieldName, side func(example) string) (extraction.FieldWeights, []prediction) {
	tasks := make([]task, len(examples))
	sizes := map[string]int{}
	for _, e := range examples {
		sizes[e.group]++
	}
	for i, e := range examples {
		tasks[i] = newTask(e, name)
		tasks[i].fold = foldOf(side(e))
		// Ten slips of one shop say less than ten of ten shops.
		tasks[i].weight = 2 / math.Sqrt(float64(sizes[e.group]))
		if e.set == inventedSet {
			tasks[i].weight, tasks[i].invented = inventedWeight, true
		}
	}
	features := number(tasks)
	predictions := make([]prediction, len(tasks))
	evidence := make([][]float64, len(tasks))
	for fold := range folds {
		weights := fit(tasks, features, func(t task) bool { return t.fold != fold })
		for i, t := range tasks {
			if t.fold == fold {
				predictions[i].value, evidence[i] = weights.Choose(t.problem)
				predictions[i].scored = t.known
				predictions[i].found = slices.Contains(t.right, true)
				predictions[i].right = right(name, predictions[i].value, examples[i].truth[name])
			}
		}
	}
	for fold := range folds {
		curves := calibrate(tasks, predictions, evidence, func(t task) bool { return t.fold != fold && !t.invented })
		for i, t := range tasks {
			if t.fold == fold {
				predictions[i].confidence = curves[t.source].Confidence(evidence[i])
			}
		}
	}
	weights := fit(tasks, features, func(task) bool { return true })
	weights.Confidence = calibrate(tasks, predictions, evidence, func(t task) bool { return !t.invented })
	return weights, predictions
}

func newTask(e example, name domain.FieldName) task {
	accepted, known := e.truth[name]
	total := ""
	if totals := e.truth[domain.TotalAmount]; len(totals) > 0 {
		total = totals[0]
	}
	t := task{problem: extraction.NewProblem(extraction.Input{Page: e.pages}, name, total), known: known, source: page.SourceText}
	if e.pages.Source == page.SourceOCR {
		t.source = page.SourceOCR
	}
	for i := range t.problem.Len() {
		t.right = append(t.right, known && right(name, t.problem.Value(i), accepted))
	}
	return t
}

func foldOf(group string) int {
	hash := fnv.New32a()
	hash.Write([]byte(group))
	return int(hash.Sum32() % folds)
}

// number gives every feature that occurs often enough a number.
func number(tasks []task) []string {
	documents := map[string]int{}
	for _, t := range tasks {
		seen := map[string]bool{}
		for i := range t.problem.Len() {
			for _, feature := range t.problem.Features(i) {
				seen[feature] = true
			}
		}
		for feature := range seen {
			documents[feature]++
		}
	}
	var names []string
	for feature, count := range documents {
		if count >= fewestDocs {
			names = append(names, feature)
		}
	}
	slices.Sort(names)
	numbers := make(map[string]int, len(names))
	for i, name := range names {
		numbers[name] = i
	}
	for i := range tasks {
		for j := range tasks[i].problem.Len() {
			var inputs []int
			for _, feature := range tasks[i].problem.Features(j) {
				if at, known := numbers[feature]; known {
					inputs = append(inputs, at)
				}
			}
			tasks[i].inputs = append(tasks[i].inputs, inputs)
		}
	}
	return names
}

// fit learns the weights by gradient descent (Adam, all examples at each step) on the
// logarithm of the probability of the right values.
func fit(tasks []task, features []string, use func(task) bool) extraction.FieldWeights {
	size := len(features) + 1 // the last is the bias
	weights, first, square := make([]float64, size), make([]float64, size), make([]float64, size)
	gradient := make([]float64, size)
	for round := 1; round <= rounds; round++ {
		clear(gradient)
		for _, t := range tasks {
			if t.known && use(t) {
				t.descend(weights, gradient)
			}
		}
		for i := range weights {
			g := gradient[i]
			if i < size-1 {
				g += decay * weights[i]
			}
			first[i] = 0.9*first[i] + 0.1*g
			square[i] = 0.99*square[i] + 0.01*g*g
			m := first[i] / (1 - math.Pow(0.9, float64(round)))
			v := square[i] / (1 - math.Pow(0.99, float64(round)))
			weights[i] -= rate * m / (math.Sqrt(v) + 1e-8)
		}
	}
	learned := extraction.FieldWeights{Bias: round4(weights[size-1]), Features: map[string]float64{}}
	for i, feature := range features {
		if weight := round4(weights[i]); math.Abs(weight) >= 0.005 {
			learned.Features[feature] = weight
		}
	}
	return learned
}

func round4(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// descend adds the gradient of one example.
func (t task) descend(weights, gradient []float64) {
	bias := len(weights) - 1
	scores := make([]float64, len(t.inputs))
	highest := 0.0
	for i, inputs := range t.inputs {
		scores[i] = weights[bias]
		for _, input := range inputs {
			scores[i] += weights[input]
		}
		highest = max(highest, scores[i])
	}
	total, correct := math.Exp(-highest), 0.0
	for i := range scores {
		scores[i] = math.Exp(scores[i] - highest)
		total += scores[i]
		if t.right[i] {
			correct += scores[i]
		}
	}
	for i, inputs := range t.inputs {
		slope := scores[i] / total
		if t.right[i] {
			slope -= scores[i] / correct
		}
		slope *= t.weight
		if math.Abs(slope) < 1e-7 {
			continue
		}
		gradient[bias] += slope
		for _, input := range inputs {
			gradient[input] += slope
		}
	}
}
