package pipeline

import (
	"context"
	"fmt"
	"strings"

	"github.com/docuflow/docuflow/domain"
)

// Announcer tells somebody outside about a filed document: Discord, HubSpot …
type Announcer interface {
	Name() string
	// Announce may be called again for the same document; it must find its
	// earlier work or say in its documentation that it tells at least once.
	Announce(ctx context.Context, document domain.Document) error
}

// Announce tells everybody who wants to know.
type Announce struct {
	announcers []Announcer
}

// NewAnnounce builds the stage.
func NewAnnounce(announcers ...Announcer) *Announce {
	return &Announce{announcers: announcers}
}

// Info names the stage.
func (a *Announce) Info() domain.StageInfo {
	return domain.StageInfo{Name: "announce", Doing: "Announcing", Done: "Announced"}
}

// Run does the stage's work.
func (a *Announce) Run(ctx context.Context, document domain.Document) (domain.Outcome, error) {
	if len(a.announcers) == 0 {
		return domain.Outcome{Skipped: true, Note: "Nobody is connected"}, nil
	}
	var told []string
	for _, announcer := range a.announcers {
		if err := announcer.Announce(ctx, document); err != nil {
			return domain.Outcome{}, fmt.Errorf("announce to %s: %w", announcer.Name(), err)
		}
		told = append(told, announcer.Name())
	}
	return domain.Outcome{Note: strings.Join(told, ", ")}, nil
}
