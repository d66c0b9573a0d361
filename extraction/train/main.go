// Command train learns the weights of package extraction from documents with
// known answers:
//
//	go run ./extraction/train -corpus DIR -pages DIR -out extraction/weights.json
//
// The corpus is a directory of sets; each has a truth.jsonl. The page models of a
// set's documents are read from PAGES/SET/FILE.json (the JSON of page.Document).
// The run is deterministic. It is validated five-fold: documents of one vendor or one made-up
// layout are always on the same side, so nothing is scored on what it was learned
// from; -predictions writes those cross-validated answers, one JSON object a line.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"sync"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/extraction"
)

func main() {
	corpus := flag.String("corpus", "", "directory of the sets with known answers")
	pages := flag.String("pages", "", "directory of the page models")
	out := flag.String("out", "extraction/weights.json", "where the weights go")
	predictions := flag.String("predictions", "", "directory for the cross-validated answers, none when empty")
	flag.Parse()
	if *corpus == "" || *pages == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*corpus, *pages, *out, *predictions); err != nil {
		log.Fatal(err)
	}
}

func run(corpus, pages, out, predictions string) error {
	examples, err := load(corpus, pages)
	if err != nil {
		return err
	}
	if len(examples) == 0 {
		return fmt.Errorf("no document with known answers and a page model under %s and %s", corpus, pages)
	}
	names := []domain.FieldName{domain.TotalAmount, domain.InvoiceDate, domain.InvoiceNumber, domain.VendorName, domain.Currency}
	weights := extraction.Weights{Fields: map[domain.FieldName]extraction.FieldWeights{}}
	answers := make([]map[domain.FieldName]prediction, len(examples))
	for i := range answers {
		answers[i] = map[domain.FieldName]prediction{}
	}
	var group sync.WaitGroup
	var mutex sync.Mutex
	for _, name := range names {
		group.Go(func() {
			learned, predicted := learnField(examples, name)
			mutex.Lock()
			defer mutex.Unlock()
			weights.Fields[name] = learned
			for i, p := range predicted {
				answers[i][name] = p
			}
		})
	}
	group.Wait()
	report(os.Stdout, examples, answers, names)
	if predictions != "" {
		if err := writePredictions(predictions, examples, answers); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(weights, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(data, '\n'), 0o644)
}
