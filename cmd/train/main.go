// Command train learns the weights of package extraction from documents with
// known answers:
//
//	go run ./cmd/train -corpus DIR -pages DIR -out extraction/weights.json
//
// The corpus is a directory of sets; each has a truth.jsonl and its documents
// (those that are elsewhere are looked for in SET below -documents). Reading
// pictures takes some seconds each, so the page models are kept in PAGES/SET/FILE.json
// and read from there the next time, whatever reader read them: begin an empty
// directory when the reading has changed.
//
// The run is deterministic. It is validated five-fold: documents of one vendor
// or one made-up layout are always on the same side, so nothing is scored on what
// it was learned from. -predictions writes those cross-validated answers, one JSON
// object a line, as `docuflow extract` does.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"sync"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/extraction"
	"github.com/docuflow/docuflow/press"
)

// settings are the command line.
type settings struct {
	corpus, documents, pages, reader, out, predictions string

	invented int
	report   bool
}

func main() {
	// The press starts this program again to read hostile files in a child process.
	if len(os.Args) > 1 && os.Args[1] == "press-child" {
		os.Exit(press.ChildMain(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	var s settings
	flag.StringVar(&s.corpus, "corpus", "", "directory of the sets with known answers")
	flag.StringVar(&s.documents, "documents", "", "another directory of sets, for documents that are not in the corpus")
	flag.StringVar(&s.pages, "pages", "", "directory where page models are kept")
	flag.StringVar(&s.reader, "reader", "bin/ocr", "directory of the accurate reader of pictures, which make build fills")
	flag.StringVar(&s.out, "out", "extraction/weights.json", "where the weights go")
	flag.StringVar(&s.predictions, "predictions", "", "directory for the cross-validated answers; none when empty")
	flag.IntVar(&s.invented, "invented", 600, "how many invented documents to learn from as well")
	flag.BoolVar(&s.report, "report", false, "measure and write nothing")
	flag.Parse()
	if s.report && !isDirectory(s.corpus) {
		fmt.Fprintf(os.Stdout, "SKIPPED: there is no corpus at %q; set DOCUFLOW_CORPUS to a directory of sets with known answers\n", s.corpus)
		return
	}
	if s.corpus == "" || s.pages == "" {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, s settings, out io.Writer) error {
	reader := pageReader{settings: s}
	defer reader.close()
	examples, err := load(ctx, s.corpus, &reader)
	if err != nil {
		return err
	}
	if len(examples) == 0 {
		return fmt.Errorf("no document with known answers below %s", s.corpus)
	}
	examples = append(examples, invent(s.invented)...)
	weights, answers := learn(examples, example.vendor)
	if s.report {
		_, seen := learn(examples, example.document)
		table(out, examples, answers, seen)
		return nil
	}
	report(out, examples, answers)
	if s.predictions != "" {
		if err := writePredictions(s.predictions, examples, answers); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(weights, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.out, append(data, '\n'), 0o644)
}

// learnedFields are the fields that have a model, in the order of the report.
var learnedFields = []domain.FieldName{domain.TotalAmount, domain.InvoiceDate, domain.InvoiceNumber, domain.VendorName, domain.Currency}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// learn learns all fields side by side. Examples of one side stay together
// when it is validated.
func learn(examples []example, side func(example) string) (extraction.Weights, []map[domain.FieldName]prediction) {
	weights := extraction.Weights{Fields: map[domain.FieldName]extraction.FieldWeights{}}
	answers := make([]map[domain.FieldName]prediction, len(examples))
	for i := range answers {
		answers[i] = map[domain.FieldName]prediction{}
	}
	var group sync.WaitGroup
	var mutex sync.Mutex
	for _, name := range learnedFields {
		group.Go(func() {
			learned, predicted := learnField(examples, name, side)
			mutex.Lock()
			defer mutex.Unlock()
			weights.Fields[name] = learned
			for i, p := range predicted {
				answers[i][name] = p
			}
		})
	}
	group.Wait()
	return weights, answers
}
