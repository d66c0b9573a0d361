package pipeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/pipeline"
)

type categories struct {
	pipeline.Workspaces
	own []domain.Category
}

func (c categories) Categories(context.Context, domain.WorkspaceID) ([]domain.Category, error) {
	return c.own, nil
}

func TestTagOfTheAddressChoosesTheCategory(t *testing.T) {
	stage := pipeline.NewCategorize(nil, categories{own: []domain.Category{{Name: "Car park"}}})
	for hint, want := range map[string]string{"travel": "Travel", "car-park": "Car park", "carpark": "Car park", "messe_2026": "Messe 2026", "-": "-"} {
		outcome, err := stage.Run(t.Context(), domain.Document{Hint: hint, Fields: domain.Fields{domain.VendorName: {Value: "Cloudberry Hosting"}}})
		if got := outcome.Fields[domain.CategoryName]; err != nil || got.Value != want || got.Reason == "" {
			t.Errorf("%s: %+v %v", hint, got, err)
		}
	}
	// A person's edit goes before it, and without a tag the rules decide.
	edited := domain.Fields{}.Edit(domain.CategoryName, "Mine", "me", time.Now())
	outcome, err := stage.Run(t.Context(), domain.Document{Hint: "travel", Fields: edited})
	if err != nil || edited.Merge(outcome.Fields).Value(domain.CategoryName) != "Mine" {
		t.Errorf("an edit was overwritten: %v", err)
	}
	if outcome, err := stage.Run(t.Context(), domain.Document{}); err != nil || outcome.Fields[domain.CategoryName].Value == "Travel" {
		t.Errorf("without a tag: %+v %v", outcome, err)
	}
}
