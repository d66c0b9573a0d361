package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/docuflow/docuflow/mail"
)

// metrics are what the node counts about itself.
type metrics struct {
	registry *prometheus.Registry
	mails    *prometheus.CounterVec
	octets   prometheus.Counter
	took     prometheus.Histogram
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		mails: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "docuflow_smtp_mails_total", Help: "Mails that were transmitted to us, by SMTP reply code.",
		}, []string{"code"}),
		octets: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "docuflow_smtp_received_bytes_total", Help: "Octets of transmitted mails.",
		}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "docuflow_smtp_mail_duration_seconds", Help: "From DATA to the reply.", Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 12),
		}),
	}
	m.registry.MustRegister(m.mails, m.octets, m.took, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) answered(a mail.Answer) {
	m.mails.WithLabelValues(strconv.Itoa(a.Code)).Inc()
	m.octets.Add(float64(a.Size))
	m.took.Observe(a.Took.Seconds())
}

// adminHandler answers operators: /healthz says that the process lives,
// /readyz that it can do its work and is not stopping, /metrics is for Prometheus.
func (n *node) adminHandler(serving context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if serving.Err() != nil {
			answer(w, http.StatusServiceUnavailable, "stopping")
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		for name, check := range map[string]func(context.Context) error{"database": n.store.Check, "object storage": n.blobs.Check} {
			if err := check(ctx); err != nil {
				n.log.Warn("not ready", "part", name, "error", err)
				answer(w, http.StatusServiceUnavailable, name+" does not answer")
				return
			}
		}
		answer(w, http.StatusOK, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.metrics.registry, promhttp.HandlerOpts{}))
	return mux
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}
