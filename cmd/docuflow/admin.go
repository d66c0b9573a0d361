package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// adminHandler answers operators: /healthz says that the process lives,
// /readyz whether it should be sent mail and visitors, /metrics is for Prometheus.
func (n *node) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", n.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.metrics.registry, promhttp.HandlerOpts{}))
	return mux
}

// check is one thing that a node needs.
type check struct {
	name string
	// vital: without it this node has nothing to offer. What all nodes would
	// miss at the same time is not: they would all be taken away, and the pages with them.
	vital bool
	ask   func(context.Context) error
}

func (n *node) checks() []check {
	return []check{
		{"work", true, func(context.Context) error {
			if n.system.Draining() {
				return errors.New("draining")
			}
			return nil
		}},
		{"database", true, n.store.Check},
		{"object_storage", false, n.blobs.Check},
	}
}

const checkTimeout = 3 * time.Second

// readyz answers 503 while a vital check fails that is not excluded
// (?exclude=database, as Kubernetes' own servers have it), and says how each did.
func (n *node) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	checks := n.checks()
	failures := make([]error, len(checks))
	var asking sync.WaitGroup
	for i, check := range checks {
		asking.Go(func() { failures[i] = check.ask(ctx) })
	}
	asking.Wait()
	answer := readiness{Ready: true, Checks: map[string]string{}}
	for i, check := range checks {
		answer.Checks[check.name] = "ok"
		if failures[i] == nil {
			continue
		}
		answer.Checks[check.name] = "failed"
		n.log.Warn("a check fails", "part", check.name, "error", failures[i])
		answer.Ready = answer.Ready && (!check.vital || slices.Contains(r.URL.Query()["exclude"], check.name))
	}
	answer.write(w)
}

// readiness is the answer of /readyz.
type readiness struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"` // ok or failed, by name
}

func (a readiness) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	if !a.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(a) // nobody to tell: the asker has gone
}
