package main

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/docuflow/docuflow/actors"
	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/mail"
	"github.com/docuflow/docuflow/pipeline"
	"github.com/docuflow/docuflow/press"
)

// metrics are what the node counts about itself, and what all nodes together
// last counted in the database. Names are docuflow_<what>_<unit>; no label holds
// anything that belongs to a workspace.
type metrics struct {
	registry *prometheus.Registry

	mails    *prometheus.CounterVec
	octets   prometheus.Counter
	mailTook prometheus.Histogram

	attempts  *prometheus.CounterVec
	stageTook *prometheus.HistogramVec
	waited    prometheus.Histogram

	jobs    *prometheus.CounterVec
	jobTook *prometheus.HistogramVec

	calls    *prometheus.CounterVec
	callTook *prometheus.HistogramVec

	mu     sync.Mutex
	census census
}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.mails = m.counter("smtp_mails_total", "Mails that were transmitted to us, by SMTP reply code.", "code")
	m.octets = prometheus.NewCounter(prometheus.CounterOpts{Name: "docuflow_smtp_received_bytes_total", Help: "Octets of transmitted mails."})
	m.mailTook = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "docuflow_smtp_mail_duration_seconds", Help: "From DATA to the reply.", Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 12),
	})
	m.attempts = m.counter("stage_attempts_total", "Attempts of stages on this node whose end was written, by stage (unpack for mails) and outcome.", "stage", "outcome")
	m.stageTook = m.histogram("stage_duration_seconds", "How long attempts ran, without the wait for a slot.", "stage")
	m.waited = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "docuflow_slot_wait_seconds", Help: "How long attempts waited for one of the node's slots for heavy work.", Buckets: durations,
	})
	m.jobs = m.counter("press_jobs_total", "Jobs of the child processes, by task and outcome: done, or the kind of failure. killed, timeout and panic cost a child its life.", "task", "outcome")
	m.jobTook = m.histogram("press_job_duration_seconds", "How long jobs of the child processes took, with the wait for a child.", "task")
	m.calls = m.counter("integration_calls_total", "Calls of outside services and folders, by integration and outcome: done, or the kind of failure.", "integration", "outcome")
	m.callTook = m.histogram("integration_call_duration_seconds", "How long these calls took.", "integration")
	m.registry.MustRegister(m.octets, m.mailTook, m.waited, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// durations reach from a millisecond to four minutes.
var durations = prometheus.ExponentialBuckets(0.001, 2.5, 14)

func (m *metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "docuflow_" + name, Help: help}, labels)
	m.registry.MustRegister(vec)
	return vec
}

func (m *metrics) histogram(name, help, label string) *prometheus.HistogramVec {
	vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "docuflow_" + name, Help: help, Buckets: durations}, []string{label})
	m.registry.MustRegister(vec)
	return vec
}

func (m *metrics) answered(a mail.Answer) {
	m.mails.WithLabelValues(strconv.Itoa(a.Code)).Inc()
	m.octets.Add(float64(a.Size))
	m.mailTook.Observe(a.Took.Seconds())
}

func (m *metrics) attempted(e actors.Ended) {
	m.attempts.WithLabelValues(string(e.Stage), string(e.Outcome)).Inc()
	m.stageTook.WithLabelValues(string(e.Stage)).Observe(e.Took.Seconds())
	m.waited.Observe(e.Waited.Seconds())
}

func (m *metrics) pressed(e press.Ended) {
	m.jobs.WithLabelValues(e.Task, outcomeOr(e.Failure)).Inc()
	m.jobTook.WithLabelValues(e.Task).Observe(e.Took.Seconds())
}

// called counts one use of an integration.
func (m *metrics) called(integration string, took time.Duration, err error) {
	failure := domain.ErrorKind("")
	if err != nil {
		failure = domain.AsFailure(err).Kind
	}
	m.calls.WithLabelValues(integration, outcomeOr(failure)).Inc()
	m.callTook.WithLabelValues(integration).Observe(took.Seconds())
}

func outcomeOr(failure domain.ErrorKind) string {
	if failure == "" {
		return "done"
	}
	return string(failure)
}

