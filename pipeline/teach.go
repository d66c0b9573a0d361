package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/extraction"
	"github.com/docuflow/docuflow/page"
)

// Desk is what a person does to a document's fields.
type Desk interface {
	Edit(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, values map[domain.FieldName]*string, by string) (domain.Document, error)
	Approve(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) (domain.Document, error)
	TakeBack(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) (domain.Document, error)
}

// Lessons keeps what documents teach.
type Lessons interface {
	Learn(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, lesson domain.Lesson, right bool) error
	Unlearn(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID) error
}

// Teacher learns from what people confirm and correct. Learning follows the
// change in a transaction of its own: a process that dies between the two, or
// cannot learn, has changed the document and learned nothing from it.
type Teacher struct {
	desk    Desk
	lessons Lessons
	blobs   Blobs
	spaces  Workspaces
	log     *slog.Logger
}

// NewTeacher stands before a desk.
func NewTeacher(desk Desk, lessons Lessons, blobs Blobs, workspaces Workspaces, log *slog.Logger) *Teacher {
	return &Teacher{desk: desk, lessons: lessons, blobs: blobs, spaces: workspaces, log: log}
}

// Edit sets fields and learns from them.
func (t *Teacher) Edit(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, values map[domain.FieldName]*string, by string) (domain.Document, error) {
	document, err := t.desk.Edit(ctx, workspace, id, values, by)
	if err != nil {
		return document, err
	}
	t.teach(ctx, document, func(field domain.Field) bool { return field.Locked })
	return document, nil
}

// Approve settles a review and learns from every field.
func (t *Teacher) Approve(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) (domain.Document, error) {
	document, err := t.desk.Approve(ctx, workspace, id, by)
	if err != nil {
		return document, err
	}
	t.teach(ctx, document, func(domain.Field) bool { return true })
	return document, nil
}

// TakeBack takes an approval back. What it taught is forgotten, what was corrected is not.
func (t *Teacher) TakeBack(ctx context.Context, workspace domain.WorkspaceID, id domain.DocumentID, by string) (domain.Document, error) {
	document, err := t.desk.TakeBack(ctx, workspace, id, by)
	if err != nil {
		return document, err
	}
	t.teach(ctx, document, func(field domain.Field) bool { return field.Locked })
	return document, nil
}

// teach learns from what was changed already: the person is not told when
// that fails.
func (t *Teacher) teach(ctx context.Context, document domain.Document, confirmed func(domain.Field) bool) {
	if err := t.learn(ctx, document, confirmed); err != nil {
		t.log.Warn("nothing was learned from a document", "document", document.ID, "error", err)
	}
}

// learn keeps the lesson of the fields that are confirmed.
func (t *Teacher) learn(ctx context.Context, document domain.Document, confirmed func(domain.Field) bool) error {
	values, right := map[domain.FieldName]string{}, true
	for name, field := range document.Fields {
		if field.Value != "" && name != domain.CategoryName && confirmed(field) {
			values[name] = field.Value
		}
		if field.Locked && field.Previous != field.Value && name != domain.CategoryName {
			right = false
		}
	}
	if len(values) == 0 {
		return t.lessons.Unlearn(ctx, document.Workspace, document.ID)
	}
	in, err := t.input(ctx, document)
	if err != nil {
		return err
	}
	lesson, learned, err := extraction.Learn(in, values, document.Fields.Value(domain.VendorName))
	if err != nil {
		return fmt.Errorf("learn from document %s: %w", document.ID, err)
	}
	if !learned {
		return t.lessons.Unlearn(ctx, document.Workspace, document.ID)
	}
	return t.lessons.Learn(ctx, document.Workspace, document.ID, lesson, right)
}

// input is the document as it was read. A page model that is gone leaves the
// sender and the name to learn.
func (t *Teacher) input(ctx context.Context, document domain.Document) (extraction.Input, error) {
	workspace, err := t.spaces.Workspace(ctx, document.Workspace)
	if err != nil {
		return extraction.Input{}, err
	}
	in := extraction.Input{Sender: document.Sender, Own: []string{workspace.Name}, Received: document.CreatedAt}
	if document.PageModel == "" {
		return in, nil
	}
	in.Page, err = t.pages(ctx, document.PageModel)
	if errors.Is(err, domain.ErrNotFound) {
		return in, nil
	}
	return in, err
}

// maxPageModel bounds a page model, in octets.
const maxPageModel = 64 << 20

func (t *Teacher) pages(ctx context.Context, key domain.ObjectKey) (pages page.Document, err error) {
	object, err := t.blobs.Open(ctx, key)
	if err != nil {
		return pages, fmt.Errorf("open the page model: %w", err)
	}
	defer object.Close()
	if err := json.NewDecoder(io.LimitReader(object, maxPageModel)).Decode(&pages); err != nil {
		return pages, fmt.Errorf("read the page model: %w", err)
	}
	return pages, nil
}
