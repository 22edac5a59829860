"""urllib3's connections and pools, with a deadline and by the short way."""

from __future__ import annotations

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from .short_way import ShortWay


class PunctualHTTPConnection(ShortWay, HTTPConnection):  # type: ignore[misc]
    """A `urllib3` connection whose timeout bounds the whole attempt."""


class PunctualHTTPSConnection(ShortWay, HTTPSConnection):  # type: ignore[misc]
    """The same over TLS."""


class PunctualHTTPPool(HTTPConnectionPool):
    ConnectionCls = PunctualHTTPConnection


class PunctualHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = PunctualHTTPSConnection


POOL_CLASSES: dict[str, type[HTTPConnectionPool]] = {
    "http": PunctualHTTPPool,
    "https": PunctualHTTPSPool,
}
