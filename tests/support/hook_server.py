"""A receiver of webhooks that answers as it is told, and remembers all that came."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Hook:
    """One request, as it came."""

    at: float
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def payload(self) -> Any:
        return json.loads(self.body)


@dataclass
class HookServer:
    """Attributes:
    answer: the status for a request, and further headers.
    hooks: all requests, in the order of their arrival.
    """

    url: str = ""
    answer: Callable[[Hook], tuple[int, dict[str, str]]] = lambda hook: (204, {})
    hooks: list[Hook] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def say(self, status: int, **headers: str) -> None:
        """Answer so from now on; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = lambda hook: (status, named)

    def wait(self, count: int, timeout: float = 60.0) -> list[Hook]:
        """The first `count` requests, once they have come."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.hooks) >= count, timeout), self.hooks
            return self.hooks[:count]


@contextmanager
def hook_server(port: int = 0) -> Iterator[HookServer]:
    found = HookServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            hook = Hook(time.time(), headers, body)
            status, named = found.answer(hook)
            self.send_response(status)
            for name, value in named.items():
                self.send_header(name, value)
            self.end_headers()
            with found.arrived:
                found.hooks.append(hook)
                found.arrived.notify_all()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
