"""A timeout that is a point in time, and connections that keep to it.

A socket's timeout bounds one read. A server that sends a byte now and then never runs into it,
and a call may take for ever. Here the time left is set anew before every operation on the socket
(name look-up, connect, TLS handshake, each send, each receive), so that all of them together end
when they should. No thread is needed but for the name look-up, which can't be interrupted.

The parts hook into urllib3 where it lets them: a `Timeout` that `requests` passes through, and
connection classes for the pools of an adapter.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import math
import queue
import socket
import ssl
import threading
import time
from contextvars import ContextVar
from typing import Any

from urllib3 import Timeout
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family, create_connection

TLS_RECORD = 16 * 1024


class Deadline(Timeout):
    """A `urllib3.Timeout` whose parts all end at one moment, `seconds` from its making.

    It counts on through whatever happens within one attempt: a request that an auth class sends
    a second time has what the first one left.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.expires = time.monotonic() + seconds

    def clone(self) -> Deadline:
        return self

    def start_connect(self) -> float:
        return 0.0

    @property
    def connect_timeout(self) -> float:
        return max(0.0, self.expires - time.monotonic())

    read_timeout = connect_timeout

    def __repr__(self) -> str:
        return f"Deadline({self.seconds:g})"


_attempt: ContextVar[Deadline | None] = ContextVar("attempt", default=None)


