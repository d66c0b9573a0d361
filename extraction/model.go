package extraction

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/docuflow/docuflow/domain"
)

// Weights is all that is learned: for each field the weights of its features
// and how sure its choices are.
type Weights struct {
	Fields map[domain.FieldName]FieldWeights `json:"fields"`
}

// FieldWeights is the model of one field. A candidate's score is the sum of
// the weights of its features; "no candidate is right" has the score 0. The
// probability of a value is its share of the exponentials of all scores.
type FieldWeights struct {
	Bias     float64            `json:"bias"` // of every candidate, against none
	Features map[string]float64 `json:"features"`
	// Confidence calibrates the probability of a choice, by source.
	Confidence map[string]Calibration `json:"confidence"`
}

// Calibration is a logistic curve over what is known about a choice, see
// Choice.evidence.
type Calibration struct {
	Weights   []float64 `json:"weights"`
	Threshold float64   `json:"threshold"` // a confidence below needs a person's eyes
}

//go:embed weights.json
var embeddedWeights []byte

var learned = sync.OnceValues(func() (Weights, error) {
	var weights Weights
	if err := json.Unmarshal(embeddedWeights, &weights); err != nil {
		return Weights{}, fmt.Errorf("read the embedded weights: %w", err)
	}
	return weights, nil
})

// answer is a value with all the candidates that have it.
type answer struct {
	candidate           // the best of them
	probability float64 // of the value, before calibration
	readings    int     // how many readings have it
}

// rank returns the values of the candidates, the most probable first.
func (w FieldWeights) rank(candidates []candidate) []answer {
	scores := make([]float64, len(candidates))
	highest := 0.0
	for i, c := range candidates {
		scores[i] = w.score(c)
		highest = max(highest, scores[i])
	}
	total := math.Exp(-highest) // none of them
	byKey := map[string]int{}
	best := map[string]float64{}
	var answers []answer
	readings := map[string]map[int]bool{}
	for i, c := range candidates {
		share := math.Exp(scores[i] - highest)
		total += share
		at, known := byKey[c.key]
		if !known {
			at = len(answers)
			byKey[c.key] = at
			answers = append(answers, answer{candidate: c})
			best[c.key] = scores[i]
			readings[c.key] = map[int]bool{}
		}
		readings[c.key][c.reading] = true
		if scores[i] > best[c.key] {
			best[c.key] = scores[i]
			answers[at].candidate = c
		}
		answers[at].probability += share
	}
	for i := range answers {
		answers[i].probability /= total
		answers[i].readings = len(readings[answers[i].key])
	}
	slices.SortStableFunc(answers, func(a, b answer) int { return cmp.Compare(b.probability, a.probability) })
	return answers
}

func (w FieldWeights) score(c candidate) float64 {
	score := w.Bias + c.bonus
	for _, feature := range c.features {
		score += w.Features[feature]
	}
	return score
}
