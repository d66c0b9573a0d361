package extraction

import (
	"errors"
	"fmt"
	"time"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/page"
)

// SourceEInvoice says that the fields of a Result come from an e-invoice; the
// other sources are page.SourceText and page.SourceOCR.
const SourceEInvoice = "einvoice"

// Input is what is known about one document.
type Input struct {
	Page     page.Document // its words; empty when there are none
	XML      []byte        // an e-invoice that came with it, or nil
	Sender   string        // display name and address of the mail's author
	Own      []string      // the workspace's own names: never the vendor
	Received time.Time     // zero when unknown
	// Known are the vendors of the workspace that share a key with the
	// document, see Keys.
	Known []domain.KnownVendor
}

// Result is what was read.
type Result struct {
	Fields domain.Fields // all five, with an empty value where nothing fits
	Source string        // SourceEInvoice, page.SourceText or page.SourceOCR
	Review []domain.ReviewReason
	Vendor domain.VendorID // the known vendor that was recognised and helped, else ""
}

// readFields are the fields that are read here, in the order in which one
// helps the next.
var readFields = []domain.FieldName{domain.TotalAmount, domain.InvoiceDate, domain.InvoiceNumber, domain.VendorName, domain.Currency}

// Extract reads the fields of a document. An e-invoice is taken at its word
// and compared with the page; XML that is none is an entry in Review and the
// page is read instead. A document without words gives empty fields and the reason. The
// error is never about the document: it says that the embedded weights are unusable.
func Extract(in Input) (Result, error) {
	weights, err := learned()
	if err != nil {
		return Result{}, err
	}
	if len(in.XML) == 0 {
		return weights.readPage(in), nil
	}
	stated, err := readEInvoice(in.XML)
	if errors.Is(err, ErrNotEInvoice) {
		result := weights.readPage(in)
		result.Review = append(result.Review, domain.ReviewReason{Message: "The attached XML could not be read as an e-invoice, so the page was read instead."})
		return result, nil
	}
	if err != nil {
		return Result{}, fmt.Errorf("read e-invoice: %w", err)
	}
	return weights.compare(in, stated), nil
}

// readPage reads a document that has nothing but its page.
func (w Weights) readPage(in Input) Result {
	d := newDocument(in)
	d.memory = w.recognise(d)
	result := Result{Fields: domain.Fields{}, Source: in.Page.Source}
	if result.Source == "" {
		result.Source = page.SourceText
	}
	if d.memory != nil {
		result.Vendor = d.memory.vendor.ID
	}
	for _, name := range readFields {
		field, reason := w.readField(d, name, result.Fields)
		result.Fields[name] = field
		if reason != "" {
			result.Review = append(result.Review, domain.ReviewReason{Field: name, Message: reason})
		}
	}
	return result
}

func newDocument(in Input) *document {
	d := &document{input: in, sheets: readings(in.Page)}
	text := d.text()
	d.facts.country = countryOf(text)
	d.facts.domains = domainsOf(text + "\n" + in.Sender)
	return d
}

// readField chooses the value of one field. The reason is for people, and
// empty when the choice is sure enough.
func (w Weights) readField(d *document, name domain.FieldName, earlier domain.Fields) (domain.Field, string) {
	model := w.Fields[name]
	answers := model.rank(d.memory.apply(d, name, d.candidatesOf(name, earlier)))
	if len(answers) == 0 {
		return domain.Field{}, reviewReason(name, domain.Field{}, nil, d.hasWords())
	}
	calibration := model.Confidence[d.source()]
	field := domain.Field{Alternatives: alternatives(answers, calibration, len(d.sheets))}
	best := answers[0]
	field.Value = best.value
	field.Confidence = calibration.confidence(best.evidence(second(answers), len(d.sheets)))
	field.Page, field.Box = best.page, best.place()
	if model.isGuess(best) {
		// Null is better than a guess; what was considered stays one click away.
		field = withoutValue(field, best.probability)
		return field, reviewReason(name, field, answers, d.hasWords())
	}
	if field.Confidence >= calibration.Threshold {
		return field, ""
	}
	return field, reviewReason(name, field, answers, d.hasWords())
}

func candidateOf(field domain.Field) domain.Candidate {
	return domain.Candidate{Value: field.Value, Confidence: field.Confidence, Page: field.Page, Box: field.Box}
}

// withoutValue moves a value that is too improbable to the alternatives, and
// drops them all when even that says too much.
func withoutValue(field domain.Field, probability float64) domain.Field {
	empty := domain.Field{Confidence: 1 - field.Confidence}
	if probability >= worthOffering {
		empty.Alternatives = append([]domain.Candidate{candidateOf(field)}, field.Alternatives...)
		empty.Alternatives = empty.Alternatives[:min(len(empty.Alternatives), maxAlternatives)]
	}
	return empty
}

// isGuess says that it is more probable that no candidate is right.
func (w FieldWeights) isGuess(best answer) bool { return best.probability < guessBelow }

const (
	guessBelow      = 0.2  // the probability of an answer that is better not given
	worthOffering   = 0.05 // and of one that is not even worth a click
	maxAlternatives = 3
)

func second(answers []answer) float64 {
	if len(answers) < 2 {
		return 0
	}
	return answers[1].probability
}

// alternatives are the next best values.
func alternatives(answers []answer, calibration Calibration, readings int) []domain.Candidate {
	var others []domain.Candidate
	for _, other := range answers[1:min(len(answers), 1+maxAlternatives)] {
		if other.probability < 0.002 {
			break
		}
		others = append(others, domain.Candidate{Value: other.value, Page: other.page, Box: other.place(),
			Confidence: min(other.probability, calibration.confidence(other.evidence(answers[0].probability, readings)))})
	}
	return others
}

// place is the candidate's box in the words of the domain, nil when it has none.
func (c candidate) place() *domain.Box {
	if c.page == 0 {
		return nil
	}
	return &domain.Box{X0: c.box.X0, Y0: c.box.Y0, X1: c.box.X1, Y1: c.box.Y1}
}

func (d *document) hasWords() bool { return len(d.sheets[0].rows) > 0 }

func (d *document) source() string {
	if d.input.Page.Source == page.SourceOCR {
		return page.SourceOCR
	}
	return page.SourceText
}

// compare takes the fields of an e-invoice and says where the page differs.
func (w Weights) compare(in Input, stated domain.Fields) Result {
	read := w.readPage(in)
	result := Result{Fields: domain.Fields{}, Source: SourceEInvoice, Vendor: read.Vendor}
	for _, name := range readFields {
		field, found := stated[name]
		if !found {
			result.Fields[name] = read.Fields[name]
			if reason := reasonFor(read.Review, name); reason != "" {
				result.Review = append(result.Review, domain.ReviewReason{Field: name, Message: reason})
			}
			continue
		}
		seen := read.Fields[name]
		if seen.Value == field.Value {
			field.Page, field.Box = seen.Page, seen.Box
		}
		result.Fields[name] = field
		if reason := contradiction(name, field, seen); reason != "" {
			result.Review = append(result.Review, domain.ReviewReason{Field: name, Message: reason})
		}
	}
	return result
}
