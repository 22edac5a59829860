"""Where the sandbox's time goes.

1. `/health` beside an empty FastAPI route under the same uvicorn, by a bare socket.
2. The share of the CPU that writer, scoring, database and framework have in a generation, with 1
   and with 32 callers; whether all 32 are served, and how evenly.
"""

from __future__ import annotations

import json
import signal
import socket
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType
from urllib.parse import urlsplit

from benchmarks import timed_sandbox
from benchmarks.harness import Goal, Options, Result, interleaved, versions
from benchmarks.spread import Spread
from resonance_helpers import ResonanceOSAPIClient
from resonance_helpers.performance import Run, measure

SUBJECTS = ("tea", "glass", "bridges", "clocks", "paper", "maps", "salt", "ships", "bread", "iron")
ANGLES = ["The history of", "Why people still care about", "A beginner's guide to", "The cost of"]
PROMPTS = [f"{angle} {subject}" for subject in SUBJECTS for angle in ANGLES]
LAYERS = ("writer", "scoring", "database", "framework")


def run(options: Options) -> list[Result]:
    return [health(options), generation(options)]


# --- /health --------------------------------------------------------------------------------------


def health(options: Options) -> Result:
    """Time of one `/health` over that of an empty route, one connection and eight."""
    calls = options.size(400, 24)
    rows, ratios = [], []
    with ExitStack() as opened:
        urls = {
            name: opened.enter_context(timed_sandbox.running(kind))
            for name, kind in (("empty FastAPI route", "empty"), ("sandbox /health", "sandbox"))
        }
        for connections in (1, 8):
            burnt: dict[str, list[float]] = {name: [] for name in urls}
            cases = {
                name: _requests(url, calls, connections, opened, burnt[name])
                for name, url in urls.items()
            }
            took = interleaved(cases, options, rounds=21)
            cpu = {
                name: Spread(tuple(burnt[name][-len(spread.values) :]))  # without the warm-up
                for name, spread in took.items()
            }
            bare = "empty FastAPI route"
            for name in urls:
                rows.append(
                    (
                        f"{name}, {connections} at once",
                        took[name].scaled(1e6 / calls),
                        took[name].over(took[bare]),
                        cpu[name].scaled(1e6 / calls),
                        cpu[name].over(cpu[bare]),
                    )
                )
            ratios.append(took["sandbox /health"].over(took[bare]).median)
    return Result(
        "sandbox_share-health",
        "The sandbox's /health beside an empty FastAPI route",
        columns=("route", "µs a request", "ratio", "server CPU, µs", "CPU ratio"),
        rows=rows,
        goals=[
            Goal(f"/health over an empty route, {c} at once", ratio, 2.0)
            for c, ratio in zip((1, 8), ratios, strict=True)
        ],
        notes=[
            f"{calls} requests a round over kept-alive connections; 'at once' sends one request on "
            "each connection, then reads all the answers.",
            "The CPU time of the server's process is little disturbed by its neighbours.",
            versions("fastapi", "uvicorn", "starlette"),
        ],
        bars="µs a request",
    )


