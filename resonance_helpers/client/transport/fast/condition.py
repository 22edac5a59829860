"""When the fast path may be taken: while all that it passes by is as its makers left it.

Tracers, mocks and recorders replace a method or a class of requests, urllib3 or http.client, on
the class or on one object; people derive from them. So each call looks whether the classes between
a call and its socket, and the objects at hand, hold what they held when this module was imported,
which must have been what the classes' own modules define. Looked at is what an ordinary exchange
calls (a test follows one to see that nothing is left out), and whether anything was added.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import sys
from operator import call, itemgetter
from types import BuiltinFunctionType, FunctionType
from typing import Any, NamedTuple
from weakref import ref

import requests
from urllib3 import HTTPResponse, PoolManager
from urllib3.exceptions import ClosedPoolError

from ..connections import (
    Incoming,
    PunctualHTTPConnection,
    PunctualHTTPPool,
    PunctualHTTPSConnection,
    PunctualHTTPSPool,
    Response,
)
from ..session import Adapter, Session, origin_of, remember

_AT_HAND = (
    *(Session, Adapter, PoolManager, PunctualHTTPPool, PunctualHTTPSPool),
    *(PunctualHTTPConnection, PunctualHTTPSConnection),
)
_MADE = requests.Request, requests.PreparedRequest, requests.Response, HTTPResponse, Response
_PARTS = {"requests", "urllib3", "http", __name__.partition(".")[0]}
_CLASSES = list(
    dict.fromkeys(
        base
        for cls in (*_AT_HAND, *_MADE, Incoming)
        for base in cls.__mro__
        if base.__module__.partition(".")[0] in _PARTS
    )
)
_METHODS = """
request prepare_request merge_environment_settings send get_adapter resolve_redirects prepare
prepare_method prepare_url prepare_headers prepare_cookies prepare_body prepare_auth
prepare_content_length prepare_hooks register_hook path_url _encode_params add_headers
build_connection_pool_key_attributes build_response cert_verify request_url
get_connection_with_tls_context

_merge_pool_kwargs connection_from_context connection_from_host connection_from_pool_key
urlopen _make_request _get_conn _put_conn _new_conn _get_timeout _validate_conn ConnectionCls
host is_closed is_connected retries stream _decode _error_catcher _fp_read _init_decoder
_init_length _raw_read release_conn

putrequest putheader endheaders _encode_request _output _send_output _validate_method
_validate_path _validate_host _wrap_ipv6 _http_vsn
_http_vsn_str debuglevel response_class getresponse
_check_close _close_conn _read_status begin close closed flush isclosed read readinto

__init__ arm makefile readable timeout
"""
"""The methods of requests, urllib3, http.client and ours that an ordinary exchange calls."""

_ROAD = frozenset(_METHODS.split())
_OWN = [vars(cls) for cls in _CLASSES]
_GET = [itemgetter("__module__", *_ROAD.intersection(own)) for own in _OWN]
_log = logging.getLogger("urllib3.connectionpool")


class _Watch:
    """Whether the classes still hold what they held; quick while nothing changes."""

    def __init__(self) -> None:
        self._original = self._all()
        self._were_own = all(_is_own(value, cls) for cls, _, value in self._original)
        self._last: tuple[Any, bool] = (), False  # one reference, so that no lock is needed

    def finds_all_as_it_was(self) -> bool:
        now = [*map(len, _OWN), *map(call, _GET, _OWN)]
        seen, verdict = self._last
        if now != seen:
            verdict = self._were_own and self._all() == self._original
            self._last = now, verdict
        return verdict

    @staticmethod
    def _all() -> list[Any]:
        """What the classes hold, but for what Python itself notes there when it copies, say."""
        return [
            (cls, name, value)
            for cls in _CLASSES
            for name, value in vars(cls).items()
            if not name.startswith("__") or callable(value) or hasattr(value, "__get__")
        ]


def _is_own(value: Any, cls: type) -> bool:
    """Is this attribute what the class's own module made it, as far as one can see?"""
    if isinstance(value, property):
        return all(_is_own(part, cls) for part in (value.fget, value.fset, value.fdel) if part)
    value = getattr(value, "__func__", value)
    kind: type = type(value)  # not isinstance, which a wrapper can deceive
    if kind is FunctionType:
        homes = sys.modules[cls.__module__], contextlib  # that of a decorator
        return any(value.__globals__ is vars(home) for home in homes)
    return not callable(value) or issubclass(kind, BuiltinFunctionType | type)


_watch = _Watch()
_METHODS_OF = {cls: _ROAD.intersection(dir(cls)) - {"retries"} for cls in _AT_HAND}


def _is_plain(it: Any) -> bool:
    """Is it of one of these classes, and has it no method of its own?"""
    methods = _METHODS_OF.get(type(it))
    return methods is not None and vars(it).keys().isdisjoint(methods)


class Way(NamedTuple):
    """An open connection that nothing stands in the way of, and what it belongs to."""

    session: Session
    adapter: Adapter
    manager: PoolManager
    pool: Any
    connection: Any
    settings: dict[str, Any]

    def is_closed(self) -> bool:
        """Was the session closed, or does it belong to another process?"""
        return self.adapter.poolmanager is not self.manager


def open_way(session: requests.Session, url: str, pools: dict[Any, Any]) -> Way | None:
    """The way to an address, if the fast path may be taken; whoever asks has its connection.

    Args:
        session: What the request would be sent with otherwise.
        url: Where to.
        pools: Those found so far, to which this one is added.
    """
    if not isinstance(session, Session) or not _watch.finds_all_as_it_was():
        return None
    if not _is_plain(session) or _log.isEnabledFor(logging.DEBUG):
        return None
    adapter: Any = session.get_adapter(url)
    if not _is_plain(adapter) or adapter.max_retries.total or adapter.max_retries.status_forcelist:
        return None
    settings = session.merge_environment_settings(url, {}, True, None, None)
    manager = adapter.poolmanager
    if settings["proxies"] or not _is_plain(manager):
        return None
    pool = _pool(adapter, url, settings, pools)
    if not _is_plain(pool):
        return None
    try:
        connection = pool._get_conn()
    except ClosedPoolError:
        return None
    if _is_plain(connection) and _is_idle(connection):
        return Way(session, adapter, manager, pool, connection, settings)
    pool._put_conn(connection)
    return None


def _pool(adapter: Adapter, url: str, settings: dict[str, Any], pools: dict[Any, Any]) -> Any:
    key = origin_of(url), settings["verify"], settings["cert"]
    manager, found = pools.get(key, (None, None))
    pool = found() if manager is adapter.poolmanager else None
    if pool is None:
        request = requests.PreparedRequest()
        request.prepare_url(url, None)
        pool = adapter.get_connection_with_tls_context(request, key[1], {}, key[2])
        # Weakly, since urllib3 closes the connections of a pool that nobody holds any more.
        remember(pools, key, (adapter.poolmanager, ref(pool)))
    return pool


def _is_idle(connection: Any) -> bool:
    """Is it open, and free for a request, as `http.client` keeps account of that?"""
    last = getattr(connection, "_HTTPConnection__response", ...)
    return bool(
        connection.sock is not None
        and not (connection.proxy or connection.debuglevel or ":" in connection.host)
        and getattr(connection, "_HTTPConnection__state", None) == http.client._CS_IDLE  # type: ignore[attr-defined]
        and (last is None or (isinstance(last, http.client.HTTPResponse) and last.isclosed()))
    )
