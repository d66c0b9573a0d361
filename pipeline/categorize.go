package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/extraction"
	"github.com/docuflow/docuflow/page"
)

// Categorize puts a document into one of the workspace's categories, by rules
// on the vendor and the text.
type Categorize struct {
	blobs      Blobs
	workspaces Workspaces
}

// NewCategorize builds the stage.
func NewCategorize(blobs Blobs, workspaces Workspaces) *Categorize {
	return &Categorize{blobs: blobs, workspaces: workspaces}
}

// Info names the stage.
func (c *Categorize) Info() domain.StageInfo {
	return domain.StageInfo{Name: "categorize", Doing: "Categorizing", Done: "Categorized"}
}

// Run does the stage's work.
func (c *Categorize) Run(ctx context.Context, document domain.Document) (domain.Outcome, error) {
	own, err := c.workspaces.Categories(ctx, document.Workspace)
	if err != nil {
		return domain.Outcome{}, err
	}
	if document.Hint != "" {
		field := domain.Field{Value: hinted(document.Hint, withDefaults(own)), Reason: "Sent to the address with +" + document.Hint, Confidence: 0.95}
		return domain.Outcome{Fields: domain.Fields{domain.CategoryName: field}, Note: field.Value}, nil
	}
	text, err := c.text(ctx, document)
	if err != nil {
		return domain.Outcome{}, err
	}
	name, reason, confidence := extraction.Categorize(document.Fields.Value(domain.VendorName), text, withDefaults(own))
	field := domain.Field{Value: name, Reason: reason, Confidence: confidence}
	return domain.Outcome{Fields: domain.Fields{domain.CategoryName: field}, Note: name}, nil
}

// hinted is the category that a tag means: one that there is, or else the
// tag's own words.
func hinted(tag string, set []extraction.Category) string {
	words := strings.FieldsFunc(tag, func(r rune) bool { return strings.ContainsRune("-_.", r) })
	name := strings.Join(words, " ")
	for _, category := range set {
		if strings.EqualFold(category.Name, name) || strings.EqualFold(strings.ReplaceAll(category.Name, " ", ""), name) {
			return category.Name
		}
	}
	if name == "" {
		return tag
	}
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(first)) + name[size:]
}

// withDefaults puts a workspace's own categories before the built-in ones.
func withDefaults(own []domain.Category) (set []extraction.Category) {
	for _, category := range own {
		set = append(set, extraction.Category{Name: category.Name, Vendors: category.Words, Words: category.Words})
	}
	return append(set, extraction.DefaultCategories()...)
}

func (c *Categorize) text(ctx context.Context, document domain.Document) (string, error) {
	if document.PageModel == "" {
		return "", nil
	}
	body, err := c.blobs.Open(ctx, document.PageModel)
	if err != nil {
		return "", fmt.Errorf("open the page model: %w", err)
	}
	defer body.Close()
	var pages page.Document
	if err := json.NewDecoder(body).Decode(&pages); err != nil {
		return "", fmt.Errorf("read the page model: %w", err)
	}
	var text strings.Builder
	for _, one := range pages.Pages {
		for _, word := range one.Words {
			text.WriteString(word.Text)
			text.WriteByte(' ')
		}
	}
	return text.String(), nil
}
