package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"

	"github.com/docuflow/docuflow/mail"
)

var (
	metricName  = regexp.MustCompile(`\bdocuflow_[a-z_]+\b`)
	description = regexp.MustCompile(`fqName: "([a-z_]+)"`)
)

// exported are the names of all metrics of a node.
func exported() map[string]bool {
	metrics := newMetrics()
	metrics.registry.MustRegister(present{})
	descriptions := make(chan *prometheus.Desc)
	go func() { metrics.registry.Describe(descriptions); close(descriptions) }()
	names := map[string]bool{}
	for desc := range descriptions {
		names[description.FindStringSubmatch(desc.String())[1]] = true
	}
	return names
}

// used finds the metrics that expressions name, without the endings of histograms.
func used(expressions ...string) (names []string) {
	for _, expression := range expressions {
		for _, name := range metricName.FindAllString(expression, -1) {
			for _, ending := range []string{"_bucket", "_sum", "_count"} {
				name = strings.TrimSuffix(name, ending)
			}
			names = append(names, name)
		}
	}
	return names
}

func readObservability(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile("../../deploy/observability/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestDashboardShowsWhatIsExported(t *testing.T) {
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(readObservability(t, "grafana-dashboard.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	known, shown := exported(), map[string]bool{}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			names := used(target.Expr)
			if len(names) == 0 && !strings.Contains(target.Expr, "process_") {
				t.Errorf("%s: %s names no metric", panel.Title, target.Expr)
			}
			for _, name := range names {
				shown[name] = true
				if !known[name] {
					t.Errorf("%s: there is no metric %s", panel.Title, name)
				}
			}
		}
	}
	for name := range known {
		if strings.HasPrefix(name, "docuflow_") && !shown[name] && name != "docuflow_build_info" && name != "docuflow_census_timestamp_seconds" {
			t.Errorf("%s is on no panel", name)
		}
	}
}

func TestAlertsWatchWhatIsExported(t *testing.T) {
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(readObservability(t, "alerts.yaml"), &file); err != nil {
		t.Fatal(err)
	}
	known, watched := exported(), []string{}
	for _, rule := range file.Groups[0].Rules {
		if rule.Alert == "" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
			t.Errorf("%+v says nothing to whom it wakes", rule)
		}
		names := used(rule.Expr)
		watched = append(watched, names...)
		if len(names) == 0 {
			t.Errorf("%s watches nothing", rule.Alert)
		}
		for _, name := range names {
			if !known[name] {
				t.Errorf("%s: there is no metric %s", rule.Alert, name)
			}
		}
	}
	for _, name := range []string{"docuflow_queue_oldest_due_seconds", "docuflow_stage_documents", "docuflow_smtp_mails_total", "docuflow_unbalanced"} {
		if !slices.Contains(watched, name) {
			t.Errorf("nobody is woken by %s", name)
		}
	}
}

// traceReceiver is an OTLP receiver on loopback.
type traceReceiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*spans.Span
}

