package extraction

import "math"

// evidence is what the calibration of a choice looks at. The first is
// constant, the others are 0 when they say nothing.
func (a answer) evidence(second float64, readings int) []float64 {
	agreement := 0.0
	if readings > 1 {
		agreement = float64(a.readings-1) / float64(readings-1)
	}
	return []float64{
		1,
		logit(a.probability),
		logRatio(a.probability, second),
		agreement,
		a.surety,
	}
}

// confidence is the calibrated probability that the choice is right.
func (c Calibration) confidence(evidence []float64) float64 {
	if len(c.Weights) != len(evidence) {
		return 0
	}
	sum := 0.0
	for i, value := range evidence {
		sum += c.Weights[i] * value
	}
	return 1 / (1 + math.Exp(-sum))
}

func logit(p float64) float64 {
	p = min(max(p, 1e-6), 1-1e-6)
	return math.Log(p / (1 - p))
}

func logRatio(first, second float64) float64 {
	return min(math.Log(max(first, 1e-6)/max(second, 1e-6)), 12)
}
