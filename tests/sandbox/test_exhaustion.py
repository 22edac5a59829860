"""What is used up: room to store, files to open, memory over a long life."""

from __future__ import annotations

import contextlib
import time
from collections import deque

import pytest
import requests
from sqlalchemy import func, insert, select

from resonance_helpers.lesson import connect
from resonance_sandbox import SandboxError, start
from resonance_sandbox.control.request_log import KEPT, RequestLog
from resonance_sandbox.control.time_travel import purge
from resonance_sandbox.generation import store
from resonance_sandbox.http.context import RequestContext
from resonance_sandbox.limits.rate_limits import RateLimits
from resonance_sandbox.metrics.recorder import RECENT, Recorder, summary
from resonance_sandbox.settings import Settings
from resonance_sandbox.store import Database, generations
from tests.support.few_files import few_files
from tests.support.full_disk import on_a_full_disk


def test_when_nothing_can_be_stored_the_health_says_so() -> None:
    with on_a_full_disk() as server, requests.Session() as session:
        session.trust_env = False
        url, large = f"{server.url}/profiles", {"a": "x" * 16_000}
        profile = {"tenant": "default", "hrv_vector": [0.5] * 8, "metadata": large}
        for number in range(60):
            body = {**profile, "profile_name": f"p{number}"}
            if session.post(url, json=body, timeout=10).status_code == 503:
                break
        else:
            pytest.fail("the file had no bound")
        time.sleep(0.5)  # longer than a finding is kept
        health = session.get(f"{server.url}/health", timeout=10).json()
        assert health["status"] in ("degraded", "unhealthy"), health
        assert health["checks"]["disk"]["status"] == "failing"


@pytest.mark.parametrize("left", [1, 2, 4, 6])
def test_out_of_files_a_start_says_so_in_words(left: int) -> None:
    with few_files(left):
        with pytest.raises(SandboxError, match=r"could not be started: Too many open files\. Fix:"):
            start()
        with pytest.raises(connect.SetUpError, match="Too many open files"):
            connect.connect()


def test_generations_are_kept_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_KEPT", 5)
    with contextlib.closing(Database()) as database:
        row = {"tenant": "t", "profile_name": "p", "request_id": "r", "created_at": "", "body": b""}
        rows = [{**row, "realm": realm, "hrv_feedback": 0.5} for realm in "ababababababab"]
        database.write(lambda c: c.execute(insert(generations), rows))
        database.write(lambda c: c.execute(insert(generations), [{**rows[0], "realm": "few"}]))
        database.write(lambda connection: purge(connection, 0.0))
        with database.reading() as connection:
            counted = select(generations.c.realm, func.count(), func.min(generations.c.id))
            found = connection.execute(counted.group_by(generations.c.realm)).all()
    assert [tuple(each) for each in found] == [("a", 5, 5), ("b", 5, 6), ("few", 1, 15)]


@pytest.mark.soak
def test_ten_million_requests_leave_memory_as_it_was() -> None:
    """By simulation: what each request leaves behind, with a new key for every thousandth."""
    now = [1e9]
    limits = RateLimits(Settings(), lambda: now[0])
    recorder, log = Recorder(), RequestLog(lambda: "")
    context = RequestContext("r")
    scope = {"type": "http", "path": "/health", "headers": [(b"accept", b"x" * 600)]}
    sizes: deque[tuple[int, int, int]] = deque(maxlen=2)
    for number in range(10_000_000):
        now[0] += 0.01
        limits.check("realm", f"key {number // 1_000}")
        recorder.request("GET", f"/{number % 7}", 200 + number % 5, 0.001)
        log.add("realm", scope, context, "GET")
        if number % 1_000_000 == 999_999:
            limits.purge()
            held = sum(len(endpoint.recent) for endpoint in recorder.endpoints.values())
            sizes.append((len(limits._callers["realm"]), held, len(log._entries["realm"])))
            assert sizes[-1][0] <= 8_640 + 100, "a day's worth of keys, at ten seconds each"
            assert sizes[-1][1:] == (7 * RECENT, KEPT)


def test_of_many_times_the_latest_of_each_endpoint_are_sorted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A million and more at once, of all realms, would keep everybody waiting."""
    monkeypatch.setattr("resonance_sandbox.metrics.recorder.SORTED", 100)
    busy, quiet = Recorder(), Recorder()
    for number in range(900):
        busy.request("GET", "/health", 200, 9.0 if number < 800 else 1.0)
    for number in range(100):
        quiet.request("GET", "/health", 200, 9.0 if number < 80 else 2.0)
    figures = summary([busy, quiet], 0.0, 0)
    assert figures["requests"] == 1000
    times = figures["response_time"]
    assert (times["p50"], times["p95"], times["p99"]) == (1.0, 2.0, 2.0)