class bounded:
    """What runs inside belongs to an attempt that ends at `deadline`, as an auth class may ask."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def __enter__(self) -> None:
        self._token = _attempt.set(self._deadline)

    def __exit__(self, *exc: object) -> None:
        _attempt.reset(self._token)


def time_left() -> float | None:
    """Seconds until the attempt that this thread makes has to end; None outside of one."""
    deadline = _attempt.get()
    return None if deadline is None else deadline.connect_timeout


class Punctual:
    """What the two connections share: `timeout` is stored as the moment when it ends.

    urllib3 sets it when a request begins and once more when its answer is due, each time to what
    is left, and reads it whenever it sets a socket's timeout.

    Attributes:
        begun: An exchange is under way, which urllib3 will go on with: its time runs already.
        received: What has come of its answer.
        answer: The last answer that urllib3 has read, to its end or not.
    """

    sock: Any
    begun = False
    received = b""
    answer: http.client.HTTPResponse | None = None
    _expires: float | None = None

    @property
    def expires(self) -> float:
        """When the exchange under way has to end, by `time.monotonic()`."""
        return math.inf if self._expires is None else self._expires

    @property
    def timeout(self) -> float | None:
        # Never 0, which would make the socket non-blocking.
        return None if self._expires is None else max(self._expires - time.monotonic(), 1e-6)

    @timeout.setter
    def timeout(self, seconds: float | None) -> None:
        if not self.begun:
            self._expires = None if seconds is None else time.monotonic() + seconds

    def arm(self, sock: socket.socket) -> None:
        """Give the socket what time is left; raise TimeoutError where none is."""
        if self._expires is not None:
            left = self._expires - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            sock.settimeout(left)

    def connect(self) -> None:
        # Whatever breaks before there is a connection, a stalled TLS handshake too, means "not
        # sent", and has to be told apart from what breaks afterwards.
        try:
            super().connect()  # type: ignore[misc]
            self.arm(self.sock)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "timed out while connecting") from error
        except ssl.SSLError:
            raise
        except OSError as error:
            raise NewConnectionError(self, f"could not connect: {error}") from error  # type: ignore[arg-type]

    def _new_conn(self) -> socket.socket:
        # Each address of the host gets its share of the time: one that swallows packets leaves
        # some for the next.
        addresses = _resolve(self)
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            timeout = self.timeout
            try:
                sock = create_connection(
                    (address, self.port),  # type: ignore[attr-defined]
                    timeout and timeout / left,
                    source_address=self.source_address,  # type: ignore[attr-defined]
                    socket_options=self.socket_options,  # type: ignore[attr-defined]
                )
            except OSError:
                if left == 1:
                    raise
            else:
                sock.settimeout(self.timeout)
                return sock
        raise OSError("the host has no address")

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        # A TLS socket counts its timeout anew for each record, so it gets them one by one.
        for start in range(0, len(data), TLS_RECORD):
            self.arm(self.sock)
            try:
                self.sock.sendall(data[start : start + TLS_RECORD])
            except ssl.SSLError as error:
                raise _broken(error) from None

    def receive(self) -> bytes:
        """What has come, as soon as anything has; nothing if the server has closed."""
        self.arm(self.sock)
        try:
            data: bytes = self.sock.recv(TLS_RECORD)
        except ssl.SSLError as error:
            raise _broken(error) from None
        return data

    def response_class(self, _sock: Any, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
        received, self.received = self.received, b""
        self.answer = Response(Incoming(self, received), *args, **kwargs)
        return self.answer


class Response(http.client.HTTPResponse):
    """An `http.client` response over what comes in; differs in two things, where the standard
    library takes what came for the whole: a connection that ends within the head is an error, and
    103 and the like are passed over as 100 is (RFC 9110, 15.2). Taken for the answer, they leave
    the real one to the next request on this connection."""

    def __init__(self, incoming: Incoming, *args: Any, **kwargs: Any) -> None:
        self._incoming = incoming
        super().__init__(self, *args, **kwargs)  # type: ignore[arg-type]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """The one method of a socket that is asked for."""
        return io.BufferedReader(self._incoming)

    def begin(self) -> None:
        self._incoming.in_head = True
        super().begin()
        self._incoming.in_head = False

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            line: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if line[1] == 101 or not 100 < line[1] < 200:
                return line
            http.client.parse_headers(self.fp)


class Incoming(io.RawIOBase):
    """What comes over a connection: what was `received` from it already, then more, within the
    time left before each read."""

    in_head = False

    def __init__(self, connection: Punctual, received: bytes = b"") -> None:
        self._connection = connection
        self._received = received
        self._sock = connection.sock  # after "Connection: close" only we hold on to it
        self._raw = connection.sock.makefile("rb", buffering=0)
        self._begun = bool(received)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._received:
            count = min(len(buffer), len(self._received))
            buffer[:count], self._received = self._received[:count], self._received[count:]
            return count
        self._connection.arm(self._sock)
        try:
            more: int | None = self._raw.readinto(buffer)
        except ssl.SSLError as error:
            raise _broken(error) from None
        if more == 0 and self.in_head and self._begun:
            raise ConnectionResetError("closed within the head of the answer")
        self._begun = self._begun or bool(more)
        return more

    def close(self) -> None:
        self._raw.close()
        super().close()


def _broken(error: ssl.SSLError) -> ConnectionAbortedError:
    """After the handshake a failure of TLS is a connection that broke, not one refused."""
    return ConnectionAbortedError(f"TLS failed: {error.reason}")


def _resolve(connection: Any) -> list[str]:
    """The host's addresses, in the system's order of preference."""
    host: str = connection._dns_host.strip("[]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return [host]

    found: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(
                host, connection.port, allowed_gai_family(), socket.SOCK_STREAM
            )
            found.put([str(address[0]) for *_, address in entries])
        except Exception as error:
            found.put(error)

    try:
        threading.Thread(target=look_up, name="resonance-dns", daemon=True).start()
    except RuntimeError:  # there are no more threads to be had, as in an `atexit` function
        look_up()
    try:
        result = found.get(timeout=connection.timeout)
    except queue.Empty:
        raise ConnectTimeoutError(connection, f"timed out looking up {host}") from None
    if isinstance(result, socket.gaierror):
        raise NameResolutionError(host, connection, result)
    if isinstance(result, Exception):  # a name that can't be one: "a..b", 64 characters in a row
        raise NameResolutionError(host, connection, socket.gaierror(str(result)))
    return result
