"""urllib3's connections and pools, with a deadline and a short way."""

from __future__ import annotations

import threading
from typing import Any

import requests
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ClosedPoolError

from .short_way import ShortWay, Whole


class PunctualHTTPConnection(ShortWay, HTTPConnection):  # type: ignore[misc]
    """A `urllib3` connection whose timeout bounds the whole attempt."""


class PunctualHTTPSConnection(ShortWay, HTTPSConnection):  # type: ignore[misc]
    """The same over TLS."""


class _Pool:
    """Lends a connection to the short way, and to urllib3 if that one does not get to the end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lent = threading.local()

    def exchange(self, request: requests.PreparedRequest, timeout: Timeout) -> Whole | None:
        """The answer; None if it is to be had by `urlopen`, which must come next in this thread."""
        try:
            connection = self._get_conn()
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
