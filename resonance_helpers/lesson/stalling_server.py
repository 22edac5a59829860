"""A server that stalls once, for the lesson on coordinated omission and for tests.

It answers `POST /hr_generate` after a few milliseconds and does nothing else. On one request it
stops, as a server does that collects garbage, waits for a lock or swaps: nobody gets an answer
until the stall is over.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from ..client.api import ResonanceOSAPIClient

__all__ = ["StallingServer"]

ANSWER = json.dumps({"article": "It stalls.", "hrv_feedback": 0.5}).encode()


class StallingServer:
    """A context manager; `url` is its address on this machine.

    Args:
        work: Seconds that an answer takes otherwise.
        on: The request on which it stalls, counted from 1.
        stall: Seconds that the stall lasts.
    """

    def __init__(self, work: float = 0.005, on: int = 100, stall: float = 2.0) -> None:
        self._work, self._on, self._stall = work, on, stall
        self._requests, self._resumes = 0, 0.0
        self._mutex = threading.Lock()
        self._clients: list[ResonanceOSAPIClient] = []
        self._http = _HTTP(("127.0.0.1", 0), _Handler)
        self._http.wait = self.wait
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def client(self) -> ResonanceOSAPIClient:
        """A client of this server, closed with it."""
        self._clients.append(ResonanceOSAPIClient(self.url))
        return self._clients[-1]

    def wait(self) -> None:
        """What each request does before it is answered."""
        with self._mutex:
            self._requests += 1
            now = time.monotonic()
            if self._requests == self._on:
                self._resumes = now + self._stall
            pause = max(0.0, self._resumes - now) + self._work
        time.sleep(pause)

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        for client in self._clients:
            client.close()
        self._http.shutdown()
        self._http.server_close()


class _HTTP(ThreadingHTTPServer):
    request_queue_size = 256
    wait: Callable[[], None]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open
    wbufsize = -1  # head and body leave together
    disable_nagle_algorithm = True
    server: _HTTP

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.wait()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what a lesson prints is compared."""
