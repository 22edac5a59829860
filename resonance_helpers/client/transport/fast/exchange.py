"""The short way: an ordinary request over an open connection, and its ordinary answer.

Between a prepared request and the socket, requests, urllib3 and the standard library handle each
header several times over, write head and body separately, parse the answer's head as if it were
e-mail and stack four readers upon its body: most of what a call costs. An ordinary exchange needs
none of that. Its request is joined and sent as one piece; its answer's head is checked by one
pattern and split; its body, small and of a known length, is received there and then.

The patterns say what is ordinary, and leave out whatever could be read in two ways. All else goes
the long way, which is that of the libraries: the first request on a connection, a request through
a proxy, an answer in chunks or with a cookie, a failure. That costs time and nothing more. No
request is sent twice: urllib3 goes on with an exchange from where it stands.
"""

from __future__ import annotations

import http.client
import io
import logging
import re
import ssl
import sys
from collections import OrderedDict
from collections.abc import KeysView, ValuesView
from datetime import timedelta
from functools import cached_property
from types import FunctionType
from typing import Any

import requests
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPConnectionPool, HTTPHeaderDict, HTTPResponse, Timeout
from urllib3.util import SKIP_HEADER

from ..deadline import TLS_RECORD, Punctual

SMALL = 64 * 1024
"""Bytes; a larger body is not waited for, but left to whoever reads it."""

_TOKEN = r"[-!#$%&'*+.^_`|~0-9A-Za-z]+"
_TARGET = r"/(?:[-._~0-9A-Za-z!$&'()*+,;=@:/?]|%[0-9A-F]{2})*"  # what urllib3 leaves as it is
_REQUEST = re.compile(rf"(?!HEAD )[A-Z]+ {_TARGET} HTTP/1\.1\r\n(?:{_TOKEN}: [\t -~]*\r\n)+\r\n")
_ANSWER = re.compile(
    rb"HTTP/1\.1 (?!204|304)([2-5][0-9][0-9]) ([ -~]*)\r\n((?:%b:[\t -~]*\r\n){1,50})\r\n"
    % _TOKEN.encode()
)
_LENGTH = re.compile(r"[0-9]{1,9}")

_ADDED_BY_URLLIB3 = {"user-agent", "accept-encoding"}
_BODILESS = {"GET", "DELETE", "OPTIONS"}
_ODD_IN_A_REQUEST = {"host", "transfer-encoding"}
_ODD_IN_AN_ANSWER = {"connection", "set-cookie", "transfer-encoding"}


_LONG_WAY = HTTPAdapter.send, HTTPConnectionPool.urlopen, http.client.HTTPConnection.putrequest
_log = logging.getLogger("urllib3.connectionpool")


def is_watched() -> bool:
    """Is there a mock, a tracer or a log on the long way, that would miss what goes the short?"""
    now = HTTPAdapter.send, HTTPConnectionPool.urlopen, http.client.HTTPConnection.putrequest
    return now != _LONG_WAY or not _UNTOUCHED or _log.isEnabledFor(logging.DEBUG)


def _is_original(function: Any) -> bool:
    module = sys.modules[function.__module__]
    return type(function) is FunctionType and function.__globals__ is vars(module)


_UNTOUCHED = all(map(_is_original, _LONG_WAY))  # when this module was imported


class Headers(CaseInsensitiveDict[Any]):
    """Headers; what is to be done with all of them is done at once.

    `_store` is what every `CaseInsensitiveDict` keeps: the name as it was given and the value,
    by the name in lower case.
    """

    @classmethod
    def of(cls, lines: list[str]) -> Headers:
        """Those of an answer, from its lines; of two with one name the last."""
        headers = cls.__new__(cls)
        headers._store = OrderedDict(
            (name.lower(), (name, value.lstrip("\t ")))
            for name, _, value in [line.partition(":") for line in lines]
        )
        return headers

    def copy(self) -> Headers:
        twin = Headers.__new__(Headers)
        twin._store = self._store.copy()
        return twin

    def get(self, name: str, default: Any = None) -> Any:
        found = self._store.get(name.lower())
        return default if found is None else found[1]

    def items(self) -> ValuesView[tuple[str, Any]]:  # type: ignore[override]
        return self._store.values()

    def names(self) -> KeysView[str]:
        """In lower case."""
        return self._store.keys()

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._store

    def composed(self, method: str, target: str, host: str, body: bytes | None) -> bytes | None:
        """The request that urllib3 would send, byte for byte; None if it is not ordinary."""
        names = self.names()
        sized = "content-length" in names or (body is None and method in _BODILESS)
        if not sized or not names >= _ADDED_BY_URLLIB3 or not names.isdisjoint(_ODD_IN_A_REQUEST):
            return None
        try:
            lines = "\r\n".join(map(": ".join, self._store.values()))
        except TypeError:  # a value in bytes
            return None
        head = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n\r\n"
        if not _REQUEST.fullmatch(head) or SKIP_HEADER in lines:
            return None
        if lines.count("\r\n") != len(names) - 1:  # a value that holds a line
            return None
        return head.encode("ascii") + (body or b"")


