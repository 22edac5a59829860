"""The same as `pacing`, in real time against the sandbox, with a process that is really killed.

    python -m benchmarks.pacing_sandbox URL JOURNAL ROWS AT_ONCE

is the batch that is killed (SIGKILL, after a third of its rows) and run again over its journal.
Two clients are two batches in threads of one process.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import resonance_sandbox as sandbox
from benchmarks.harness import Goal, Options, Result, stage
from benchmarks.pacing import BURSTS, FAULTY, MINUTE, POLICY, ROWS, goals_of, shares, strict
from resonance_helpers.batch import read_report, run_batch
from resonance_helpers.client.api import ResonanceOSAPIClient

SECONDS = 60.0
SHAPES = ((0.0, 32), (0.1, 8), (0.3, 8))
SETTINGS = [
    *(("alone", burst, *shape) for burst, shape in itertools.product(BURSTS, SHAPES)),
    *(
        (who, burst, 0.1, 8)
        for who in ("a fifth of the rows refused", "killed and resumed", "two clients")
        for burst in BURSTS
    ),
]
QUICK = [("killed and resumed", 20, 0.1, 8)]
ROOT = Path(__file__).resolve().parent.parent


def run(options: Options) -> list[Result]:
    """One table of all settings."""
    seconds = 3.0 if options.quick else SECONDS
    rows: list[tuple[Any, ...]] = []
    unfinished = 0
    for who, burst, latency, at_once in QUICK if options.quick else SETTINGS:
        with stage(f"{who}, burst {burst}, {latency:g} s, {at_once} at once"):
            used, refused, count, missing = measured(who, burst, latency, at_once, seconds)
        rows.append((who, burst, latency, at_once, count, 100 * used, 100 * refused))
        unfinished += missing
    goals = []
    for who in dict.fromkeys(row[0] for row in rows):
        of_it = [row for row in rows if row[0] == who]
        goals += goals_of(who, of_it, strict(who, POLICY))
    goals.append(Goal("rows that did not end as they should", unfinished, 0))
    return [
        Result(
            "pacing_sandbox",
            "The share of an allowed rate that a batch uses, in real time",
            columns=("who", "burst", "latency, s", "at once", "requests", "used, %", "refused, %"),
            rows=rows,
            goals=goals,
            notes=[
                f"{ROWS} rows or {seconds:g} seconds each, against the sandbox's own limits: "
                f"`burst` in any second and {MINUTE} in any minute, told by RateLimit-Policy.",
                "Here requests arrive as late as the machine lets them: a busy one costs some of "
                "the rate. All settings, without that: pacing.",
            ],
        )
    ]


def measured(
    who: str, burst: int, latency: float, at_once: int, seconds: float
) -> tuple[float, float, int, int]:
    """The share used, the share refused, the requests, and the rows that did not end rightly."""
    pace = min(burst, at_once / latency) if latency else burst
    rows = min(ROWS, int(pace * seconds))
    faulty = FAULTY if who.startswith("a fifth") else 0.0
    clients = 2 if who == "two clients" else 1
    with (
        sandbox.start(burst=burst, rate_limit=MINUTE, latency=latency) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        before = 0
        if who == "killed and resumed":
            before, ended = killed_and_resumed(server, Path(folder) / "journal", rows, at_once)
        else:
            with ThreadPoolExecutor(clients) as threads:
                share = rows // clients
                batches = [
                    threads.submit(batch, server.url, share, at_once, faulty)
                    for _ in range(clients)
                ]
                rows, ended = share * clients, sum(done.result() for done in batches)
        log = [
            (datetime.fromisoformat(one["at"]).timestamp(), one["status"] != 429)
            for one in server.requests()
        ]
    earlier = [at for at, accepted in log[:before] if accepted]
    limits = [(burst, 1.0), (MINUTE, 60.0)]
    works = latency * (1 - faulty)
    figures = shares(sorted(log[before:]), earlier, limits, works, at_once * clients)
    return *figures, rows - ended


def killed_and_resumed(
    server: sandbox.Sandbox, journal: Path, rows: int, at_once: int
) -> tuple[int, int]:
    """How many requests came before the kill, and how many rows were done in the end."""
    command = [sys.executable, "-m", "benchmarks.pacing_sandbox", server.url, str(journal)]
    command += [str(rows), str(at_once)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        until = time.monotonic() + 120
        while len(server.requests()) < rows / 3 and time.monotonic() < until:
            time.sleep(0.05)
        process.kill()
    before = len(server.requests())
    subprocess.run(command, cwd=ROOT, check=True, timeout=600)
    return before, read_report(journal).stats.successful


def batch(
    url: str, rows: int, at_once: int, faulty: float = 0.0, journal: str | None = None
) -> int:
    """How many of so many rows ended as they should: done, or refused for what they say."""
    every = round(1 / faulty) if faulty else rows + 1
    requests = [
        {"prompt": "" if number % every == every - 1 else f"Topic {number}", "paragraphs": 1}
        for number in range(rows)
    ]
    with ResonanceOSAPIClient(url) as api:
        report = run_batch(api, requests, concurrency=at_once, journal=journal, progress=False)
    return report.stats.successful + sum(one.response_code == 422 for one in report.failures)


if __name__ == "__main__":
    batch(sys.argv[1], int(sys.argv[3]), int(sys.argv[4]), journal=sys.argv[2])
