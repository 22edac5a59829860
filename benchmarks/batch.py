"""A batch over its ideal: how near does the wall clock come to ``ceil(N / c) * delay``?

The server answers each request a fixed time after it came, however many there are, so whatever is
above the ideal is the client's own work. Connections are warm, and the peers' threads: what a long
batch pays once is not counted. Beside it stand the ways that people take without a batch helper.

The second table is the same batch under faults, beside the fault-free one; the third, the same over
a journal, beside the one without.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from benchmarks.harness import Goal, Options, Result, interleaved, versions
from benchmarks.server import Running, running
from benchmarks.spread import Spread
from resonance_helpers.batch import run_batch
from resonance_helpers.client.api import ResonanceOSAPIClient
from resonance_helpers.client.transport import RetryPolicy

OURS = "run_batch"
ITEMS = 512
SETTINGS = [(0.02, 64, 1.3), (0.02, 128, 1.8), (0.234, 64, 1.05), (0.234, 128, 1.05)]
"""Seconds of delay, requests at once, and the goal for wall over ideal."""

JOURNALLED_ITEMS = 3000

FAULTY_ITEMS = 3000
ATTEMPTS = 12
"""A batch has time: with 8 attempts, one request in 390,000 meets a fault in each at 20 %."""


def run(options: Options) -> list[Result]:
    return [*over_ideal(options), under_faults(options), over_a_journal(options)]


def over_ideal(options: Options) -> list[Result]:
    """One table for each delay."""
    items = options.size(ITEMS, 24)
    settings = [(0.02, 8, 1.3)] if options.quick else SETTINGS
    results = []
    for delay in sorted({delay for delay, *_ in settings}):
        rows: list[tuple[Any, ...]] = []
        goals = []
        with running(delay=delay) as server:
            for at_once, goal in sorted({(c, goal) for d, c, goal in settings if d == delay}):
                ideal = math.ceil(items / at_once) * delay
                spreads = _side_by_side(server, items, at_once, options)
                for name, spread in spreads.items():
                    rows.append((at_once, name, spread, spread.scaled(1 / ideal)))
                goals.append(
                    Goal(
                        f"wall over ideal, {at_once} at once",
                        spreads[OURS].scaled(1 / ideal).median,
                        goal,
                    )
                )
        results.append(
            Result(
                f"batch-{round(delay * 1000)}ms",
                f"A batch of {items} at {delay * 1000:g} ms, warm",
                columns=("at once", "client", "seconds", "over ideal"),
                rows=rows,
                goals=goals,
                notes=[
                    "Ideal: ceil(N / at once) times the delay.",
                    versions("requests", "aiohttp", "httpx"),
                ],
            )
        )
    return results


def _side_by_side(server: Running, items: int, at_once: int, options: Options) -> dict[str, Spread]:
    prompts = [f"prompt {number}" for number in range(items)]
    api = ResonanceOSAPIClient(server.url)
    with (
        ThreadPoolExecutor(at_once) as threads,
        requests.Session() as session,
        asyncio.Runner() as runner,
    ):
        session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=at_once))
        url = f"{server.url}/hr_generate"

        def batch() -> None:
            report = run_batch(api, prompts, concurrency=at_once, progress=False)
            assert report.stats.successful == items

        def stock() -> None:
            list(
                threads.map(
                    lambda prompt: session.post(url, json={"prompt": prompt}).json(), prompts
                )
            )

        cases: dict[str, Callable[[], float | None]] = {OURS: batch, "threads + requests": stock}
        closing = []
        for name, made in (("aiohttp", _aiohttp), ("httpx.AsyncClient", _httpx)):
            try:
                case, close = runner.run(made(url, at_once))
            except ImportError:
                continue
            cases[name] = lambda case=case: runner.run(case(prompts))  # type: ignore[misc]
            closing.append(close)
        try:
            return interleaved(cases, options, rounds=7, warmup=2)
        finally:
            for close in closing:
                runner.run(close())
            api.close()


async def _aiohttp(url: str, at_once: int) -> Any:
    import aiohttp

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once))

    async def one(prompt: str) -> None:
        async with session.post(url, json={"prompt": prompt}) as answer:
            await answer.json()

    async def case(prompts: list[str]) -> None:
        await asyncio.gather(*map(one, prompts))

    return case, session.close


async def _httpx(url: str, at_once: int) -> Any:
    import httpx

    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    session = httpx.AsyncClient(limits=limits, timeout=120)

    async def case(prompts: list[str]) -> None:
        answers = await asyncio.gather(
            *(session.post(url, json={"prompt": prompt}) for prompt in prompts)
        )
        for answer in answers:
            answer.json()

    return case, session.aclose


def under_faults(options: Options) -> Result:
    """The same batch without faults, at 5 % and at 20 %: nothing lost, nothing twice."""
    items = options.size(FAULTY_ITEMS, 60)
    rates = (0.0, 0.05, 0.2)
    counts: dict[float, list[int]] = {rate: [0, 0, 0] for rate in rates}
    with running(delay=0.005) as server:
        policy = RetryPolicy(max_attempts=ATTEMPTS, base=0.05)
        api = ResonanceOSAPIClient(server.url, retry=policy)
        turn = iter(range(10**6))

        def case(rate: float) -> Callable[[], float]:
            def one() -> float:
                server.reset(fault_rate=rate, seed=next(turn))
                began = time.perf_counter()
                report = run_batch(api, map(str, range(items)), concurrency=8, progress=False)
                seconds = time.perf_counter() - began
                counted = server.stats()
                counts[rate][0] += report.stats.failed
                counts[rate][1] += counted["duplicates"]
                counts[rate][2] += items - counted["distinct"]
                return seconds

            return one

        spreads = interleaved(
            {f"{rate:.0%}": case(rate) for rate in rates}, options, rounds=5, warmup=1
        )
    base = spreads["0%"]
    rows = [
        (name, spread, spread.over(base), *counts[rate])
        for (name, spread), rate in zip(spreads.items(), rates, strict=True)
    ]
    worst = spreads["20%"].over(base).median
    return Result(
        "batch-faults",
        f"A batch of {items} at 5 ms, 8 at once, under faults",
        columns=("faulted attempts", "seconds", "over fault-free", "failed", "done twice", "lost"),
        rows=rows,
        goals=[
            Goal("wall at 20 % over fault-free", worst, 1.4),
            Goal("failed, at any rate", sum(count[0] for count in counts.values()), 0),
            Goal("done twice, at any rate", sum(count[1] for count in counts.values()), 0),
            Goal("lost, at any rate", sum(count[2] for count in counts.values()), 0),
        ],
        notes=[
            "Counted over all rounds, the warm-up included, each with other faults.",
            f"Up to {ATTEMPTS} attempts for each request.",
        ],
    )


def over_a_journal(options: Options) -> Result:
    """What a journal costs: wall-clock time, and CPU time of the client's process for an item."""
    items = options.size(JOURNALLED_ITEMS, 60)
    cpu: dict[str, list[float]] = {}
    with running() as server, tempfile.TemporaryDirectory() as folder:
        api = ResonanceOSAPIClient(server.url)
        turn = iter(range(10**6))

        def case(name: str, journalled: bool) -> Callable[[], float]:
            def one() -> float:
                journal = f"{folder}/{next(turn)}" if journalled else None
                began, used = time.perf_counter(), time.process_time()
                prompts = map(str, range(items))
                report = run_batch(api, prompts, concurrency=64, journal=journal, progress=False)
                seconds = time.perf_counter() - began
                cpu.setdefault(name, []).append((time.process_time() - used) / items)
                assert report.stats.successful == items
                return seconds

            return one

        names = {"no journal": False, "a journal": True}
        spreads = interleaved(
            {name: case(name, journalled) for name, journalled in names.items()},
            options,
            rounds=7,
            warmup=1,
        )
    costs = {name: Spread(tuple(values[1:])).scaled(1e6) for name, values in cpu.items()}
    return Result(
        "batch-journal",
        f"A batch of {items} over a journal, no delay, 64 at once",
        columns=("batch", "seconds", "CPU, µs an item"),
        rows=[(name, spread, costs[name]) for name, spread in spreads.items()],
        notes=["The disk is that of the machine's temporary folder."],
    )
