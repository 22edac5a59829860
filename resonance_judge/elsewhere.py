"""Another host, to which a redirect leads: it notes what it is told, and sends everybody back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Elsewhere"]

LONGEST = 1 << 20
"""Bytes that are read of a body."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        pass  # who was killed in the middle of a request is no matter for a traceback


class Elsewhere:
    """Listens on this machine, under a name that is not the sandbox's, until it is closed."""

    def __init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def back(self) -> None:
                length = self.headers.get("Content-Length", "0")
                size = min(int(length[:9]), LONGEST) if length.isdecimal() else 0
                outer.heard.append(bytes(self.headers) + self.rfile.read(size))
                self.send_response(307)
                self.send_header("Location", outer.home() + self.path)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = back

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.heard: list[bytes] = []
        self.home: Callable[[], str] = lambda: ""
        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def told(self, sought: Sequence[bytes]) -> bool:
        """Whether it has heard one of `sought`."""
        return any(text in heard for heard in self.heard for text in sought)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Elsewhere:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
