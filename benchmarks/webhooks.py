"""How long an event takes to its receiver, on an idle sandbox and beside a receiver that is dead.

The clock starts when a profile is asked for, before there is anything to report, and stops when the
event's connection is accepted: so the request and its commit, on a durable file, count too. Each
case has a sandbox of its own, and a round is the median of its events, made one after the other.
"""

from __future__ import annotations

import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import requests

from benchmarks.harness import Goal, Options, Result, interleaved, versions
from resonance_sandbox import start

ENOUGH = 10_000_000  # requests a minute: no limit is to be met here
EVENTS = 20
VECTOR = [0.6, 0.3, 0.4, 0.7, 0.5, 0.3, 0.4, 0.8]
ALONE, TWO = "one receiver", "two receivers"
REFUSES, SILENT = "beside one that refuses connections", "beside one that never answers"


class Receiver:
    """Answers each event with 204 and notes when it came; a `silent` one never answers."""

    def __init__(self, *, silent: bool = False) -> None:
        self.arrivals: list[float] = []
        self.arrived = threading.Semaphore(0)
        self._silent = silent
        self._open: list[socket.socket] = []
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self._listener.settimeout(0.2)  # to see in time that it is to close
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            at = time.perf_counter()
            if self._silent:
                self._open.append(connection)
                continue
            with connection:
                received = connection.recv(65_536)
                while b"\r\n\r\n" in received and not received.endswith(b"}"):
                    received += connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            self.arrivals.append(at)
            self.arrived.release()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()
        self._listener.close()
        for connection in self._open:
            connection.close()


def run(options: Options) -> list[Result]:
    events = options.size(EVENTS, 3)
    with ExitStack() as stack:
        cases: dict[str, Callable[[], float | None]] = {
            name: _case(stack, name, events) for name in (ALONE, TWO, REFUSES, SILENT)
        }
        spreads = interleaved(cases, options, rounds=15)
    rows = [
        (name, spread.scaled(1000), spread.over(spreads[TWO])) for name, spread in spreads.items()
    ]
    return [
        Result(
            "webhooks",
            "From a request to its event's arrival",
            columns=("receivers", "p50, ms", "over two that live"),
            rows=rows,
            goals=[
                Goal("p50 on an idle sandbox, ms", spreads[ALONE].median * 1000, 50.0),
                *(
                    Goal(
                        f"{name}, over two that live", spreads[name].over(spreads[TWO]).median, 1.1
                    )
                    for name in (REFUSES, SILENT)
                ),
            ],
            notes=[
                f"{events} events a round, each made when the one before had come.",
                "A second receiver is a second delivery to make, dead or not: so what a dead one "
                "adds is told beside two that live.",
                versions("uvicorn", "sqlalchemy", "h11"),
            ],
            bars="p50, ms",
        )
    ]


def _case(stack: ExitStack, name: str, events: int) -> Callable[[], float]:
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    server = stack.enter_context(
        start(
            database=Path(folder) / "webhooks.db",
            rate_limit=ENOUGH,
            burst=ENOUGH,
            quota=ENOUGH,
            allow_loopback_webhooks=True,
            webhook_disable_after=ENOUGH,
        )
    )
    session = stack.enter_context(requests.Session())
    session.trust_env = False

    def call(method: str, path: str, body: Any = None) -> None:
        session.request(method, server.url + path, json=body, timeout=30).raise_for_status()

    receiver = stack.enter_context(Receiver())
    urls = [receiver.url]
    if name == REFUSES:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            urls.insert(0, f"http://127.0.0.1:{taken.getsockname()[1]}/")
    elif name != ALONE:
        urls.insert(0, stack.enter_context(Receiver(silent=name == SILENT)).url)
    for url in urls:
        call("POST", "/webhooks", {"url": url, "events": ["profile.created"]})
    profile = {"tenant": "default", "profile_name": "timed", "hrv_vector": VECTOR}

    def one() -> float:
        began = time.perf_counter()
        call("POST", "/profiles", profile)
        if not receiver.arrived.acquire(timeout=60):
            raise RuntimeError(f"{name}: an event did not come")
        call("DELETE", "/profiles/default/timed")
        return receiver.arrivals[-1] - began

    return lambda: statistics.median(one() for _ in range(events))
