"""urllib3's connections and pools, with a deadline and a short way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import requests
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ClosedPoolError

from .deadline import TLS_RECORD
from .fast.exchange import ShortWay, Whole


class PunctualHTTPConnection(ShortWay, HTTPConnection):  # type: ignore[misc]
    """A `urllib3` connection whose timeout bounds the whole attempt."""


class PunctualHTTPSConnection(ShortWay, HTTPSConnection):  # type: ignore[misc]
    """The same over TLS."""


class InFlight:
    """A request that has been sent over a connection, and for whose answer nobody waits yet.

    Selectors take it as they take a socket.

    Attributes:
        expires: When its attempt has to end, by `time.monotonic()`.
    """

    def __init__(
        self,
        pool: _Pool,
        connection: PunctualHTTPConnection | PunctualHTTPSConnection,
        request: requests.PreparedRequest,
        is_open: Callable[[], bool],
    ) -> None:
        self.pool, self.connection, self._request = pool, connection, request
        self._is_open = is_open
        self.expires = connection.expires

    def fileno(self) -> int:
        number: int = self.connection.sock.fileno()
        return number

    def look(self) -> bool | None:
        """Take in what has come. Would one who asks for the answer now have to wait?

        False if the answer is there, True if that can't be told, None while more is to come.
        """
        return self.connection.look(self._request)

    def resume(self) -> None:
        """Whoever sends the request now goes on from here. That is noted in the request and not in
        the thread: were this call broken off, the thread's next one would get its answer.

        Raises:
            ConnectionAbortedError: The session was closed.
        """
        if not self._is_open():
            self.connection.close()
            raise ConnectionAbortedError("the session was closed")
        vars(self._request)["in_flight"] = self

    def drop(self) -> None:
        """Close the connection, if nobody has gone on with it."""
        if vars(self._request).pop("in_flight", None) is self:
            self.connection.close()


class _Pool:
    """Lends a connection to the short way, and to urllib3 if that one does not get to the end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lent = threading.local()

    def start(self, request: requests.PreparedRequest, timeout: Timeout) -> ShortWay | None:
        """Send an ordinary, small request, if there is an open connection for it: the latter."""
        if isinstance(request.body, bytes) and len(request.body) > TLS_RECORD:
            return None  # the socket might not take it at once
        try:
            connection: ShortWay = self._get_conn()
        except ClosedPoolError:
            return None
        if connection.start(request, timeout):
            return connection
        self._put_conn(connection)  # type: ignore[attr-defined]
        return None

    def exchange(
        self, request: requests.PreparedRequest, timeout: Timeout, begun: Any = None
    ) -> Whole | None:
        """The answer; None if it is to be had by `urlopen`, which must come next in this thread."""
        try:
            connection = begun or self._get_conn()
        except ClosedPoolError:
            return None
        try:
            whole: Whole | None = connection.exchange(request, timeout)
        except BaseException:
            connection.close()
            raise
        if whole is None:
            self._lent.connection = connection
        else:
            self._put_conn(connection)  # type: ignore[attr-defined]
        return whole

    def forget(self) -> None:
        """Close what `urlopen` has not taken over."""
        connection = vars(self._lent).pop("connection", None)
        if connection is not None:
            connection.close()

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = vars(self._lent).pop("connection", None)
        return connection or super()._get_conn(timeout)  # type: ignore[misc]


class PunctualHTTPPool(_Pool, HTTPConnectionPool):
    ConnectionCls = PunctualHTTPConnection


class PunctualHTTPSPool(_Pool, HTTPSConnectionPool):
    ConnectionCls = PunctualHTTPSConnection


POOL_CLASSES: dict[str, type[HTTPConnectionPool]] = {
    "http": PunctualHTTPPool,
    "https": PunctualHTTPSPool,
}
