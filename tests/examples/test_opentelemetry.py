"""The recipe for OpenTelemetry, with the real library: one trace, from the caller to the server."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from resonance_helpers import AsyncResonanceOSAPIClient, ResonanceOSAPIClient, run_batch
from resonance_sandbox import Sandbox

RECIPE = Path(__file__).resolve().parents[2] / "examples" / "opentelemetry_batch.py"
PROMPTS = [f"Tides {number}" for number in range(8)]


@pytest.fixture
def spans(recipe: ModuleType) -> Iterator[InMemorySpanExporter]:
    """What ended, of a provider that is this test's alone: a global one can be set only once."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    recipe.tracer = provider.get_tracer("newsroom")
    RequestsInstrumentor().instrument(tracer_provider=provider)
    yield exporter
    RequestsInstrumentor().uninstrument()


@pytest.fixture
def recipe() -> ModuleType:
    spec = importlib.util.spec_from_file_location(RECIPE.stem, RECIPE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def as_sent(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}"


def told(sandbox: Sandbox) -> list[str]:
    """The `traceparent` of each request as it reached the server, but for its flags."""
    log = [one for one in sandbox.requests() if one["method"] == "POST"]
    return sorted(one["headers"]["traceparent"].rpartition("-")[0] for one in log)


def check(exporter: InMemorySpanExporter, sandbox: Sandbox, requests: int) -> list[ReadableSpan]:
    *calls, above = exporter.get_finished_spans()
    assert above.parent is None
    assert len(calls) == requests
    assert all(call.parent == above.context for call in calls)
    assert told(sandbox) == sorted(as_sent(call) for call in calls)
    return calls


def test_the_spans_of_a_batch_are_below_that_of_its_caller(
    recipe: ModuleType, spans: InMemorySpanExporter, resonance_sandbox: Sandbox
) -> None:
    with ResonanceOSAPIClient(resonance_sandbox.url) as api:
        recipe.write(api, PROMPTS)
    check(spans, resonance_sandbox, len(PROMPTS))
    assert spans.get_finished_spans()[-1].attributes == {
        "articles.written": len(PROMPTS),
        "articles.failed": 0,
    }


def test_so_are_those_of_each_attempt_and_of_a_pool_that_was_lent(
    recipe: ModuleType, spans: InMemorySpanExporter, resonance_sandbox: Sandbox, faults: Any
) -> None:
    faults.add("unavailable", retry_after=0, attempts=1, route="/hr_generate")
    spans.clear()  # of that, which went through requests too
    with (
        recipe.tracer.start_as_current_span("newsroom.write"),
        ResonanceOSAPIClient(resonance_sandbox.url) as api,
        ThreadPoolExecutor(3) as pool,
    ):
        report = run_batch(api, PROMPTS, executor=pool, progress=False)
    assert report.stats.successful == len(PROMPTS)
    calls = check(spans, resonance_sandbox, 2 * len(PROMPTS))
    statuses = [dict(call.attributes or {})["http.status_code"] for call in calls]
    assert sorted(map(str, statuses)) == ["200"] * len(PROMPTS) + ["503"] * len(PROMPTS)


def test_so_are_those_of_tasks(
    recipe: ModuleType, spans: InMemorySpanExporter, resonance_sandbox: Sandbox
) -> None:
    async def write() -> None:
        async with AsyncResonanceOSAPIClient(resonance_sandbox.url) as api:
            with recipe.tracer.start_as_current_span("newsroom.write"):
                await asyncio.gather(*(api.generate_content(prompt) for prompt in PROMPTS))

    asyncio.run(write())
    check(spans, resonance_sandbox, len(PROMPTS))


def test_the_recipe_as_it_is_run(resonance_sandbox: Sandbox) -> None:
    done = subprocess.run(
        [sys.executable, RECIPE, "Tides"],
        env={**os.environ, "RESONANCE_URL": resonance_sandbox.url},
        cwd=RECIPE.parents[1],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0
    shown = re.findall(r'"(?:name|trace_id)": "(.*)"', done.stdout)
    assert [name for name in shown if not name.startswith("0x")] == ["POST", "newsroom.write"]
    [trace_id] = {name for name in shown if name.startswith("0x")}
    assert str(told(resonance_sandbox)).count(trace_id.removeprefix("0x")) == 1
