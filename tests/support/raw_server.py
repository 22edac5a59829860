"""A server that speaks to sockets by hand, for answers that no HTTP library would send."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Handler = Callable[[socket.socket, bytes], None]
"""Gets the connection and the request as it came; writes what it likes. When it returns, the
connection is open still, for the next request, unless it closed it."""


class RawServer:
    """Answers each request with the next of its handlers, the last one for ever.

    Attributes:
        requests: The requests as they came, head and body.
        connections: How many there have been.
        closed: How many of them this side has ended after an answer.
        reading: Set to False to have connections accepted and nothing read from them.
    """

    reading = True

    def __init__(self, *handlers: Handler, tls: ssl.SSLContext | None = None) -> None:
        self.handlers = list(handlers)
        self.requests: list[bytes] = []
        self.connections = self.closed = 0
        self._tls = tls
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # A client that goes away is what many tests are about.
        with contextlib.suppress(OSError, ValueError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while self.reading and (request := read_request(connection)):
                with self._lock:
                    self.requests.append(request)
                    several = len(self.handlers) > 1
                    handler = self.handlers.pop(0) if several else self.handlers[0]
                handler(connection, request)
        if self.reading:
            connection.close()
            self.closed += 1

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        # Not closed from here: the thread may be about to write, and by then the number of the
        # socket may be another test's.
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            if not self.reading:
                connection.close()


@contextmanager
def raw_server(*handlers: Handler, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    server = RawServer(*handlers, tls=tls)
    try:
        yield server
    finally:
        server.close()


def read_request(connection: socket.socket) -> bytes:
    """One request, head and body; empty where the client has gone."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(65536)
        if not data:
            return b""
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            while len(body) < int(value):
                data = connection.recv(65536)
                if not data:
                    return b""
                body += data
    return head + b"\r\n\r\n" + body


def answer(
    body: Any = None,
    status: int = 200,
    headers: dict[str, str] | None = None,
    content_type: str | None = "application/json",
) -> bytes:
    """A whole answer; a `body` that is not bytes is said in JSON."""
    content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    lines = [f"HTTP/1.1 {status} Some Reason", f"Content-Length: {len(content)}"]
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def sends(data: bytes) -> Handler:
    """Writes these bytes."""
    return lambda connection, _request: connection.sendall(data)


def replies(*args: Any, **kwargs: Any) -> Handler:
    """Writes `answer(...)`."""
    return sends(answer(*args, **kwargs))


def sends_and_closes(data: bytes) -> Handler:
    """Writes these bytes and closes in good order."""

    def handler(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_RDWR)

    return handler


def drips(data: bytes, *, after: int = 0, every: float = 0.02) -> Handler:
    """Writes the first `after` bytes at once and the rest byte by byte."""

    def handler(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(data[:after])
        for byte in data[after:]:
            time.sleep(every)
            connection.sendall(bytes([byte]))

    return handler


def stalls(connection: socket.socket, _request: bytes) -> None:
    """Never answers."""
    time.sleep(30)


def resets(connection: socket.socket, _request: bytes) -> None:
    """Breaks the connection off, as a crashed server does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextmanager
def full_backlog() -> Iterator[str]:
    """A backlog that is full swallows the handshake of TCP, as a firewall does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        held = [socket.socket() for _ in range(8)]
        for waiting in held:
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        for waiting in held:
            waiting.close()
