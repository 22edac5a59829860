"""How soon a cancelled call has closed its connection, and how soon its thread makes the next one.

One call at a time over `AsyncResonanceOSAPIClient`, with one place: the next call can begin only
when the thread of the cancelled one is back. The server, in this process, says when.
"""

from __future__ import annotations

import asyncio
import queue
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from benchmarks.fault_matrix import percentile
from benchmarks.harness import Goal, Options, Result
from resonance_helpers import AsyncResonanceOSAPIClient

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n"
CASES = {
    "no answer has come": (b"", b""),
    "the head drips": (HEAD, b"X-Padding: 1\r\n"),
    "the body drips": (HEAD + b"\r\n", b" "),
}
"""What of an answer comes at once, and what then comes each `PAUSE`."""

PAUSE = 0.005
"""Seconds."""


class Server:
    """Answers nothing whole; notes when a request has come and when a client has gone."""

    def __init__(self, at_once: bytes, drip: bytes) -> None:
        self._at_once, self._drip = at_once, drip
        self.asked: queue.SimpleQueue[float] = queue.SimpleQueue()
        self.gone: queue.SimpleQueue[float] = queue.SimpleQueue()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            self.asked.put(time.perf_counter())
            connection.sendall(self._at_once)
            while True:
                if not select.select([connection], [], [], PAUSE)[0]:
                    connection.sendall(self._drip)
                elif not connection.recv(65536):  # it may be the request's body
                    break
        self.gone.put(time.perf_counter())

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@contextmanager
def server(case: str) -> Iterator[Server]:
    """A server for one of `CASES`."""
    running = Server(*CASES[case])
    try:
        yield running
    finally:
        running.close()


async def measure(case: str, count: int) -> tuple[list[float], list[float]]:
    """Seconds from each cancellation until the server sees the end, and the next request."""
    closed, back = [], []
    with server(case) as it:
        async with AsyncResonanceOSAPIClient(it.url, max_concurrent=1) as api:
            task = asyncio.create_task(api.generate_content("x"))
            await asyncio.to_thread(it.asked.get)
            for _ in range(count):
                await asyncio.sleep(2 * PAUSE)
                began = time.perf_counter()
                task.cancel()
                task = asyncio.create_task(api.generate_content("x"))
                closed.append(await asyncio.to_thread(it.gone.get) - began)
                back.append(await asyncio.to_thread(it.asked.get) - began)
            task.cancel()
    return closed, back


def run(options: Options) -> list[Result]:
    """The table: 1,000 cancellations in all."""
    count = options.size(334, 5)
    rows, everything = [], []
    for case in CASES:
        closed, back = asyncio.run(measure(case, count))
        everything += closed
        figures = (percentile(closed, 0.5), percentile(closed, 0.99), max(closed))
        rows.append(
            (
                case,
                count,
                *(round(1000 * seconds, 2) for seconds in (*figures, percentile(back, 0.99))),
            )
        )
    return [
        Result(
            "cancellation",
            "How soon a cancelled call has closed its connection",
            ("when", "cancelled", "p50, ms", "p99, ms", "longest, ms", "next request p99, ms"),
            rows,
            goals=[
                Goal("cancelled", len(everything), 1_000, at_least=True),
                Goal(
                    "longest time to a closed connection, ms", round(1000 * max(everything), 1), 100
                ),
            ],
        )
    ]
