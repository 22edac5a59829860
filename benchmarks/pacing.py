"""How much of an allowed rate a batch uses, and how often it is refused.

The server is the sandbox with its real limits: a burst in any second, 1,000 in any minute. Used is
what it accepted over what its policies (or so many at once, at that latency) allow between the
first request and the last; refused is the 429s over all requests. Rows that the server refuses for
what they say count as accepted: they have used the rate. A client that was killed before has spent
the first second; a second client has the same credential, and its figures are added.
"""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import resonance_sandbox as sandbox
from benchmarks.harness import Goal, Options, Result
from resonance_helpers.batch import run_batch
from resonance_helpers.client.api import ResonanceOSAPIClient

ROWS, SECONDS = 1000, 60.0
MINUTE = 1000
BURSTS, LATENCIES, AT_ONCE = (6, 20, 100), (0.0, 0.1, 0.3), (4, 8, 32)
SETTINGS = [("alone", *one) for one in itertools.product(BURSTS, LATENCIES, AT_ONCE)] + [
    (how, burst, 0.1, 8)
    for how in ("a fifth of the rows refused", "after a kill", "two clients")
    for burst in BURSTS
]
QUICK = [("alone", 6, 0.1, 8), ("two clients", 6, 0.1, 8)]


def run(options: Options) -> list[Result]:
    """One table of all settings."""
    seconds = 4.0 if options.quick else SECONDS
    rows, goals = [], []
    for how, burst, latency, at_once in QUICK if options.quick else SETTINGS:
        used, refused, count = measured(how, burst, latency, at_once, seconds)
        rows.append((how, burst, latency, at_once, count, 100 * used, 100 * refused))
        least, most = (90, 3) if how == "two clients" else (95, 1)
        name = f"{how}, burst {burst}, {latency:g} s, {at_once} at once"
        goals.append(Goal(f"{name}: used, %", 100 * used, least, at_least=True))
        goals.append(Goal(f"{name}: refused, %", 100 * refused, most))
    return [
        Result(
            "pacing",
            "The share of an allowed rate that a batch uses",
            columns=("who", "burst", "latency, s", "at once", "requests", "used, %", "refused, %"),
            rows=rows,
            goals=goals,
            notes=[f"{ROWS} rows or {seconds:g} seconds each, against the sandbox's own limits."],
        )
    ]


def measured(
    how: str, burst: int, latency: float, at_once: int, seconds: float
) -> tuple[float, float, int]:
    """The share used, the share refused, and the number of requests."""
    with sandbox.start(burst=burst, rate_limit=MINUTE, latency=latency) as server:
        if how == "after a kill":
            batch(server.url, at_once, burst, "Tides")
        before = len(server.requests())
        pace = min(burst, at_once / latency) if latency else burst
        rows = min(ROWS, int(pace * seconds))
        clients = 2 if how == "two clients" else 1
        with ThreadPoolExecutor(clients) as threads:
            bad = "" if how.startswith("a fifth") else "Tides"
            for done in [
                threads.submit(batch, server.url, at_once, rows // clients, bad)
                for _ in range(clients)
            ]:
                done.result()
        log = server.requests()[before:]
    refused = sum(one["status"] == 429 for one in log)
    moments = [datetime.fromisoformat(one["at"]).timestamp() for one in log]
    took = max(moments) - min(moments)
    allowed = min(
        burst * (math.floor(took) + 1),
        MINUTE * (math.floor(took / 60) + 1),
        clients * at_once * (took / latency + 1) if latency else math.inf,
    )
    return (len(log) - refused) / allowed, refused / len(log), len(log)


def batch(url: str, at_once: int, rows: int, fifth: str) -> None:
    """A batch of so many rows, each fifth of them `fifth`."""
    requests = [
        {"prompt": fifth if number % 5 == 4 else f"Topic {number}", "paragraphs": 1}
        for number in range(rows)
    ]
    with ResonanceOSAPIClient(url) as api:
        run_batch(api, requests, concurrency=at_once, progress=False)
