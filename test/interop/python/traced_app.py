"""The app of the tests with OpenTelemetry's instrumentation of Celery. Spans are lines of the file INTEROP_SPANS."""

import json
import os

from interop_app import app
from opentelemetry import trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

kinds = {"INTERNAL": 0, "SERVER": 1, "CLIENT": 2, "PRODUCER": 3, "CONSUMER": 4}


def written(span):
    return {
        "name": span.name,
        "kind": kinds[span.kind.name],
        "traceId": f"{span.context.trace_id:032x}",
        "spanId": f"{span.context.span_id:016x}",
        "parentId": span.parent and f"{span.parent.span_id:016x}",
        "links": [f"{link.context.span_id:016x}" for link in span.links],
        "attributes": dict(span.attributes),
        "status": {"code": span.status.status_code.value},
        "events": [],
        "pid": os.getpid(),
    }


class FileExporter(SpanExporter):
    def export(self, spans):
        with open(os.environ["INTEROP_SPANS"], "a") as file:
            file.writelines(json.dumps(written(span), default=str) + "\n" for span in spans)
        return SpanExportResult.SUCCESS


provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(FileExporter()))
trace.set_tracer_provider(provider)
CeleryInstrumentor().instrument()


# The instrumentation ends only the calls of tasks that it knows.
@app.task(name="ts.add")
def add(x, y):
    raise NotImplementedError


@app.task(name="py.seen", bind=True)
def seen(self):
    """What the instrumentation reads."""
    return self.request.get("traceparent")