// countedDestination counts what is filed.
type countedDestination struct {
	pipeline.Destination
	metrics *metrics
}

// Deliver implements pipeline.Destination.
func (d countedDestination) Deliver(ctx context.Context, filing domain.Filing) (string, error) {
	begun := time.Now()
	link, err := d.Destination.Deliver(ctx, filing)
	d.metrics.called(d.Name(), time.Since(begun), err)
	return link, err
}

// present are gauges: what is so when somebody asks.
type present struct {
	node *node
}

// gauge describes one of them.
func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("docuflow_"+name, help, labels, nil)
}

var (
	buildInfo = gauge("build_info", "1, with the version as a label.", "version")

	actorsNow   = gauge("actors", "Actors of mails and documents that are in work on this node.", "kind")
	childrenNow = gauge("press_children", "Child processes that open files: working, or idle and ready.", "state")
	watchersNow = gauge("sse_watchers", "Open event streams of live pages on this node.")
	draining    = gauge("draining", "1 while this node takes no new work.")

	poolNow    = gauge("database_connections", "Connections of this node to the database: used or idle.", "state")
	poolMost   = gauge("database_connections_max", "How many there may be.")
	poolWaits  = gauge("database_connection_waits_total", "How often a query had to wait for a connection.")
	poolWaited = gauge("database_connection_wait_seconds_total", "For how long in all.")

	documentsNow = gauge("documents", "Documents of all workspaces, by status, and discarded ones. From the last balance check.", "status")
	mailsNow     = gauge("mails", "Accepted mails of all workspaces, by state. From the last balance check.", "state")
	unbalanced   = gauge("unbalanced", "Mails and documents that break a rule of the balance, by rule. Anything but 0 is an alarm.", "rule")
	checkedAt    = gauge("balance_check_timestamp_seconds", "When the balance was last checked.")
	checkTook    = gauge("balance_check_duration_seconds", "How long that took.")

	dueNow      = gauge("queue_due", "Mails and documents of all workspaces that could be worked on now and are not.", "kind")
	oldestDue   = gauge("queue_oldest_due_seconds", "For how long the oldest of these has been due. 0: nothing is due.")
	stageNow    = gauge("stage_documents", "Documents of all workspaces that are not completed, by stage and status. failed ones are dead letters.", "stage", "status")
	deadMails   = gauge("dead_mails", "Mails of all workspaces that could not be unpacked and wait for a person.")
	membersNow  = gauge("cluster_members", "Nodes that share the work, by state.", "state")
	censusTaken = gauge("census_timestamp_seconds", "When this node last read the figures of the whole installation from the database.")
)

// Describe implements prometheus.Collector.
func (p present) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		buildInfo, actorsNow, childrenNow, watchersNow, draining, poolNow, poolMost, poolWaits, poolWaited, documentsNow, mailsNow, unbalanced,
		checkedAt, checkTook, dueNow, oldestDue, stageNow, deadMails, membersNow, censusTaken,
	} {
		to <- desc
	}
}

// Collect implements prometheus.Collector.
func (p present) Collect(to chan<- prometheus.Metric) {
	n, put := p.node, putter(to, prometheus.GaugeValue)
	count := putter(to, prometheus.CounterValue)
	put(buildInfo, 1, version())
	mails, documents := n.system.Working()
	put(actorsNow, float64(mails), "mail")
	put(actorsNow, float64(documents), "document")
	working, ready := n.press.Children()
	put(childrenNow, float64(working), "working")
	put(childrenNow, float64(ready), "ready")
	put(watchersNow, float64(n.web.Watchers()))
	put(draining, one(n.system.Draining()))
	pool := n.store.Pool()
	put(poolNow, float64(pool.Used), "used")
	put(poolNow, float64(pool.Idle), "idle")
	put(poolMost, float64(pool.Most))
	count(poolWaits, float64(pool.Waits))
	count(poolWaited, pool.Waited.Seconds())
	n.metrics.lastCensus().collect(put)
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func putter(to chan<- prometheus.Metric, kind prometheus.ValueType) func(*prometheus.Desc, float64, ...string) {
	return func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, kind, value, labels...)
	}
}