def _requests(
    url: str, calls: int, connections: int, opened: ExitStack, burnt: list[float]
) -> Callable[[], float]:
    """A case: so many `GET /health`, over connections that stay open from round to round.

    It returns the seconds they took, and appends to `burnt` the CPU seconds of the server.
    """
    address = urlsplit(url)
    place = str(address.hostname), address.port or 80
    sockets = [opened.enter_context(socket.create_connection(place)) for _ in range(connections)]
    for one in sockets:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = f"GET /health HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode()

    def case() -> float:
        before = _account(url)["process"]
        began = time.perf_counter()
        for _ in range(calls // connections):
            for one in sockets:
                one.sendall(request)
            for one in sockets:
                _read(one)
        took = time.perf_counter() - began
        burnt.append(_account(url)["process"] - before)
        return took

    return case


def _read(connection: socket.socket) -> None:
    """One whole answer."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"/health answered {head[:60]!r}")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    while len(body) < length:
        body += _some(connection)


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    if not data:
        raise ConnectionError("the server closed the connection in the middle of an answer")
    return data


# --- /hr_generate ---------------------------------------------------------------------------------


def generation(options: Options) -> Result:
    """CPU time of a generation by layer, at one caller and at 32."""
    scoring = scoring_share(options)
    rows: list[list[object]] = [[layer] for layer in LAYERS]
    goals, notes = [], []
    with timed_sandbox.running("sandbox") as url, ResonanceOSAPIClient(url) as client:
        for callers in (1, 32):
            calls = options.size(max(240, 12 * callers), callers)
            prompts = [PROMPTS[i % len(PROMPTS)] for i in range(calls)]
            warmup = prompts[: options.size(2 * callers, 2)]
            measure(
                client, warmup, concurrency=callers, progress=False
            )  # both ends: threads, connections
            before = _account(url)
            seen = measure(client, prompts, concurrency=callers, warmup=0, progress=False)
            spent = _spent(before, _account(url), scoring)
            for row, layer in zip(rows, LAYERS, strict=True):
                row += [1000 * spent[layer] / calls, f"{spent[layer] / sum(spent.values()):.0%}"]
            notes.append(_served(callers, seen))
            written = (spent["writer"] + spent["scoring"]) / sum(spent.values())
            at = f"with {callers} caller{'s' if callers > 1 else ''}"
            goals.append(
                Goal(f"writer's and scoring's share of the CPU {at}", written, 0.5, at_least=True)
            )
            goals.append(Goal(f"failed calls {at}", len(seen) - _answered(seen), 0))
            if callers == 32:
                even = seen.percentile(0.99).value / seen.percentile(0.5).value
                goals.append(Goal(f"p99 over the median {at}: nobody starves", even, 3.0))
    return Result(
        "sandbox_share-generation",
        "Where the CPU time of a generation goes",
        columns=("layer", "CPU ms, 1 caller", "share", "CPU ms, 32 callers", "share of 32"),
        rows=rows,
        goals=goals,
        notes=[
            *notes,
            "CPU milliseconds a generation, and their share of the server process: thread clocks "
            "around the writing and the database, the rest of the process is the "
            "framework (HTTP, routing, validation, idempotency, limits, JSON).",
            "Scoring is the part of the writing that a sampling profiler finds in "
            f"sandbox/scoring: {scoring:.0%}; the writer scores what it proposes."
            if scoring is not None
            else "Scoring stands with the writer: this system has no SIGPROF to tell them apart.",
            "The database is a file that is synced at each commit.",
        ],
        bars="CPU ms, 32 callers",
    )


def _served(callers: int, seen: Run) -> str:
    p50, p99 = (1000 * seen.percentile(q).value for q in (0.5, 0.99))
    return (
        f"{callers} caller{'s' if callers > 1 else ''}: {seen.requests_per_second:.1f} requests/s, "
        f"p50 {p50:.0f} ms, p99 {p99:.0f} ms as the client saw it."
    )


def _answered(seen: Run) -> int:
    return sum(sample.ok for sample in seen.samples)


def _account(url: str) -> dict[str, float]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/share", timeout=10) as answer:
        found: dict[str, float] = json.load(answer)
    return found


def _spent(
    before: dict[str, float], after: dict[str, float], scoring: float | None
) -> dict[str, float]:
    """CPU seconds by layer between two accounts."""
    difference = {layer: after[layer] - before.get(layer, 0.0) for layer in after}
    writing, database = difference["writing"], difference["database"]
    share = scoring or 0.0
    return {
        "writer": writing * (1 - share),
        "scoring": writing * share,
        "database": database,
        "framework": max(0.0, difference["process"] - writing - database),
    }


def scoring_share(options: Options) -> float | None:
    """The share of scoring in the writing, by sampling: 1,000 times per CPU second, where is it?

    A sampler does not slow small functions down, as a tracing profiler does. One thread, so that
    a sample can only be of the work. None where there is no SIGPROF (Windows).
    """
    if not hasattr(signal, "SIGPROF"):
        return None
    from resonance_sandbox.generation.routes import _generate
    from resonance_sandbox.generation.schemas import GenerationRequest
    from resonance_sandbox.hrv import HRVVector
    from resonance_sandbox.writer import default_writer

    writer, target = default_writer(), HRVVector([0.6, 0.3, 0.4, 0.7, 0.5, 0.3, 0.4, 0.8])
    samples = {"scoring": 0, "all": 0}

    def look(_: int, frame: FrameType | None) -> None:
        samples["all"] += 1
        while frame is not None:
            if "/sandbox/scoring/" in frame.f_code.co_filename.replace("\\", "/"):
                samples["scoring"] += 1
                return
            frame = frame.f_back

    _generate(writer, GenerationRequest(prompt=PROMPTS[0]), target)  # loads what it loads once
    usual = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
    try:
        end = time.process_time() + options.size(4, 1) * 0.5
        turn = 0
        while time.process_time() < end:
            prompt = PROMPTS[turn % len(PROMPTS)]
            _generate(writer, GenerationRequest(prompt=prompt, seed=turn), target)
            turn += 1
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, usual)
    return samples["scoring"] / max(samples["all"], 1)
