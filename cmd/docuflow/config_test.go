package main

import (
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

func TestStagesOutsideHaveABudgetOfTime(t *testing.T) {
	for name, c := range map[string]struct {
		args     []string
		attempts int
		budget   time.Duration
	}{
		"by default":       {nil, 5, 24 * time.Hour},
		"attempts instead": {[]string{"--stage-attempts=deliver=40"}, 40, 0},
		"another budget":   {[]string{"--stage-budgets=deliver=90m"}, 5, 90 * time.Minute},
	} {
		var s settings
		parser, err := kong.New(&s, kong.Vars{"data_dir": "d", "filed_names": "n"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(c.args); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if policy := s.policy("deliver", time.Minute); policy.Attempts != c.attempts || policy.Budget != c.budget {
			t.Errorf("%s: %+v", name, policy)
		}
		if policy := s.policy("extract", time.Minute); policy.Budget != 0 {
			t.Errorf("%s: extract has a budget of time: %+v", name, policy)
		}
	}
}
