package extraction

import "github.com/docuflow/docuflow/domain"

// Problem is the choice of one field's value as the model meets it: what the
// trainer learns from.
type Problem struct {
	candidates []candidate
	readings   int
}

// NewProblem finds the candidates of a field. total is the right total when the
// field is the currency, which is looked for beside it.
func NewProblem(in Input, name domain.FieldName, total string) Problem {
	d := newDocument(in)
	earlier := domain.Fields{domain.TotalAmount: {Value: total}}
	return Problem{candidates: d.candidatesOf(name, earlier), readings: len(d.sheets)}
}

// Len is the number of candidates.
func (p Problem) Len() int { return len(p.candidates) }

// Value is the canonical value of a candidate; several can have the same.
func (p Problem) Value(i int) string { return p.candidates[i].value }

// Features are the names that describe a candidate.
func (p Problem) Features(i int) []string { return p.candidates[i].features }

// Choose returns the value that the model prefers, "" for none, and the
// evidence for its confidence, which is nil when there are no candidates.
func (w FieldWeights) Choose(p Problem) (value string, evidence []float64) {
	answers := w.rank(p.candidates)
	if len(answers) == 0 {
		return "", nil
	}
	evidence = answers[0].evidence(second(answers), p.readings)
	if w.isGuess(answers[0]) {
		return "", evidence
	}
	return answers[0].value, evidence
}

// Confidence is the calibrated probability that a choice with this evidence is right.
func (c Calibration) Confidence(evidence []float64) float64 { return c.confidence(evidence) }
