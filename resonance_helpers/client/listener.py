"""A small HTTP server on this machine that nobody can keep busy.

A connection is for one request, which has to arrive whole within a few seconds; its size and the
number of connections have bounds. Each has a thread, since a browser opens connections ahead of
time and sends nothing on them.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from .system import needing

__all__ = ["MOST_CONNECTIONS", "BoundedServer", "OneRequest"]

MOST_CONNECTIONS = 128

REST = 8 << 20
"""Bytes that are read of what was left unread, at most."""

OUT_OF_FILES = 0.05
"""Seconds until the next try where no file could be had for a connection."""


class BoundedServer(socketserver.ThreadingTCPServer):
    """Listens, with a thread for each connection, of which there are not too many.

    Raises:
        SystemLimitError: The machine has no more files to open, or threads.
        OSError: The address is taken.
    """

    daemon_threads = True
    request_queue_size = MOST_CONNECTIONS
    # Elsewhere it lets a port be used again at once; on Windows, by two programs together.
    allow_reuse_address = os.name != "nt"

    def __init__(self, address: tuple[str, int], handler: type[OneRequest]) -> None:
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        with needing("no connections can be taken"):
            super().__init__(address, handler)

    def start(self, name: str) -> None:
        """Take connections, in a thread of that name."""
        thread = threading.Thread(target=self.serve_forever, args=(0.05,), name=name, daemon=True)
        try:
            with needing("no connections can be taken"):
                thread.start()
        except BaseException:
            self.server_close()
            raise

    def stop(self) -> None:
        """Take no more connections. Requests under way may finish."""
        self.shutdown()
        self.server_close()

    def get_request(self) -> Any:
        try:
            return super().get_request()
        except OSError:
            time.sleep(OUT_OF_FILES)  # it would be asked again at once, and so on
            raise

    def process_request(self, request: Any, address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)  # whoever calls will try again
            return
        try:
            super().process_request(request, address)
        except BaseException:  # there was no thread to be had
            self._places.release()
            raise

    def process_request_thread(self, request: Any, address: Any) -> None:
        try:
            super().process_request_thread(request, address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, address: Any) -> None:
        """Nothing: who goes away is no matter, and stderr is the program's."""


class OneRequest(BaseHTTPRequestHandler):
    """Reads one request, within bounds, by HTTP/1.0.

    Attributes:
        patience: Seconds for the whole request to arrive.
        most: Bytes of it, at most.
        unread: Whether a body may be left.
    """

    patience: float = 5.0
    most: int = 64 << 10
    unread = False

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_Bounded(self.connection, self.patience, self.most))

    def parse_request(self) -> bool:
        """Read the head; a target in its absolute form counts as its path (RFC 9112, 3.2.2)."""
        read = super().parse_request()
        if read and self.path.lower().startswith("http://"):
            with contextlib.suppress(ValueError):  # what can't be read is judged as it came
                urlsplit(self.path)
                self.path = f"/{self.path.partition('://')[2].partition('/')[2]}"
        return read

    def finish(self) -> None:
        super().finish()
        if not self.unread:
            return
        # What is left unread would turn our close into a reset, and the answer would be lost.
        rest = _Bounded(self.connection, 1.0, REST)
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while rest.read(65_536):
                pass

    def log_message(self, *args: Any) -> None:
        """Nothing: what a request says may be a secret, and a notebook shows what it asks for."""


class _Bounded(io.RawIOBase):
    """Reads a connection for so many seconds, and so many bytes, in all."""

    def __init__(self, connection: socket.socket, seconds: float, most: int) -> None:
        self._connection = connection
        self._end = time.monotonic() + seconds
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._end - time.monotonic()
        if left <= 0 or self._left <= 0:
            raise TimeoutError("timed out")
        self._connection.settimeout(left)
        count = self._connection.recv_into(buffer)
        self._left -= count
        return count