func newTraceReceiver(t *testing.T) *traceReceiver {
	t.Helper()
	r := &traceReceiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		var sent collector.ExportTraceServiceRequest
		if err != nil || request.URL.Path != "/v1/traces" || proto.Unmarshal(body, &sent) != nil {
			http.Error(w, "not OTLP", http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, resource := range sent.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				r.spans = append(r.spans, scope.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *traceReceiver) byName() map[string]*spans.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := map[string]*spans.Span{}
	for _, span := range r.spans {
		found[span.Name] = span
	}
	return found
}

// TestMailIsObserved sends one mail through the program and looks at what an
// operator gets of it: metrics, one trace, and a log without persons.
func TestMailIsObserved(t *testing.T) {
	otlp := newTraceReceiver(t)
	p := start(t, newDataDir(t), "DOCUFLOW_OTLP_ENDPOINT="+otlp.URL, "OTEL_BSP_SCHEDULE_DELAY=50")
	if err := p.send("Confidential subject", mail.File{Name: "invoice.pdf", MediaType: "application/pdf", Content: invoicePDF("N-1")}); err != nil {
		t.Fatal(err)
	}
	if err := mail.Send(t.Context(), p.SMTP, mail.Message{From: "sender@example.test", To: "nobody@elsewhere.test", Subject: "x"}); err == nil {
		t.Fatal("a stranger's mail was taken")
	}
	if document := p.rest("invoice.pdf"); document.Status != "COMPLETED" {
		t.Fatalf("%+v", document)
	}

	t.Run("metrics", func(t *testing.T) {
		want := []string{
			`docuflow_smtp_mails_total{code="250"} 1`, `docuflow_stage_attempts_total{outcome="done",stage="unpack"} 1`,
			`docuflow_stage_attempts_total{outcome="done",stage="deliver"} 1`, `docuflow_stage_duration_seconds_count{stage="extract"} 1`,
			`docuflow_press_jobs_total{outcome="done",task="standardize"} 1`, `docuflow_integration_calls_total{integration="folder",outcome="done"} 1`,
			`docuflow_documents{status="completed"} 1`, `docuflow_mails{state="documents"} 1`, `docuflow_unbalanced{rule="none"} 0`,
			`docuflow_cluster_members{state="working"} 1`, `docuflow_queue_oldest_due_seconds 0`, `docuflow_sse_watchers 0`, `docuflow_actors{kind="document"} 0`,
		}
		// The first count may have come before the mail; then the next one is let come at once.
		conn := p.superuser()
		for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(200 * time.Millisecond) {
			if _, err := conn.Exec(t.Context(), "UPDATE balance_checks SET next_at = now() WHERE checked_at < (SELECT max(completed_at) FROM documents)"); err != nil {
				t.Fatal(err)
			}
			lines := p.metrics(t)
			missing := slices.DeleteFunc(slices.Clone(want), func(line string) bool { return slices.Contains(lines, line) })
			if len(missing) == 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("not exported: %q\namong %s", missing, strings.Join(lines, "\n"))
			}
		}
	})
	t.Run("trace", func(t *testing.T) {
		names := []string{"smtp data", "unpack", "standardize", "extract", "categorize", "deliver", "announce"}
		p.until("all spans were sent", func() bool {
			found := otlp.byName()
			return !slices.ContainsFunc(names, func(name string) bool { return found[name] == nil })
		})
		found := otlp.byName()
		root := found["smtp data"]
		if len(root.ParentSpanId) != 0 || root.EndTimeUnixNano <= root.StartTimeUnixNano {
			t.Errorf("the first span: %v", root)
		}
		for _, name := range names[1:] {
			if span := found[name]; string(span.TraceId) != string(root.TraceId) || string(span.ParentSpanId) != string(root.SpanId) {
				t.Errorf("%s is in another trace: %v", name, span)
			}
		}
		row, err := uuid.FromBytes(root.TraceId)
		var mails int
		if err != nil || p.superuser().QueryRow(t.Context(), "SELECT count(*) FROM mails WHERE id = $1", row).Scan(&mails) != nil || mails != 1 {
			t.Errorf("the trace %x is not named after the mail: %v", root.TraceId, err)
		}
		for _, span := range found {
			if text := span.String(); strings.Contains(text, "@") || strings.Contains(text, "Confidential") || strings.Contains(text, "invoice.pdf") {
				t.Errorf("a span tells what people wrote: %s", text)
			}
		}
	})
	t.Run("log", func(t *testing.T) {
		log := p.output.String()
		_, log, _ = strings.Cut(log, "Ctrl-C stops it") // the banner is for the person who runs it
		if !strings.Contains(log, "mail accepted") {
			t.Fatalf("the log does not tell of the mail: %s", log)
		}
		for _, personal := range []string{"example.test", "elsewhere.test", "Confidential", "invoice.pdf", p.Address} {
			if strings.Contains(log, personal) {
				t.Errorf("the log tells %q: %s", personal, log)
			}
		}
	})
}

func TestAddressesAreInTheLogAtDebug(t *testing.T) {
	for level, want := range map[string]bool{"INFO": false, "DEBUG": true} {
		var out strings.Builder
		var l logging
		if err := l.LogLevel.UnmarshalText([]byte(level)); err != nil {
			t.Fatal(err)
		}
		l.LogFormat = "json"
		log := l.logger(terminal{log: &out})
		log.Info("x", "from", "ann@example.test", "error", &os.PathError{Op: "read", Path: "bob@example.test", Err: os.ErrNotExist}, "reference", "R-1")
		for _, address := range []string{"ann@", "bob@"} {
			if strings.Contains(out.String(), address) != want {
				t.Errorf("%s: %s", level, out.String())
			}
		}
		if !strings.Contains(out.String(), "R-1") {
			t.Errorf("%s: %s", level, out.String())
		}
	}
}

// metrics asks for what Prometheus would get.
func (p *program) metrics(t *testing.T) (lines []string) {
	t.Helper()
	response, err := http.Get("http://" + p.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
		if line := scanner.Text(); strings.HasPrefix(line, "docuflow_") {
			lines = append(lines, line)
		}
	}
	return lines
}

// Another node that knows nothing but the row continues the same trace.
func TestTraceGoesOnOnAnotherNode(t *testing.T) {
	otlp := newTraceReceiver(t)
	id := uuid.Must(uuid.NewV7()).String()
	for node, work := range map[string]func(*tracing){
		"a": func(tr *tracing) { tr.first(t.Context(), "smtp data", id, time.Now()) },
		"b": func(tr *tracing) {
			_, span := tr.under(t.Context(), "deliver", id)
			end(span, nil)
		},
	} {
		tr, err := openTracing(t.Context(), otlp.URL, node)
		if err != nil {
			t.Fatal(err)
		}
		work(tr)
		if err := tr.close(); err != nil {
			t.Fatal(err)
		}
	}
	found := otlp.byName()
	first, last := found["smtp data"], found["deliver"]
	if first == nil || last == nil || string(first.TraceId) != string(last.TraceId) || string(last.ParentSpanId) != string(first.SpanId) {
		t.Errorf("%v\n%v", first, last)
	}
}
