"""The plugin's own fixtures, and sockets to see what a peer sees."""

from __future__ import annotations

import socket
import struct
from urllib.parse import urlsplit

import pytest

from resonance_sandbox import Sandbox

# Imported by name, so that they are there whether or not the package is installed as a plugin.


class Peer:
    """One TCP connection to the sandbox, spoken by hand."""

    def __init__(self, sandbox: Sandbox) -> None:
        address = urlsplit(sandbox.url)
        self.socket = socket.create_connection((address.hostname, address.port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def until_the_end(self) -> tuple[bytes, str]:
        """All that arrives, and how it ends: "FIN", "RST" or "silence"."""
        received = b""
        try:
            while chunk := self.socket.recv(65536):
                received += chunk
        except ConnectionResetError:
            return received, "RST"
        except TimeoutError:
            return received, "silence"
        return received, "FIN"

    def answer(self) -> bytes:
        """One answer with a Content-Length, head and body."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._some()
        head, _, body = received.partition(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        while len(body) < length:
            body += self._some()
        assert len(body) == length, "more than one answer"
        return head + b"\r\n\r\n" + body

    def _some(self) -> bytes:
        chunk = self.socket.recv(65536)
        assert chunk, "the connection ended within an answer"
        return chunk

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


@pytest.fixture
def peer(resonance_sandbox: Sandbox):
    """A fresh connection; its timeout of 5 s is for tests that fail."""
    connection = Peer(resonance_sandbox)
    yield connection
    connection.socket.close()


def request(method: str, path: str, body: bytes = b"", *headers: str, close: bool = False) -> bytes:
    """The bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    if close:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode() + body
