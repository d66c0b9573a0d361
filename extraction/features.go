package extraction

import (
	"fmt"
	"slices"
	"strconv"
)

// features describe one candidate to the model: names that hold for it.
type features struct {
	names []string
}

func (f *features) add(name string) { f.names = append(f.names, name) }

func (f *features) when(condition bool, name string) {
	if condition {
		f.add(name)
	}
}

func (f *features) labels(where string, set labelSet) {
	for _, name := range set {
		f.add(where + ":" + string(name))
	}
}

// pairs adds the pairs of labels that stand together: "total" with "tax" is
// the tax, alone it is the total.
func (f *features) pairs(where string, set labelSet) {
	sorted := slices.Sorted(slices.Values(set))
	for i, a := range sorted {
		for _, b := range sorted[i+1:] {
			f.add(where + ":" + string(a) + "+" + string(b))
		}
	}
	if len(sorted) == 1 {
		f.add(where + ": only " + string(sorted[0]))
	}
}

// bucket adds the first limit that a count does not exceed.
func (f *features) bucket(name string, count int, limits ...int) {
	for _, limit := range limits {
		if count <= limit {
			f.add(name + "<=" + strconv.Itoa(limit))
			return
		}
	}
	f.add(name + ">" + strconv.Itoa(limits[len(limits)-1]))
}

// share adds a tenth of a value between 0 and 1.
func (f *features) share(name string, value float64, steps int) {
	step := min(max(int(value*float64(steps)), 0), steps-1)
	f.add(fmt.Sprintf("%s %d/%d", name, step, steps))
}
