package main

import (
	"math"
	"slices"

	"github.com/docuflow/docuflow/extraction"
	"github.com/docuflow/docuflow/page"
)

// precision is what a threshold has to reach on the documents above it.
const precision = 0.99

// calibrate fits, for each source, how probable it is that a choice is right.
func calibrate(tasks []task, predictions []prediction, evidence [][]float64, use func(task) bool) map[string]extraction.Calibration {
	curves := map[string]extraction.Calibration{}
	for _, source := range []string{page.SourceText, page.SourceOCR} {
		var inputs [][]float64
		var outcomes []bool
		for i, t := range tasks {
			if t.known && t.source == source && use(t) && evidence[i] != nil && predictions[i].value != "" {
				inputs = append(inputs, evidence[i])
				outcomes = append(outcomes, predictions[i].right)
			}
		}
		if len(inputs) == 0 {
			continue
		}
		curve := extraction.Calibration{Weights: logistic(inputs, outcomes)}
		curve.Threshold = threshold(curve, inputs, outcomes)
		curves[source] = curve
	}
	return curves
}

// logistic fits a logistic regression by gradient descent. One imagined right
// and one imagined wrong answer keep it from being certain.
func logistic(inputs [][]float64, outcomes []bool) []float64 {
	size := len(inputs[0])
	weights, first, square := make([]float64, size), make([]float64, size), make([]float64, size)
	for round := 1; round <= 1500; round++ {
		gradient := make([]float64, size)
		for i := 1; i < size; i++ {
			gradient[i] = 0.5 * weights[i]
		}
		for k, input := range inputs {
			sum := 0.0
			for i, value := range input {
				sum += weights[i] * value
			}
			slope := 1 / (1 + math.Exp(-sum))
			if outcomes[k] {
				slope--
			}
			for i, value := range input {
				gradient[i] += slope * value
			}
		}
		for i, g := range gradient {
			first[i] = 0.9*first[i] + 0.1*g
			square[i] = 0.99*square[i] + 0.01*g*g
			m := first[i] / (1 - math.Pow(0.9, float64(round)))
			v := square[i] / (1 - math.Pow(0.99, float64(round)))
			weights[i] -= 0.03 * m / (math.Sqrt(v) + 1e-8)
		}
	}
	for i := range weights {
		weights[i] = round4(weights[i])
	}
	return weights
}

// threshold is the lowest confidence above which the answers are precise enough.
func threshold(curve extraction.Calibration, inputs [][]float64, outcomes []bool) float64 {
	type outcome struct {
		confidence float64
		right      bool
	}
	sorted := make([]outcome, len(inputs))
	for i, input := range inputs {
		sorted[i] = outcome{curve.Confidence(input), outcomes[i]}
	}
	slices.SortFunc(sorted, func(a, b outcome) int {
		switch {
		case a.confidence > b.confidence:
			return -1
		case a.confidence < b.confidence:
			return 1
		}
		return 0
	})
	lowest, good := 0.995, 0
	for i, o := range sorted {
		if o.right {
			good++
		}
		if float64(good) >= precision*float64(i+1) {
			lowest = o.confidence
		}
	}
	return round4(max(lowest, 0.5))
}
