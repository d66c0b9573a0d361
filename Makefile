# Two commands matter: make run, make test. make help lists the rest.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# Pure Go: a C compiler or its headers are not needed.
export CGO_ENABLED := 0

TOOLS   := .cache/tools
export PATH := $(CURDIR)/$(TOOLS):$(PATH)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.NOTPARALLEL: # prerequisites happen in the order they are written
.PHONY: help run build setup setup-test warm test test-race chaos extraction-report lint generate check check-generated fmt clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup build warm ## install what is missing, build, start everything: email an invoice to what it prints
	@exec bin/docuflow dev

build: ## compile bin/docuflow, and its accurate reader of pictures
	@echo "build: bin/docuflow $(VERSION)"
	@go build -trimpath -ldflags '-s -w -X main.release=$(VERSION)' -o bin/docuflow ./cmd/docuflow
	@go build -trimpath -ldflags '-s -w' -o bin/ocr/docuflow-ocr ./cmd/docuflow-ocr

setup: ## install missing programs: PostgreSQL, qpdf, tesseract (Debian; elsewhere it says which); fetch the accurate reader
	@deploy/setup.sh

setup-test: ## the same for the tests: also Chromium, Node, swaks, Python
	@deploy/setup.sh test

warm: build ## compile the PDF engine once, so that the first document does not wait for it
	@echo "warm: the PDF engine (half a minute the first time)"
	@bin/docuflow warm

# Go's own output stays as it is: one line for each package.
test: setup-test $(TOOLS)/versitygw ## the whole test suite against real parts, set-up included
	@echo "go test ./..."; status=0; go test -timeout 10m ./... || status=$$?; \
	echo "go test -tags kubernetes"; go test -tags kubernetes -run Kubernetes ./cmd/docuflow || status=$$?; \
	deploy/versions.sh || status=1; exit $$status

test-race: ## the suite with the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -timeout 20m ./...

CHAOS_RUNS      ?= 1
CHAOS_DOCUMENTS ?= 2000
CHAOS_RATE      ?= 8

# The servers' logs stay in .cache/chaos.
chaos: setup-test $(TOOLS)/versitygw ## kill servers, database and storage under load, and count (CHAOS_RUNS=5 repeats it)
	@mkdir -p .cache/chaos
	go test -run '^TestChaos$$' -v -count=$(CHAOS_RUNS) -timeout $$((40 * $(CHAOS_RUNS)))m -artifacts -outputdir $(CURDIR)/.cache/chaos ./cmd/docuflow \
		-chaos.full -chaos.documents=$(CHAOS_DOCUMENTS) -chaos.rate=$(CHAOS_RATE)

# Page models are kept: only the first run reads pictures, which takes minutes.
extraction-report: ## measure the reading of fields on the documents below DOCUFLOW_CORPUS
	@go run ./cmd/train -report -corpus '$(DOCUFLOW_CORPUS)' -documents '$(DOCUFLOW_CORPUS_DOCUMENTS)' -pages '$(or $(DOCUFLOW_CORPUS_PAGES),.cache/pages)'

lint: $(TOOLS)/golangci-lint ## golangci-lint, with the rules of .golangci.yml
	golangci-lint run

generate: $(TOOLS)/templ $(TOOLS)/protogen ## write what is generated anew: templ components, protobuf messages, the page of settings
	templ generate -log-level warn
	protogen messages/kick.proto
	go run ./cmd/docuflow config docs > .cache/configuration.md && mv .cache/configuration.md docs/configuration.md

check: check-generated ## what must hold before the tests are worth running: formatting, vet, generated code
	@unformatted=$$(git ls-files '*.go' | xargs gofmt -l); [ -z "$$unformatted" ] || { echo "not formatted, run make fmt:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	go vet -tags kubernetes ./actors ./cmd/docuflow

check-generated: $(TOOLS)/templ $(TOOLS)/protogen ## fail when generated code is not what make generate writes
	@before=$$($(GENERATED) | xargs cat | cksum); templ generate -log-level warn; protogen messages/kick.proto; \
	[ "$$before" = "$$($(GENERATED) | xargs cat | cksum)" ] || { echo "generated code was out of date: commit what make generate wrote"; exit 1; }

GENERATED := find . \( -name '*_templ.go' -o -name '*.pb.go' \) -not -path './.cache/*' | sort

fmt: $(TOOLS)/templ ## format Go and templ sources
	@git ls-files '*.go' | grep -v -e '_templ.go$$' -e '\.pb\.go$$' | xargs gofmt -w
	@templ fmt .

clean: ## remove what was built (bin, .cache); data stays
	rm -rf bin .cache

# Tools are built from the versions in tools/go.mod, once.
tool = @echo "build: $@ (once)"; mkdir -p $(TOOLS); go build -C tools -o ../$@ $(1)

$(TOOLS)/versitygw: tools/go.mod
	$(call tool,github.com/versity/versitygw/cmd/versitygw)

$(TOOLS)/golangci-lint: tools/go.mod
	$(call tool,github.com/golangci/golangci-lint/v2/cmd/golangci-lint)

$(TOOLS)/protogen: tools/go.mod tools/protogen/main.go
	$(call tool,./protogen)

$(TOOLS)/templ: tools/go.mod
	$(call tool,github.com/a-h/templ/cmd/templ)
