package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/docuflow/docuflow/actors"
	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/mail"
	"github.com/docuflow/docuflow/pipeline"
)

// tracing makes one trace of everything that happens to a mail, from DATA to
// the last delivery, on whatever nodes. The context that has to travel with the work
// is in its row already: the trace's id is the mail's (a UUID has as many bits), an
// upload's that of the document, and the id of the first span follows from it. Nothing
// that people wrote is in a span: ids, sizes, stages and kinds of failures alone.
type tracing struct {
	tracer trace.Tracer
	stop   func(context.Context) error
}

// openTracing sends spans to an OTLP receiver (protobuf over HTTP), in the
// background; what it does not take is dropped. Without an endpoint nothing is traced.
// Headers, certificates and timeouts are the exporter's own settings (OTEL_EXPORTER_OTLP_*).
func openTracing(ctx context.Context, endpoint, node string) (*tracing, error) {
	if endpoint == "" {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimSuffix(endpoint, "/")+"/v1/traces"))
	if err != nil {
		return nil, fmt.Errorf("DOCUFLOW_OTLP_ENDPOINT: %w", err)
	}
	who := resource.NewSchemaless(attribute.String("service.name", "docuflow"), attribute.String("service.version", version()), attribute.String("service.instance.id", node))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(who), sdktrace.WithIDGenerator(rowIDs{}))
	return &tracing{tracer: provider.Tracer("github.com/docuflow/docuflow"), stop: provider.Shutdown}, nil
}

// close sends what is left. A nil tracing has nothing.
func (t *tracing) close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := t.stop(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

// rowKey is the context key of the row whose trace begins.
type rowKey struct{}

// rowIDs takes the ids of a first span from its row.
type rowIDs struct{}

// NewIDs implements sdktrace.IDGenerator.
func (rowIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if row, ok := ctx.Value(rowKey{}).(uuid.UUID); ok {
		return trace.TraceID(row), firstSpan(row)
	}
	return trace.TraceID(uuid.New()), rowIDs{}.NewSpanID(ctx, trace.TraceID{})
}

// NewSpanID implements sdktrace.IDGenerator.
func (rowIDs) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

// firstSpan is the random half of the row's UUID, which is never zero.
func firstSpan(row uuid.UUID) (id trace.SpanID) {
	binary.BigEndian.PutUint64(id[:], binary.BigEndian.Uint64(row[8:]))
	return id
}

// first records the first span of a row, which has ended just now.
func (t *tracing) first(ctx context.Context, name, id string, begun time.Time, about ...attribute.KeyValue) {
	row, err := uuid.Parse(id)
	if err != nil {
		return
	}
	_, span := t.tracer.Start(context.WithValue(ctx, rowKey{}, row), name, trace.WithNewRoot(), trace.WithTimestamp(begun),
		trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(about...))
	span.End()
}

// under begins a span below the first one of a row, on whatever node that was.
func (t *tracing) under(ctx context.Context, name, id string, about ...attribute.KeyValue) (context.Context, trace.Span) {
	if row, err := uuid.Parse(id); err == nil {
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID(row), SpanID: firstSpan(row), TraceFlags: trace.FlagsSampled, Remote: true,
		}))
	}
	return t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(about...))
}

// end ends a span. Of an error it keeps the kind: its words may be about what people wrote.
func end(span trace.Span, err error) {
	if err != nil {
		kind := string(domain.AsFailure(err).Kind)
		span.SetStatus(codes.Error, kind)
		span.SetAttributes(attribute.String("error.type", kind))
	}
	span.End()
}

// begunKey is the context key of when a mail began to arrive.
type begunKey struct{}

// inbox, intake, unpacker and steps wrap what they are given; without tracing
// they return it as it is.
func (t *tracing) inbox(inbox mail.Inbox) mail.Inbox {
	if t == nil {
		return inbox
	}
	return tracedInbox{inbox}
}

func (t *tracing) intake(intake pipeline.Intake) pipeline.Intake {
	if t == nil {
		return intake
	}
	return tracedIntake{intake, t}
}

func (t *tracing) unpacker(unpacker actors.Unpacker) actors.Unpacker {
	if t == nil {
		return unpacker
	}
	return tracedUnpacker{unpacker, t}
}

func (t *tracing) steps(steps []pipeline.Step) []pipeline.Step {
	if t == nil {
		return steps
	}
	for i := range steps {
		steps[i].Stage = tracedStage{steps[i].Stage, t}
	}
	return steps
}

type tracedInbox struct{ mail.Inbox }

// Accept implements mail.Inbox. What a trace is named after is known when the row is made.
func (i tracedInbox) Accept(ctx context.Context, envelope domain.Envelope, to []domain.Address, raw io.Reader) error {
	return i.Inbox.Accept(context.WithValue(ctx, begunKey{}, time.Now()), envelope, to, raw)
}

type tracedIntake struct {
	pipeline.Intake
	tracing *tracing
}

// AddMail implements pipeline.Intake.
func (i tracedIntake) AddMail(ctx context.Context, m domain.Mail) error {
	begun, ok := ctx.Value(begunKey{}).(time.Time)
	if !ok {
		begun = time.Now()
	}
	err := i.Intake.AddMail(ctx, m)
	if err == nil {
		i.tracing.first(ctx, "smtp data", string(m.ID), begun, attribute.String("docuflow.mail", string(m.ID)),
			attribute.String("docuflow.workspace", string(m.Workspace)), attribute.Int64("docuflow.size", m.Size))
	}
	return err
}

// AddDocument implements pipeline.Intake.
func (i tracedIntake) AddDocument(ctx context.Context, workspace domain.WorkspaceID, fresh domain.NewDocument) (domain.Document, error) {
	begun := time.Now()
	document, err := i.Intake.AddDocument(ctx, workspace, fresh)
	if err == nil {
		i.tracing.first(ctx, "upload", string(document.ID), begun, attribute.String("docuflow.document", string(document.ID)),
			attribute.String("docuflow.workspace", string(workspace)), attribute.Int64("docuflow.size", document.Size))
	}
	return document, err
}

type tracedUnpacker struct {
	actors.Unpacker
	tracing *tracing
}

// Run implements actors.Unpacker.
func (u tracedUnpacker) Run(ctx context.Context, m domain.Mail) (domain.Unpacked, error) {
	ctx, span := u.tracing.under(ctx, "unpack", string(m.ID), attribute.String("docuflow.mail", string(m.ID)),
		attribute.String("docuflow.workspace", string(m.Workspace)), attribute.Int("docuflow.attempt", m.Attempt))
	unpacked, err := u.Unpacker.Run(ctx, m)
	end(span, err)
	return unpacked, err
}

type tracedStage struct {
	pipeline.Stage
	tracing *tracing
}

// Run implements pipeline.Stage.
func (s tracedStage) Run(ctx context.Context, d domain.Document) (domain.Outcome, error) {
	row := string(d.Mail)
	if row == "" {
		row = string(d.ID)
	}
	ctx, span := s.tracing.under(ctx, string(s.Info().Name), row, attribute.String("docuflow.document", string(d.ID)),
		attribute.String("docuflow.workspace", string(d.Workspace)), attribute.Int("docuflow.attempt", d.Attempt))
	outcome, err := s.Stage.Run(ctx, d)
	end(span, err)
	return outcome, err
}