class Whole(requests.Response):
    """An answer that has come whole. What few ask for is made when they do.

    Attributes:
        at_hand: The body; None where it has to be decompressed first.
    """

    at_hand: bytes | None = None
    elapsed = timedelta(0)
    _content: Any = False
    _content_consumed = False
    _next = None

    def __init__(
        self, request: PreparedRequest, head: re.Match[bytes], headers: Headers, received: bytes
    ) -> None:
        self.request, self.url = request, request.url or ""
        self.status_code = int(head[1])
        self.reason = head[2].decode().strip()
        self.headers = headers
        self.history = []
        self.at_hand = None if "content-encoding" in headers else received[head.end() :]
        self._received = received

    @cached_property
    def raw(self) -> HTTPResponse:
        """The answer as urllib3 would have it."""
        read: Any = http.client.HTTPResponse(_Canned(self._received))  # type: ignore[arg-type]
        read.begin()
        response = HTTPResponse(
            read,
            headers=HTTPHeaderDict(self.headers),
            status=read.status,
            version=read.version,
            reason=read.reason,
            preload_content=False,
            decode_content=False,
            original_response=read,
            request_method=self.request.method,
            request_url=self.request.path_url,
        )
        response.version_string = "HTTP/1.1"
        if self._content_consumed:
            response.drain_conn()
        return response

    @cached_property
    def cookies(self) -> RequestsCookieJar:  # type: ignore[override]
        """Empty: an answer with cookies is not ordinary."""
        return RequestsCookieJar()

    @cached_property
    def encoding(self) -> str | None:  # type: ignore[override]
        return get_encoding_from_headers(self.headers)

    @property
    def content(self) -> bytes:
        if self.at_hand is not None and "raw" not in vars(self):
            self._content, self._content_consumed = self.at_hand, True
        return super().content


class _Canned(bytes):
    """What a socket has received."""

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self)


class ShortWay(Punctual):
    """A connection that carries out ordinary exchanges by itself.

    What turns out not to be ordinary when it has begun is gone on with by urllib3: its `request`
    sends nothing, and its `getresponse` begins with what was received.
    """

    _muted = False
    _unsent: OSError | None = None
    _answer: Whole | int | None = 0

    def start(self, request: PreparedRequest, timeout: Timeout) -> bool:
        """Send the request, if it is ordinary; `exchange` goes on with it."""
        message = self._composed(request)
        if message is None:
            return False
        timeout = timeout.clone()
        timeout.start_connect()
        self._unsent, self._answer, self.received = None, 0, b""
        self.timeout = Timeout.resolve_default_timeout(timeout.connect_timeout)
        try:
            self.send(message)
        except OSError as error:
            self._unsent = error
        else:
            self.timeout = Timeout.resolve_default_timeout(timeout.read_timeout)
        self.begun = True
        return True

    def exchange(self, request: PreparedRequest, timeout: Timeout) -> Whole | None:
        """The answer; None if urllib3 has to carry the exchange out, or to go on with it."""
        if not self.begun and not self.start(request, timeout):
            return None
        whole = None if self._unsent else self._read(request)
        self.begun = whole is None
        return whole

    def look(self, request: PreparedRequest) -> bool | None:
        """Take in what has come, without waiting for more. Would `exchange` have to wait?

        False when it has the answer, True when only that can tell, None while more is to come.
        """
        self.sock.settimeout(0)
        while isinstance(self._answer, int):
            try:
                self._answer = self._taken_in(request, self.sock.recv(TLS_RECORD))
            except (BlockingIOError, ssl.SSLWantReadError):
                return None
            except OSError:
                return True
        return self._answer is None

    def request(self, *args: Any, **options: Any) -> None:
        self._muted = self.begun
        try:
            super().request(*args, **options)  # type: ignore[misc]
        finally:
            self._muted = False
        if self.begun and self._unsent is not None:
            raise self._unsent

    def getresponse(self) -> Any:
        try:
            return super().getresponse()  # type: ignore[misc]
        finally:
            self.begun = False

    def send(self, data: Any) -> None:
        if not self._muted:
            super().send(data)

    def _composed(self, request: PreparedRequest) -> bytes | None:
        it: Any = self
        if self.sock is None or it.proxy or it.debuglevel or ":" in it.host:
            return None
        if self.answer is not None and not self.answer.isclosed():
            return None  # urllib3 will complain
        headers, body = request.headers, request.body
        if not isinstance(headers, Headers) or not isinstance(body, bytes | None):
            return None
        host = it.host if it.port == it.default_port else f"{it.host}:{it.port}"
        url = str(request.url)
        target = url[url.find("/", len("https://")) :]
        return headers.composed(str(request.method), target, host, body)

    def _read(self, request: PreparedRequest) -> Whole | None:
        """The answer, once it has come whole; None if it is not ordinary, or something fails.
        What has come is in `received` then, and whoever reads on will meet the failure again."""
        while isinstance(self._answer, int):
            try:
                more = self.receive()
            except OSError:
                return None
            self._answer = self._taken_in(request, more)
        return self._answer

    def _taken_in(self, request: PreparedRequest, more: bytes) -> Whole | int | None:
        """What has come, and now `more`: the answer; or how many bytes it lacks; or None if it is
        not an ordinary one."""
        self.received += more
        if isinstance(self._answer, int) and len(more) < self._answer:
            return self._answer - len(more) if more else None
        head = _ANSWER.match(self.received)
        if head is None:
            return None
        lines = head[3].decode().split("\r\n")[:-1]
        headers = Headers.of(lines)
        length = headers.get("content-length", "")
        if len(headers) < len(lines) or not headers.names().isdisjoint(_ODD_IN_AN_ANSWER):
            return None
        if not _LENGTH.fullmatch(length) or int(length) > SMALL:
            return None
        lacking = head.end() + int(length) - len(self.received)
        if lacking:
            return lacking if lacking > 0 else None
        received, self.received = self.received, b""
        return Whole(request, head, headers, received)
