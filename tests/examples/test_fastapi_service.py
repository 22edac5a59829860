"""The service finishes what is under way when it is told to end; nothing is lost or doubled."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from resonance_helpers import ResonanceOSAPIClient
from resonance_sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PATIENCE = 60.0
"""Seconds after which a test gives up."""

RUN = """
import socket, sys, uvicorn
listening = socket.socket(fileno=int(sys.argv[1]))
config = uvicorn.Config("fastapi_service:app", timeout_graceful_shutdown=int(sys.argv[2]))
uvicorn.Server(config).run(sockets=[listening])
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")


class Service:
    """The example under uvicorn, in a process of its own."""

    def __init__(self, resonance: str, listening: socket.socket, graceful: int) -> None:
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(listening.fileno()), str(graceful)],
            env={**os.environ, "RESONANCE_URL": resonance, "PYTHONPATH": str(ROOT)},
            cwd=ROOT / "examples",
            pass_fds=[listening.fileno()],
        )

    def write(self, key: str, **headers: str) -> requests.Response:
        return requests.post(
            f"{self.url}/articles",
            json={"subject": f"tides {key}"},
            headers={"Idempotency-Key": key, **headers},
            timeout=PATIENCE,
        )

    def end(self) -> None:
        """Tell it to end, and wait until it has."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)


@contextmanager
def service(resonance: str, graceful: int = 30) -> Iterator[Service]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = Service(resonance, listening, graceful)
    try:
        # The socket listens already: the first request is answered as soon as the service is up.
        assert requests.get(f"{running.url}/health", timeout=PATIENCE).ok
        yield running
    finally:
        running.process.kill()
        running.process.wait()


def reaches(count: Callable[[], int], number: int) -> None:
    until = time.monotonic() + PATIENCE
    while count() < number:
        assert time.monotonic() < until
        time.sleep(0.02)


def written_down(sandbox: Sandbox, number: int) -> None:
    """Wait until so many generations are in the log, into which they come when they are over.

    What is slow to end would otherwise stand in the log of the next test.
    """
    reaches(lambda: sum(one["path"] == "/hr_generate" for one in sandbox.requests()), number)


def executed(sandbox: Sandbox) -> int:
    """How many articles were written, by the server's own count."""
    with ResonanceOSAPIClient(sandbox.url, on_error="raise") as api:
        return int(api.get_system_metrics()["generations"]["executed"])


def test_what_is_under_way_is_finished(resonance_sandbox: Sandbox, faults: Any) -> None:
    keys = [uuid.uuid4().hex for _ in range(6)]
    slow = faults.add("latency", seconds=1.5, route="/hr_generate")
    with service(resonance_sandbox.url) as running, ThreadPoolExecutor(6) as callers:
        answers = [callers.submit(running.write, key) for key in keys]
        reaches(lambda: next(f["seen"] for f in faults.list() if f["id"] == slow["id"]), 6)
        running.end()
        assert [one.result().status_code for one in answers] == [200] * 6
        with pytest.raises(requests.ConnectionError):
            running.write("late")
    assert executed(resonance_sandbox) == 6


def test_what_was_cancelled_is_done_once_when_it_comes_again(
    resonance_sandbox: Sandbox, faults: Any
) -> None:
    keys = [uuid.uuid4().hex for _ in range(6)]
    stalled = faults.add("latency", seconds=6, route="/hr_generate", attempts=1)
    with service(resonance_sandbox.url, graceful=1) as running, ThreadPoolExecutor(6) as callers:
        lost = [callers.submit(running.write, key) for key in keys]
        reaches(lambda: next(f["seen"] for f in faults.list() if f["id"] == stalled["id"]), 6)
        running.end()
        for one in lost:
            error = one.exception()
            assert isinstance(error, requests.ConnectionError) or one.result().status_code >= 500
    written_down(resonance_sandbox, 6)
    with service(resonance_sandbox.url) as running, ThreadPoolExecutor(6) as callers:
        answers = list(callers.map(running.write, keys))
        assert [answer.status_code for answer in answers] == [200] * 6
        assert [running.write(key).json() for key in keys] == [one.json() for one in answers]
    assert executed(resonance_sandbox) == 6


def test_it_says_what_went_wrong_and_passes_on_what_it_was_told(
    resonance_sandbox: Sandbox, faults: Any
) -> None:
    with service(resonance_sandbox.url) as running:
        assert running.write("one", traceparent=TRACE).ok
        assert running.write("two", traceparent="nonsense\x7f").ok
        sent = [one for one in resonance_sandbox.requests() if one["path"] == "/hr_generate"]
        told = [one["headers"].get("traceparent") for one in sent]
        assert told == [TRACE, None]

        missing = requests.post(
            f"{running.url}/articles", json={"subject": "x", "profile": "nobody"}, timeout=PATIENCE
        )
        assert (missing.status_code, missing.json()["type"]) == (404, "unknown-profile")
        with faults.inject("unavailable", retry_after=40, route="/hr_generate"):
            held = running.write("three")
        assert (held.status_code, held.headers["Retry-After"]) == (503, "40")
        with faults.inject("latency", seconds=3, route="/hr_generate"):
            assert running.write("four", **{"X-Request-Timeout": "1"}).status_code == 504
        with faults.inject("html", route="/hr_generate"):
            assert running.write("five").status_code == 502
        with faults.inject("unavailable", route="/health"):
            assert requests.get(f"{running.url}/health", timeout=PATIENCE).status_code == 503
    written_down(resonance_sandbox, 6)
