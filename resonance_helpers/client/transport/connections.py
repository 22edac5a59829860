"""urllib3's connections and pools, which keep to a point in time.

The time left is set anew before every operation on the socket (name look-up, connect, TLS
handshake, each send, each receive), so that all of them together end when they should. No thread
is needed but for the name look-up, which can't be interrupted. Before each of them, too, a call
that may be broken off lays its hand on the connection (`cancellation`).

These stand in for the classes of urllib3, and for nothing else: where a program has put a class or
a function of its own in their place (a recorder, a mock, another way to connect), that one is
used.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import re
import socket
import ssl
import sys
import threading
import time
from concurrent.futures import Future
from typing import Any

import urllib3.poolmanager
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    SSLError,
)
from urllib3.util import connection as plain

from .cancellation import current, let_go, result_of
from .failure import OF_A_FILE

TLS_RECORD = 16 * 1024
"""Bytes."""

_OPENED_BY_URLLIB3 = HTTPConnection._new_conn, plain.create_connection
_READ_BY_HTTP_CLIENT = http.client.HTTPConnection.response_class
_HANDSHAKE_BROKEN = ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError


class Punctual:
    """What the two connections share: `timeout` is stored as the moment when it ends.

    urllib3 sets it when a request begins and once more when its answer is due, each time to what
    is left, and reads it whenever it sets a socket's timeout.
    """

    sock: Any
    works_for: Any = None  # the cancellation that may end it
    _expires: float | None = None

    @property
    def timeout(self) -> float | None:
        # Never 0, which would make the socket non-blocking.
        return None if self._expires is None else max(self._expires - time.monotonic(), 1e-6)

    @timeout.setter
    def timeout(self, seconds: float | None) -> None:
        self._expires = None if seconds is None else time.monotonic() + seconds

    def arm(self, sock: socket.socket) -> None:
        """Give the socket what time is left; raise TimeoutError where none is."""
        if (cancellation := current()) is not None:
            cancellation.hold(self, sock)
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
        except _HANDSHAKE_BROKEN as error:  # closed, by one that refused nothing
            raise NewConnectionError(self, f"closed in the TLS handshake: {error}") from error  # type: ignore[arg-type]
        except ssl.SSLError:
            raise
        except OSError as error:
            if self.sock is not None and isinstance(error, OF_A_FILE):
                raise SSLError(error) from error
            raise NewConnectionError(self, f"could not connect: {error}") from error  # type: ignore[arg-type]

    def _new_conn(self) -> socket.socket:
        if (HTTPConnection._new_conn, plain.create_connection) != _OPENED_BY_URLLIB3:
            opened: socket.socket = super()._new_conn()  # type: ignore[misc]
            return opened
        # Each address of the host gets its share of the time: one that swallows packets leaves
        # some for the next.
        addresses = _resolve(self)
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            timeout = self.timeout
            try:
                sock = self._open(address, timeout and timeout / left)
            except OSError:
                if left == 1:
                    raise
            else:
                sock.settimeout(self.timeout)
                sys.audit("http.client.connect", self, self.host, self.port)  # type: ignore[attr-defined]
                return sock
        raise OSError("the host has no address")

    def _open(self, address: str, timeout: float | None) -> socket.socket:
        """A connection to one address: what urllib3 does there, which can be broken off."""
        family, kind, protocol, _, place = socket.getaddrinfo(
            address,
            self.port,  # type: ignore[attr-defined]
            plain.allowed_gai_family(),
            socket.SOCK_STREAM,
        )[0]
        sock = socket.socket(family, kind, protocol)
        try:
            for option in self.socket_options or ():  # type: ignore[attr-defined]
                sock.setsockopt(*option)
            sock.settimeout(timeout)
            if self.source_address:  # type: ignore[attr-defined]
                sock.bind(self.source_address)  # type: ignore[attr-defined]
            if (cancellation := current()) is not None:
                cancellation.hold(self, sock)
            sock.connect(place)
        except BaseException:
            let_go(self)
            sock.close()
            raise
        return sock

    def close(self) -> None:
        super().close()  # type: ignore[misc]
        let_go(self)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        # A TLS socket counts its timeout anew for each record, so it gets them one by one.
        for start in range(0, len(data), TLS_RECORD):
            self.arm(self.sock)
            try:
                super().send(data[start : start + TLS_RECORD])  # type: ignore[misc]
            except ssl.SSLError as error:
                raise broken(error) from None

    def response_class(self, sock: Any, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
        theirs = http.client.HTTPConnection.response_class
        if theirs is not _READ_BY_HTTP_CLIENT:
            return theirs(sock, *args, **kwargs)
        return Response(Incoming(self), *args, **kwargs)


class Response(http.client.HTTPResponse):
    """An `http.client` response over what comes in.

    It differs in two things, where the standard library takes what came for the whole: a
    connection that ends within the head is an error, and 103 and the like are passed over as 100
    is (RFC 9110, 15.2). Taken for the answer, they leave the real one to the next request on this
    connection.
    """

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
        for _ in range(INTERIM):
            line: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if line[1] == 101 or not 100 < line[1] < 200:
                return line
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException("the answer does not come to its point")


INTERIM = 100
"""Interim answers (1xx) before the one that counts, at most."""


class Incoming(io.RawIOBase):
    """What comes over a connection: what was `received` from it already, then more.

    Each read has to end within the time left.
    """

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
            raise broken(error) from None
        if more == 0 and self.in_head and self._begun:
            raise ConnectionResetError("closed within the head of the answer")
        self._begun = self._begun or bool(more)
        return more

    def close(self) -> None:
        self._raw.close()
        super().close()
        let_go(self._connection)


def broken(error: ssl.SSLError) -> ConnectionAbortedError:
    """After the handshake a failure of TLS is a connection that broke, not one refused."""
    said = getattr(error, "reason", None)  # one that a library has made itself has none
    return ConnectionAbortedError(f"TLS failed: {said or error}")


def _resolve(connection: Any) -> list[str]:
    """The host's addresses, in the system's order of preference."""
    # In a URL the % before the zone of an address is quoted (RFC 6874).
    host = re.sub("%25(?=.)", "%", connection._dns_host.strip("[]"))
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return [host]

    found: Future[list[str]] = Future()

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(
                host, connection.port, plain.allowed_gai_family(), socket.SOCK_STREAM
            )
            found.set_result([_with_zone(address) for *_, address in entries])
        except Exception as error:
            found.set_exception(error)

    try:
        threading.Thread(target=look_up, name="resonance-dns", daemon=True).start()
    except RuntimeError:  # there are no more threads to be had, as in an `atexit` function
        look_up()
    try:
        return result_of(found, connection.timeout)
    except TimeoutError:
        raise ConnectTimeoutError(connection, f"timed out looking up {host}") from None
    except socket.gaierror as error:
        raise NameResolutionError(host, connection, error) from None
    except Exception as error:  # a name that can't be one: "a..b", 64 characters in a row
        raise NameResolutionError(host, connection, socket.gaierror(str(error))) from None


def _with_zone(address: tuple[Any, ...]) -> str:
    """An address as text; a link-local one means nothing without its zone (RFC 4007, 11)."""
    zone = address[3] if len(address) == 4 else 0
    return f"{address[0]}%{zone}" if zone and "%" not in str(address[0]) else str(address[0])


class PunctualHTTPConnection(Punctual, HTTPConnection):  # type: ignore[misc]
    """A `urllib3` connection whose timeout bounds the whole attempt."""


class PunctualHTTPSConnection(Punctual, HTTPSConnection):  # type: ignore[misc]
    """The same over TLS."""


class _InPlaceOf:
    """The class of a pool's connections: ours in place of urllib3's, and of no other."""

    def __init__(self, pool: type[HTTPConnectionPool], ours: type[HTTPConnection]) -> None:
        self._pool, self._theirs, self._ours = pool, pool.ConnectionCls, ours

    def __get__(self, pool: object, owner: type) -> Any:
        now = self._pool.ConnectionCls
        return self._ours if now is self._theirs else now


class _Letting:
    """A pool whose connections work for nobody."""

    def _put_conn(self, conn: Any) -> None:
        let_go(conn)
        super()._put_conn(conn)  # type: ignore[misc]


class PunctualHTTPPool(_Letting, HTTPConnectionPool):
    """A pool of `PunctualHTTPConnection`."""

    ConnectionCls: Any = _InPlaceOf(HTTPConnectionPool, PunctualHTTPConnection)


class PunctualHTTPSPool(_Letting, HTTPSConnectionPool):
    """A pool of `PunctualHTTPSConnection`."""

    ConnectionCls: Any = _InPlaceOf(HTTPSConnectionPool, PunctualHTTPSConnection)


class _Pools(dict[str, Any]):
    """The pools' classes by scheme: ours in place of urllib3's, and of no others."""

    def __getitem__(self, scheme: str) -> Any:
        theirs = urllib3.poolmanager.pool_classes_by_scheme[scheme]
        return _IN_PLACE_OF.get(theirs, theirs)


_IN_PLACE_OF: dict[type, type] = {
    HTTPConnectionPool: PunctualHTTPPool,
    HTTPSConnectionPool: PunctualHTTPSPool,
}
POOL_CLASSES = _Pools(urllib3.poolmanager.pool_classes_by_scheme)
