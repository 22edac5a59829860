"""Traces of a batch, with OpenTelemetry: a span for the batch, and below it one for each request.

    pip install path/to/this/clone opentelemetry-sdk opentelemetry-instrumentation-requests
    RESONANCE_URL=http://localhost:8000 python opentelemetry_batch.py "Tides" "The harbour at night"

The client is traced as any use of requests is: switch the instrumentation on, and each attempt is
a span and carries `traceparent` to the server. The threads of `run_batch`, and those of
`AsyncResonanceOSAPIClient`, have the context of who calls them.
"""

import sys

from opentelemetry import trace
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from resonance_helpers import ResonanceOSAPIClient, run_batch
from resonance_helpers.batch import BatchReport

tracer = trace.get_tracer("newsroom")


def write(api: ResonanceOSAPIClient, prompts: list[str]) -> BatchReport:
    """Have articles written, all under one span that says how many came of it."""
    with tracer.start_as_current_span("newsroom.write") as span:
        report = run_batch(api, prompts, concurrency=4)
        span.set_attribute("articles.written", report.stats.successful)
        span.set_attribute("articles.failed", len(report.failures))
    return report


def main() -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": "newsroom"}))
    # Elsewhere: OTLPSpanExporter(), of opentelemetry-exporter-otlp.
    provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
    trace.set_tracer_provider(provider)
    RequestsInstrumentor().instrument()
    with ResonanceOSAPIClient.from_env() as api:
        print(write(api, sys.argv[1:]))
    provider.shutdown()


if __name__ == "__main__":
    main()
